package edgepool

import (
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

func TestVerdict(t *testing.T) {
	t.Parallel()
	ours := poolMarked(markValue, "edge:NoExecute")
	pooled := declaration{pool: "edge-p1", effects: effects{noExecute}, minimum: 2, enforce: true}
	pooledBoth := pooled
	pooledBoth.effects = both()
	byName := declaration{names: []string{"10.0.0.1", "10.0.0.2"}, effects: both(), minimum: 1, enforce: true}
	complete := []corev1.Node{aNode("10.0.0.1", marked), aNode("10.0.0.2", marked)}
	for name, test := range map[string]struct {
		declared       declaration
		scope          scope
		nodes          []corev1.Node
		settling       bool
		drift, missing []string
	}{
		"all as declared": {pooled, pool("p1", ours), complete, false, nil, nil},
		"a label and a taint are gone": {
			pooled, pool("p1", ours),
			[]corev1.Node{aNode("10.0.0.10", tainted("dedicated=edge:NoExecute")), aNode("10.0.0.9", labelled(markKey, markValue))},
			false,
			[]string{"10.0.0.9: taint dedicated=edge:NoExecute missing", "10.0.0.10: label dedicated=edge missing"},
			nil,
		},
		"the pool was changed moments ago": {
			pooled, pool("p1", ours),
			[]corev1.Node{aNode("10.0.0.1"), aNode("10.0.0.2", marked)},
			true,
			nil,
			[]string{"10.0.0.1: label dedicated=edge missing", "10.0.0.1: taint dedicated=edge:NoExecute missing"},
		},
		"the pool lost both": {
			pooled, pool("p1"), complete, false,
			[]string{"worker pool edge-p1: label dedicated=edge missing", "worker pool edge-p1: taint dedicated=edge:NoExecute missing"},
			nil,
		},
		"the pool has other values": {
			pooled, pool("p1", poolMarked("gateway", "edge:NoSchedule")), complete, false,
			[]string{"worker pool edge-p1: label dedicated=gateway instead of dedicated=edge", "worker pool edge-p1: taint dedicated=edge:NoSchedule instead of dedicated=edge:NoExecute"},
			nil,
		},
		"a node of somebody else's": {
			pooled, pool("p1", ours),
			[]corev1.Node{aNode("10.0.0.1", marked), aNode("10.0.0.2", marked, labelled(markKey, "gateway"))},
			false,
			[]string{"10.0.0.2: label dedicated=gateway instead of dedicated=edge"},
			nil,
		},
		"the second effect is missing on an old node only": {
			pooledBoth, pool("p1", ours),
			[]corev1.Node{aNode("10.0.0.1", marked), aNode("10.0.0.2", marked, bornAgo(9*time.Minute)), aNode("10.0.0.3", marked, bornAgo(11*time.Minute))},
			false,
			[]string{"10.0.0.1: taint dedicated=edge:NoSchedule missing", "10.0.0.3: taint dedicated=edge:NoSchedule missing"},
			nil,
		},
		"the second effect is never IKS's to bring": {
			pooledBoth, pool("p1", ours),
			[]corev1.Node{aNode("10.0.0.1", marked), aNode("10.0.0.2", marked)},
			true,
			[]string{"10.0.0.1: taint dedicated=edge:NoSchedule missing", "10.0.0.2: taint dedicated=edge:NoSchedule missing"},
			nil,
		},
		"a declared node is gone, another is new": {
			byName, named("10.0.0.1", "10.0.0.2"),
			[]corev1.Node{aNode("10.0.0.1", bornAgo(time.Minute))},
			true,
			[]string{"10.0.0.1: label dedicated=edge missing", "10.0.0.1: taint dedicated=edge:NoExecute missing", "10.0.0.1: taint dedicated=edge:NoSchedule missing", "10.0.0.2: there is no such node"},
			nil,
		},
		"nothing matches the selector": {
			declaration{selector: map[string]string{"a": "b"}, effects: both(), minimum: 2, enforce: true},
			scope{selector: map[string]string{"a": "b"}},
			nil, false,
			[]string{"no node matches node_selector"},
			nil,
		},
		"a drain was cut off": {
			pooled, pool("p1", ours),
			[]corev1.Node{aNode("10.0.0.1", marked, held), aNode("10.0.0.2", marked)},
			false,
			[]string{"10.0.0.1: still closed for a drain that was not finished"},
			nil,
		},
		"one of two is not ready": {
			pooled, pool("p1", ours),
			[]corev1.Node{aNode("10.0.0.1", marked), aNode("10.0.0.2", marked, notReady)},
			false,
			nil,
			[]string{"zone dal10: 1 of 2 edge nodes ready"},
		},
		"one of three is not ready": {
			pooled, pool("p1", ours), []corev1.Node{aNode("10.0.0.1", marked), aNode("10.0.0.2", marked, notReady), aNode("10.0.0.3", marked)}, false, nil, nil,
		},
		"one of two is not ready, and nobody minds": {
			declaration{pool: "edge-p1", effects: effects{noExecute}, minimum: 2}, pool("p1", ours), []corev1.Node{aNode("10.0.0.1", marked), aNode("10.0.0.2", marked, notReady)}, false, nil, nil,
		},
		"a zone of the pool is empty": {
			pooled, pool("p1", ours, func(p *iks.WorkerPool) { p.Zones = append(p.Zones, iks.PoolZone{ID: "dal12"}) }), complete, false,
			nil,
			[]string{"zone dal12: 0 of 1 edge nodes ready"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := comparison{declared: test.declared, scope: test.scope, nodes: test.scope.nodes(test.nodes), now: today(), settling: test.settling}
			drift, missing := c.verdict()
			if !slices.Equal(drift, test.drift) {
				t.Errorf("drift:\n got %q\nwant %q", drift, test.drift)
			}
			if !slices.Equal(missing, test.missing) {
				t.Errorf("missing:\n got %q\nwant %q", missing, test.missing)
			}
		})
	}
}

// heir is a plan for a pool.
func heir(prior *model, pool string) *model {
	m := byPool(pool, func(m *model) { m.Ready = types.BoolUnknown() })
	m.inherit(prior)
	return m
}

// Whatever happens to nodes after a resource was in effect once is no reason to
// plan again, nor to wait.
func TestNotReadyLater(t *testing.T) {
	t.Parallel()
	drifted, planned := byPool("edge"), byPool("edge")
	drifted.Ready, drifted.Drift = types.BoolValue(false), framework.StringList([]string{"10.0.0.1: label dedicated=edge missing"})
	planned.Ready = types.BoolUnknown()
	for name, test := range map[string]struct {
		m      *model
		proven bool
	}{
		"ready":   {byPool("edge", func(m *model) { m.Ready = types.BoolValue(true) }), true},
		"drifted": {drifted, true},
		"not ready so far, half done": {byPool("edge", func(m *model) {
			m.Ready, m.Drift = types.BoolValue(false), framework.StringList([]string{neverReady, "worker pool edge: taint dedicated=edge:NoExecute missing"})
		}), false},
		"not ready so far": {byPool("edge", func(m *model) { m.Ready = types.BoolValue(false) }), false},
		"planned":          {planned, false},
		"planned, ready":   {heir(drifted, "edge"), true},
		"other nodes":      {heir(drifted, "other"), false},
		"not created yet":  {heir(nil, "edge"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := pool("p1", poolMarked(markValue, "edge:NoExecute"), func(p *iks.WorkerPool) { p.Zones = append(p.Zones, iks.PoolZone{ID: "dal12"}) })
			nodes := []corev1.Node{aNode("10.0.0.1", marked), aNode("10.0.0.2", marked, notReady)}
			d := declaration{pool: "edge-p1", effects: effects{noExecute}, minimum: 2, enforce: true}
			drift, missing := comparison{declared: d, scope: s, nodes: s.nodes(nodes), now: today(), proven: test.m.proven()}.verdict()
			if len(drift) > 0 || (len(missing) == 0) != test.proven {
				t.Errorf("drift %q, missing %q", drift, missing)
			}
		})
	}
}

func TestMarksOf(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		scope  scope
		nodes  []corev1.Node
		want   effects
		marked bool
	}{
		"a plain pool":            {pool("p1"), []corev1.Node{aNode("a"), aNode("b")}, effects{noExecute}, false},
		"a pool with its label":   {pool("p1", poolMarked(markValue, "")), []corev1.Node{aNode("a")}, effects{noExecute}, true},
		"a pool with NoSchedule":  {pool("p1", poolMarked(markValue, "edge:NoSchedule")), []corev1.Node{aNode("a", tainted("dedicated=edge:NoSchedule"))}, effects{noSchedule}, true},
		"a pool and both":         {pool("p1", poolMarked(markValue, "edge:NoExecute")), []corev1.Node{aNode("a", marked, tainted("dedicated=edge:NoSchedule"))}, both(), true},
		"both on some nodes only": {pool("p1", poolMarked(markValue, "edge:NoExecute")), []corev1.Node{aNode("a", marked, tainted("dedicated=edge:NoSchedule")), aNode("b", marked)}, effects{noExecute}, true},
		"a gateway pool":          {pool("p1", poolMarked("gateway", "gateway:NoExecute")), nil, effects{noExecute}, false},
		"a pool without nodes":    {pool("p1", poolMarked(markValue, "edge:NoExecute")), nil, effects{noExecute}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, marked := marksOf(test.scope, test.scope.nodes(test.nodes))
			if !slices.Equal(got, test.want) || marked != test.marked {
				t.Errorf("got %v, %t, want %v, %t", got, marked, test.want, test.marked)
			}
		})
	}
}

func TestJoinHostEndpoints(t *testing.T) {
	t.Parallel()
	one, two := aNode("10.0.0.1"), aNode("10.0.0.2")
	got := joinHostEndpoints([]calico.HostEndpoint{
		{Node: "10.0.0.2", ExpectedIPs: []string{"169.61.1.20", "10.0.0.2"}},
		{Node: "10.0.0.3", ExpectedIPs: []string{"169.61.1.30"}},
		{Node: "10.0.0.1", ExpectedIPs: []string{"169.61.1.3"}},
		{Node: "10.0.0.1", ExpectedIPs: []string{"10.0.0.1"}},
		{Node: "10.0.0.1", ExpectedIPs: []string{"10.0.0.1"}},
	}, []*corev1.Node{&one, &two})
	if want := []string{"10.0.0.1", "10.0.0.2", "169.61.1.3", "169.61.1.20"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
