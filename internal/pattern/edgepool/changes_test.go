package edgepool

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestTransition(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		transition transition
		node       corev1.Node
		// What the node bears after its label alone, while it is drained, and in
		// the end; each from the start.
		first, hold, last string
	}{
		"nothing declared about it": {
			transition{want: named("b"), effects: both()},
			aNode("a", tainted("x=y:NoSchedule")),
			"x=y:NoSchedule", "x=y:NoSchedule", "x=y:NoSchedule",
		},
		"a plain node, both effects": {
			transition{want: named("a"), effects: both()},
			aNode("a"),
			"edge", "edge dedicated=edge:NoSchedule", "edge dedicated=edge:NoExecute dedicated=edge:NoSchedule",
		},
		"a plain node, NoExecute only": {
			transition{want: named("a"), effects: effects{noExecute}},
			aNode("a"),
			"edge", "edge dedicated=edge:NoSchedule held", "edge dedicated=edge:NoExecute",
		},
		"a node that is complete": {
			transition{want: named("a"), effects: effects{noExecute}},
			aNode("a", marked),
			"edge dedicated=edge:NoExecute", "edge dedicated=edge:NoExecute", "edge dedicated=edge:NoExecute",
		},
		"other people's taints stay": {
			transition{want: named("a"), effects: effects{noExecute}},
			aNode("a", tainted("gpu=yes:NoSchedule", "other:NoExecute")),
			"edge gpu=yes:NoSchedule other:NoExecute",
			"edge gpu=yes:NoSchedule other:NoExecute dedicated=edge:NoSchedule held",
			"edge gpu=yes:NoSchedule other:NoExecute dedicated=edge:NoExecute",
		},
		"another effect of edge that is not declared stays": {
			transition{want: named("a"), effects: effects{noExecute}},
			aNode("a", tainted("dedicated=edge:PreferNoSchedule", "dedicated=edge:NoSchedule")),
			"edge dedicated=edge:PreferNoSchedule dedicated=edge:NoSchedule",
			"edge dedicated=edge:PreferNoSchedule dedicated=edge:NoSchedule",
			"edge dedicated=edge:PreferNoSchedule dedicated=edge:NoSchedule dedicated=edge:NoExecute",
		},
		"a foreign label": {
			transition{want: named("a"), effects: both()},
			aNode("a", labelled(markKey, "gateway")),
			"gateway", "gateway", "gateway",
		},
		"a foreign taint": {
			transition{want: named("a"), effects: both()},
			aNode("a", tainted("dedicated=gateway:NoExecute")),
			"dedicated=gateway:NoExecute", "dedicated=gateway:NoExecute", "dedicated=gateway:NoExecute",
		},
		"a drain that was cut off": {
			transition{want: named("a"), effects: effects{noExecute}},
			aNode("a", labelled(markKey, markValue), held),
			"edge dedicated=edge:NoSchedule held", "edge dedicated=edge:NoSchedule held", "edge dedicated=edge:NoExecute",
		},
		"a drain that was cut off, NoSchedule declared meanwhile": {
			transition{want: named("a"), effects: both()},
			aNode("a", labelled(markKey, markValue), held),
			"edge dedicated=edge:NoSchedule held", "edge dedicated=edge:NoSchedule held", "edge dedicated=edge:NoSchedule dedicated=edge:NoExecute",
		},
		"left the declaration": {
			transition{want: named("b"), effects: both(), prior: named("a"), priorEffects: both()},
			aNode("a", labelled(markKey, markValue), tainted("dedicated=edge:NoSchedule", "x=y:NoExecute", "dedicated=edge:NoExecute")),
			"dedicated=edge:NoSchedule x=y:NoExecute dedicated=edge:NoExecute",
			"edge dedicated=edge:NoSchedule x=y:NoExecute dedicated=edge:NoExecute",
			"x=y:NoExecute",
		},
		"left it with an effect that was never declared": {
			transition{want: named("b"), effects: both(), prior: named("a"), priorEffects: effects{noExecute}},
			aNode("a", labelled(markKey, markValue), tainted("dedicated=edge:NoSchedule", "dedicated=edge:NoExecute")),
			"dedicated=edge:NoSchedule dedicated=edge:NoExecute", "edge dedicated=edge:NoSchedule dedicated=edge:NoExecute", "dedicated=edge:NoSchedule",
		},
		"left it in the middle of a drain": {
			transition{prior: named("a"), priorEffects: effects{noExecute}},
			aNode("a", labelled(markKey, markValue), held),
			"dedicated=edge:NoSchedule held", "edge dedicated=edge:NoSchedule held", "",
		},
		"left it and belongs to a gateway now": {
			transition{prior: named("a"), priorEffects: both()},
			aNode("a", labelled(markKey, "gateway"), tainted("dedicated=gateway:NoSchedule", "dedicated=edge:NoExecute")),
			"gateway dedicated=gateway:NoSchedule dedicated=edge:NoExecute", "gateway dedicated=gateway:NoSchedule dedicated=edge:NoExecute", "gateway dedicated=gateway:NoSchedule",
		},
		"fewer effects are declared": {
			transition{want: named("a"), effects: effects{noSchedule}, prior: named("a"), priorEffects: both()},
			aNode("a", labelled(markKey, markValue), tainted("dedicated=edge:NoSchedule", "dedicated=edge:NoExecute")),
			"edge dedicated=edge:NoSchedule dedicated=edge:NoExecute", "edge dedicated=edge:NoSchedule dedicated=edge:NoExecute", "edge dedicated=edge:NoSchedule",
		},
		"from a name to the pool": {
			transition{want: pool("p1"), effects: effects{noExecute}, prior: named("a"), priorEffects: both()},
			aNode("a", labelled(markKey, markValue), tainted("dedicated=edge:NoSchedule", "dedicated=edge:NoExecute")),
			"edge dedicated=edge:NoSchedule dedicated=edge:NoExecute", "edge dedicated=edge:NoSchedule dedicated=edge:NoExecute", "edge dedicated=edge:NoExecute",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for step, want := range map[string]struct {
				of   func(*corev1.Node) change
				want string
			}{
				"first": {test.transition.first, test.first},
				"hold":  {test.transition.hold, test.hold},
				"last":  {test.transition.last, test.last},
			} {
				n := test.node.DeepCopy()
				before := marks(n)
				c := want.of(n)
				differs := c.differs(n)
				if marks(n) != before {
					t.Errorf("%s: looking changed the node to %q", step, marks(n))
				}
				if c.on(n) != differs || differs != (before != want.want) {
					t.Errorf("%s: differs says %t", step, differs)
				}
				if got := marks(n); got != want.want {
					t.Errorf("%s: got %q, want %q", step, got, want.want)
				}
				if want.of(n).on(n) && step != "last" {
					t.Errorf("%s: a second time changes to %q", step, marks(n))
				}
			}
			if test.transition.last(&test.node).differs(&test.node) {
				n := test.node.DeepCopy()
				test.transition.last(n).on(n)
				if again := test.transition.last(n); again.differs(n) {
					t.Errorf("a second apply changes %q once more", marks(n))
				}
			}
		})
	}
}

