package edgepool

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// plain is a situation in which nothing stands against making a and b edge
// nodes: two more nodes are left for the workloads.
func plain(changes ...func(*situation)) *situation {
	s := &situation{
		transition: transition{want: named("a", "b"), effects: both()},
		declared:   declaration{names: []string{"a", "b"}, effects: both(), minimum: 2, relocate: true, enforce: true},
		nodes:      []corev1.Node{aNode("a"), aNode("b"), aNode("c"), aNode("d")},
	}
	for _, change := range changes {
		change(s)
	}
	return s
}

func onNode(index int, changes ...func(*corev1.Node)) func(*situation) {
	return func(s *situation) {
		for _, change := range changes {
			change(&s.nodes[index])
		}
	}
}

func withPool(p scope) func(*situation) {
	return func(s *situation) {
		s.want, s.declared.names, s.declared.pool = p, nil, p.pool.Name
		onNode(2, ofOtherPool)(s)
		onNode(3, ofOtherPool)(s)
	}
}

func withCarrier(c carrier) func(*situation) {
	return func(s *situation) { s.carriers = append(s.carriers, c) }
}

func localService(name string) corev1.Service {
	return corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name},
		Spec: corev1.ServiceSpec{
			Type: corev1.ServiceTypeLoadBalancer, ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyLocal,
			Selector: map[string]string{"app": name},
		},
	}
}

func withService(s corev1.Service, pods ...corev1.Pod) func(*situation) {
	return func(all *situation) {
		all.services = append(all.services, s)
		all.pods = append(all.pods, pods...)
	}
}

