package networkpolicy_test

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// sighting is something that came or went: "+default.web", "-default.web".
type sighting struct {
	revision int // of the store, which counts all objects
	what     string
}

// watchAll sees what comes and goes among some kinds of stored objects.
func watchAll(t *testing.T, kinds ...dynamic.ResourceInterface) <-chan sighting {
	t.Helper()
	seen := make(chan sighting, 100)
	for _, kind := range kinds {
		list, err := kind.List(context.Background(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		stream, err := kind.Watch(context.Background(), metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stream.Stop)
		go func() {
			for event := range stream.ResultChan() {
				object, ok := event.Object.(*unstructured.Unstructured)
				sign := map[watch.EventType]string{watch.Added: "+", watch.Deleted: "-"}[event.Type]
				if !ok || sign == "" {
					continue
				}
				revision, _ := strconv.Atoi(object.GetResourceVersion()) // 0 would come first, and fail the test
				seen <- sighting{revision, sign + strings.TrimPrefix(object.GetNamespace()+"/"+object.GetName(), "/")}
			}
		}()
	}
	return seen
}

// next gives as many sightings as there should be, in the order of the store.
func next(t *testing.T, seen <-chan sighting, count int) []string {
	t.Helper()
	var all []sighting
	for len(all) < count {
		select {
		case s := <-seen:
			all = append(all, s)
		case <-time.After(time.Minute):
			t.Fatalf("seen %v, and then nothing more", all)
		}
	}
	slices.SortFunc(all, func(a, b sighting) int { return a.revision - b.revision })
	var out []string
	for _, s := range all {
		out = append(out, s.what)
	}
	return out
}

// A policy that gets another name, tier or namespace is there under the new one
// before it goes from the old.
func TestAccMovesWithoutAWindow(t *testing.T) {
	doors(t, func(t *testing.T) {
		e := acctest.Environment(t)
		c := e.Cluster(acctest.Classic)
		makeTier(t, c, "security", "Deny")
		config := func(lines string) string {
			return acctest.ProviderBlock(e) + "resource \"iks_network_policy\" \"it\" {\n  cluster = \"classic\"\n  selector = \"app == 'web'\"\n  ingress = [{ action = \"Pass\" }]\n" + lines + "\n}\n"
		}
		w := acctest.NewWorkspace(t, config(`  name = "web"`))
		w.MustApply()
		seen := watchAll(t, acctest.GlobalPolicies.Of(t, c), acctest.Policies("default").Of(t, c))
		for _, step := range []struct{ lines, came, went string }{
			{`  name = "api"`, "+default.api", "-default.web"},
			{"  name = \"api\"\n  tier = \"security\"", "+security.api", "-default.api"},
			{"  name = \"api\"\n  namespace = \"default\"", "+default/default.api", "-security.api"},
			{`  name = "web"`, "+default.web", "-default/default.api"},
		} {
			w.Write(config(step.lines))
			for _, change := range w.MustApply().Planned {
				if change.Address == "iks_network_policy.it" && change.Action != "update" {
					t.Errorf("to %s: planned as %s", step.came, change.Action)
				}
			}
			if got := next(t, seen, 2); !slices.Equal(got, []string{step.came, step.went}) {
				t.Errorf("seen %q, want %s and then %s", got, step.came, step.went)
			}
			w.MustPlanEmpty()
		}
		w.MustDestroy()
	})
}

// Types that are not declared any more are those by default, at once and not
// with whatever changes next.
func TestAccTypesByDefaultAgain(t *testing.T) {
	e := acctest.Environment(t)
	config := func(more string) string {
		return acctest.ProviderBlock(e) + "resource \"iks_network_policy\" \"it\" {\n  cluster = \"classic\"\n  name = \"web\"\n  selector = \"app == 'web'\"\n  ingress = [{ action = \"Allow\", protocol = \"TCP\" }]\n" + more + "}\n"
	}
	w := acctest.NewWorkspace(t, config("  types = [\"Ingress\", \"Egress\"]\n"))
	w.MustApply()
	w.MustPlanEmpty()
	w.Write(config(""))
	w.MustApply()
	if got := fmt.Sprint(w.Attributes("iks_network_policy.it")["types"]); got != "[Ingress]" {
		t.Errorf("the types are %s", got)
	}
	w.MustPlanEmpty()
	w.MustDestroy()
}

// makeTier makes a tier that goes with the test.
func makeTier(t *testing.T, c *localiks.Cluster, name, action string) {
	t.Helper()
	tiers := tiersOf(t, c)
	object := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "crd.projectcalico.org/v1", "kind": "Tier", "metadata": map[string]any{"name": name},
		"spec": map[string]any{"order": int64(500), "defaultAction": action},
	}}
	if _, err := tiers.Create(context.Background(), object, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tiers.Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// Tiers that are not there, and what is dropped at the end of one.
func TestAccTiers(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	config := func(tier, more string) string {
		return acctest.ProviderBlock(e) + fmt.Sprintf("resource \"iks_network_policy\" \"it\" {\n  cluster = \"classic\"\n  name = \"web\"\n  tier = %q\n  selector = \"app == 'web'\"\n  ingress = [{ action = \"Allow\", protocol = \"TCP\" }]\n%s\n}\n", tier, more)
	}
	refused := func(w *acctest.Workspace, says string) {
		t.Helper()
		if r := w.Apply(); r.ExitCode == 0 || !strings.Contains(strings.Join(r.Errors(), "\n"), says) {
			t.Errorf("exit code %d, errors %q, want %q", r.ExitCode, r.Errors(), says)
		}
	}
	w := acctest.NewWorkspace(t, config("nowhere", ""))
	if r := w.Plan(); r.ExitCode != 0 || !strings.Contains(strings.Join(r.Warnings(), "\n"), "nowhere") {
		t.Errorf("planned with %q, %q", r.Errors(), r.Warnings())
	}
	refused(w, "no Calico tier")
	makeTier(t, c, "dropping", "Deny")
	makeTier(t, c, "passing", "Pass")
	w.Write(config("dropping", ""))
	refused(w, "end_of_tier_drop")
	w.Write(config("passing", ""))
	w.MustApply()
	w.Write(config("dropping", `  acknowledge = ["end_of_tier_drop"]`))
	w.MustApply()
	w.MustPlanEmpty()
	imported := acctest.NewWorkspace(t, config("dropping", `  acknowledge = ["end_of_tier_drop"]`))
	if r := imported.Run("import", "-no-color", "-input=false", "iks_network_policy.it", acctest.Classic+",dropping.web"); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	imported.MustPlanEmpty()
	w.MustDestroy()
}

// A namespace that is not there is a clear error, and leaves no state.
func TestAccNoNamespace(t *testing.T) {
	doors(t, func(t *testing.T) {
		w := acctest.NewWorkspace(t, acctest.ProviderBlock(acctest.Environment(t))+"resource \"iks_network_policy\" \"it\" {\n  cluster = \"classic\"\n  namespace = \"nowhere\"\n  name = \"web\"\n  selector = \"all()\"\n}\n")
		if r := w.Plan(); r.ExitCode != 0 {
			t.Errorf("plan: %q", r.Errors())
		}
		r := w.Apply()
		if errs := r.Errors(); r.ExitCode != 1 || len(errs) != 1 || !strings.Contains(errs[0], `no namespace "nowhere"`) {
			t.Errorf("exit code %d, errors %q", r.ExitCode, errs)
		}
		if w.Attributes("iks_network_policy.it") != nil {
			t.Error("something stands in the state")
		}
	})
}

// Strangers' policies are left alone, IBM's always.
func TestAccStrangers(t *testing.T) {
	doors(t, func(t *testing.T) {
		e := acctest.Environment(t)
		c := e.Cluster(acctest.Classic)
		object := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "crd.projectcalico.org/v1", "kind": "NetworkPolicy",
			"metadata": map[string]any{"name": "default.web", "namespace": "default"}, "spec": map[string]any{"selector": "all()", "types": []any{"Ingress"}},
		}}
		policies := acctest.Policies("default").Of(t, c)
		if _, err := policies.Create(context.Background(), object, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		config := func(more string) string {
			return acctest.ProviderBlock(e) + "resource \"iks_network_policy\" \"it\" {\n  cluster = \"classic\"\n  namespace = \"default\"\n  name = \"web\"\n  selector = \"app == 'web'\"\n" + more + "}\n"
		}
		w := acctest.NewWorkspace(t, config(""))
		if r := w.Plan(); r.ExitCode != 1 || !strings.Contains(strings.Join(r.Errors(), "\n"), "default/web") {
			t.Errorf("plan over a stranger's: exit code %d, %q", r.ExitCode, r.Errors())
		}
		w.Write(config("  force_conflicts = true\n"))
		w.MustApply()
		w.MustPlanEmpty()
		w.MustDestroy()
		if list, err := policies.List(context.Background(), metav1.ListOptions{}); err != nil || len(list.Items) != 0 {
			t.Errorf("left are %v, %v", list, err)
		}
		imported := acctest.NewWorkspace(t, config(""))
		if r := imported.Run("import", "-no-color", "-input=false", "iks_network_policy.it", acctest.Classic+",allow-all-outbound"); r.ExitCode == 0 || !strings.Contains(r.Output, "IBM") {
			t.Errorf("import of IBM's: %s", r.Output)
		}
	})
}
