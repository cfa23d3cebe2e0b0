package isolation

import (
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

const timeout = 10 * time.Minute

// Describe says what the resource looks like.
func (part) Describe() framework.Description {
	all := map[string]schema.Attribute{}
	for _, some := range []map[string]schema.Attribute{networkAttributes(), addressAttributes(), openingAttributes(), safetyAttributes(), observedAttributes()} {
		for name, attribute := range some {
			all[name] = attribute
		}
	}
	return framework.Description{
		Name:          "network_isolation",
		Schema:        schema.Schema{MarkdownDescription: describeResource + "\n\n" + describeTable + "\n\n" + tableText(), Attributes: all},
		Key:           []string{"network"},
		CreateTimeout: timeout, UpdateTimeout: timeout, DeleteTimeout: timeout,
	}
}

const describeResource = `Isolates a classic cluster on its private or public network: the Calico policies of [IBM's samples](https://github.com/IBM-Cloud/kube-samples/tree/master/calico-policies), under the same names, as one resource. Workers and pods can open new connections only to what the cluster needs to live, and to what is declared.

All policies that allow are written and verified first, then what cuts off: the policy of the pods' egress, and the denial. Then new connections are tried (see ` + "`confirm`" + `); if they fail, what the apply had changed is taken back at once, and the apply fails: a new set is gone, and one that was in force stays in force as it was. Only where that cannot be put back, or an earlier apply was cut off before it had confirmed the set, all that cuts off is taken away instead, and the error says that the network is not isolated. Destroying goes the other way, and stops while a policy that cuts off is somebody else's: what allows stays beside it, and a set that is another resource's as a whole is left to that. An apply that breaks off half way leaves the cluster with the old set, the new one, or open - never cut off from what a whole set would allow - and the next apply finishes. One that is killed before it has confirmed leaves ` + "`ready = false`" + `; the next apply confirms the set or takes it back. Connections that are open stay open.

` + "`private`" + `: workers talk, over the private network, to each other, the pods, IBM's infrastructure and the master; nobody else talks to them. Pods do not connect to private networks but to each other. ` + "`public`" + `: workers connect to the master, DNS, and block storage and HTTPS anywhere; pods likewise. What comes in from the public network is the business of ` + "`iks_nodeport_guard`" + ` and IBM's default policies. Both sets can be used together: pods then connect to what each leaves open on its own network, and a peer with a public address belongs into the public set.

Pods that connect to anything else - webhooks outside the pod network, databases, other clusters - need ` + "`peer_cidrs`" + ` or an ` + "`iks_network_policy`" + ` of an order below the policy of their egress (pods; 1500 private, 1400 public) or the denial (workers; 99900 private, 1850 public). It differs from IBM's samples in this: the pods' services, VPN gateways and peers are in the one policy of their egress, so that it takes effect as a whole; under the public set that policy ends with a denial of public addresses, and comes before the private one, which leaves pods all that is not private; pods connect to each other under the public set as well; Calico's own API (port 5443) stays reachable.

**Classic only.** On **VPC** workers have no host endpoints; there, security groups and network ACLs do this work, and the resource is an error that says so. OpenShift needs further policies for its console and monitoring under the public set, which are not part of it.`

const describeTable = `What each set leaves open and what it closes, without peers and optional policies; packets prove it ([What is proven, and how](../guides/proof.md)):`

func networkAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"network": schema.StringAttribute{
			Required: true, PlanModifiers: []planmodifier.String{stringplanmodifier.RequiresReplace()},
			MarkdownDescription: "Network that the cluster is isolated on: `private` or `public`. One resource for each cluster and network. Another value replaces the resource.",
			Validators:          []validator.String{stringvalidator.OneOf(networkPrivate, networkPublic)},
		},
		"region": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Region whose addresses stay open, such as `eu-de`, from a table in the provider as of " + tableDate + ". Default: the region that IKS gives for the cluster. The single-zone locations Toronto and São Paulo use `us-east` and `us-south`. A newer table, with a newer provider, shows as drift and is applied by the next apply.",
			Validators:          []validator.String{stringvalidator.LengthAtLeast(1)},
		},
		"pod_subnet": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Subnet of the pods, a CIDR. Default: what IKS gives for the cluster, else `172.30.0.0/16`. One that is not the cluster's is an error at plan time.",
		},
		"service_subnet": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Subnet of the services, a CIDR, whose first address is the API server's. Default: what IKS gives for the cluster, else `172.21.0.0/16`. One that is not the cluster's is an error at plan time.",
		},
	}
}

