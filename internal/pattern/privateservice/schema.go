package privateservice

import (
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// balancerTimeout is generous: a VPC load balancer takes ten minutes and more.
const balancerTimeout = 20 * time.Minute

// Describe says what the resource looks like.
func (part) Describe() framework.Description {
	return framework.Description{
		Name:          "private_service",
		Schema:        schema.Schema{MarkdownDescription: describeResource, Attributes: attributes()},
		Key:           []string{"namespace", "name"},
		Stable:        []string{"ip", "hostname"},
		CreateTimeout: balancerTimeout,
		UpdateTimeout: balancerTimeout,
		DeleteTimeout: balancerTimeout,
	}
}

const describeResource = `Exposes an app on a private address: a Kubernetes Service of type LoadBalancer with IBM's annotation for a private one, and the proof that it is private.

Apply waits until the load balancer has an address, and fails closed: if the address proves to be public, the Service that was just made is removed again and apply fails; if nothing proves that it is private, ` + "`exposure`" + ` is ` + "`unverified`" + ` and the resource does not become ` + "`ready`" + `: the first apply warns of that, later ones fail. The proof is IBM's own word, never an address range. A Service that somebody makes public later shows as ` + "`drift`" + `; the next apply takes it back, or makes it anew where its address stays public. Guard it with a ` + "`postcondition`" + ` on ` + "`ready`" + `.

* **Classic:** the load balancer is an NLB with a portable private IP (` + "`ip`" + `) of the cluster. Whether an address is private is what IKS says of the portable subnet that it lies in.
* **VPC:** the load balancer is the VPC's and has a ` + "`hostname`" + `; its addresses are from the VPC's subnets. Whether it is private is what the VPC's API says, which needs the role Viewer on *VPC Infrastructure Services*; without it, all addresses that the hostname resolves to must lie in the subnets of the cluster. Creating one takes some ten minutes.
* Of a cluster from ` + "`cluster_access`" + `, which IKS is not asked about, only the map of portable addresses in a classic cluster (ConfigMap ` + "`kube-system/ibm-cloud-provider-vlan-ip-config`" + `) proves anything.

Every Service of type LoadBalancer also opens a NodePort for each port, on every interface of every worker, the public ones included: a private load balancer alone does not keep an app off the internet. Put ` + "`iks_nodeport_guard`" + ` beside it on classic clusters; on VPC the security groups of the workers do that.

What IBM cannot change on a load balancer that is there (` + "`load_balancer_ip`" + `, ` + "`zone`" + `, ` + "`vlan_id`" + `, ` + "`nlb_version`" + `, ` + "`vpc.subnets`" + `, ` + "`vpc.name`" + `, the kind in ` + "`vpc.features`" + `) replaces the resource, with another address in general; the plan says so. Everything else is an update in place that keeps addresses and node ports.`

func attributes() map[string]schema.Attribute {
	all := map[string]schema.Attribute{}
	for _, some := range []map[string]schema.Attribute{identityAttributes(), appAttributes(), classicAttributes(), trafficAttributes(), writingAttributes(), observedAttributes()} {
		maps.Copy(all, some)
	}
	return all
}

// identityAttributes say which Service it is.
func identityAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"namespace": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(defaultNamespace),
			MarkdownDescription: "Namespace of the Service, which must exist. Default `" + defaultNamespace + "`. Another one replaces the resource.",
		},
		"name": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Name of the Service, a DNS label (RFC 1035). Another one replaces the resource.",
		},
		"labels": schema.MapAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Labels of the Service besides the provider's `default_labels`. Labels that others set stay. Default none.",
		},
		"annotations": schema.MapAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Annotations of the Service besides the provider's `default_annotations`. Those that have an attribute here, and above all the one that makes the load balancer private, cannot be set. Annotations that others set stay. Default none.",
		},
	}
}

