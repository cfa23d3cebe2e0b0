package exposurepolicy

import (
	"fmt"
	"strings"

	admission "k8s.io/api/admissionregistration/v1"
)

// The variables of a policy. Those that hold settings are literals, so that a
// policy can be read back; the others are the same in every policy.
const (
	varMessage = "message"
	varClasses = "privateIngressClasses"
	varSubject = "subject"
)

// refusing is the variable that says whether a rule refuses a request.
func (r rule) refusing() string {
	words := strings.Split(string(r), "_")
	for i := range words {
		words[i] = strings.ToUpper(words[i][:1]) + words[i][1:]
	}
	return "refuse" + strings.Join(words, "")
}

// The object of a request and what it was before (null for a new one). Without
// its type, because a policy is about several kinds: the API server checks each
// expression against all of them.
const (
	now    = "dyn(object)"
	before = "dyn(oldObject)"
)

// variables are all that the rules need, whichever of them apply: a list that
// never changes its length keeps its order through every update. A variable is
// evaluated when it is used.
func (s settings) variables() []admission.Variable {
	kept := func(was, more string) string { return fmt.Sprintf("(oldObject != null && %s && !%s)", was, more) }
	refused := func(resource, is, was, more string) string {
		return fmt.Sprintf("request.resource.resource == '%s' && %s && !%s", resource, is, kept(was, more))
	}
	list := []struct{ name, expression string }{
		{varMessage, celString(s.message)},
		{varClasses, celList(s.privateClasses())},
		{varSubject, fmt.Sprintf("request.kind.kind + ' ' + request.namespace + '/' + %[1]s.metadata.?name.orValue(%[1]s.metadata.?generateName.orValue('') + '*')", now)},
		{"opensMorePorts", morePorts()},
		{"opensMoreHosts", moreHosts()},
		{"classes", celClasses(now)},
		{"classesBefore", celClasses(before)},
		{"podSpec", podSpec(now)},
		{"podSpecBefore", "oldObject == null ? dyn({}) : " + podSpec(before)},
		{"onHost", "variables.podSpec.?hostNetwork.orValue(false)"},
		{"onHostBefore", "variables.podSpecBefore.?hostNetwork.orValue(false)"},
		{"containers", containers("variables.podSpec")},
		{"containersBefore", containers("variables.podSpecBefore")},
		{externalIPs.refusing(), refused("services", celExternalIPs(now), celExternalIPs(before), "(variables.opensMorePorts || "+moreAddresses()+")")},
		{hostNetwork.refusing(), "request.resource.resource in " + celList(podResources()) + " && variables.onHost && !variables.onHostBefore"},
		{hostPort.refusing(), "request.resource.resource in " + celList(podResources()) + " && " + newHostPorts()},
		{nodePort.refusing(), refused("services", celNodePort(now), celNodePort(before), "variables.opensMorePorts")},
		{publicIngress.refusing(), refused("ingresses", celPublicIngress(now, "variables.classes"), celPublicIngress(before, "variables.classesBefore"), "variables.opensMoreHosts")},
		{publicLoadBalancer.refusing(), refused("services", celPublicLoadBalancer(now), celPublicLoadBalancer(before), "variables.opensMorePorts")},
	}
	out := make([]admission.Variable, len(list))
	for i, v := range list {
		out[i] = admission.Variable{Name: v.name, Expression: v.expression}
	}
	return out
}

func celExternalIPs(o string) string { return "size(" + o + ".spec.?externalIPs.orValue([])) > 0" }

func celNodePort(o string) string { return o + ".spec.?type.orValue('') == 'NodePort'" }

func celAnnotation(o, key string) string {
	return fmt.Sprintf("%s.metadata.?annotations[?%s]", o, celString(key))
}

// celPublicLoadBalancer holds for a load balancer that nothing proves private.
// IBM's controllers leave those alone that have a class of their own, so the
// annotation proves nothing there.
func celPublicLoadBalancer(o string) string {
	return fmt.Sprintf("%[1]s.spec.?type.orValue('') == 'LoadBalancer' && (has(%[1]s.spec.loadBalancerClass) || %[2]s.orValue('') != '%[3]s' || %[4]s.hasValue())",
		o, celAnnotation(o, ipTypeAnnotation), ipTypePrivate, celAnnotation(o, publicALBAnnotation))
}

// celClasses lists the classes of an Ingress: the field, and the annotation
// that an update can put beside it.
func celClasses(o string) string {
	return fmt.Sprintf("[%s.spec.?ingressClassName, %s].filter(c, c.hasValue()).map(c, c.value())", o, celAnnotation(o, classAnnotation))
}

func celPublicIngress(o, classes string) string {
	return fmt.Sprintf("(size(%[1]s) == 0 || !%[1]s.all(c, c in variables.%[2]s) || %[3]s.orValue('').contains('%[4]s'))", classes, varClasses, celAnnotation(o, albAnnotation), publicALB)
}

// morePorts holds where a Service opens a port that it did not open before, or
// to more sources.
func morePorts() string {
	sources, sourcesBefore := items(now, "loadBalancerSourceRanges"), items(before, "loadBalancerSourceRanges")
	return fmt.Sprintf("!%s.all(p, %s.exists(q, q.port == p.port && q.?protocol.orValue('TCP') == p.?protocol.orValue('TCP'))) || (size(%[4]s) > 0 && (size(%[3]s) == 0 || !%[3]s.all(r, r in %[4]s)))",
		items(now, "ports"), items(before, "ports"), sources, sourcesBefore)
}