func addressAttributes() map[string]schema.Attribute {
	list := func(what string) schema.SetAttribute {
		return schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: what + " IPv4 networks (`\"192.0.2.0/24\"`) or addresses. Default: those of the region; what is set here takes their place, all of them.",
		}
	}
	return map[string]schema.Attribute{
		"service_endpoint_cidrs": list("Service endpoints of the region's masters on this network, which stay open on ports 20000 to 32767 and 443. Addresses that the cluster's own master is not among are an error at plan time."),
		"registry_cidrs":         list("IBM Cloud Container Registry, with `services` in `allow`: TCP 443 and 4443."),
		"monitoring_cidrs":       list("IBM Cloud Monitoring, with `services` in `allow`: TCP 443 and 6443."),
		"logging_cidrs":          list("IBM's logging, with `services` in `allow`: TCP 80, 443, 514 and 6514, UDP 514."),
		"infrastructure_cidrs":   list("Systems that IBM manages workers from, in and out. Private network only."),
	}
}

func openingAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"allow": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Optional policies. `vrrp`: protocol 112 between workers, which private load balancers and ALBs need (private network only). `services`: workers and pods reach registry, monitoring and logging. `vpn`: workers and pods, such as those of `iks_strongswan_vpn`, connect to VPN gateways, UDP 500 and 4500 and ESP. `istio`: ports of the managed Istio add-on, with `services` (public network only). Default none.",
			Validators:          []validator.Set{setvalidator.ValueStringsAre(stringvalidator.OneOf(allowVRRP, allowServices, allowVPN, allowIstio))},
		},
		"peer_cidrs": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "IPv4 networks or addresses that workers and pods may connect to, on any port: other clusters, the corporate network. On the private network they may connect to the workers as well. Default none.",
		},
		"aggregated_api_ports": schema.SetAttribute{
			ElementType: types.Int64Type, Optional: true, Computed: true, Default: setdefault.StaticValue(portSet([]uint16{defaultAPIPort})),
			MarkdownDescription: "TCP ports, 1 to 65535, that pods may connect to anywhere, besides 53, 443, 2049, 3260, 4443, 5353, 6443 and 10250: those at which aggregated APIs (`kubectl get apiservices`) are served outside the pod subnet. One that would be cut off is an error at plan time. Default `[5443]`, Calico's own.",
		},
	}
}

func safetyAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"confirm": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(confirmConnections),
			MarkdownDescription: "How a change is confirmed. `connections`: the API server and every aggregated API answer on new connections, and a pod's log can be read in each zone, through konnectivity and the kubelet; what did not work before the change is only named in a warning. What pods see of DNS and the API server is tried by a `canary`. `none`: not at all. Default `connections`.",
			Validators:          []validator.String{stringvalidator.OneOf(confirmConnections, confirmNone)},
		},
		"confirm_seconds": schema.Int64Attribute{
			Optional: true, Computed: true, Default: int64default.StaticInt64(defaultConfirmSeconds),
			MarkdownDescription: "How many seconds connections are tried for after a change, 1 to 300: as long as the workers may take to put policies into effect. Default 15.",
			Validators:          []validator.Int64{int64validator.Between(1, mostConfirmSeconds)},
		},
		"canary": canaryAttribute(),
		"force_conflicts": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Takes over policies of the set's names that differ or belong to somebody else. Never one of IBM's own. Default `false`: that is an error that names the owner.",
		},
	}
}

func observedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"policies": schema.ListAttribute{
			ElementType: types.StringType, Computed: true,
			MarkdownDescription: "Policies of the set that are there, in the order in which they are written; those of a namespace as `namespace/name`.",
		},
		"digest": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "SHA-256 sum of what the set says, in hexadecimal digits: it changes if and only if a policy is to be another.",
		},
		"api": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "API that the policies are read and written through: `projectcalico.org/v3` where the cluster serves it, else `crd.projectcalico.org/v1`.",
		},
	}
}

func portSet(values []uint16) types.Set {
	elements := make([]attr.Value, len(values))
	for i, v := range values {
		elements[i] = types.Int64Value(int64(v))
	}
	return types.SetValueMust(types.Int64Type, elements)
}