// appAttributes say where the traffic goes.
func appAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"selector": schema.MapAttribute{
			ElementType: types.StringType, Required: true,
			MarkdownDescription: "Labels of the pods that the Service leads to. At least one.",
		},
		"ports": schema.ListNestedAttribute{
			Required:            true,
			MarkdownDescription: "Ports of the load balancer. At least one.",
			NestedObject:        schema.NestedAttributeObject{Attributes: portAttributes()},
			Validators:          []validator.List{listvalidator.SizeAtMost(100)},
		},
	}
}

func portAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Name of the port, a DNS label. Required where there is more than one. A port that keeps its name keeps its node port.",
		},
		"port": schema.Int64Attribute{
			Required:            true,
			MarkdownDescription: "Port that the load balancer listens on, 1 to 65535. On classic clusters, Calico's failsafe ports cannot be closed by any policy, and a port from 30000 to 32767 is closed by `iks_nodeport_guard`; a plan warns of both.",
		},
		"target_port": schema.StringAttribute{
			Optional: true, Computed: true, PlanModifiers: []planmodifier.String{targetByDefault{}},
			MarkdownDescription: "Port of the pods, by number (`8080`) or by the name of a container's port (`\"http\"`). Default: the number in `port`.",
		},
		"protocol": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(protocolTCP),
			MarkdownDescription: "`TCP` or `UDP`; IBM's load balancers have no other. On VPC, `UDP` needs `vpc.features = [\"nlb\"]`. Default `TCP`.",
			Validators:          []validator.String{stringvalidator.OneOf(protocolTCP, protocolUDP)},
		},
		"node_port": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "Node port, 30000 to 32767. Default: the cluster chooses one, and keeps it through updates.",
		},
		"app_protocol": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Application protocol as Kubernetes has it, for example `http` or `kubernetes.io/h2c`. Default none.",
		},
	}
}

// classicAttributes say what kind of load balancer it is, and where; and those for VPC.
func classicAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"load_balancer_ip": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Classic only: the portable private IPv4 address that the load balancer is to have; it must be free and fit `zone` and `vlan_id`. Default: IKS chooses one. Another address than the one that it has replaces the resource; writing down the one that it has does not.",
		},
		"zone": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Zone of the load balancer, for example `dal10` (classic) or `us-south-1` (VPC). Default: IKS chooses one on classic; on VPC the load balancer is in all zones of the cluster. A change replaces the resource.",
		},
		"vlan_id": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Classic only: ID of the private VLAN whose subnets the address is from (`ibmcloud ks vlan ls`). Default: IKS chooses one. A change replaces the resource.",
		},
		"nlb_version": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Classic only: `1.0` (iptables) or `2.0` (IPVS, direct server return). Version 2.0 needs `external_traffic_policy = \"Local\"`, VRF or VLAN spanning, and capacity aggregation, which IBM's support switches on for the account. Default `1.0`. A change replaces the resource.",
			Validators:          []validator.String{stringvalidator.OneOf(nlbOne, nlbTwo)},
		},
		"scheduler": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "NLB 2.0 only: `rr` (round robin) or `sh` (source hashing, which needs one pod of the app per node). Default: IBM's, which is `rr`.",
			Validators:          []validator.String{stringvalidator.OneOf("rr", "sh")},
		},
		"vpc": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "VPC only: the load balancer of the VPC. Default: an application load balancer in all zones, with IBM's defaults. Not together with `load_balancer_ip`, `vlan_id`, `nlb_version` and `scheduler`.",
			Attributes:          vpcAttributes(),
		},
	}
}

func vpcAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"features": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "`alb` or `nlb`, and `proxy-protocol`. Default: an application load balancer (`alb`). To go from one to the other replaces the resource.",
			Validators:          []validator.Set{setvalidator.ValueStringsAre(stringvalidator.OneOf(featureALB, featureNLB, featureProxy))},
		},
		"subnets": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "IDs or names of the VPC subnets that the load balancer has its addresses from. Default: those of the cluster. A change replaces the resource.",
		},
		"name": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Name of the VPC load balancer: up to 63 lower-case letters, digits and dashes, with a letter first. With it the load balancer outlives Service and cluster. Default: `kube-<cluster ID>-<Service UID>`, which goes with the Service. A change replaces the resource.",
		},
		"security_groups": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "IDs or names of the security groups that the load balancer has **instead of** IBM's `kube-lbaas-<cluster ID>`. For clusters of version 1.30 and later. Default: IBM's.",
		},
		"idle_timeout": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "Seconds after which an idle connection is closed, 50 to 7200. Default: the VPC's, 50.",
		},
		"health_check": schema.SingleNestedAttribute{
			Optional:            true,
			MarkdownDescription: "How the load balancer finds out which workers serve. Default: IBM's.",
			Attributes:          healthAttributes(),
		},
	}
}

func healthAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"protocol": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "`http`, `https` or `tcp`. Default: `tcp`, or `http` with `external_traffic_policy = \"Local\"`.",
			Validators:          []validator.String{stringvalidator.OneOf("http", "https", "tcp")},
		},
		"path":     schema.StringAttribute{Optional: true, MarkdownDescription: "Path that is asked for, beginning with `/`. Only for `http` and `https`. Default `/`."},
		"port":     schema.Int64Attribute{Optional: true, MarkdownDescription: "Port of the workers that is asked, 1 to 65535. Default: the node port."},
		"delay":    schema.Int64Attribute{Optional: true, MarkdownDescription: "Seconds between two checks, 2 to 60. Default 5."},
		"timeout":  schema.Int64Attribute{Optional: true, MarkdownDescription: "Seconds after which a check has failed, 1 to 59, shorter than `delay`. Default 2."},
		"retries":  schema.Int64Attribute{Optional: true, MarkdownDescription: "Checks that have to fail before a worker is taken out, 1 to 10. Default 2."},
		"udp_port": schema.Int64Attribute{Optional: true, MarkdownDescription: "TCP port that tells whether the UDP ports are served, 1 to 65535. Default: none."},
	}
}

// trafficAttributes say how the traffic is passed on.
func trafficAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"external_traffic_policy": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(policyCluster),
			MarkdownDescription: "`Cluster`: any worker takes the traffic and passes it on, and pods see a worker's address. `Local`: only workers with a pod of the app do, and pods see the client's address; where there are edge nodes, the app's pods have to run on them and tolerate their taint, or the load balancer leads nowhere. Default `" + policyCluster + "`.",
			Validators:          []validator.String{stringvalidator.OneOf(policyCluster, policyLocal)},
		},
		"internal_traffic_policy": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(policyCluster),
			MarkdownDescription: "The same for traffic from inside the cluster: `Cluster` or `Local`. Default `" + policyCluster + "`.",
			Validators:          []validator.String{stringvalidator.OneOf(policyCluster, policyLocal)},
		},
		"session_affinity": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(affinityNone),
			MarkdownDescription: "`None`, or `ClientIP`: a client stays with one pod, for three hours after its last connection. Default `" + affinityNone + "`.",
			Validators:          []validator.String{stringvalidator.OneOf(affinityNone, affinityClientIP)},
		},
		"source_ranges": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Networks (`\"10.0.0.0/8\"`) that may use the load balancer; kube-proxy drops the rest. It does not close the node ports. Default: everybody.",
		},
	}
}

// writingAttributes say how apply goes about it.
func writingAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"wait_for_load_balancer": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(true),
			MarkdownDescription: "Whether apply waits for the load balancer's address, and for the proof that it is private. With `false` the resource is ready while there is no address. One that has come is judged by the next refresh: if it is public, that shows as drift; while nothing proves that it is private, the resource is not ready. Default `true`.",
		},
		"force_conflicts": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Takes over a Service of this name that differs and is somebody else's, or fields that others manage. Default `false`: that is an error that names them.",
		},
	}
}

// observedAttributes say what was found.
func observedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"ip": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Address of the load balancer on classic clusters. Null on VPC, and while there is none. It stays through updates.",
		},
		"hostname": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "Hostname of the load balancer on VPC clusters, which resolves to private addresses. Null on classic. It stays through updates.",
		},
		"exposure": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "What is proven of the load balancer: `private` or `public`; `unverified` where nothing is, or while it has no address.",
		},
	}
}
