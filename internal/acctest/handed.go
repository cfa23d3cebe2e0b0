package acctest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// handedOn is the life of a resource that one owner leaves to the next. It
// begins with a cluster whose name is unknown at plan.
func (l *life) handedOn() {
	r := l.r
	config := func(label, trigger string) string {
		return ProviderBlock(l.e) + fmt.Sprintf("resource \"terraform_data\" \"cluster\" {\n  input = %q\n  triggers_replace = %q\n}\n", r.Cluster, trigger) +
			r.labelled(label, "terraform_data.cluster.output", r.Arguments)
	}
	before := TakeSnapshot(l.t, l.c)
	l.w = NewWorkspace(l.t, config(label, "1"))
	var there Snapshot
	l.step("unknown cluster at plan", func(t *testing.T) {
		l.w.expect(l.w.MustApply(), r.address(), "create")
		l.w.MustPlanEmpty()
		there = TakeSnapshot(t, l.c)
	})
	l.step("unknown cluster at the next plan", func(t *testing.T) {
		l.w.Write(config(label, "2"))
		l.w.expect(l.w.MustApply(), r.address(), "update")
		l.w.MustPlanEmpty()
		l.unchanged(t, there, "the same cluster under an unknown name was changed")
	})
	l.step("moved", func(t *testing.T) {
		l.w.Write(config("renamed", "2") + fmt.Sprintf("moved {\n  from = %s\n  to   = %s.renamed\n}\n", r.address(), r.Type))
		for _, change := range l.w.MustApply().Planned {
			if change.Action == "create" || change.Action == "delete" || change.Action == "replace" {
				t.Errorf("a move %ss %s", change.Action, change.Address)
			}
		}
	})
	l.step("removed", func(t *testing.T) {
		l.w.Write(ProviderBlock(l.e) + fmt.Sprintf("removed {\n  from = %s.renamed\n  lifecycle {\n    destroy = false\n  }\n}\n", r.Type))
		l.w.MustApply()
		l.unchanged(t, there, "forgetting the resource changed the cluster")
	})
	l.w = NewWorkspace(l.t, r.config(l.e, r.Arguments))
	l.step("taken on", func(*testing.T) { l.w.MustApply() })
	l.imports(before)
}

// imports takes the resource over from the workspace that has it, in all ways
// that the command line has, and destroys it. The cluster was without it before.
func (l *life) imports(before Snapshot) {
	first, r := l.w, l.r
	block := func(by string) string { return fmt.Sprintf("import {\n  to = %s\n  %s\n}\n", r.address(), by) }
	l.w = NewWorkspace(l.t, r.config(l.e, r.Arguments))
	l.step("import by command", func(*testing.T) {
		l.w.must(l.w.Run("import", "-no-color", r.address(), r.Cluster+","+r.Key))
		l.imported()
	})
	l.w = NewWorkspace(l.t, r.config(l.e, r.Arguments)+block(fmt.Sprintf("id = %q", r.Cluster+","+r.Key)))
	l.step("import by block", func(*testing.T) {
		l.w.MustApply()
		l.imported()
	})
	identity := fmt.Sprintf("identity = {\n    cluster_id = %q\n    %s\n  }", l.c.ID, r.Identity)
	if strings.Contains(CLI(l.t), "tofu") { // Terraform has it from 1.12 on, the tests' one may be older
		l.w = NewWorkspace(l.t, ProviderBlock(l.e)+r.block(quoted(l.c.ID), r.Arguments)+block(identity))
		l.step("import by identity", func(*testing.T) {
			l.w.MustApply()
			l.imported()
		})
	}
	l.step("destroy what was imported", func(t *testing.T) {
		l.w.MustDestroy()
		if r.RestoresOnDestroy && !r.ImportStays {
			l.unchanged(t, before, "destroy of what was imported left the cluster changed")
		}
	})
	l.w = first
	l.step("destroy what is gone already", func(*testing.T) { l.w.MustDestroy() })
}

// imported checks that nothing is left to do after an import, but for what an
// import cannot know.
func (l *life) imported() {
	l.w.t.Helper()
	if l.r.ImportUpdates {
		l.w.MustApply()
	}
	l.w.MustPlanEmpty()
}

// rebornAndGone deletes the cluster and makes it again under the same name, and
// then deletes it for good before the destroy. Whoever comes next has a new one.
func (l *life) rebornAndGone() {
	r := l.r
	l.w = NewWorkspace(l.t, r.config(l.e, r.Arguments))
	l.step("on a cluster that will go", func(*testing.T) { l.w.MustApply() })

	before := l.c.ID
	l.c = Rebuild(l.t, r.Cluster)
	// What depends on the cluster's ID, as an ALB's does, follows.
	r.Arguments = strings.ReplaceAll(r.Arguments, before, l.c.ID)
	l.prepare()
	l.w.Write(r.config(l.e, r.Arguments))
	untouched := TakeSnapshot(l.t, l.c)
	l.step("destroyed when it was reborn", func(t *testing.T) {
		// Destroying what the old cluster held touches nothing in the new one, also
		// when no refresh has noticed.
		l.w.copyTo(t, r.config(l.e, r.Arguments)).MustDestroy("-refresh=false")
		l.unchanged(t, untouched, "the reborn cluster was touched on behalf of the old one")
	})
	l.step("reborn", func(t *testing.T) {
		plan := l.w.must(l.w.Plan())
		l.w.expect(plan, r.address(), "create")
		if !slices.ContainsFunc(plan.Warnings(), func(s string) bool { return strings.Contains(s, "another one now") }) {
			t.Errorf("no warning says that the cluster is another one; there are %q", plan.Warnings())
		}
		l.unchanged(t, untouched, "the reborn cluster was touched on behalf of the old one")
		l.w.MustApply()
		l.w.MustPlanEmpty()
	})
	untouched = TakeSnapshot(l.t, l.c)
	l.e.IKS.RemoveCluster(l.c.ID)
	spend(r.Cluster)
	l.step("gone", func(t *testing.T) {
		l.w.MustDestroy("-refresh=false")
		l.unchanged(t, untouched, "a cluster that IKS does not know any more was touched")
	})
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
