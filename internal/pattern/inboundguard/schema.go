package inboundguard

import (
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/float64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
)

// Describe says what the resource looks like.
func (part) Describe() framework.Description {
	return framework.Description{
		Name:          "inbound_guard",
		Schema:        schema.Schema{MarkdownDescription: describeResource, Attributes: attributes()},
		Key:           []string{"name"},
		CreateTimeout: 5 * time.Minute,
		UpdateTimeout: 5 * time.Minute,
		DeleteTimeout: 5 * time.Minute,
	}
}

const describeResource = `Closes the workers' public interfaces to new connections from outside, but for what may come in: one Calico GlobalNetworkPolicy, evaluated before DNAT, that denies TCP, UDP and SCTP.

**To pass is not to allow.** What ` + "`pass_source_cidrs`, `pass`" + ` and ` + "`ingress_health_monitors`" + ` name meets the cluster's other policies as if the guard were not there: the kubelet's port 10250 stays as closed for the corporate network as IBM's own policies have it. Before DNAT to pass also skips the *later* policies of the same tier. So a NodePort guard has to come before this one (orders 1100 and 1500, the defaults); then what passes here still has to get past it. Both resources refuse the other order.

**What stays open all the same:**
  - Replies to what the workers and pods send out. The guard sees only the first packet of a connection, so outbound connections work, a VPN that the cluster opens among them, and connections that are open when the guard comes stay open.
  - Calico's failsafe ports, for every source and destination (see ` + "`not_covered_ports`" + `).
  - Other protocols: ICMP, VRRP (which moves the load balancers' addresses), ESP. They stay with the cluster's other policies.
  - TCP and UDP 52311, on which IBM tells workers of updates (see ` + "`pass_worker_management`" + `).
  - The workers' private interfaces, over which the cluster runs: the master, other workers, IBM's services.
  - IBM's health monitors, on TCP 80 and 443 (see ` + "`ingress_health_monitors`" + `). IBM's control plane looks at public ALBs as well; if ` + "`ibmcloud ks ingress status-report get`" + ` is to be healthy, pass TCP 80 and 443 from [the subnets of your region](https://github.com/IBM-Cloud/kube-samples/tree/master/control-plane-ips).
  - Load balancers of version 2.0 (IPVS), which no policy before DNAT sees, unless they are in ` + "`ipvs_load_balancers`" + `.

IPv6 is closed but for what passes from everywhere and to everywhere.

On **classic** clusters every worker has a host endpoint per interface, labelled ` + "`ibm.role`" + `. On **VPC** clusters workers have no public interface and no host endpoints: what comes in there comes through VPC load balancers, and their security group (` + "`ibm_is_security_group_rule`" + `) is the place to close it. There the guard is an error, unless ` + "`when_no_host_endpoints = \"warn\"`" + `.`

func attributes() map[string]schema.Attribute {
	all := identityAttributes()
	for _, some := range []map[string]schema.Attribute{passAttributes(), safetyAttributes(), observedAttributes()} {
		maps.Copy(all, some)
	}
	return all
}

// identityAttributes say which policy it is, where and when it is evaluated.
func identityAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(defaultName),
			MarkdownDescription: "Name of the policy, a DNS label (RFC 1123). Default `" + defaultName + "`. The policy for `ipvs_load_balancers` has the same name with `" + ipvsSuffix + "` behind it. Names of IBM's own policies are refused. A new name makes the new policies before it removes the old ones.",
		},
		"order": schema.Float64Attribute{
			Optional: true, Computed: true, Default: float64default.StaticFloat64(defaultOrder),
			MarkdownDescription: "Place among the policies of the default tier, lower ones are evaluated first. Default 1500, behind the NodePort guard's 1100. An order before that of a NodePort guard in the cluster is an error (see `safety_checks`).",
		},
		"host_endpoint_roles": schema.SetAttribute{
			ElementType: types.StringType, Optional: true, Computed: true, Default: setdefault.StaticValue(hostguard.StringSet([]string{hostguard.DefaultRole})),
			MarkdownDescription: "Host endpoints to guard, by their label `ibm.role`: `worker_public` (public interfaces), `worker_private`, `master_public`, `master_private`. Default `[\"" + hostguard.DefaultRole + "\"]`. On private interfaces the workers themselves have to be in `pass_source_cidrs`. Classic only: VPC workers have no host endpoints.",
		},
	}
}

