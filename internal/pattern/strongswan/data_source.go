package strongswan

import (
	"context"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
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
			"observe": schema.StringAttribute{
				Optional: true, Computed: true,
				MarkdownDescription: "How the tunnel is looked for. `none`: nothing but pods and Services is asked for; that tells whether the tunnel is up where the release is of the provider's own chart and the cluster calls. `logs`: the end of the VPN pod's log is read, at most 10,000 lines and 1 MiB, which takes the right to get `pods/log`. `exec`: strongSwan is asked in the VPN pod (`swanctl --list-sas`, or `ipsec statusall`), which tells all there is, takes the rights to get and create `pods/exec`, and is what security monitoring looks for; with the right to get `pods/log` as well it knows more reasons. Default `none`.",
				Validators:          []validator.String{stringvalidator.OneOf(observeNone, observeLogs, observeExec)},
			},
			"up": schema.BoolAttribute{
				Computed:            true,
				MarkdownDescription: "Whether the tunnel carries packets. Null if that cannot be told from what is observed: compare it, `up == true`, where a condition needs `true` or `false`.",
			},
			"reason": schema.StringAttribute{
				Computed:            true,
				MarkdownDescription: "Why the tunnel is not up, or why that cannot be told. Empty if it is up, so that an error message can always show it.",
			},
			"ready": schema.BoolAttribute{
				Computed:            true,
				MarkdownDescription: "Whether the VPN pod is ready. With IBM's chart that says that strongSwan runs; with the provider's own, that the tunnel carries packets or, where the cluster listens, that the connection waits for its peer.",
			},
			"load_balancer_ips": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Addresses of the load balancers, sorted. Host names on VPC.",
			},
			"pods":        podsAttribute(),
			"connections": connectionsAttribute(),
		},
	}
}

// readStatus looks at the release: two LISTs, and what `observe` asks for.
func readStatus(ctx context.Context, c *cluster.Cluster, m *statusModel) error {
	if m.Namespace.ValueString() == "" {
		m.Namespace = types.StringValue(defaultOf("namespace"))
	}
	if m.Observe.ValueString() == "" {
		m.Observe = types.StringValue(observeNone)
	}
	conn, err := c.Kube(ctx)
	if err != nil {
		return err
	}
	s, err := sightOf(ctx, conn, m.Namespace.ValueString(), m.Name)
	if err != nil {
		return err
	}
	in, err := s.inspect(ctx, conn, m.Observe.ValueString())
	if err != nil {
		return err
	}
	m.warn(c, s, in)
	m.show(s, in)
	return nil
}
