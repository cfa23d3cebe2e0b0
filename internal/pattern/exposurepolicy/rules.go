package exposurepolicy

import (
	"slices"
	"strings"
)

// rule is one thing that a policy refuses, by its name in `deny`.
type rule string

const (
	externalIPs        rule = "external_ips"
	hostNetwork        rule = "host_network"
	hostPort           rule = "host_port"
	nodePort           rule = "node_port"
	publicIngress      rule = "public_ingress"
	publicLoadBalancer rule = "public_load_balancer"
)

// rules are all there are, in the order in which they are written.
func rules() []rule {
	return []rule{externalIPs, hostNetwork, hostPort, nodePort, publicIngress, publicLoadBalancer}
}

// defaultRules are those that no cluster in the pattern has a use for.
func defaultRules() []rule { return []rule{externalIPs, publicIngress, publicLoadBalancer} }

// workloads are the resources that have a pod template, with their API group.
func workloads() map[string]string {
	return map[string]string{"deployments": "apps", "daemonsets": "apps", "statefulsets": "apps", "jobs": "batch", "cronjobs": "batch"}
}

// aboutPods tells whether a rule looks at pods and what makes them.
func (r rule) aboutPods() bool { return r == hostNetwork || r == hostPort }

// mode says what becomes of what the policy objects to.
type mode string

const (
	modeAudit mode = "audit"
	modeWarn  mode = "warn"
	modeDeny  mode = "deny"
)

func modes() []mode { return []mode{modeAudit, modeWarn, modeDeny} }

// Annotations that decide about exposure. The first is of IBM's load balancer
// controllers, on classic and on VPC; the second gives a Service the address of
// a public ALB; the third is the older form of spec.ingressClassName, which
// NGINX heeds before that; the fourth chose single ALBs in older clusters.
const (
	ipTypeAnnotation    = "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type"
	publicALBAnnotation = "service.kubernetes.io/ibm-ingress-controller-public"
	classAnnotation     = "kubernetes.io/ingress.class"
	albAnnotation       = "ingress.bluemix.net/ALB-ID"

	ipTypePrivate = "private"
	// publicALB begins the ID of each public ALB.
	publicALB = "public-cr"
)

// ibmsPrivateClasses are the IngressClasses of IBM's private ALBs.
func ibmsPrivateClasses() []string { return []string{"private-iks-k8s-nginx", "private-iks-traefik"} }

// systemNamespaces are Kubernetes' and IBM's own, which no policy applies to:
// the ALBs' load balancers, Calico and the nodes' agents live there.
func systemNamespaces() []string {
	return []string{
		"calico-apiserver", "calico-system", "ibm-cert-store", "ibm-observe", "ibm-operators", "ibm-system",
		"kube-node-lease", "kube-public", "kube-system", "tigera-operator",
	}
}

// settings are what a policy is made of.
type settings struct {
	name string
	// deny is never empty, and in the order of rules.
	deny []rule
	mode mode
	// namespaces are exempt besides systemNamespaces.
	namespaces []string
	accounts   []account
	// classes are private besides ibmsPrivateClasses.
	classes []string
	// message ends each reason, "" for none.
	message string
	force   bool
}

// account is a service account.
type account struct{ namespace, name string }

func (a account) String() string { return a.namespace + "/" + a.name }

// userPrefix begins the user name of each service account.
const userPrefix = "system:serviceaccount:"

// user is the account's user name in requests.
func (a account) user() string { return userPrefix + a.namespace + ":" + a.name }

// exemptNamespaces are all that the policy does not apply to, sorted.
func (s settings) exemptNamespaces() []string {
	return sorted(append(systemNamespaces(), s.namespaces...))
}

// privateClasses are all classes that count as private, sorted.
func (s settings) privateClasses() []string {
	return sorted(append(ibmsPrivateClasses(), s.classes...))
}

func (s settings) denies(r rule) bool { return slices.Contains(s.deny, r) }

// deniesPods tells whether any rule looks at pods.
func (s settings) deniesPods() bool { return slices.ContainsFunc(s.deny, rule.aboutPods) }

// inOrder sorts rules as they are written, each once.
func inOrder(list []rule) []rule {
	return slices.DeleteFunc(rules(), func(r rule) bool { return !slices.Contains(list, r) })
}

// sorted gives each string once, in order.
func sorted(list []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(list)))
}

func accountTexts(accounts []account) []string {
	out := make([]string, len(accounts))
	for i, a := range accounts {
		out[i] = a.String()
	}
	return sorted(out)
}

func ruleTexts(list []rule) []string {
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = string(r)
	}
	return out
}

// accountOf reads namespace/name or namespace:name, and the user name itself.
func accountOf(text string) (account, bool) {
	text = strings.TrimPrefix(text, userPrefix)
	namespace, name, found := strings.Cut(text, "/")
	if !found {
		namespace, name, found = strings.Cut(text, ":")
	}
	return account{namespace: namespace, name: name}, found
}