// What a drain set for its time is told from what somebody else had set before.
func TestHoldIsOursOnlyIfWeSetIt(t *testing.T) {
	t.Parallel()
	way := transition{want: named("a"), effects: effects{noExecute}}
	n := aNode("a", tainted("dedicated=edge:NoSchedule"))
	way.hold(&n).on(&n)
	if _, noted := n.Annotations[heldAnnotation]; noted {
		t.Errorf("a taint that was there before is noted as ours: %q", marks(&n))
	}
	way.last(&n).on(&n)
	if got, want := marks(&n), "edge dedicated=edge:NoSchedule dedicated=edge:NoExecute"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Nothing that another program holds in the same node is lost: what is shared
// with the node that was read is not written through.
func TestChangeLeavesTheReadNodeAlone(t *testing.T) {
	t.Parallel()
	read := aNode("a", tainted("x=y:NoSchedule", "dedicated=edge:NoExecute"))
	taints := read.Spec.Taints[:1:2] // room behind the list, as append would use
	copied := read
	copied.Spec.Taints = taints
	change{put: effects{noSchedule}}.on(&copied)
	if got := marks(&read); got != "x=y:NoSchedule dedicated=edge:NoExecute" {
		t.Errorf("the node that was read is now %q", got)
	}
}

func TestEdgeAfter(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		node corev1.Node
		want bool
	}{
		"declared":                     {aNode("a"), true},
		"declared but a gateway":       {aNode("a", labelled(markKey, "gateway")), false},
		"left":                         {aNode("b", marked), false},
		"somebody else's edge node":    {aNode("c", marked), true},
		"a plain node, never declared": {aNode("d"), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			way := transition{want: named("a"), effects: both(), prior: named("a", "b"), priorEffects: both()}
			if got := way.edgeAfter(&test.node); got != test.want {
				t.Errorf("got %t, want %t", got, test.want)
			}
		})
	}
}

