package nodeportguard

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Describe says what the resource looks like.
func (part) Describe() framework.Description {
	return framework.Description{
		Name: "nodeport_guard",
		Schema: schema.Schema{
			MarkdownDescription: describeResource,
			Attributes:          attributes(),
		},
		Key:           []string{"name"},
		IdentityName:  ownership.NameInTier,
		CreateTimeout: 5 * time.Minute,
		UpdateTimeout: 5 * time.Minute,
		DeleteTimeout: 5 * time.Minute,
	}
}

const describeResource = `Closes node ports on the workers' host endpoints: one Calico GlobalNetworkPolicy, evaluated before DNAT, that denies what arrives on the given ports and lets nothing in by itself.

On **classic** clusters every worker has a host endpoint per interface, labelled ` + "`ibm.role`" + `. On **VPC** clusters there are none, and the security group ` + "`kube-<cluster ID>`" + ` does this work: from 1.30 on it admits node ports from the cluster's load balancers only. There the guard is an error, unless ` + "`when_no_host_endpoints = \"warn\"`" + `.

Connections that are open when the guard comes stay open; only new ones are closed. Load balancers keep working, because before DNAT the destination is the load balancer's own address and port - unless that port lies in ` + "`port_ranges`" + ` (see ` + "`acknowledged_load_balancer_ports`" + `). Calico's failsafe ports are never closed (see ` + "`not_covered_ports`" + `).`

func attributes() map[string]schema.Attribute {
	all := map[string]schema.Attribute{}
	for _, some := range []map[string]schema.Attribute{identityAttributes(), closingAttributes(), openingAttributes(), safetyAttributes(), observedAttributes()} {
		for name, attribute := range some {
			all[name] = attribute
		}
	}
	return all
}

// identityAttributes say which policy it is and when it is evaluated.
func identityAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(defaultName),
			MarkdownDescription: "Name of the policy, without the prefix of its tier: lower-case letters, digits and `-`. Default `" + defaultName + "`. Names of IBM's own policies are refused. A new name makes the new policy before it removes the old one.",
		},
		"tier": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(defaultTier),
			MarkdownDescription: "Calico tier of the policy, which must exist. Default `" + defaultTier + "`. A change makes the policy in the new tier before it removes the one in the old.",
			Validators:          []validator.String{stringvalidator.LengthBetween(1, 63)},
		},
		"order": schema.Float64Attribute{
			Optional: true, Computed: true, PlanModifiers: []planmodifier.Float64{orderByDefault{}},
			MarkdownDescription: "Place among the policies of the tier, lower ones are evaluated first. Default 1100, behind the orders up to 1000 that allow-lists usually have and before an inbound guard's 1500. Behind an inbound guard that is in the cluster it is an error (see `safety_checks`): what that passes would never come by here. Not together with `evaluate_last = true`.",
		},
		"evaluate_last": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Gives the policy no order at all, so that it is evaluated behind all that have one. Default `false`.",
		},
	}
}

// closingAttributes say what is closed.
func closingAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"host_endpoint_roles": schema.SetAttribute{
			ElementType: types.StringType, Optional: true, Computed: true, Default: setdefault.StaticValue(set(hostguard.DefaultRole)),
			MarkdownDescription: "Host endpoints to guard, by their label `ibm.role`: `worker_public` (public interfaces), `worker_private`, `master_public`, `master_private`. Default `[\"" + hostguard.DefaultRole + "\"]`. Classic only: VPC workers have no host endpoints.",
		},
		"port_ranges": schema.ListAttribute{
			ElementType: types.StringType, Optional: true, Computed: true, Default: listdefault.StaticValue(types.ListValueMust(types.StringType, stringValues(defaultPorts))),
			PlanModifiers:       []planmodifier.List{samePorts{}},
			MarkdownDescription: "Ports that are closed, each a port (`\"30080\"`) or an inclusive range (`\"30000:32767\"`) within 1 to 65535. Default `[\"" + defaultPorts + "\"]`, which is the range of node ports in IKS. Their order does not matter, nor how the same ports are divided into ranges.",
		},
		"protocols": schema.SetAttribute{
			ElementType: types.StringType, Optional: true, Computed: true, Default: setdefault.StaticValue(set("TCP", "UDP")),
			MarkdownDescription: "Protocols that are closed: `TCP`, `UDP`, `SCTP`. Default `[\"TCP\", \"UDP\"]`.",
		},
	}
}

