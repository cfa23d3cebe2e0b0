package remoteservice

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

const (
	defaultNamespace = "default"
	// timeout is ample: nothing is waited for but the API server.
	timeout = 5 * time.Minute
	// mostEndpoints and mostPorts are what an EndpointSlice of Kubernetes' own holds.
	mostEndpoints = 100
	mostPorts     = 100
)

// Describe says what the resource looks like.
func (part) Describe() framework.Description {
	return framework.Description{
		Name: "remote_service",
		Schema: schema.Schema{
			MarkdownDescription: describeResource,
			Attributes:          attributes(),
		},
		Key:           []string{"namespace", "name"},
		Stable:        []string{"cluster_ip", "dns_name"},
		CreateTimeout: timeout,
		UpdateTimeout: timeout,
		DeleteTimeout: timeout,
	}
}

const describeResource = `Gives a private service of another cluster a name in this one: a Service without selector whose EndpointSlices hold the other's private IPs, or an alias (ExternalName) for its host name. Clients say ` + "`<name>.<namespace>.svc.cluster.local`" + ` and stay on the private network.

Its addresses usually come from an ` + "`iks_private_service`" + ` of the other cluster, in the same configuration, and may be unknown until apply. When they change, the next apply follows, in place: the new addresses replace the old ones in one write. Switching between ` + "`endpoints`" + ` and ` + "`hostname`" + ` is an update in place too.

This resource writes names and addresses; the way between the clusters must be there:

* **Classic:** the clusters' private VLANs must reach each other, by [VRF](https://cloud.ibm.com/docs/account?topic=account-vrf-service-endpoint) for the account or by VLAN spanning. A private load balancer has an IP: use ` + "`endpoints`" + `.
* **VPC:** clusters of one VPC reach each other's subnets as far as security groups and network ACLs allow; other VPCs, and classic infrastructure, need a Transit Gateway (or classic access of the VPC). A private VPC load balancer has a host name, which resolves to private IPs: use ` + "`hostname`" + `. Its IPs may change, so do not put them into ` + "`endpoints`" + `.
* **Both:** addresses must not lie in this cluster's pod or service subnet, because packets to those never leave it; that is checked. Calico policies of this cluster must let pods out to them.

With ` + "`hostname`" + ` the Service is an alias in DNS and nothing more: no port is translated, and TLS certificates, SNI and HTTP ` + "`Host`" + ` headers are the client's business. The client must dial the other service's own port, and a certificate must name what the client dials. With ` + "`endpoints`" + ` ports are translated, and certificates must name this Service.

Nothing watches whether the other cluster answers: ` + "`ready`" + ` says that the name leads where it is declared to lead.`

func attributes() map[string]schema.Attribute {
	replaces := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	return map[string]schema.Attribute{
		"namespace": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(defaultNamespace), PlanModifiers: replaces,
			MarkdownDescription: "Namespace of the Service, which must exist. Default `" + defaultNamespace + "`. Another value replaces the resource.",
		},
		"name": schema.StringAttribute{
			Required: true, PlanModifiers: replaces,
			MarkdownDescription: "Name of the Service, a DNS label (RFC 1035, at most 63 characters). Another value replaces the resource.",
		},
		"ports": schema.ListNestedAttribute{
			Required: true, Validators: []validator.List{listvalidator.SizeBetween(1, mostPorts)},
			MarkdownDescription: "Ports of the Service, 1 to 100.",
			NestedObject:        schema.NestedAttributeObject{Attributes: portAttributes()},
		},
		"endpoints": schema.SetAttribute{
			ElementType: types.StringType, Optional: true, Validators: []validator.Set{setvalidator.SizeBetween(1, mostEndpoints)},
			MarkdownDescription: "Private IP addresses of the other cluster's service, IPv4 or IPv6, 1 to 100; the set, or an address in it, may be unknown at plan time. Both families at once need a dual-stack cluster. Loopback, link-local, multicast and unspecified addresses and IBM Cloud's service endpoints are refused; an address outside the ranges that are private by standard is a warning, as it can be private all the same. Exactly one of `endpoints` and `hostname` is set.",
		},
		"hostname": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Host name of the other cluster's service, for example `iks_private_service.api.hostname` on VPC; may be unknown at plan time. Exactly one of `endpoints` and `hostname` is set.",
		},
		"labels": schema.MapAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Labels of the Service. Labels that others put on it stay. Default none.",
		},
		"annotations": schema.MapAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Annotations of the Service. Annotations that others put on it stay. Default none.",
		},
		"force_conflicts": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Takes over a Service of this name, or fields of it, that belong to somebody else, and removes EndpointSlices with which somebody else sends the Service's clients to further addresses. Default `false`: that is an error that names the other.",
		},
		"cluster_ip": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "IP of the Service within its cluster. Null with `hostname`. Prefer `dns_name`, which stays the same when it switches.",
		},
		"dns_name": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "What clients in the cluster say: `<name>.<namespace>.svc.cluster.local`.",
		},
	}
}

func portAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Name of the port, a DNS label. Needed when there are several. Default none.",
		},
		"port": schema.Int64Attribute{
			Required:            true,
			MarkdownDescription: "Port that clients dial, 1 to 65535.",
		},
		"target_port": schema.Int64Attribute{
			Optional: true, Computed: true, PlanModifiers: []planmodifier.Int64{targetByDefault{}},
			MarkdownDescription: "Port of the other cluster's service, 1 to 65535. Default: `port`. With `hostname` it cannot differ from `port`.",
		},
		"protocol": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(corev1.ProtocolTCP)),
			MarkdownDescription: "`TCP`, `UDP` or `SCTP`. Default `TCP`.",
			Validators:          []validator.String{stringvalidator.OneOf(string(corev1.ProtocolTCP), string(corev1.ProtocolUDP), string(corev1.ProtocolSCTP))},
		},
		"app_protocol": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Application protocol, a hint for meshes and Ingress controllers: an IANA service name such as `https`, or a name with a prefix such as `kubernetes.io/h2c`. Default none.",
		},
	}
}

// targetByDefault plans the port itself where target_port is left out, so that
// the state has what the Service has, whether the configuration writes it out or not.
type targetByDefault struct{}

// Description implements planmodifier.Describer.
func (targetByDefault) Description(context.Context) string { return "the port, where it is left out" }

// MarkdownDescription implements planmodifier.Describer.
func (t targetByDefault) MarkdownDescription(ctx context.Context) string { return t.Description(ctx) }

// PlanModifyInt64 implements planmodifier.Int64.
func (targetByDefault) PlanModifyInt64(ctx context.Context, req planmodifier.Int64Request, resp *planmodifier.Int64Response) {
	if !req.ConfigValue.IsNull() || req.Plan.Raw.IsNull() {
		return
	}
	resp.Diagnostics.Append(req.Plan.GetAttribute(ctx, req.Path.ParentPath().AtName("port"), &resp.PlanValue)...)
}
