package acctest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// Resource describes a resource to the lifecycle suite, which proves for every
// resource alike what the framework promises.
type Resource struct {
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
	return fmt.Sprintf("resource %q %q {\n  cluster = %s\n%s\n}\n", r.Type, label, cluster, arguments)
}

func (r Resource) config(e *localiks.Environment, arguments string) string {
	return ProviderBlock(e) + r.block(fmt.Sprintf("%q", r.Cluster), arguments)
}

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

// updates applies, and wants the resource alone to be updated.
func (w *Workspace) updates(r Resource) {
	w.t.Helper()
	done := w.MustApply()
	w.expect(done, r.address(), "update")
	for _, c := range done.Planned {
		if c.Address != r.address() && !slices.Contains([]string{"noop", "no-op", "read"}, c.Action) {
			w.t.Errorf("%s is to be planned as %s with the update of %s", c.Address, c.Action, r.address())
		}
	}
	w.MustPlanEmpty()
}

// Lifecycle runs the whole suite, one case after the other on the shared
// environment.
func Lifecycle(t *testing.T, r Resource) {
	e := Environment(t)
	c := e.Cluster(r.Cluster)
	r.prepare(t, e, c)
	for _, scenario := range []struct {
		name string
		run  func(*testing.T, Resource, *localiks.Environment, *localiks.Cluster)
	}{
		{"apply, update in place, destroy", applyUpdateDestroy},
		{"drift", drift},
		{"disappears", disappears},
		{"import by command", importByCommand},
		{"import by block", importByBlock},
		{"import by identity", importByIdentity},
		{"moved and removed", movedAndRemoved},
		{"unknown cluster at plan", unknownCluster},
		{"saved plan of another process", savedPlan},
		{"read-only identity at plan", readOnlyPlan},
		{"cluster reborn and gone", rebornAndGone}, // the last one, for c is gone
	} {
		t.Run(scenario.name, func(t *testing.T) { scenario.run(t, r, e, c) })
	}
}

func (r Resource) prepare(t *testing.T, e *localiks.Environment, c *localiks.Cluster) {
	t.Helper()
	if r.Prepare != nil {
		r.Prepare(t, e, c)
	}
}

func applyUpdateDestroy(t *testing.T, r Resource, e *localiks.Environment, c *localiks.Cluster) {
	before := TakeSnapshot(t, c)
	w := NewWorkspace(t, r.config(e, r.Arguments)+r.dependent())
	w.MustApply()
	w.MustPlanEmpty()
	if ready := w.Attributes(r.address())["ready"]; ready != true {
		t.Errorf("ready is %v", ready)
	}
	if r.Changed != "" {
		w.Write(r.config(e, r.Changed) + r.dependent())
		w.updates(r)
	}
	w.MustDestroy()
	if r.RestoresOnDestroy {
		if diff := cmp.Diff(before, TakeSnapshot(t, c)); diff != "" {
			t.Errorf("destroy left the cluster changed (-before +after):\n%s", diff)
		}
	}
}

func drift(t *testing.T, r Resource, e *localiks.Environment, c *localiks.Cluster) {
	w := NewWorkspace(t, r.config(e, r.Arguments)+r.dependent())
	w.MustApply()
	defer w.MustDestroy()
	for _, b := range r.Breaks {
		t.Run(b.Name, func(t *testing.T) {
			w.t = t
			// A pool that was just written reaches its nodes some time later, and
			// would mend what is broken before then.
			Eventually(t, "the nodes have what their pools want", func() error {
				if !c.Cloud.Settled() {
					return errors.New("IKS is still bringing it")
				}
				return nil
			})
			b.Do(t, e, c)
			w.must(w.Run("refresh"))
			sentences := fmt.Sprint(w.Attributes(r.address())["drift"])
			if !strings.Contains(sentences, b.Sentence) {
				t.Errorf("drift says %s, want %q", sentences, b.Sentence)
			}
			w.updates(r)
		})
	}
	w.t = t
}

func disappears(t *testing.T, r Resource, e *localiks.Environment, c *localiks.Cluster) {
	if r.Vanish == nil {
		return
	}
	w := NewWorkspace(t, r.config(e, r.Arguments))
	w.MustApply()
	r.Vanish(t, c)
	w.expect(w.MustApply(), r.address(), "create")
	w.MustPlanEmpty()
	w.MustDestroy()
}

