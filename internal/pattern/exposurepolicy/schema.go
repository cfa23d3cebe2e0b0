package exposurepolicy

import (
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// Describe says what the resource looks like.
func (part) Describe() framework.Description {
	return framework.Description{
		Name:          "exposure_policy",
		Schema:        schema.Schema{MarkdownDescription: describeResource, Attributes: attributes()},
		Key:           []string{"name"},
		CreateTimeout: 5 * time.Minute,
		UpdateTimeout: 5 * time.Minute,
		DeleteTimeout: 5 * time.Minute,
	}
}

const describeResource = `Keeps anybody from making something public by accident: one ` + "`ValidatingAdmissionPolicy`" + ` with its binding, by which the cluster's own API server refuses what ` + "`deny`" + ` names, with a reason and what to do instead. Nothing has to run in the cluster for it.

It works alike on **classic** and on **VPC** clusters, from Kubernetes 1.30 on. On classic clusters a load balancer without the private annotation is public as soon as one worker is on a public VLAN; on VPC it is public in any case. Load balancers also open node ports on every worker, which on classic clusters ` + "`iks_nodeport_guard`" + ` closes.

What is there already stays as it is (see ` + "`violations`" + `). It can be changed and be removed, as long as it does not open more: no further port, host, address or source. Pods that are made anew are judged anew, also those of an older workload: look at ` + "`violations`" + ` in mode ` + "`audit`" + ` or ` + "`warn`" + ` before ` + "`deny`" + `.

The policy judges Services, Ingresses, pods and what has a pod template. It does not judge other ways in that a cluster may have, such as the custom resources of Traefik or of a service mesh. It binds everybody, administrators too, but for ` + "`exempt_namespaces`" + ` and ` + "`exempt_service_accounts`" + `; and whoever may change admission policies, or create one of the exempt namespaces, can get around it.`

func attributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"name": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(defaultName),
			MarkdownDescription: "Name of the policy and of its binding, a DNS subdomain (RFC 1123). Default `" + defaultName + "`. A new name makes the new policy, and waits until it is in effect, before it removes the old one.",
		},
		"deny": schema.SetAttribute{
			ElementType: types.StringType, Optional: true, Computed: true, Default: setdefault.StaticValue(stringSet(ruleTexts(defaultRules()))),
			MarkdownDescription: describeDeny(),
		},
		"mode": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(string(defaultMode)),
			MarkdownDescription: "What becomes of what `deny` names: `audit` writes it down in the API server's audit log, `warn` shows the reason to whoever does it as well, `deny` refuses it. `warn` and `deny` write it down too. Default `" + string(defaultMode) + "`.",
		},
		"exempt_namespaces": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Namespaces that the policy does not apply to, besides Kubernetes' and IBM's own, which are always exempt: `" + strings.Join(systemNamespaces(), "`, `") + "`. Default none.",
		},
		"exempt_service_accounts": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "Service accounts whose requests are admitted, as `namespace/name` (or `namespace:name`). It is the sender of the request that counts: the pods of a Deployment are created by a controller in `kube-system`, so exempt the namespace for those. Default none.",
		},
		"private_ingress_classes": schema.SetAttribute{
			ElementType: types.StringType, Optional: true,
			MarkdownDescription: "IngressClasses that count as private, besides those of IBM's private ALBs, `" + strings.Join(ibmsPrivateClasses(), "`, `") + "`. Every other class counts as public. Default none.",
		},
		"message": schema.StringAttribute{
			Optional:            true,
			MarkdownDescription: fmt.Sprintf("One line of up to %d bytes that ends each reason, for example where to ask for an exemption. Default none.", longestMessage),
		},
		"force_conflicts": schema.BoolAttribute{
			Optional: true, Computed: true, Default: booldefault.StaticBool(false),
			MarkdownDescription: "Takes over a policy or a binding of this name that differs or belongs to somebody else, and fields that another field manager has written. Default `false`: that is an error that names the owner.",
		},
		"violations": schema.Int64Attribute{
			Computed:            true,
			MarkdownDescription: fmt.Sprintf("How many objects the policy would refuse if they were made anew, as of the last refresh. Pods count with the workload that has made them, Jobs with their CronJob. Null where the credentials may not list what the policy is about. A change of it alone plans nothing. With `%s` all pods are read for it.", hostPort),
		},
		"first_violations": schema.ListAttribute{
			ElementType: types.StringType, Computed: true,
			MarkdownDescription: fmt.Sprintf("The first %d of them in alphabetical order, such as `Service shop/web (%s)`.", namedViolations, publicLoadBalancer),
		},
	}
}

func describeDeny() string {
	about := map[rule]string{
		externalIPs:        "Services with `spec.externalIPs`, which take over whatever address they name",
		hostNetwork:        "pods in the network of the worker (`hostNetwork`), and Deployments, DaemonSets, StatefulSets, Jobs and CronJobs that make such pods",
		hostPort:           "containers with a port on the worker (`hostPort`), in pods and in what makes them",
		nodePort:           "Services of `type: NodePort`",
		publicIngress:      "Ingresses of a class that is not private (see `private_ingress_classes`), and those without any class, by field or by the annotation `" + classAnnotation + "`. An Ingress without a class gets the cluster's default class before it is judged",
		publicLoadBalancer: "Services of `type: LoadBalancer` without the annotation `" + ipTypeAnnotation + ": " + ipTypePrivate + "`, or with a `loadBalancerClass`, which makes IBM's controllers ignore them",
	}
	var b strings.Builder
	b.WriteString("What is refused:")
	for _, r := range rules() {
		fmt.Fprintf(&b, "\n  - `%s`: %s;", r, about[r])
	}
	fmt.Fprintf(&b, "\n\nDefault `[\"%s\"]`.", strings.Join(ruleTexts(defaultRules()), "\", \""))
	return strings.Replace(b.String(), ";\n\n", ".\n\n", 1)
}
