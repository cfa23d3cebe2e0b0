package acctest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// Resource describes a resource to the lifecycle suite, which proves for every
// resource alike what the framework promises.
type Resource struct {
	// Variant names what sets it apart where a resource is tried in several ways.
	Variant string
	// Type of the resource, "iks_nodeport_guard".
	Type string
	// Cluster that it is tried on: Classic or VPC.
	Cluster string
	// Arguments of the resource besides cluster, in HCL. Changed is another set
	// that must be reached by an update in place.
	Arguments, Changed string
	// Key is what stands behind the cluster in the import ID.
	Key string
	// Identity is the identity besides cluster_id, in HCL: `name = "x"`.
	Identity string
	// Prepare brings a cluster into the state that the resource needs, before
	// anything else; nil where it needs none.
	Prepare func(t *testing.T, e *localiks.Environment, c *localiks.Cluster)
	// Breaks are the ways in which somebody can change it behind our back.
	Breaks []Break
	// Vanish removes the object behind our back; nil where it cannot vanish.
	Vanish func(t *testing.T, c *localiks.Cluster)
	// RestoresOnDestroy says that a destroy leaves the cluster byte for byte as
	// it was.
	RestoresOnDestroy bool
	// ImportUpdates says that there are attributes that an import cannot know, so
	// that the first apply after it may update the resource in place.
	ImportUpdates bool
	// ImportStays says that a destroy does not restore what was imported.
	ImportStays bool
	// Keeps names computed attributes that keep their value when the resource is
	// changed and when its drift is healed, so that nothing that is built upon
	// them is updated.
	Keeps []string
}

// Break is one way to make a resource drift.
type Break struct {
	// Name of the case.
	Name string
	// Do changes something in the cluster or in IKS.
	Do func(t *testing.T, e *localiks.Environment, c *localiks.Cluster)
	// Sentence is what `drift` must say, in part.
	Sentence string
}

const label = "it"

func (r Resource) address() string { return r.Type + "." + label }

func (r Resource) block(cluster, arguments string) string {
	return r.labelled(label, cluster, arguments)
}

func (r Resource) labelled(label, cluster, arguments string) string {
	return fmt.Sprintf("resource %q %q {\n  cluster = %s\n%s\n}\n", r.Type, label, cluster, arguments)
}

func (r Resource) config(e *localiks.Environment, arguments string) string {
	return ProviderBlock(e) + r.block(quoted(r.Cluster), arguments)
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }

// dependent is a resource that is built upon all that r keeps.
func (r Resource) dependent() string {
	if len(r.Keeps) == 0 {
		return ""
	}
	var inputs []string
	for _, name := range r.Keeps {
		inputs = append(inputs, r.address()+"."+name)
	}
	return fmt.Sprintf("resource \"terraform_data\" \"dependent\" {\n  input = [%s]\n}\n", strings.Join(inputs, ", "))
}

// Lifecycle runs the whole suite under each command line. Of several variants of
// a resource, each runs under one command line: the first under the first one,
// the second under the second one, and so on in turn. What sets variants apart
// (infrastructure, Calico's door, the kind of object) is the provider's business,
// and the command lines drive the same provider.
func Lifecycle(t *testing.T, variants ...Resource) {
	clis := CLIs(t)
	for i := range max(len(clis), len(variants)) {
		r, cli := variants[i%len(variants)], clis[i%len(clis)]
		under(t, cli, r.Variant, func(t *testing.T) { lifecycle(t, r) })
	}
}

// lifecycle is the suite: three lives of the resource on a shared cluster, for
// what it takes to begin one is most of what there is to do.
func lifecycle(t *testing.T, r Resource) {
	e := Environment(t)
	l := &life{t: t, r: r, e: e, c: e.Cluster(r.Cluster)}
	l.prepare()
	l.fromPlanToDestroy()
	l.handedOn()
	l.rebornAndGone() // the last one, for the cluster is gone
}

// life is a resource on a cluster, while the suite runs.
type life struct {
	t *testing.T
	r Resource
	e *localiks.Environment
	c *localiks.Cluster
	w *Workspace // that has the resource in its state
}

func (l *life) prepare() {
	l.t.Helper()
	if l.r.Prepare != nil {
		l.r.Prepare(l.t, l.e, l.c)
	}
}

func (l *life) config(arguments string) string {
	return l.r.config(l.e, arguments) + l.r.dependent()
}

// step is a part of the suite that builds upon those before it.
func (l *life) step(name string, do func(t *testing.T)) {
	l.t.Helper()
	passed := l.t.Run(name, func(t *testing.T) {
		if l.w != nil {
			defer l.w.within(t)()
		}
		do(t)
	})
	if !passed {
		l.t.FailNow()
	}
}

// unchanged fails the test if the cluster is not what it was.
func (l *life) unchanged(t *testing.T, before Snapshot, what string) {
	t.Helper()
	if diff := cmp.Diff(before, TakeSnapshot(t, l.c)); diff != "" {
		t.Errorf("%s (-before +after):\n%s", what, diff)
	}
}