func importByCommand(t *testing.T, r Resource, e *localiks.Environment, _ *localiks.Cluster) {
	first := NewWorkspace(t, r.config(e, r.Arguments))
	first.MustApply()
	second := NewWorkspace(t, r.config(e, r.Arguments))
	second.must(second.Run("import", "-no-color", r.address(), r.Cluster+","+r.Key))
	second.imported(r)
	second.MustDestroy()
	// The first one finds its object gone.
	first.MustDestroy()
}

func importByBlock(t *testing.T, r Resource, e *localiks.Environment, _ *localiks.Cluster) {
	first := NewWorkspace(t, r.config(e, r.Arguments))
	first.MustApply()
	second := NewWorkspace(t, r.config(e, r.Arguments)+
		fmt.Sprintf("import {\n  to = %s\n  id = %q\n}\n", r.address(), r.Cluster+","+r.Key))
	second.MustApply()
	second.imported(r)
	second.MustDestroy()
	first.MustDestroy()
}

func importByIdentity(t *testing.T, r Resource, e *localiks.Environment, c *localiks.Cluster) {
	if !strings.Contains(CLI(t), "tofu") {
		t.Skip("import by identity needs Terraform 1.12 or OpenTofu 1.12")
	}
	first := NewWorkspace(t, r.config(e, r.Arguments))
	first.MustApply()
	second := NewWorkspace(t, ProviderBlock(e)+r.block(fmt.Sprintf("%q", c.ID), r.Arguments)+
		fmt.Sprintf("import {\n  to = %s\n  identity = {\n    cluster_id = %q\n    %s\n  }\n}\n", r.address(), c.ID, r.Identity))
	second.MustApply()
	second.imported(r)
	second.MustDestroy()
	first.MustDestroy()
}

// imported checks that nothing is left to do after an import, but for what an
// import cannot know.
func (w *Workspace) imported(r Resource) {
	w.t.Helper()
	if r.ImportUpdates {
		w.MustApply()
	}
	w.MustPlanEmpty()
}

func movedAndRemoved(t *testing.T, r Resource, e *localiks.Environment, c *localiks.Cluster) {
	w := NewWorkspace(t, r.config(e, r.Arguments))
	w.MustApply()
	there := TakeSnapshot(t, c)
	w.Write(strings.Replace(r.config(e, r.Arguments), fmt.Sprintf("%q %q", r.Type, label), fmt.Sprintf("%q %q", r.Type, "renamed"), 1) +
		fmt.Sprintf("moved {\n  from = %s\n  to   = %s.renamed\n}\n", r.address(), r.Type))
	for _, change := range w.MustApply().Planned {
		if change.Action == "create" || change.Action == "delete" || change.Action == "replace" {
			t.Errorf("a move %ss %s", change.Action, change.Address)
		}
	}
	w.Write(ProviderBlock(e) + fmt.Sprintf("removed {\n  from = %s.renamed\n  lifecycle {\n    destroy = false\n  }\n}\n", r.Type))
	w.MustApply()
	if diff := cmp.Diff(there, TakeSnapshot(t, c)); diff != "" {
		t.Errorf("forgetting the resource changed the cluster (-before +after):\n%s", diff)
	}
	back := NewWorkspace(t, r.config(e, r.Arguments))
	back.MustApply()
	back.MustDestroy()
}

// unknownCluster plans while the cluster's name is unknown: first without, then
// with a state.
func unknownCluster(t *testing.T, r Resource, e *localiks.Environment, c *localiks.Cluster) {
	config := func(trigger string) string {
		return ProviderBlock(e) + fmt.Sprintf("resource \"terraform_data\" \"cluster\" {\n  input = %q\n  triggers_replace = %q\n}\n", r.Cluster, trigger) +
			r.block("terraform_data.cluster.output", r.Arguments)
	}
	w := NewWorkspace(t, config("1"))
	w.expect(w.MustApply(), r.address(), "create")
	w.MustPlanEmpty()
	there := TakeSnapshot(t, c)
	w.Write(config("2"))
	w.expect(w.MustApply(), r.address(), "update")
	w.MustPlanEmpty()
	if diff := cmp.Diff(there, TakeSnapshot(t, c)); diff != "" {
		t.Errorf("the same cluster under an unknown name was changed (-before +after):\n%s", diff)
	}
	w.MustDestroy()
}

