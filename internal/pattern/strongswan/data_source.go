package strongswan

import (
	"context"
	"fmt"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// NewDataSource makes the data source iks_strongswan_status.
func NewDataSource() func() datasource.DataSource {
	return framework.NewDataSource(framework.Lookup[statusModel]{
		Name: "strongswan_status", Schema: statusSchema(), Read: readStatus,
	})
}

const describeStatus = `Whether the IPsec tunnel of a cluster is up, and why not if it is not: for ` + "`check`" + ` blocks and postconditions. It works for every release of IBM's strongSwan chart and of the chart that comes with the provider, whether Terraform made it or not, on classic and VPC.

A tunnel that is down is no error, nor is a release that is not there: ` + "`up` is `false`, and `reason` says why" + `. What may not be read is an error.`

func statusSchema() schema.Schema {
	return schema.Schema{
		MarkdownDescription: describeStatus,
		Attributes: map[string]schema.Attribute{
			"name": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Name of the Helm release, as in `iks_strongswan_vpn`.",
				Validators: []validator.String{
					stringvalidator.LengthAtMost(53),
					stringvalidator.RegexMatches(regexp.MustCompile(`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`), "must be the name of a Helm release: lower-case letters, digits, dashes and dots"),
				},
			},
			"namespace": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "Namespace of the release. Default `" + defaultOf("namespace") + "`.",
				Validators: []validator.String{
					stringvalidator.RegexMatches(regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$`), "must be the name of a namespace: at most 63 lower-case letters, digits and dashes"),
				},
			},
			"up": schema.BoolAttribute{
				Computed:            true,
				MarkdownDescription: "Whether the tunnel carries packets. Null if that cannot be told from what is observed.",
			},
			"reason": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Why the tunnel is not up, or why that cannot be told. Null if it is up.",
			},
			"ready": schema.BoolAttribute{
				Computed:            true,
				MarkdownDescription: "Whether the VPN pod is ready. With IBM's chart that says that strongSwan runs; with the provider's own, that the tunnel carries packets or, where the cluster listens, that the connection waits for its peer.",
			},
			"load_balancer_ips": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Addresses of the load balancers, sorted. Host names on VPC.",
			},
			"pods": podsAttribute(),
		},
	}
}

func podsAttribute() schema.ListNestedAttribute {
	return schema.ListNestedAttribute{
		Computed:            true,
		MarkdownDescription: "The release's VPN pods, the newest first. There is one, but for the moments in which it is replaced.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"name":     schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the pod."},
			"node":     schema.StringAttribute{Computed: true, MarkdownDescription: "Worker that it runs on. Null if it has none yet."},
			"address":  schema.StringAttribute{Computed: true, MarkdownDescription: "IP address of the pod. Null if it has none yet."},
			"phase":    schema.StringAttribute{Computed: true, MarkdownDescription: "Phase in Kubernetes' words: `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`."},
			"ready":    schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it is ready."},
			"restarts": schema.Int64Attribute{Computed: true, MarkdownDescription: "How often its strongSwan has been started anew."},
			"reason":   schema.StringAttribute{Computed: true, MarkdownDescription: "Why it is not ready. Null if it is."},
		}},
	}
}

type statusModel struct {
	framework.CommonData
	Name            string       `tfsdk:"name"`
	Namespace       types.String `tfsdk:"namespace"`
	Up              types.Bool   `tfsdk:"up"`
	Reason          types.String `tfsdk:"reason"`
	Ready           bool         `tfsdk:"ready"`
	LoadBalancerIPs []string     `tfsdk:"load_balancer_ips"`
	Pods            []podModel   `tfsdk:"pods"`
}

type podModel struct {
	Name     string       `tfsdk:"name"`
	Node     types.String `tfsdk:"node"`
	Address  types.String `tfsdk:"address"`
	Phase    string       `tfsdk:"phase"`
	Ready    bool         `tfsdk:"ready"`
	Restarts int64        `tfsdk:"restarts"`
	Reason   types.String `tfsdk:"reason"`
}

// readStatus looks at the release: two LISTs.
func readStatus(ctx context.Context, c *cluster.Cluster, m *statusModel) error {
	if m.Namespace.ValueString() == "" {
		m.Namespace = types.StringValue(defaultOf("namespace"))
	}
	conn, err := c.Kube(ctx)
	if err != nil {
		return err
	}
	s, err := sightOf(ctx, conn, m.Namespace.ValueString(), m.Name)
	if err != nil {
		return err
	}
	if s.nothing() {
		m.Warn(framework.Problem{
			Path: path.Root("name"), Summary: "There is no such VPN",
			Detail: fmt.Sprintf("Cluster %s has neither a pod nor a Service of a strongSwan release %s in namespace %s, so `up` is false. Check `name` and `namespace` with `helm list -A`, unless the release is still to be made.", c.Name, m.Name, m.Namespace.ValueString()),
		})
	}
	m.show(s)
	return nil
}

// show puts what is seen into the model.
func (m *statusModel) show(s sight) {
	judged := s.judge()
	m.Up, m.Reason = types.BoolPointerValue(judged.up), framework.StringOrNull(judged.reason)
	m.LoadBalancerIPs, m.Pods = s.addresses(), []podModel{}
	for i := range s.pods {
		p := vpnPod{&s.pods[i]}
		m.Ready = m.Ready || p.ready()
		m.Pods = append(m.Pods, podModel{
			Name: p.Name, Node: framework.StringOrNull(p.Spec.NodeName), Address: framework.StringOrNull(p.Status.PodIP),
			Phase: string(p.Status.Phase), Ready: p.ready(), Restarts: p.restarts(), Reason: framework.StringOrNull(p.trouble()),
		})
	}
}
