package privateingress

import (
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/resourcevalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

const (
	defaultNamespace = "default"
	// addressTimeout is generous: controllers publish addresses in a minute or so,
	// but may be rolling out.
	addressTimeout = 10 * time.Minute
	deleteTimeout  = 5 * time.Minute
)

// Describe says what the resource looks like.
func (part) Describe() framework.Description {
	return framework.Description{
		Name:   "private_ingress",
		Schema: schema.Schema{MarkdownDescription: describeResource, Attributes: attributes()},
		Key:    []string{"namespace", "name"},
		Validators: []resource.ConfigValidator{
			resourcevalidator.AtLeastOneOf(path.MatchRoot("rules"), path.MatchRoot("default_backend")),
		},
		Stable:        []string{"address", "addresses"},
		CreateTimeout: addressTimeout,
		UpdateTimeout: addressTimeout,
		DeleteTimeout: deleteTimeout,
	}
}

const describeResource = `Exposes apps on a private route: a Kubernetes Ingress (` + "`networking.k8s.io/v1`" + `) that the cluster's private ALBs serve, and nothing else.

Which IngressClass is private is found in the cluster, from its enabled private ALBs, the controllers that they run (NGINX or Traefik) and the IngressClasses that are there. A class that public ALBs serve is refused. Apply waits for the address and asks which ALB it belongs to: if that is a public one, the Ingress that was just made is removed again and apply fails; if it is nobody's, ` + "`exposure`" + ` is ` + "`unverified`" + ` and the resource does not become ` + "`ready`" + `. An Ingress that somebody turns to a public class later shows as ` + "`drift`" + `, and the next apply turns it back.

A private ALB must be enabled, for example by an ` + "`iks_alb_state`" + ` that this resource depends on: a plan warns where none is, and apply fails.

Private ALBs get **no IBM subdomain**. Point a name of your own DNS to the address:

* **Classic:** each private ALB has a portable private IP in its zone. Make an ` + "`A`" + ` record with all of ` + "`addresses`" + `.
* **VPC:** the private ALBs share a private VPC load balancer. Make a ` + "`CNAME`" + ` record with its host name (` + "`address`" + `), which resolves to private IPs.
* **Both:** clients must be on the private network, or come there by VPN, Direct Link or Transit Gateway. IBM's certificates are for IBM's subdomains: ` + "`tls`" + ` needs a Secret with a certificate for your own host.

Only clusters that IBM Cloud Kubernetes Service runs have ALBs, so this resource does not work with ` + "`cluster_access`" + `.`

func attributes() map[string]schema.Attribute {
	all := map[string]schema.Attribute{}
	for _, some := range []map[string]schema.Attribute{identityAttributes(), classAttributes(), routeAttributes(), writingAttributes(), observedAttributes()} {
		maps.Copy(all, some)
	}
	return all
}

func identityAttributes() map[string]schema.Attribute {
	replaces := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	return map[string]schema.Attribute{
		"namespace": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(defaultNamespace), PlanModifiers: replaces,
			MarkdownDescription: "Namespace of the Ingress and of the Services behind it, which must exist. Default `" + defaultNamespace + "`. Another value replaces the resource.",
		},
		"name": schema.StringAttribute{
			Required: true, PlanModifiers: replaces,
			MarkdownDescription: "Name of the Ingress, a DNS subdomain (RFC 1123). Another value replaces the resource.",
		},
	}
}

// classAttributes say which controller serves the Ingress.
func classAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"ingress_class": schema.StringAttribute{
			Optional: true, Computed: true, PlanModifiers: []planmodifier.String{classByDefault{}},
			MarkdownDescription: "IngressClass, which an enabled private ALB must serve: `private-iks-k8s-nginx`, `private-iks-traefik` or one that you gave your private ALBs. Default: the one that they serve, found in the cluster; when they change to another controller, the next apply follows. Where they serve several it must be named. A class of public ALBs is refused.",
		},
		"legacy_alb_id": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "ID of the one private ALB that is to serve the Ingress, as the annotation `" + legacyALB + "`: for old clusters, whose ALBs know no IngressClass. Other controllers ignore it. Default none.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
	}
}

