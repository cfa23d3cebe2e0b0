package networkpolicy

import (
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

const defaultTier = "default"

// Describe says what the resource looks like.
func (part) Describe() framework.Description {
	return framework.Description{
		Name: "network_policy",
		Schema: schema.Schema{
			MarkdownDescription: describeResource + "\n\n" + describeTable + "\n\n" + tableText(),
			Attributes:          attributes(),
		},
		Key:           []string{"namespace", "name"},
		ImportID:      importKey,
		IdentityName:  ownership.NameInTier,
		CreateTimeout: 5 * time.Minute,
		UpdateTimeout: 5 * time.Minute,
		DeleteTimeout: 5 * time.Minute,
	}
}

const describeResource = `One Calico policy of your own beside those that IKS makes: a GlobalNetworkPolicy, or with ` + "`namespace`" + ` a NetworkPolicy. What Calico would refuse is an error of the plan, at its attribute, without any cluster.

It is read and written through ` + "`projectcalico.org/v3`" + ` where the cluster serves that, else through ` + "`crd.projectcalico.org/v1`" + `, as calicoctl does, and policies of calicoctl's can be imported. IBM's own policies (` + "`allow-all-outbound`, `allow-node-port-dnat`, `allow-lb-*`" + ` and so on) are refused: they are made again whenever the master is updated. Override them with a lower ` + "`order`" + `.

On **classic** clusters policies can also protect the workers' interfaces, which have host endpoints labelled ` + "`ibm.role`" + ` (` + "`worker_public`, `worker_private`" + `). On **VPC** clusters there are no host endpoints: policies work between pods there, and what reaches the workers is up to security groups.

Policies affect new connections; what is open stays open, but for what ` + "`do_not_track`" + ` decides about. Calico's failsafe ports (SSH and Kubernetes API among them) pass every policy of host endpoints.

Mind the names within rules, and read the plan: Terraform drops those that it does not know without a word (` + "`cidrs` in the place of `nets`" + `), and a rule that says less matches more. One that says nothing any more is an error.

For host endpoints, IPv6 needs a rule more than IPv4: hosts find each other's link addresses by ICMPv6 (neighbour discovery), which policies decide about as about everything else, while ARP passes all of them. IBM's ` + "`allow-icmp`" + ` allows ICMP of IPv4 alone. Where a worker's public interface is to be reached over IPv6, allow the protocol ` + "`ICMPv6`" + ` besides (types 135 and 136, and 134 where routers announce themselves); on the private interface IBM's ` + "`allow-all-private-default`" + ` does so.`

const describeTable = "What a policy does to new connections, by the action of its rules; `order` is below that of IBM's policies, and *without* is what these leave open. Packets prove it ([What is proven, and how](../guides/proof.md)). Applied to:"

func attributes() map[string]schema.Attribute {
	all := identityAttributes()
	maps.Copy(all, subjectAttributes())
	maps.Copy(all, ruleListAttributes())
	maps.Copy(all, hostAttributes())
	return all
}

// identityAttributes say which policy it is and when it is evaluated.
func identityAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Required: true, PlanModifiers: []planmodifier.String{sameName{"the prefix of the tier means nothing"}},
			MarkdownDescription: "Name of the policy: lower case letters, digits and `-`, at most 244 in all. The prefix of its own tier (`default.web`) means nothing. A new name makes the new policy before it removes the old one.",
		},
		"namespace": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Namespace of a NetworkPolicy, which must exist. Without it the policy is global, and holds for pods of all namespaces and for host endpoints. A change makes the policy there before it removes the one here.",
		},
		"tier": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(defaultTier),
			MarkdownDescription: "Calico tier of the policy, which must exist. Default `" + defaultTier + "`. A change makes the policy in the new tier before it removes the one in the old.",
		},
		"order": schema.Float64Attribute{
			Optional:            true,
			MarkdownDescription: "Place among the policies of the tier, lower ones are evaluated first. Without it the policy comes last. For orientation: Kubernetes network policies have 1000, `iks_nodeport_guard` 1100.",
		},
	}
}

// subjectAttributes say what the policy holds for.
func subjectAttributes() map[string]schema.Attribute {
	same := []planmodifier.String{sameSelector{"quotes and blanks mean nothing"}}
	return map[string]schema.Attribute{
		"selector": schema.StringAttribute{
			Required: true, PlanModifiers: same,
			MarkdownDescription: "What the policy holds for, by labels, in Calico's selector language: `\"ibm.role == 'worker_public'\"` (host endpoints), `\"app in { 'web', 'api' }\"` (pods), `\"all()\"`. An empty one selects everything for Calico and is an error here.",
		},
		"namespace_selector": schema.StringAttribute{
			Optional: true, PlanModifiers: same,
			MarkdownDescription: "Narrows a global policy to pods of the namespaces with these labels; host endpoints are in none. Not with `namespace`.",
		},
		"service_account_selector": schema.StringAttribute{
			Optional: true, PlanModifiers: same,
			MarkdownDescription: "Narrows the policy to pods whose service account has these labels.",
		},
		"types": schema.SetAttribute{
			ElementType: types.StringType, Optional: true, Computed: true,
			PlanModifiers:       []planmodifier.Set{typesByDefault{"the directions that have rules"}},
			MarkdownDescription: "Directions that the policy decides about: `Ingress`, `Egress`. What a direction holds and no rule of the tier matches is denied. Default: those that have rules, and `Ingress` where none has.",
		},
	}
}

