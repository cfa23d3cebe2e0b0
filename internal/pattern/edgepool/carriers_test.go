package edgepool

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// demanding makes a deployment whose pods demand labels of their node, as
// key, value, key, value.
func demanding(namespace, name string, labels ...string) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Generation: 3}}
	replicas := int32(2)
	d.Spec.Replicas = &replicas
	d.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}
	term := corev1.NodeSelectorTerm{}
	for i := 0; i < len(labels); i += 2 {
		term.MatchExpressions = append(term.MatchExpressions, corev1.NodeSelectorRequirement{Key: labels[i], Operator: corev1.NodeSelectorOpIn, Values: []string{labels[i+1]}})
	}
	d.Spec.Template.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{term}},
	}}
	return d
}

// albOn makes an ALB of zone dal10 that demands a value of `dedicated`, with a
// pod on each of the nodes.
func albOn(demanded string, nodes ...string) carrier {
	c := carrier{alb: &iks.ALB{ID: "public-crc1-alb1", Enabled: true}, zone: "dal10", deployment: demanding(albNamespace, "public-crc1-alb1")}
	if demanded != "" {
		c.deployment = demanding(albNamespace, "public-crc1-alb1", "dedicated", demanded)
	}
	for _, node := range nodes {
		p := aPod("public-crc1-alb1", node)
		c.pods = append(c.pods, &p)
	}
	return c
}

func balancerOn(demanded string, nodes ...string) carrier {
	c := albOn(demanded, nodes...)
	c.alb, c.service, c.zone, c.vlan = nil, &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: "web"}}, "", "11"
	return c
}

