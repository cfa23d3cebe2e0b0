package acctest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// Slow is a resource that is written at once and cannot get ready before
// Release is called.
type Slow struct {
	// Provider is the provider block.
	Provider string
	// Type, Cluster and Arguments are the resource, as in [Resource]. Its
	// `timeouts`, or what else bounds its waiting, are short.
	Type, Cluster, Arguments string
	// Release lets it get ready; the next apply has the arguments Later, where
	// they are others.
	Release func()
	Later   string
}

const notReady = "it is not ready yet"

// SlowWait proves that slowness is not failure: an apply that runs out of time
// leaves `ready = false` and no taint, a postcondition stops what depends on the
// resource with exit code 1, and the next apply carries on with the same object.
func SlowWait(t *testing.T, s Slow) {
	t.Helper()
	address := s.Type + "." + label
	const dependent = "terraform_data.dependent"
	config := func(arguments string) string {
		return s.Provider + fmt.Sprintf(`
resource %q %q {
  cluster = %q
%s
  lifecycle {
    postcondition {
      condition     = self.ready
      error_message = %q
    }
  }
}
resource "terraform_data" "dependent" {
  input = %s.cluster_id
}
`, s.Type, label, s.Cluster, arguments, notReady, address)
	}
	w := NewWorkspace(t, config(s.Arguments))

	first := w.Apply()
	if errs := first.Errors(); first.ExitCode != 1 || len(errs) != 1 || !strings.Contains(errs[0], notReady) {
		t.Fatalf("want exit code 1 and the postcondition's error alone; got %d and %q", first.ExitCode, errs)
	}
	if !slices.ContainsFunc(first.Warnings(), func(s string) bool { return strings.Contains(s, "is not ready") }) {
		t.Errorf("no warning says what is missing; there are %q", first.Warnings())
	}
	if ready := w.Attributes(address)["ready"]; ready != false {
		t.Errorf("ready is %v after an apply that ran out of time", ready)
	}
	if w.Attributes(dependent) != nil {
		t.Error("what depends on the resource was made although it is not ready")
	}

	// As long as it is not ready, the plan is to go on, and not to begin anew.
	w.expect(w.must(w.Plan()), address, "update")

	s.Release()
	if s.Later != "" {
		w.Write(config(s.Later))
	}
	second := w.MustApply()
	for _, c := range second.Planned {
		if c.Address == address && c.Action != "update" {
			t.Errorf("the next apply is to %s the resource", c.Action)
		}
	}
	w.expect(second, dependent, "create")
	if ready := w.Attributes(address)["ready"]; ready != true {
		t.Errorf("ready is %v after the next apply", ready)
	}
	w.MustPlanEmpty()
	w.MustDestroy()
}