// hostAttributes are the switches, and what has to be known before they are thrown.
func hostAttributes() map[string]schema.Attribute {
	off := func(description string) schema.BoolAttribute {
		return schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false), MarkdownDescription: description}
	}
	return map[string]schema.Attribute{
		"apply_on_forward": off("Whether the policy also holds for what host endpoints forward, to pods and load balancers. Global policies only. Default `false`."),
		"pre_dnat":         off("Whether ingress is decided about before DNAT, when the destination still is the node port or the load balancer that was dialled. Needs `apply_on_forward`; no egress. An `Allow` is final then: no later policy sees the packet. Global policies only. Default `false`."),
		"do_not_track":     off("Whether the policy is applied before connection tracking, so that answers need rules of their own. Needs `apply_on_forward`. Global policies only. Default `false`."),
		"acknowledge": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: describeAcknowledge,
		},
		"force_conflicts": off("Takes over a policy of this name that differs or belongs to somebody else. Never one of IBM's. Default `false`: that is an error that names the owner."),
		"api": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "API that the policy is read and written through: `projectcalico.org/v3` where the cluster serves it, else `crd.projectcalico.org/v1`.",
		},
	}
}

func ruleListAttributes() map[string]schema.Attribute {
	list := func(description string) listOf {
		return listOf{typ: types.ListType{ElemType: ruleType()}, ListNestedAttribute: schema.ListNestedAttribute{
			Optional: true, Computed: true,
			PlanModifiers:       []planmodifier.List{sameRules{"another spelling of the same rule is no change"}},
			Default:             listdefault.StaticValue(types.ListValueMust(ruleType(), []attr.Value{})),
			NestedObject:        schema.NestedAttributeObject{Attributes: ruleAttributes()},
			MarkdownDescription: description,
		}}
	}
	return map[string]schema.Attribute{
		"ingress": list("Rules for what comes in, in the order in which they are evaluated; the first that matches decides. Default none."),
		"egress":  list("Rules for what goes out, likewise. Default none."),
	}
}

func ruleAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"action": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "`Allow`, `Deny`, `Log` (and on to the next rule) or `Pass` (to the next tier, or past the other policies of `pre_dnat`).",
		},
		"protocol": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Protocol that matches: `TCP`, `UDP`, `SCTP`, `ICMP`, `ICMPv6`, `UDPLite`, or a number from 1 to 255 such as `112` (VRRP). Default any.",
		},
		"not_protocol": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: "Protocol that does not match, likewise.",
		},
		"ip_version": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "IP version that matches: `4` or `6`. Default both, but for what networks and ICMP say themselves.",
		},
		"icmp": oneOf{typ: icmpType(), SingleNestedAttribute: schema.SingleNestedAttribute{
			Optional: true,
			Attributes: map[string]schema.Attribute{
				"type": schema.Int64Attribute{Optional: true, MarkdownDescription: "ICMP type, 0 to 254: 8 is an echo request."},
				"code": schema.Int64Attribute{Optional: true, MarkdownDescription: "ICMP code, 0 to 255. Needs `type`."},
			},
			MarkdownDescription: "ICMP messages that match. Needs the protocol `ICMP` or `ICMPv6`.",
		}},
		"source": oneOf{typ: entityType(), SingleNestedAttribute: schema.SingleNestedAttribute{
			Optional: true, Attributes: entityAttributes(),
			MarkdownDescription: "Where packets come from. All that is given must match.",
		}},
		"destination": oneOf{typ: entityType(), SingleNestedAttribute: schema.SingleNestedAttribute{
			Optional: true, Attributes: entityAttributes(),
			MarkdownDescription: "Where packets go to, likewise.",
		}},
	}
}

func entityAttributes() map[string]schema.Attribute {
	texts := func(description string) schema.ListAttribute {
		return schema.ListAttribute{ElementType: types.StringType, Optional: true, MarkdownDescription: description}
	}
	text := func(description string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: description}
	}
	return map[string]schema.Attribute{
		"nets":               texts("Networks (`\"10.0.0.0/8\"`) or addresses, IPv4 or IPv6 but not both in one rule; their order means nothing."),
		"not_nets":           texts("Networks or addresses that do not match, likewise."),
		"ports":              texts("Ports: a number (`443`), an inclusive range (`\"30000:32767\"`) or the name of a port of a pod (`\"http\"`); their order means nothing. Needs the protocol `TCP`, `UDP` or `SCTP`."),
		"not_ports":          texts("Ports that do not match, likewise."),
		"selector":           text("Pods and host endpoints by label, in Calico's selector language."),
		"not_selector":       text("Pods and host endpoints that do not match, by label."),
		"namespace_selector": text("Namespaces of the pods, by label. In a NetworkPolicy, `selector` alone means pods of its own namespace."),
	}
}
