package albstate

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/resourcevalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// switchTimeout is generous: a VPC load balancer takes ten minutes and more.
const switchTimeout = 30 * time.Minute

// Describe implements framework.Part.
func (p *part) Describe() framework.Description {
	return framework.Description{
		Name:     "alb_state",
		Key:      []string{"alb_id", "type", "zone"},
		ImportID: importID,
		Schema:   resourceSchema(),
		Validators: []resource.ConfigValidator{
			resourcevalidator.ExactlyOneOf(path.MatchRoot("alb_id"), path.MatchRoot("type")),
		},
		Recorded:      []string{"previous"},
		Stable:        []string{"albs"},
		CreateTimeout: switchTimeout,
		UpdateTimeout: switchTimeout,
		DeleteTimeout: switchTimeout,
	}
}

func resourceSchema() schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Keeps Ingress ALBs of a cluster enabled or disabled: the private ALB on, the public one off.\n\n" +
			"Apply waits until each ALB is what is declared: enabled with a healthy status and an address, or disabled. " +
			"A public ALB is disabled only if a private ALB of the cluster is enabled, healthy and has an address at that moment, a private one only if any other ALB is. " +
			"Once it is `ready`, a change of an ALB's health or build shows in `albs` and not in `ready` or `drift`. " +
			"Let the resource of the public ALB depend on that of the private one, and guard it with a `postcondition` on `ready`.\n\n" +
			"Nothing but the ALB's own switch is written: its build, replicas, autoscaling and update policy stay as they are, " +
			"and an ALB that runs a controller of your own (`disableDeployment`) is never touched.\n\n" +
			"* **Classic:** an enabled ALB has a portable IP of its zone. When it is disabled the IP goes back to the cluster's pool; enabled again, it may come back with another one.\n" +
			"* **VPC:** the enabled ALBs of one type share a VPC load balancer, whose hostname is their address.",
		Attributes: map[string]schema.Attribute{
			"alb_id": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "ID of one ALB, as `ibmcloud ks ingress alb ls` shows it: `<public|private>-cr<cluster ID>-alb<number>`. Exactly one of `alb_id` and `type` is set. Another value is an update in place; an ALB that is let go of is treated as `on_destroy` says, but a public one is never enabled that way.",
				Validators:          []validator.String{albIDValidator{}},
			},
			"type": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "`public` or `private`: all ALBs of that type, also those that IKS adds later when the cluster gets another zone. Exactly one of `alb_id` and `type` is set.",
				Validators:          []validator.String{stringvalidator.OneOf(iks.ALBPublic, iks.ALBPrivate)},
			},
			"zone": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Only the ALBs of this zone, for example `dal10` (classic) or `us-south-1` (VPC). Goes with `type`. Default: every zone.",
				Validators: []validator.String{
					stringvalidator.LengthBetween(1, 63),
					stringvalidator.AlsoRequires(path.MatchRoot("type")),
				},
			},
			"enabled": schema.BoolAttribute{
				Required:            true,
				MarkdownDescription: "Whether the ALBs are enabled.",
			},
			"on_destroy": schema.StringAttribute{
				Optional: true,
				Computed: true,
				Default:  stringdefault.StaticString(onDestroyLeave),
				MarkdownDescription: "What becomes of the ALBs when this resource is destroyed. `leave` (default): they stay as they are. " +
					"`restore`: they become what `previous` says; after an import, where `previous` is empty, they stay as they are. " +
					"`disable`: they are disabled. ALBs are disabled under the same condition as ever (see `allow_no_alb`), else destroying fails; only `restore` leaves a private ALB on that is the last way in, with a warning.",
				Validators: []validator.String{stringvalidator.OneOf(onDestroyLeave, onDestroyRestore, onDestroyDisable)},
			},
			"allow_no_alb": schema.BoolAttribute{
				Optional:            true,
				Computed:            true,
				Default:             booldefault.StaticBool(false),
				MarkdownDescription: "Disable ALBs also when no other one is there to take over: a public one needs a private one that serves, a private one any other that does. Default: `false`.",
			},
			"allow_public_on_destroy": schema.BoolAttribute{
				Optional: true,
				Computed: true,
				Default:  booldefault.StaticBool(false),
				MarkdownDescription: "With `on_destroy = \"restore\"`, enable public ALBs again that were enabled before. Default: `false`, they stay disabled and a warning says so. " +
					"Destroying may be one half of a replacement that you ask for (`-replace`, `replace_triggered_by`); the ALB is then public in between.",
			},
			"albs": schema.ListNestedAttribute{
				Computed:            true,
				MarkdownDescription: "The ALBs that this resource switches, sorted by ID, as the last refresh found them.",
				NestedObject:        schema.NestedAttributeObject{Attributes: albAttributes()},
			},
			"previous": schema.MapAttribute{
				Computed:            true,
				ElementType:         types.BoolType,
				MarkdownDescription: "Whether each ALB, by ID, was enabled before this resource first wrote to it. Empty after an import.",
			},
		},
	}
}

func albAttributes() map[string]schema.Attribute {
	out := map[string]schema.Attribute{}
	for name, description := range albDescriptions() {
		if name == "enabled" {
			out[name] = schema.BoolAttribute{Computed: true, MarkdownDescription: description}
			continue
		}
		out[name] = schema.StringAttribute{Computed: true, MarkdownDescription: description}
	}
	return out
}

// albDescriptions says what the attributes of an ALB are, for the resource and
// the data source alike.
func albDescriptions() map[string]string {
	return map[string]string{
		"id":            "ID of the ALB: `<public|private>-cr<cluster ID>-alb<number>`.",
		"type":          "`public` or `private`.",
		"zone":          "Zone that it is in, for example `dal10` (classic) or `us-south-1` (VPC).",
		"enabled":       "Whether it is asked to be enabled.",
		"state":         "What it is at present: `enabled` or `disabled`.",
		"status":        "Its condition in IKS's words, `healthy` when all is well. Null where IKS gives none.",
		"controller":    "What it runs, by its build: `nginx`, `traefik` or `unknown`.",
		"ingress_class": "IngressClass to name in an Ingress for it: `<type>-iks-k8s-nginx` or `<type>-iks-traefik`. Null where the controller is unknown.",
		"address":       "Where it is reached: an IP (classic) or the hostname of the load balancer (VPC). Null while it has none.",
		"build":         "Build of its controller, for example `1.14.5_7152_iks`. IKS updates it by itself unless that is turned off.",
	}
}
