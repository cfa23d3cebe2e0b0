package edgepool

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestClaims(t *testing.T) {
	t.Parallel()
	nodes := []corev1.Node{aNode("a"), aNode("b"), aNode("c", ofOtherPool)}
	const mine, theirs = "one", "two"
	for name, test := range map[string]struct {
		// by claims want; the prior of the one that lets go is in transition.
		by         string
		want       scope
		transition transition
		// Names of the nodes that lose their marks, and whether the pool does.
		strips   string
		released bool
	}{
		"nobody claims":                      {theirs, named("c"), transition{prior: pool("p1")}, "a b", true},
		"the same pool":                      {theirs, pool("p1"), transition{prior: pool("p1")}, "", false},
		"a node of the pool, by name":        {theirs, named("a"), transition{prior: pool("p1")}, "", false},
		"one of two names":                   {theirs, named("a"), transition{prior: named("a", "b")}, "b", false},
		"the pool of the names":              {theirs, pool("p1"), transition{prior: named("a", "c")}, "c", false},
		"its own claim":                      {mine, pool("p1"), transition{prior: pool("p1")}, "a b", true},
		"it moves on, and the first is kept": {theirs, pool("p1"), transition{prior: pool("p1"), want: pool("p2")}, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClaims()
			c.take(claimant{"c1", test.by}, test.want, nodes)
			c.take(claimant{"c2", theirs}, pool("p1"), nodes) // another cluster does not matter
			way := test.transition
			way.priorEffects, way.others = effects{noExecute}, others{c, claimant{"c1", mine}}
			var strips []string
			for i := range nodes {
				n := nodes[i].DeepCopy()
				marked(n)
				if way.last(n).on(n) && marks(n) == "" {
					strips = append(strips, n.Name)
				} else if edge := way.edgeAfter(n); !edge {
					t.Errorf("node %s keeps its marks and is said to be no edge node", n.Name)
				}
			}
			if got := strings.Join(strips, " "); got != test.strips {
				t.Errorf("strips %q, want %q", got, test.strips)
			}
			if released := way.released() != nil; released != test.released {
				t.Errorf("released: %t", released)
			}
		})
	}
}

func TestClaimsAreLetGo(t *testing.T) {
	t.Parallel()
	c, nodes := newClaims(), []corev1.Node{aNode("a")}
	who, seen := claimant{"c1", "one"}, others{c, claimant{"c1", "two"}}
	c.take(who, pool("p1"), nodes)
	c.take(who, pool("p2"), nodes)
	if seen.pool("p1") || seen.node(&nodes[0]) || !seen.pool("p2") {
		t.Error("a resource that moved on still claims what it declared before")
	}
	c.take(who, pool("p3"), nodes)()
	if seen.pool("p3") || !seen.pool("p2") {
		t.Error("a resource that could not move on does not claim what it did before")
	}
	c.drop(who)
	if seen.pool("p2") {
		t.Error("a resource that went still claims")
	}
	c.take(who, pool("p1"), nodes)()
	if seen.pool("p1") {
		t.Error("a resource that did not come about claims")
	}
}

// A rename without `moved`, or create_before_destroy: the second resource finds
// everything done, and the first one goes after it.
func testTakenOver(t *testing.T, r *rig) {
	m := byPool("edge")
	apply := func(stamp string, prior *model) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), stopAt)
		defer cancel()
		r.fleet.BeginApply()
		if err := r.part.Apply(ctx, r.find(), framework.ApplyRequest[model]{Want: byPool("edge"), Prior: prior, Stamp: stamp}); err != nil {
			t.Fatal(err)
		}
		r.eventually("all nodes are edge nodes", func() error { return r.allBear("edge", "edge dedicated=edge:NoExecute") })
	}
	remove := func(stamp string) string {
		t.Helper()
		warnings, err := r.part.Remove(t.Context(), r.find(), m, framework.Owner{Known: true, Stamp: stamp})
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(warnings, "\n")
	}
	apply("first", nil)
	r.restart()
	apply("second", nil)
	r.sent()
	if said := remove("first"); !strings.Contains(said, "taken over by another resource") || !strings.Contains(said, "worker pool edge") {
		t.Errorf("said %q", said)
	}
	if writes := r.sent().writes(); len(writes) > 0 {
		t.Errorf("the removal of the first wrote %v", writes)
	}
	r.wantPool("edge", "edge", "edge:NoExecute")
	r.wantMarks("edge", "edge dedicated=edge:NoExecute")
	if said := remove("second"); said != "" {
		t.Errorf("said %q", said)
	}
	r.wantPool("edge", "", "")
	r.wantMarks("edge", "")
}

// A resource that wants the edge nodes of one that goes, and is refused: the one
// that goes takes with it what is its own.
func testRefusedHeir(t *testing.T, r *rig) {
	api, facts, err := r.find().IKS("a test")
	if err != nil {
		t.Fatal(err)
	}
	tooMany := func(m *model) { m.MinimumNodesPerZone = types.Int64Value(9) }
	for _, test := range []struct {
		name  string
		heir  *model
		prior *model // of the heir
		fault fakeiks.Fault
		want  string
	}{
		{"a new resource", byPool("edge", tooMany), nil, fakeiks.Fault{Path: "/none"}, "9"},
		{"an update of another one", byNames([]string{r.nodes("edge")[0].Name, "10.9.9.9"}), byPool("default"), fakeiks.Fault{Path: "/none"}, "10.9.9.9"},
		{"a new resource that may not write", byPool("edge"), nil, fakeiks.Fault{Path: "/v2/setWorkerPoolLabels", Status: http.StatusForbidden}, "labels"},
	} {
		m := byPool("edge")
		r.mustApply(m, nil)
		r.restart()
		if _, err := api.MergeWorkerPoolLabels(t.Context(), facts, r.nodes("edge")[0].Labels[poolIDLabel], nil, []string{markKey}); err != nil {
			t.Fatal(err)
		}
		repair := r.env.IKS.Fail(test.fault)
		r.fleet.BeginApply()
		err := r.part.Apply(t.Context(), r.find(), framework.ApplyRequest[model]{
			Want: test.heir, Prior: test.prior, Stamp: "heir", Warn: func(string, string) {},
		})
		repair()
		r.wantError(err, test.want)
		r.mustRemove(m)
		r.wantPool("edge", "", "")
		r.wantMarks("edge", "")
		if t.Failed() {
			t.Fatalf("this was %s", test.name)
		}
	}
}