func TestChecks(t *testing.T) {
	t.Parallel()
	alb := func(zone, vlan string) carrier {
		return carrier{alb: &iks.ALB{ID: "public-crc1-alb1"}, zone: zone, vlan: vlan}
	}
	cluster := localService("web")
	cluster.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyCluster
	nodePort := localService("web")
	nodePort.Spec.Type = corev1.ServiceTypeNodePort
	ofIBM := localService("public-crc1-alb1")
	ofIBM.Namespace = albNamespace
	ofOthers := localService("web")
	ofOthers.Spec.LoadBalancerClass = new("example.com/other")
	autoscaled := pool("p1", func(p *iks.WorkerPool) { p.Autoscaled = true })
	for name, test := range map[string]struct {
		situation *situation
		// Part of the summary and of the detail of the only finding, "" for none.
		summary, detail string
		final           bool
	}{
		"nothing against it":             {plain(), "", "", false},
		"a pool":                         {plain(withPool(pool("p1"))), "", "", false},
		"a pool that is complete":        {plain(withPool(pool("p1", poolMarked(markValue, "edge:NoExecute"))), onNode(0, marked), onNode(1, marked)), "", "", false},
		"the pool is labelled gateway":   {plain(withPool(pool("p1", poolMarked("gateway", "")))), "dedicated to something else", "dedicated=gateway", true},
		"the pool is tainted gateway":    {plain(withPool(pool("p1", poolMarked("", "gateway:NoExecute")))), "dedicated to something else", "dedicated=gateway:NoExecute", true},
		"somebody's effect would go":     {plain(withPool(pool("p1", poolMarked("", "edge:NoSchedule"))), func(s *situation) { s.effects = effects{noExecute} }), "another effect", "dedicated=edge:NoSchedule", false},
		"the effect moves to the nodes":  {plain(withPool(pool("p1", poolMarked("", "edge:NoSchedule")))), "", "", false},
		"our own effect was overwritten": {plain(withPool(pool("p1", poolMarked("", "edge:NoSchedule"))), func(s *situation) { s.effects, s.prior = effects{noExecute}, pool("p1") }), "", "", false},

		"a node is labelled gateway":           {plain(onNode(0, labelled(markKey, "gateway")), func(s *situation) { s.declared.minimum = 1 }), "dedicated to something else", "a (label dedicated=gateway)", false},
		"a node is tainted gateway":            {plain(onNode(1, tainted("dedicated=gateway:NoSchedule")), func(s *situation) { s.declared.minimum = 1 }), "dedicated to something else", "b (taint dedicated=gateway:NoSchedule)", false},
		"complete, with a foreign taint on it": {plain(onNode(0, marked, tainted("dedicated=gateway:NoSchedule")), func(s *situation) { s.effects, s.declared.minimum = effects{noExecute}, 1 }), "", "", false},

		"a name without a node": {plain(func(s *situation) { s.want = named("a", "b", "x") }), "do not exist", "x", false},
		"a pool without nodes":  {plain(withPool(pool("p9", func(p *iks.WorkerPool) { p.Zones = nil }))), "no node to become", "worker pool edge-p9", false},

		"one of two is not ready":                     {plain(onNode(0, notReady)), "too few", "zone dal10: 1 of 2", false},
		"one of two is cordoned":                      {plain(onNode(0, cordoned)), "too few", "zone dal10: 1 of 2", false},
		"a zone of the pool has no node":              {plain(withPool(pool("p1", func(p *iks.WorkerPool) { p.Zones = append(p.Zones, iks.PoolZone{ID: "dal12"}) }))), "too few", "zone dal12: 0 of 2", false},
		"an ALB in a zone outside the pool":           {plain(withPool(pool("p1")), withCarrier(alb("dal12", ""))), "too few", "zone dal12: 0 of 2 for ALB public-crc1-alb1", false},
		"an ALB on a VLAN without edge nodes":         {plain(withCarrier(alb("dal10", "99"))), "too few", "zone dal10, VLAN 99: 0 of 2", false},
		"an ALB on the nodes' VLAN":                   {plain(withCarrier(alb("dal10", "12"))), "", "", false},
		"a load balancer on a VLAN of unknown zone":   {plain(withCarrier(carrier{service: &cluster, vlan: "98"})), "too few", "VLAN 98: 0 of 2 for load balancer shop/web", false},
		"a load balancer that may be anywhere":        {plain(withCarrier(carrier{service: &cluster})), "", "", false},
		"another edge pool helps out":                 {plain(onNode(0, notReady), onNode(2, marked)), "", "", false},
		"another edge pool helps out, but is leaving": {plain(onNode(0, notReady), onNode(2, marked), func(s *situation) { s.prior = named("c") }), "too few", "1 of 2", false},
		"three are wanted":                            {plain(func(s *situation) { s.declared.minimum = 3 }), "too few", "2 of 3", false},

		"nobody is left":                 {plain(func(s *situation) { s.nodes = s.nodes[:2] }), "nowhere to run", "", false},
		"only a cordoned node is left":   {plain(onNode(2, cordoned), onNode(3, notReady)), "nowhere to run", "", false},
		"only GPU nodes are left":        {plain(onNode(2, tainted("gpu=yes:NoSchedule")), onNode(3, tainted("gpu=yes:NoExecute"))), "nowhere to run", "", false},
		"only other edge nodes":          {plain(onNode(2, marked), onNode(3, marked)), "nowhere to run", "", false},
		"edge nodes that are given up":   {plain(onNode(2, marked), onNode(3, marked), func(s *situation) { s.prior, s.priorEffects = named("c", "d"), both() }), "", "", false},
		"a node that one had rather not": {plain(onNode(2, tainted("x=y:PreferNoSchedule")), onNode(3, notReady)), "", "", false},

		"local, no pod on an edge node":        {plain(withService(localService("web"), aPod("web", "c", tolerating(edgeToleration())))), "go dark", "shop/web", false},
		"local, the pod does not tolerate":     {plain(withService(localService("web"), aPod("web", "a"))), "go dark", "shop/web", false},
		"local, the pod tolerates for a while": {plain(withService(localService("web"), aPod("web", "a", tolerating(forAWhile())))), "go dark", "shop/web", false},
		"local, the pod is not ready":          {plain(withService(localService("web"), aPod("web", "a", tolerating(edgeToleration()), unready))), "go dark", "shop/web", false},
		"local, one effect only is tolerated":  {plain(withService(localService("web"), aPod("web", "a", tolerating(corev1.Toleration{Key: markKey, Value: markValue, Effect: noExecute})))), "go dark", "shop/web", false},
		"local, a pod is there to stay":        {plain(withService(localService("web"), aPod("web", "a", tolerating(edgeToleration())), aPod("web", "c"))), "", "", false},
		"cluster-wide traffic":                 {plain(withService(cluster, aPod("web", "c"))), "", "", false},
		"a node port":                          {plain(withService(nodePort, aPod("web", "c"))), "", "", false},
		"an ALB's own":                         {plain(withService(ofIBM)), "", "", false},
		"another controller's load balancer":   {plain(withService(ofOthers, aPod("web", "c"))), "", "", false},
		"pods cannot be seen":                  {plain(withService(localService("web")), func(s *situation) { s.podsUnseen = true }), "", "", false},

		"autoscaled down to one":               {plain(withPool(autoscaled), func(s *situation) { s.autoscaler = minimums{"edge-p1": 1} }), "autoscaler may leave too few", "minimum of 1", false},
		"autoscaled down to one, by ID":        {plain(withPool(autoscaled), func(s *situation) { s.autoscaler = minimums{"p1": 1} }), "autoscaler may leave too few", "", false},
		"autoscaled down to two":               {plain(withPool(autoscaled), func(s *situation) { s.autoscaler = minimums{"edge-p1": 2} }), "", "", false},
		"autoscaled, the settings are unknown": {plain(withPool(autoscaled)), "", "", false},
		"names in an autoscaled pool":          {plain(func(s *situation) { s.pools = []iks.WorkerPool{*autoscaled.pool} }), "autoscaler adds and removes", "a, b", false},
		"names beside an autoscaled pool":      {plain(func(s *situation) { s.pools = []iks.WorkerPool{{ID: "p7", Autoscaled: true}} }), "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := test.situation.check()
			if test.summary == "" {
				if len(found) > 0 {
					t.Fatalf("found %+v", found)
				}
				return
			}
			if len(found) != 1 {
				t.Fatalf("found %d: %+v", len(found), found)
			}
			f := found[0]
			if !strings.Contains(f.summary, test.summary) || !strings.Contains(f.detail, test.detail) || f.final != test.final || f.at.String() == "" {
				t.Errorf("found %+v", f)
			}
		})
	}
}