func TestMisplaced(t *testing.T) {
	t.Parallel()
	edge := []corev1.Node{aNode("a", marked), aNode("b", marked), aNode("c"), aNode("d")}
	one := []corev1.Node{aNode("a", marked), aNode("c"), aNode("d")}
	none := []corev1.Node{aNode("c"), aNode("d")}
	elsewhere := []corev1.Node{aNode("a", marked, in("dal12"), labelled(publicVLANLabel, "21")), aNode("b", marked, in("dal12"), labelled(publicVLANLabel, "21"))}
	vpc := carrier{service: &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web"}}}
	told := carrier{service: &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: "web", Annotations: map[string]string{relocatedAnnotation: edgeMark(edge)}}}}
	undeployed := albOn("")
	undeployed.deployment = nil
	for name, test := range map[string]struct {
		carrier carrier
		nodes   []corev1.Node
		want    bool
	}{
		"an ALB anywhere, edge nodes come":             {albOn("", "c", "d"), edge, true},
		"an ALB on edge nodes":                         {albOn("edge", "a", "b"), edge, false},
		"an ALB that demands edge but is not there":    {albOn("edge", "a", "d"), edge, true},
		"an ALB that is on edge nodes by chance":       {albOn("", "a", "b"), edge, true},
		"an ALB on edge nodes, the edge nodes go":      {albOn("edge", "a", "b"), none, true},
		"an ALB anywhere, no edge nodes":               {albOn("", "c", "d"), none, false},
		"an ALB anywhere, edge nodes in another zone":  {albOn("", "c", "d"), elsewhere, false},
		"an ALB anywhere, one edge node":               {albOn("", "c", "d"), one, false},
		"an ALB on edge, one edge node is left":        {albOn("edge", "a"), one, false},
		"an ALB that is about to be deployed":          {undeployed, edge, false},
		"a load balancer anywhere, edge nodes come":    {balancerOn("", "c", "d"), edge, true},
		"a load balancer anywhere, one edge node":      {balancerOn("", "c", "d"), one, true},
		"a load balancer on edge nodes":                {balancerOn("edge", "a", "b"), edge, false},
		"a load balancer on edge, none is left":        {balancerOn("edge", "a", "b"), none, true},
		"a load balancer on edge, none on its VLAN":    {balancerOn("edge", "a", "b"), elsewhere, true},
		"a load balancer on gateways":                  {balancerOn("gateway", "c", "d"), edge, false},
		"a VPC load balancer that was not told":        {vpc, edge, true},
		"a VPC load balancer that was told":            {told, edge, false},
		"a VPC load balancer that was told of others":  {told, one, true},
		"a VPC load balancer, the edge nodes go":       {told, none, true},
		"a VPC load balancer where never was any edge": {vpc, none, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.carrier.misplaced(test.nodes, edgeMark(test.nodes)); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestFindCarriers(t *testing.T) {
	t.Parallel()
	service := func(name, ip, hostname string, changes ...func(*corev1.Service)) corev1.Service {
		s := corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}, Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
		s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: ip, Hostname: hostname}}
		for _, change := range changes {
			change(&s)
		}
		return s
	}
	albs := []iks.ALB{
		{ID: "public-crc1-alb1", Enabled: true, Zone: "dal10", VLANID: "11"},
		{ID: "private-crc1-alb1", Zone: "dal10"},
		{ID: "public-crc1-alb2", Enabled: true, DisableDeployment: true},
	}
	services := []corev1.Service{
		service("web", "169.61.1.5", ""),
		service("pending", "", ""),
		service("vpc", "", "1234.lb.appdomain.cloud", func(s *corev1.Service) { s.Annotations = map[string]string{balancerZone: "us-south-1"} }),
		service("inner", "", "", func(s *corev1.Service) { s.Spec.Type = corev1.ServiceTypeClusterIP }),
		service("metal", "169.61.1.6", "", func(s *corev1.Service) { class := "metallb"; s.Spec.LoadBalancerClass = &class }),
	}
	deployments := []appsv1.Deployment{
		*demanding(albNamespace, "public-crc1-alb1"),
		*demanding(balancerNamespace, "ibm-cloud-provider-ip-169-61-1-5", privateVLANLabel, "12", "dedicated", "edge"),
		*demanding(balancerNamespace, "ibm-cloud-provider-ip-169-61-1-6"),
	}
	pods := []corev1.Pod{
		aPod("public-crc1-alb1", "a", func(p *corev1.Pod) { p.Namespace = albNamespace }),
		aPod("public-crc1-alb1", "b"), // of the same name elsewhere
	}
	for name, test := range map[string]struct {
		onVPC bool
		want  []string
	}{
		"classic": {false, []string{"ALB public-crc1-alb1 zone dal10, VLAN 11", "load balancer shop/web VLAN 12"}},
		"VPC":     {true, []string{"ALB public-crc1-alb1 zone dal10, VLAN 11", "load balancer shop/pending VLAN ", "load balancer shop/vpc zone us-south-1", "load balancer shop/web VLAN 12"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			for _, c := range findCarriers(albs, services, deployments, pods, test.onVPC) {
				got = append(got, c.String()+" "+spot{c.zone, c.vlan}.String())
				if c.alb != nil && len(c.pods) != 1 {
					t.Errorf("%s has %d pods", c, len(c.pods))
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}

func TestRequiredNode(t *testing.T) {
	t.Parallel()
	twoWays := demanding("n", "d", "dedicated", "edge")
	terms := &twoWays.Spec.Template.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	*terms = append(*terms, corev1.NodeSelectorTerm{})
	bothWays := demanding("n", "d", "dedicated", "edge")
	terms = &bothWays.Spec.Template.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	*terms = append(*terms, (*terms)[0])
	simple := demanding("n", "d")
	simple.Spec.Template.Spec.Affinity = nil
	simple.Spec.Template.Spec.NodeSelector = map[string]string{"dedicated": "edge"}
	for name, test := range map[string]struct {
		deployment *appsv1.Deployment
		want       string
	}{
		"none":                   {demanding("n", "d"), ""},
		"by affinity":            {demanding("n", "d", "x", "y", "dedicated", "edge"), "edge"},
		"by selector":            {simple, "edge"},
		"another way in":         {twoWays, ""},
		"the same in both terms": {bothWays, "edge"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := requiredNode(test.deployment, markKey); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestRolledOut(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*appsv1.Deployment)
		want   bool
	}{
		"all there":         {func(*appsv1.Deployment) {}, true},
		"one of two serves": {func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 1 }, true},
		"none serves":       {func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 0 }, false},
		"not looked at yet": {func(d *appsv1.Deployment) { d.Generation = 4 }, false},
		"half updated":      {func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 1 }, false},
		"old pods are left": {func(d *appsv1.Deployment) { d.Status.Replicas = 3 }, false},
		"scaled to nothing": {func(d *appsv1.Deployment) {
			zero := int32(0)
			d.Spec.Replicas = &zero
			d.Status = appsv1.DeploymentStatus{ObservedGeneration: 3}
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := albOn("edge", "a")
			test.change(c.deployment)
			if got := c.rolledOut(); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestEdgeMark(t *testing.T) {
	t.Parallel()
	a, b, c := aNode("a", marked), aNode("b", marked), aNode("c")
	if edgeMark([]corev1.Node{c}) != "" {
		t.Error("there is a mark without edge nodes")
	}
	if edgeMark([]corev1.Node{a, b, c}) != edgeMark([]corev1.Node{b, a}) {
		t.Error("the mark depends on more than the edge nodes")
	}
	if edgeMark([]corev1.Node{a}) == edgeMark([]corev1.Node{b}) {
		t.Error("other edge nodes have the same mark")
	}
}