// routeAttributes say where requests go.
func routeAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"rules": schema.ListNestedAttribute{
			Optional: true, Validators: []validator.List{listvalidator.SizeBetween(1, 100)},
			MarkdownDescription: "Where requests go, by host and path, 1 to 100 hosts. At least one of `rules` and `default_backend` is set.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"host": schema.StringAttribute{
					Optional:            true,
					MarkdownDescription: "Host name that clients say, `shop.example.com` or with a wildcard `*.example.com`. Default: every host.",
				},
				"paths": schema.ListNestedAttribute{
					Required:            true,
					MarkdownDescription: "Paths of the host, one at least.",
					NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
						"path": schema.StringAttribute{
							Optional: true, Computed: true, Default: stringdefault.StaticString("/"),
							MarkdownDescription: "Path that requests begin with, or are for, as `path_type` says. Default `/`.",
						},
						"path_type": schema.StringAttribute{
							Optional: true, Computed: true, Default: stringdefault.StaticString(string(networkingv1.PathTypePrefix)),
							MarkdownDescription: "`Prefix`, `Exact` or `ImplementationSpecific`. Default `Prefix`.",
							Validators: []validator.String{stringvalidator.OneOf(
								string(networkingv1.PathTypePrefix), string(networkingv1.PathTypeExact), string(networkingv1.PathTypeImplementationSpecific),
							)},
						},
						"backend": schema.SingleNestedAttribute{
							Required: true, Attributes: backendAttributes(),
							MarkdownDescription: "Service that the requests go to.",
						},
					}},
				},
			}},
		},
		"default_backend": schema.SingleNestedAttribute{
			Optional: true, Attributes: backendAttributes(),
			MarkdownDescription: "Service that requests go to which no rule is for. Default none.",
		},
		"tls": schema.ListNestedAttribute{
			Optional: true, Validators: []validator.List{listvalidator.SizeBetween(1, 100)},
			MarkdownDescription: "Hosts that are served by TLS, each with its certificate. Default none: HTTP alone.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"hosts": schema.ListAttribute{
					ElementType: types.StringType, Optional: true,
					MarkdownDescription: "Host names that the certificate is for. Default: the controller takes them from the certificate.",
				},
				"secret_name": schema.StringAttribute{
					Optional:            true,
					MarkdownDescription: "Secret of type `kubernetes.io/tls` in the same namespace. Default: the controller's own certificate, which clients do not trust.",
				},
			}},
		},
	}
}

func backendAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"service_name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Name of the Service, in the namespace of the Ingress.",
		},
		"service_port": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Port of the Service, by number (1 to 65535) or by name.",
		},
	}
}

func writingAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"labels": schema.MapAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Labels of the Ingress. Labels that others put on it stay. Default none.",
		},
		"annotations": schema.MapAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Annotations of the Ingress, which tune its controller. `" + legacyClass + "` and `" + legacyALB + "`, which would choose another one, are refused. Annotations that others put on it stay. Default none.",
		},
		"force_conflicts": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Takes over an Ingress of this name, or fields of it, that belong to somebody else. Default `false`: that is an error that names the other.",
		},
		"wait_for_address": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true),
			MarkdownDescription: "Whether apply waits until the Ingress has an address. Default `true`. With `false` it is `ready` without one, and `exposure` is `unverified` until a refresh sees the address.",
		},
	}
}

func observedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"address": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Where the Ingress is reached: an IP (classic; the first of `addresses`) or a host name (VPC). Null while it has none.",
		},
		"addresses": schema.ListAttribute{
			ElementType: types.StringType, Computed: true,
			MarkdownDescription: "All addresses, sorted: on classic an IP for each zone with an enabled private ALB, on VPC one host name.",
		},
		"exposure": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "`private` if all addresses belong to private ALBs of the cluster, `public` if one belongs to a public ALB, `unverified` if there is none yet or one belongs to no ALB.",
		},
	}
}