func forAWhile() corev1.Toleration {
	t, seconds := edgeToleration(), int64(300)
	t.TolerationSeconds = &seconds
	return t
}

func unready(p *corev1.Pod) { p.Status.Conditions[0].Status = corev1.ConditionFalse }

func TestJudge(t *testing.T) {
	t.Parallel()
	tooFew := plain(onNode(0, notReady))
	foreign := plain(withPool(pool("p1", poolMarked("gateway", ""))), onNode(0, notReady))
	for name, test := range map[string]struct {
		situation *situation
		enforce   bool
		refused   string
		warnings  []string
	}{
		"enforced":                  {tooFew, true, "There would be too few edge nodes", nil},
		"warned of, and once":       {tooFew, false, "", []string{"There would be too few edge nodes"}},
		"final whatever is wanted":  {foreign, false, "The worker pool is dedicated to something else", []string{"There would be too few edge nodes"}},
		"several, all of them said": {foreign, true, "There would be too few edge nodes", nil},
		"nothing to say":            {plain(), true, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var warnings []string
			w := &work{said: map[string]bool{}, warn: func(summary, _ string) { warnings = append(warnings, summary) }}
			w.declared.enforce = test.enforce
			err := w.judge(test.situation)
			if again := w.judge(test.situation); (again == nil) != (err == nil) {
				t.Errorf("the second time: %v", again)
			}
			if test.refused == "" && err != nil || test.refused != "" && (err == nil || !strings.Contains(err.Error(), test.refused)) {
				t.Errorf("got %v, want %q", err, test.refused)
			}
			if !slices.Equal(warnings, test.warnings) {
				t.Errorf("warnings %q, want %q", warnings, test.warnings)
			}
		})
	}
}