func moreAddresses() string {
	return fmt.Sprintf("!%s.all(a, a in %s)", items(now, "externalIPs"), items(before, "externalIPs"))
}

// moreHosts holds where an Ingress answers to a host that it did not answer to.
func moreHosts() string {
	return fmt.Sprintf("(has(%[1]s.spec.defaultBackend) && !has(%[2]s.spec.defaultBackend)) || !%[3]s.all(r, %[4]s.exists(q, q.?host.orValue('') == r.?host.orValue('')))",
		now, before, items(now, "rules"), items(before, "rules"))
}

// newHostPorts holds where a container has a port on the node that none had.
func newHostPorts() string {
	return fmt.Sprintf("variables.containers.exists(c, c.?ports.orValue([]).exists(p, %[1]s != 0 && "+
		"!variables.containersBefore.exists(d, d.?ports.orValue([]).exists(q, %[2]s == %[1]s && q.?protocol.orValue('TCP') == p.?protocol.orValue('TCP') && q.?hostIP.orValue('') == p.?hostIP.orValue('')))))",
		hostPortOf("p", "variables.onHost"), hostPortOf("q", "variables.onHostBefore"))
}

func items(o, field string) string { return fmt.Sprintf("%s.spec.?%s.orValue([])", o, field) }

// hostPortOf is a container's port on the node, 0 for none. In the network of
// the node every port is one, which the API server writes down in pods only.
func hostPortOf(port, onHost string) string {
	return fmt.Sprintf("%[1]s.?hostPort.orValue(%[2]s ? %[1]s.containerPort : 0)", port, onHost)
}

// podResources are pods and what has a template of them, sorted.
func podResources() []string {
	list := []string{"pods"}
	for resource := range workloads() {
		list = append(list, resource)
	}
	return sorted(list)
}

// podSpec finds the pod in an object.
func podSpec(o string) string {
	return fmt.Sprintf("request.resource.resource == 'pods' ? %[1]s.spec : request.resource.resource == 'cronjobs' ? %[1]s.spec.jobTemplate.spec.template.spec : %[1]s.spec.template.spec", o)
}

// containers are all that can have ports: ephemeral ones cannot.
func containers(spec string) string {
	return fmt.Sprintf("%[1]s.?containers.orValue([]) + %[1]s.?initContainers.orValue([])", spec)
}

// reason is an expression for what a rule objects to, and what to do.
func (r rule) reason() string {
	const ask = ", or ask for an exemption."
	text := map[rule]string{
		externalIPs:        celString("answers on addresses that nobody vouches for (spec.externalIPs). Remove them and use a private load balancer" + ask),
		hostNetwork:        celString("runs pods in the network of the worker (hostNetwork: true). Leave that out" + ask),
		hostPort:           celString("opens ports on the worker (hostPort). Leave them out and use a private load balancer or Ingress" + ask),
		nodePort:           celString("opens a port on every worker (type: NodePort). Use type: ClusterIP, or a private load balancer" + ask),
		publicIngress:      ingressReason(ask),
		publicLoadBalancer: balancerReason(ask),
	}[r]
	return fmt.Sprintf("variables.%[1]s + ' ' + (%[2]s) + (variables.%[3]s == '' ? '' : ' ' + variables.%[3]s)", varSubject, text, varMessage)
}

func balancerReason(ask string) string {
	return fmt.Sprintf("has(%s.spec.loadBalancerClass) ? %s : %s.hasValue() ? %s : %s", now,
		celString("is a load balancer with a spec.loadBalancerClass, and IBM's annotation does not keep those private. Leave the class out"+ask),
		celAnnotation(now, publicALBAnnotation),
		celString("asks for the address of a public ALB. Remove the annotation "+publicALBAnnotation+ask),
		celString(fmt.Sprintf("is a load balancer that can get a public address. Set annotation %s: %q%s", ipTypeAnnotation, ipTypePrivate, ask)))
}

func ingressReason(ask string) string {
	return fmt.Sprintf("%s.orValue('').contains('%s') ? %s : size(variables.classes) == 0 ? %s : 'of class ' + variables.classes.join(', ') + %s + %s.join(', ') + %s",
		celAnnotation(now, albAnnotation), publicALB, celString("asks for a public ALB. Remove the annotation "+albAnnotation+ask),
		celString("has no class, so that a public ALB may serve it. Set spec.ingressClassName to a private class"+ask),
		celString(" may be served by a public ALB. Set spec.ingressClassName to a private class: "), "variables."+varClasses, celString(ask))
}

// celString writes a string literal. The text has no control characters.
func celString(text string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(text) + "'"
}

// celList writes a list of string literals.
func celList(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = celString(t)
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}

// readString reads a literal that celString wrote, and gives what follows it.
func readString(expression string) (text, rest string, ok bool) {
	rest, ok = strings.CutPrefix(expression, "'")
	var b strings.Builder
	for i := 0; ok && i < len(rest); i++ {
		switch {
		case rest[i] == '\'':
			return b.String(), rest[i+1:], true
		case rest[i] == '\\' && i+1 < len(rest):
			i++
		}
		b.WriteByte(rest[i])
	}
	return "", "", false
}

// readList reads a list that celList wrote.
func readList(expression string) (texts []string, ok bool) {
	inner, opened := strings.CutPrefix(expression, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	if !opened || !closed {
		return nil, false
	}
	for inner != "" {
		var text string
		if text, inner, ok = readString(inner); !ok {
			return nil, false
		}
		texts = append(texts, text)
		if inner == "" {
			break
		}
		if inner, ok = strings.CutPrefix(inner, ", "); !ok || inner == "" {
			return nil, false
		}
	}
	return texts, true
}
