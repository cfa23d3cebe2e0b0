package edgepool

import (
	"slices"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// Healing goes on in spite of what it does not worsen, and says so.
func TestStanding(t *testing.T) {
	t.Parallel()
	// a and b were declared before, and both bear all marks but for the changes.
	healing := func(changes ...func(*situation)) *situation {
		s := plain(func(s *situation) { s.prior, s.priorEffects = s.want, s.effects })
		for i := range 2 {
			onNode(i, marked, tainted("dedicated=edge:NoSchedule"))(s)
		}
		for _, change := range changes {
			change(s)
		}
		return s
	}
	bare := func(n *corev1.Node) { unlabel(n); n.Spec.Taints = nil }
	outside := withCarrier(carrier{service: &corev1.Service{}, zone: "dal12"})
	// began says what the apply began with; the nodes are as they were then.
	began := func(changes ...func(*situation)) func(*situation) {
		return func(s *situation) { s.start = healing(changes...) }
	}
	closed := func(n *corev1.Node) { n.Spec.Taints = nil; tainted("dedicated=edge:NoSchedule")(n) }
	running := func(pods ...corev1.Pod) func(*situation) {
		return func(s *situation) { s.pods = append(s.pods, pods...) }
	}
	alone := func(s *situation) { s.nodes = s.nodes[:2] }
	tolerant := aPod("web", "a", tolerating(edgeToleration()))
	for name, test := range map[string]struct {
		situation *situation
		summary   string // of the only finding, "" for none
		stops     bool
	}{
		"nothing against it":                      {healing(), "", false},
		"one is not ready, and was so":            {healing(onNode(0, notReady)), "There are too few edge nodes", false},
		"one is not ready, the other lost all":    {healing(onNode(0, notReady), onNode(1, bare)), "There are too few edge nodes", false},
		"neither was ever marked":                 {healing(onNode(0, notReady, bare), onNode(1, bare)), "There would be too few edge nodes", true},
		"one failed in the course of the apply":   {healing(onNode(0, notReady), began()), "There would be too few edge nodes", true},
		"one is given up, with too few then":      {healing(func(s *situation) { s.want = named("a") }), "There would be too few edge nodes", true},
		"a load balancer in a zone without nodes": {healing(outside), "There are too few edge nodes", false},
		"the same, at first":                      {healing(outside, func(s *situation) { s.prior = scope{} }), "There would be too few edge nodes", true},
		"an ALB in a zone without nodes, at first": {
			healing(withCarrier(carrier{alb: &iks.ALB{ID: "x"}, zone: "dal12"}), func(s *situation) { s.prior = scope{} }), "There are too few edge nodes", false,
		},
		"an ALB in a zone of the pool, at first": {
			healing(withPool(pool("p1", func(p *iks.WorkerPool) { p.Zones = append(p.Zones, iks.PoolZone{ID: "dal12"}) })), func(s *situation) { s.prior = scope{} }),
			"There would be too few edge nodes", true,
		},
		"an ALB on another VLAN of the zone, at first": {
			healing(withCarrier(carrier{alb: &iks.ALB{ID: "x"}, zone: "dal10", vlan: "99"}), func(s *situation) { s.prior = scope{} }), "There would be too few edge nodes", true,
		},
		"a classic load balancer on another VLAN, at first": {
			healing(withCarrier(carrier{service: &corev1.Service{}, deployment: &appsv1.Deployment{}, vlan: "98"}), func(s *situation) { s.prior = scope{} }), "There are too few edge nodes", false,
		},
		"one of two in another pool's zone, at first": {
			healing(withCarrier(carrier{alb: &iks.ALB{ID: "x"}, zone: "dal12"}), onNode(2, in("dal12"), marked), func(s *situation) { s.prior = scope{} }), "There are too few edge nodes", false,
		},

		"no other node is left, as before":                         {healing(func(s *situation) { s.nodes = s.nodes[:2] }), "The other workloads would have nowhere to run", false},
		"workloads run on one that lost all":                       {healing(onNode(1, bare), func(s *situation) { s.nodes = s.nodes[:2] }), "The other workloads would have nowhere to run", true},
		"cut off, pods have still to leave and too few are ready":  {healing(onNode(0, notReady), onNode(1, closed), running(aPod("web", "b"))), "There would be too few edge nodes", true},
		"cut off, nobody has to leave and too few are ready":       {healing(onNode(0, notReady), onNode(1, closed), running(tolerant, aPod("web", "c"))), "There are too few edge nodes", false},
		"cut off, pods have still to leave and have nowhere to go": {healing(onNode(1, closed), alone, running(aPod("web", "b"))), "The other workloads would have nowhere to run", true},
		"cut off, there was room before it closed the node":        {healing(onNode(1, closed), alone), "The other workloads would have nowhere to run", true},
		"pods came onto a node that lost NoExecute, an ALB in a zone without nodes": {
			healing(onNode(1, closed), running(aPod("web", "b")), withCarrier(carrier{alb: &iks.ALB{ID: "x"}, zone: "dal12"})), "There are too few edge nodes", false,
		},
		"dark, and was so":                    {healing(withService(localService("web"), aPod("web", "c"))), "Services are dark", false},
		"dark without any edge node":          {healing(onNode(0, bare), onNode(1, bare), withService(localService("web"), aPod("web", "c"))), "Services would go dark", true},
		"it answers from a node that lost it": {healing(onNode(0, func(n *corev1.Node) { n.Spec.Taints = nil }), withService(localService("web"), aPod("web", "a"))), "Services would go dark", true},
		"it answers":                          {healing(withService(localService("web"), tolerant)), "", false},

		"an autoscaled pool": {
			healing(withPool(pool("p1")), func(s *situation) {
				s.want.pool.Autoscaled, s.prior, s.autoscaler = true, s.want, minimums{"edge-p1": 1}
			}), "The autoscaler may leave too few edge nodes", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said []string
			w := &work{said: map[string]bool{}, warn: func(summary, _ string) { said = append(said, summary) }}
			w.declared.enforce = true
			err := w.judge(test.situation)
			if (err != nil) != test.stops {
				t.Errorf("got %v", err)
			}
			var want []string
			if test.summary != "" && !test.stops {
				want = []string{test.summary}
			}
			if !slices.Equal(said, want) {
				t.Errorf("said %q, want %q", said, want)
			}
			if found := test.situation.check(); test.summary != "" && (len(found) != 1 || found[0].summary != test.summary) {
				t.Errorf("found %+v", found)
			}
		})
	}
}