func TestExactlyTwo(t *testing.T) {
	t.Parallel()
	alb := carrier{alb: &iks.ALB{ID: "x"}, zone: "dal10"}
	for name, test := range map[string]struct {
		situation *situation
		want      []string
	}{
		"two and an ALB":   {plain(withCarrier(alb)), []string{"zone dal10"}},
		"two and no ALB":   {plain(), nil},
		"three and an ALB": {plain(withCarrier(alb), onNode(2, marked)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.situation.exactlyTwo(); !slices.Equal(got, test.want) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPreview(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		situation *situation
		// Parts of the sentences, in their order; nothing else is said.
		want []string
	}{
		"nothing to do": {plain(onNode(0, marked, tainted("dedicated=edge:NoSchedule")), onNode(1, marked, tainted("dedicated=edge:NoSchedule"))), nil},
		"two nodes":     {plain(), []string{"2 nodes get the label dedicated=edge and the taints dedicated=edge:NoExecute and dedicated=edge:NoSchedule, as far as they lack them: a, b."}},
		"workloads on them": {
			plain(func(s *situation) {
				s.pods = []corev1.Pod{
					aPod("web", "a"), aPod("web2", "b"), aPod("elsewhere", "c"),
					aPod("alone", "a", func(p *corev1.Pod) { p.OwnerReferences = nil }),
					aPod("cache", "b", func(p *corev1.Pod) {
						p.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
					}),
					aPod("agent", "a", ofDaemonSet), aPod("agent", "b", ofDaemonSet),
				}
			}),
			[]string{"2 nodes get", "4 pods are evicted", "gone for good: shop/alone.", "emptyDir volumes: shop/cache.", "DaemonSets do not tolerate dedicated=edge:NoExecute and vanish from these nodes, monitoring and security agents among them: shop/agent."},
		},
		"one node leaves": {
			plain(onNode(2, marked), func(s *situation) { s.prior, s.priorEffects = named("c"), effects{noExecute} }),
			[]string{"2 nodes get", "1 node is not an edge node any more: c."},
		},
		"it would be refused": {plain(onNode(0, notReady)), []string{"As things are now, applying this will be refused. There would be too few edge nodes", "2 nodes get"}},
		"it would be warned of": {
			plain(onNode(0, notReady), func(s *situation) { s.declared.enforce = false }),
			[]string{"Applying this goes on although: There would be too few", "2 nodes get"},
		},
		"something may not be seen": {
			plain(func(s *situation) { s.podsUnseen, s.unseen = true, []string{"which pods would have to leave"} }),
			[]string{"2 nodes get", "This identity may not see which pods would have to leave."},
		},
		"an ALB has to move, and two nodes": {
			plain(withCarrier(albOn("", "c"))),
			[]string{"2 nodes get", "1 load balancer or ALB is redeployed, zone after zone: ALB public-crc1-alb1.", "exactly two edge nodes in zone dal10"},
		},
		"an ALB has to move, and may not": {
			plain(withCarrier(albOn("", "c")), func(s *situation) { s.declared.relocate = false }),
			[]string{"2 nodes get", "exactly two edge nodes in zone dal10"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.situation.preview()
			if len(got) != len(test.want) {
				t.Fatalf("got %d sentences:\n%s", len(got), strings.Join(got, "\n"))
			}
			for i, want := range test.want {
				if !strings.Contains(got[i], want) {
					t.Errorf("sentence %d: %q does not say %q", i, got[i], want)
				}
			}
		})
	}
}

// A plan of a thousand nodes stays readable, and quick.
func TestPreviewOfManyNodes(t *testing.T) {
	t.Parallel()
	s := plain(func(s *situation) {
		s.want = pool("p1")
		for i := range 1000 {
			s.nodes = append(s.nodes, aNode(fmt.Sprintf("10.0.%d.%d", i/250, i%250)))
		}
		s.nodes = append(s.nodes, aNode("z", ofOtherPool))
	})
	got := s.preview()
	if len(got) != 1 || !strings.Contains(got[0], "1004 nodes get") || !strings.Contains(got[0], "and 994 more") {
		t.Errorf("got %q", got)
	}
}