// openingAttributes say what stays open all the same.
func openingAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"allowed_source_cidrs": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "IPv4 networks (`\"192.0.2.0/24\"`) or addresses that the guard does not apply to as sources. It lets them in no further than the cluster's other policies do. Default none. With these, or with anything else left open, IPv6 is closed altogether.",
		},
		"allowed_destination_cidrs": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "IPv4 networks or addresses that the guard does not apply to as destinations, as dialled: a worker's or a load balancer's address. Default none.",
		},
		"exempt_addresses": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "IPv4 addresses of workers that keep their node ports open, for example `iks_edge_pool.edge.host_endpoint_addresses`; may be unknown at plan time and may be empty. Only addresses that a node, or a host endpoint of a node, bears are exempt: others are left out of the policy (see `stale_exemptions`), so that a worker that is given such an address later is not open by accident. A warning names those of workers without the label `dedicated=edge`. Default none.",
		},
	}
}

// safetyAttributes say what to do in doubt.
func safetyAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"when_no_host_endpoints": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(hostguard.WhenNoneError),
			MarkdownDescription: "What a guard that matches no host endpoint is: an `error`, as it closes nothing, or only a warning (`warn`), for modules that serve VPC clusters as well. Default `error`.",
			Validators:          []validator.String{stringvalidator.OneOf(hostguard.WhenNoneError, hostguard.WhenNoneWarn)},
		},
		"acknowledged_load_balancer_ports": schema.SetAttribute{
			ElementType: types.Int64Type, Optional: true,
			MarkdownDescription: "Ports of load balancer services, 1 to 65535, that lie in `port_ranges` and may be cut off by the guard. Others are an error. `20000:32767` for example catches MongoDB's 27017. Default none.",
		},
		"safety_checks": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(hostguard.ChecksEnforce),
			MarkdownDescription: "Whether services that the guard would cut off, or cannot close, and an inbound guard that comes before it, are an error (`enforce`) or a warning (`warn`). Default `enforce`.",
			Validators:          []validator.String{stringvalidator.OneOf(hostguard.ChecksEnforce, hostguard.ChecksWarn)},
		},
		"force_conflicts": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Takes over a policy of this name that differs or belongs to somebody else. Never one of IBM's. Default `false`: that is an error that names the owner.",
		},
	}
}

// observedAttributes say what was found in the cluster.
func observedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"host_endpoints": schema.Int64Attribute{
			Computed:            true,
			MarkdownDescription: "How many host endpoints the guard applies to. 0 on VPC clusters.",
		},
		"not_covered_ports": schema.ListAttribute{
			ElementType: types.StringType, Computed: true,
			MarkdownDescription: "Ports of `port_ranges` that stay open whatever any policy says, such as `TCP 6443`: Calico's failsafe ports, from the cluster's FelixConfiguration. Sorted.",
		},
		"stale_exemptions": schema.ListAttribute{
			ElementType: types.StringType, Computed: true,
			MarkdownDescription: "Entries of `exempt_addresses` that no node and no host endpoint of a node bears, and that are not exempt therefore. Sorted.",
		},
		"api": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "API that the policy is read and written through: `projectcalico.org/v3` where the cluster serves it, else `crd.projectcalico.org/v1`.",
		},
	}
}

func stringValues(values ...string) []attr.Value { return set(values...).Elements() }

func set(values ...string) types.Set { return hostguard.StringSet(values) }