// savedPlan plans in one process and applies in another: something new, a
// change, and the removal.
func savedPlan(t *testing.T, r Resource, e *localiks.Environment, _ *localiks.Cluster) {
	w := NewWorkspace(t, r.config(e, r.Arguments))
	file := filepath.Join(w.dir, "saved")
	step := func(action string, args ...string) {
		t.Helper()
		w.expect(w.must(w.Plan(append(args, "-out", file)...)), r.address(), action)
		w.must(w.Run("apply", file))
	}
	step("create")
	w.MustPlanEmpty()
	if r.Changed != "" {
		w.Write(r.config(e, r.Changed))
		step("update")
		w.MustPlanEmpty()
	}
	step("delete", "-destroy")
	if w.Attributes(r.address()) != nil {
		t.Error("the resource is still in the state")
	}
}

// readOnlyPlan plans with an identity that may only look, before and after
// there is something, and checks that nothing was written.
func readOnlyPlan(t *testing.T, r Resource, e *localiks.Environment, c *localiks.Cluster) {
	before := TakeSnapshot(t, c)
	viewer := ProviderBlockFor(e, localiks.ViewerAPIKey) + r.block(fmt.Sprintf("%q", r.Cluster), r.Arguments)
	w := NewWorkspace(t, viewer)
	e.IKS.ResetRequests()
	w.expect(w.must(w.Plan()), r.address(), "create")
	for _, request := range e.IKS.Requests() {
		harmless := request.Method == "GET" || strings.HasPrefix(request.Path, "/identity/") ||
			slices.Contains([]string{"/v2/applyRBACAndGetKubeconfig", "/tokenreview"}, request.Path)
		if !harmless {
			t.Errorf("a plan sent %s %s", request.Method, request.Path)
		}
	}
	if diff := cmp.Diff(before, TakeSnapshot(t, c)); diff != "" {
		t.Errorf("a plan changed the cluster (-before +after):\n%s", diff)
	}
	w.Write(r.config(e, r.Arguments))
	w.MustApply()
	w.Write(viewer)
	w.MustPlanEmpty()
	w.Write(r.config(e, r.Arguments))
	w.MustDestroy()
}

// rebornAndGone deletes the cluster and makes it again under the same name, and
// then deletes it for good before the destroy. Whoever comes next has a new one.
func rebornAndGone(t *testing.T, r Resource, e *localiks.Environment, c *localiks.Cluster) {
	w := NewWorkspace(t, r.config(e, r.Arguments))
	w.MustApply()

	reborn := Rebuild(t, r.Cluster)
	// What depends on the cluster's ID, as an ALB's does, follows.
	r.Arguments = strings.ReplaceAll(r.Arguments, c.ID, reborn.ID)
	r.prepare(t, e, reborn)
	w.Write(r.config(e, r.Arguments))
	untouched := TakeSnapshot(t, reborn)
	// Destroying what the old cluster held touches nothing in the new one, also
	// when no refresh has noticed.
	w.copyTo(t, r.config(e, r.Arguments)).MustDestroy("-refresh=false")
	plan := w.must(w.Plan())
	w.expect(plan, r.address(), "create")
	if !slices.ContainsFunc(plan.Warnings(), func(s string) bool { return strings.Contains(s, "another one now") }) {
		t.Errorf("no warning says that the cluster is another one; there are %q", plan.Warnings())
	}
	if diff := cmp.Diff(untouched, TakeSnapshot(t, reborn)); diff != "" {
		t.Errorf("the reborn cluster was touched on behalf of the old one:\n%s", diff)
	}
	w.MustApply()
	w.MustPlanEmpty()

	untouched = TakeSnapshot(t, reborn)
	e.IKS.RemoveCluster(reborn.ID)
	w.MustDestroy("-refresh=false")
	if diff := cmp.Diff(untouched, TakeSnapshot(t, reborn)); diff != "" {
		t.Errorf("a cluster that IKS does not know any more was touched:\n%s", diff)
	}
	Rebuild(t, r.Cluster)
}

// copyTo makes another workspace with the same state.
func (w *Workspace) copyTo(t *testing.T, config string) *Workspace {
	t.Helper()
	state, err := os.ReadFile(filepath.Join(w.dir, "terraform.tfstate"))
	if err != nil {
		t.Fatal(err)
	}
	other := NewWorkspace(t, config)
	other.file("terraform.tfstate", string(state))
	return other
}

// expect fails the test unless an action is planned for an address.
func (w *Workspace) expect(r Result, address, action string) {
	w.t.Helper()
	for _, c := range r.Planned {
		if c.Address == address && c.Action == action {
			return
		}
	}
	w.t.Errorf("want %s to be planned as %s; planned is %v", address, action, r.Planned)
}