func TestLosses(t *testing.T) {
	t.Parallel()
	ours := poolMarked(markValue, "edge:NoExecute")
	for name, test := range map[string]struct {
		transition transition
		want       int
	}{
		"a new pool":                          {transition{want: pool("p1"), effects: both()}, 0},
		"the same pool":                       {transition{want: pool("p1", ours), effects: both(), prior: pool("p1", ours), priorEffects: both()}, 0},
		"from the pool to names":              {transition{want: named("a"), effects: both(), prior: pool("p1", ours), priorEffects: effects{noExecute}}, 2},
		"from the pool to other effects":      {transition{want: named("a"), effects: effects{noSchedule}, prior: pool("p1", ours), priorEffects: effects{noExecute}}, 1},
		"NoSchedule moves from pool to nodes": {transition{want: pool("p1", poolMarked(markValue, "edge:NoSchedule")), effects: both()}, 1},
		"removed":                             {transition{prior: pool("p1", ours), priorEffects: both()}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := test.transition.losses(); len(got) != test.want {
				t.Errorf("got %d: %+v, want %d", len(got), got, test.want)
			}
		})
	}
}

// Idle nodes are closed before NoExecute where IKS is called in between, once,
// and not at the price of a write each where nothing is.
func TestClosesEarly(t *testing.T) {
	t.Parallel()
	tainted, bare := pool("p1", poolMarked("edge", "edge:NoExecute")), pool("p1", poolMarked("edge", ""))
	for name, test := range map[string]struct {
		transition transition
		node       corev1.Node
		want       bool
	}{
		"the pool is yet to be tainted":       {transition{want: bare, effects: effects{noExecute}}, aNode("a"), true},
		"both effects":                        {transition{want: bare, effects: both()}, aNode("a"), true},
		"the node is closed already":          {transition{want: bare, effects: effects{noExecute}}, aNode("a", labelled(markKey, markValue), held), false},
		"the node bears NoExecute already":    {transition{want: bare, effects: effects{noExecute}}, aNode("a", marked), false},
		"NoExecute is not declared":           {transition{want: bare, effects: effects{noSchedule}}, aNode("a"), false},
		"IKS has the taint":                   {transition{want: tainted, effects: effects{noExecute}}, aNode("a"), false},
		"IKS has nothing to do with the node": {transition{want: named("a"), effects: both()}, aNode("a"), false},
		"a node of another pool":              {transition{want: bare, effects: effects{noExecute}}, aNode("a", ofOtherPool), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &situation{transition: test.transition, nodes: []corev1.Node{test.node}}
			if got := s.closesEarly(); got != test.want {
				t.Errorf("%t, want %t", got, test.want)
			}
		})
	}
}