// passAttributes say what may come in and what is listed.
func passAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"pass_source_cidrs": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "IPv4 networks (`\"192.0.2.0/24\"`) or addresses that may connect to whatever the cluster's other policies let them, such as the corporate network's. Default none.",
		},
		"pass": schema.ListNestedAttribute{
			Optional:            true,
			MarkdownDescription: "More traffic that may come in, each entry on its own: for example UDP 500 and 4500 from a VPN gateway. An entry needs sources, destinations or ports. Default none.",
			NestedObject:        schema.NestedAttributeObject{Attributes: trafficAttributes()},
		},
		"ingress_health_monitors": schema.SetAttribute{
			ElementType: types.StringType, Optional: true, Computed: true, Default: setdefault.StaticValue(hostguard.StringSet(documentedMonitors())),
			MarkdownDescription: "IPv4 networks that IBM's health monitors of public Ingress and NLB subdomains come from. They may connect to TCP 443, where the monitors probe, and 80, where those probe that are configured for HTTP; other ports belong into `pass`. Default: what [IBM documents](https://cloud.ibm.com/docs/containers?topic=containers-firewall#firewall-ingress-domain-monitor) as of " + monitorsDate + " (IBM NS1 Connect). `[]` lets none in, as where all public ALBs are off.",
		},
		"pass_worker_management": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true),
			MarkdownDescription: "Whether TCP and UDP 52311 may come in, which IBM's default policy `allow-bigfix-port` keeps open so that workers are told of updates. Default `true`.",
		},
		"ipvs_load_balancers": schema.ListNestedAttribute{
			Optional:            true,
			MarkdownDescription: "Load balancers of version 2.0 (feature `ipvs`) that are closed as well. No policy before DNAT sees their packets, so a second policy of order 1000, before IBM's `allow-lb-*` (1100), denies these addresses and ports before connection tracking, but for the sources that `pass_source_cidrs`, `pass` and `ingress_health_monitors` let in there. Open connections to them are cut off at once. A public one that is in the cluster and not here is an error (see `safety_checks`). Default none.",
			NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"address":  schema.StringAttribute{Required: true, MarkdownDescription: "IPv4 address of the load balancer."},
				"protocol": schema.StringAttribute{Required: true, MarkdownDescription: "`TCP`, `UDP` or `SCTP`."},
				"ports":    portsAttribute(true, ""),
			}},
		},
		"log": schema.ListNestedAttribute{
			Optional:            true,
			MarkdownDescription: "What is written to the workers' system log (prefix `calico-packet:`) before it is denied. An entry needs sources or ports: Calico logs every new connection and has no rate limit. Default none.",
			NestedObject:        schema.NestedAttributeObject{Attributes: trafficAttributes()},
		},
	}
}

func trafficAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"source_cidrs": schema.SetAttribute{
			ElementType: types.StringType, Optional: true, MarkdownDescription: "IPv4 networks or addresses that it comes from. Default anywhere.",
		},
		"destination_cidrs": schema.SetAttribute{
			ElementType: types.StringType, Optional: true, MarkdownDescription: "IPv4 networks or addresses that it goes to, as dialled: a worker's or a load balancer's address. Default anywhere.",
		},
		"protocol": schema.StringAttribute{
			Optional: true, MarkdownDescription: "`TCP`, `UDP` or `SCTP`. Default all three.",
		},
		"ports": portsAttribute(false, " Needs a `protocol`. Default all."),
	}
}

func portsAttribute(required bool, more string) schema.Attribute {
	return schema.SetAttribute{
		ElementType: types.StringType, Required: required, Optional: !required,
		MarkdownDescription: "Ports, each a port (`443`) or an inclusive range (`\"8000:8080\"`) within 1 to 65535." + more,
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
		"safety_checks": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(hostguard.ChecksEnforce),
			MarkdownDescription: "Whether it is an error (`enforce`) or a warning (`warn`) that the guard comes before a NodePort guard, that a service answers on a port which it cannot close, or that it would cut workers off from each other. Default `enforce`.",
			Validators:          []validator.String{stringvalidator.OneOf(hostguard.ChecksEnforce, hostguard.ChecksWarn)},
		},
		"force_conflicts": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Takes over policies of these names that differ or belong to somebody else. Never one of IBM's. Default `false`: that is an error that names the owner.",
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
			MarkdownDescription: "Ports that stay open whatever any policy says, such as `TCP 22`: Calico's failsafe ports, from the cluster's FelixConfiguration. Sorted.",
		},
		"api": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "API that the policies are read and written through: `projectcalico.org/v3` where the cluster serves it, else `crd.projectcalico.org/v1`.",
		},
	}
}
