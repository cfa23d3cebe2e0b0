package framework_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

const it = "iks_toy.it"

// unitTest runs steps on a world through the real command line.
func unitTest(t *testing.T, w *world, steps ...resource.TestStep) {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil && os.Getenv("TF_ACC_TERRAFORM_PATH") == "" {
		t.Skip("there is no terraform on PATH and TF_ACC_TERRAFORM_PATH is not set")
	}
	resource.UnitTest(t, resource.TestCase{ProtoV6ProviderFactories: factories(t, w), Steps: steps})
}

func expect(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
	return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction(it, action)}}
}

func value(attribute string, want knownvalue.Check) statecheck.StateCheck {
	return statecheck.ExpectKnownValue(it, tfjsonpath.New(attribute), want)
}

func TestLifecycleBasic(t *testing.T) {
	t.Parallel()
	w := newWorld()
	unitTest(t, w,
		resource.TestStep{
			Config: config(`cluster = "alpha"`, `name = "one"`, `value = "a"`),
			ConfigStateChecks: []statecheck.StateCheck{
				value("cluster_id", knownvalue.StringExact("uid-alpha")),
				value("ready", knownvalue.Bool(true)),
				value("drift", knownvalue.ListSizeExact(0)),
				value("seen", knownvalue.StringExact("a")),
			},
		},
		resource.TestStep{
			Config:            config(`cluster = "alpha"`, `name = "one"`, `value = "b"`),
			ConfigPlanChecks:  expect(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{value("seen", knownvalue.StringExact("b"))},
		},
		resource.TestStep{
			Config:           config(`cluster = "beta"`, `name = "one"`, `value = "b"`),
			ConfigPlanChecks: expect(plancheck.ResourceActionReplace),
			Check: func(*terraform.State) error {
				if _, left := w.get("uid-alpha/one"); left {
					return errors.New("the object on the old cluster was left behind")
				}
				return nil
			},
		},
	)
	if len(w.objects) != 0 {
		t.Errorf("destroy left %v", w.objects)
	}
}

// Another spelling of the same declaration is no update.
func TestAnotherSpellingIsNoChange(t *testing.T) {
	t.Parallel()
	empty := resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}}
	unitTest(t, newWorld(),
		resource.TestStep{Config: config(`cluster = "alpha"`, `name = "one"`, `value = "a"`)},
		resource.TestStep{Config: config(`cluster = "alpha"`, `name = "one"`, `value = "A"`), ConfigPlanChecks: empty},
		resource.TestStep{
			Config:           config(`cluster = "alpha"`, `name = "one"`, `value = "B"`),
			ConfigPlanChecks: expect(plancheck.ResourceActionUpdate),
		},
	)
}

func TestDriftIsFoundAndHealed(t *testing.T) {
	t.Parallel()
	w := newWorld()
	declared := config(`cluster = "alpha"`, `name = "one"`, `value = "a"`)
	unitTest(t, w,
		resource.TestStep{Config: declared},
		resource.TestStep{
			PreConfig: func() {
				w.set(func(w *world) {
					o := w.objects["uid-alpha/one"]
					o.value = "edited"
					w.objects["uid-alpha/one"] = o
				})
			},
			RefreshState:       true,
			ExpectNonEmptyPlan: true,
			Check:              resource.TestCheckResourceAttr(it, "drift.0", `value is "edited"`),
		},
		resource.TestStep{
			Config:           declared,
			ConfigPlanChecks: expect(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{
				value("drift", knownvalue.ListSizeExact(0)),
				value("seen", knownvalue.StringExact("a")),
			},
		},
	)
}

func TestDisappearedObjectIsMadeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld()
	declared := config(`cluster = "alpha"`, `name = "one"`)
	unitTest(t, w,
		resource.TestStep{Config: declared},
		resource.TestStep{
			PreConfig:        func() { w.set(func(w *world) { clear(w.objects) }) },
			Config:           declared,
			ConfigPlanChecks: expect(plancheck.ResourceActionCreate),
		},
	)
}

// A slow create leaves an untainted object that is not ready, and the next
// apply carries on with the same one.
func TestSlownessIsNotFailure(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.waitFor = "an address"
	declared := config(`cluster = "alpha"`, `name = "one"`, `timeouts = { create = "100ms", update = "100ms" }`)
	var stamp string
	unitTest(t, w,
		resource.TestStep{
			Config:             declared,
			ExpectNonEmptyPlan: true,
			ConfigStateChecks:  []statecheck.StateCheck{value("ready", knownvalue.Bool(false))},
			Check: func(*terraform.State) error {
				o, _ := w.get("uid-alpha/one")
				stamp = o.stamp
				return nil
			},
		},
		resource.TestStep{
			Config:           declared,
			ConfigPlanChecks: expect(plancheck.ResourceActionUpdate),
			ExpectError:      regexp.MustCompile(`(?s)Updating iks_toy in cluster alpha failed.*an address`),
		},
		resource.TestStep{
			PreConfig:         func() { w.set(func(w *world) { w.onApply = func(w *world) { w.waitFor = "" } }) },
			Config:            declared,
			ConfigPlanChecks:  expect(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{value("ready", knownvalue.Bool(true))},
			Check: func(*terraform.State) error {
				if o, _ := w.get("uid-alpha/one"); o.stamp != stamp || stamp == "" {
					return fmt.Errorf("the object was replaced: stamp %q became %q", stamp, o.stamp)
				}
				return nil
			},
		},
	)
}

func TestFailureAfterWritingKeepsTheObject(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.failure, w.wroteOne = errors.New("the second step broke"), true
	declared := config(`cluster = "alpha"`, `name = "one"`)
	unitTest(t, w,
		resource.TestStep{
			Config:             declared,
			ExpectNonEmptyPlan: true,
			ConfigStateChecks:  []statecheck.StateCheck{value("ready", knownvalue.Bool(false))},
		},
		resource.TestStep{
			PreConfig:        func() { w.set(func(w *world) { w.failure = nil }) },
			Config:           declared,
			ConfigPlanChecks: expect(plancheck.ResourceActionUpdate),
		},
	)
}

// What an update has made before it failed is not forgotten: neither when the
// change is taken back, nor when everything is destroyed.
func TestFailedUpdateIsRemembered(t *testing.T) {
	t.Parallel()
	for name, then := range map[string][]resource.TestStep{
		"destroyed": nil,
		"taken back": {{
			Config:           config(`cluster = "alpha"`, `name = "one"`),
			ConfigPlanChecks: expect(plancheck.ResourceActionUpdate),
		}},
		"tried again": {{
			Config:           config(`cluster = "alpha"`, `name = "two"`),
			ConfigPlanChecks: expect(plancheck.ResourceActionUpdate),
		}},
		"gone on to another": {{
			Config:           config(`cluster = "alpha"`, `name = "three"`),
			ConfigPlanChecks: expect(plancheck.ResourceActionUpdate),
		}},
	} {
		remembered := func(t *testing.T, meanwhile func(*world)) {
			t.Parallel()
			w := newWorld()
			steps := []resource.TestStep{
				{Config: config(`cluster = "alpha"`, `name = "one"`)},
				{
					PreConfig:   func() { w.set(func(w *world) { w.failure, w.wroteOne = errors.New("broke off"), true }) },
					Config:      config(`cluster = "alpha"`, `name = "two"`),
					ExpectError: regexp.MustCompile(`Broke off`),
				},
				{
					PreConfig: func() {
						w.set(func(w *world) { w.failure = nil })
						w.set(meanwhile)
					},
					RefreshState:       true,
					ExpectNonEmptyPlan: true,
					Check:              resource.TestCheckResourceAttrSet(it, "drift.0"),
				},
			}
			for _, step := range then {
				step.Check = func(*terraform.State) error {
					w.mu.Lock()
					defer w.mu.Unlock()
					if len(w.objects) != 1 {
						return fmt.Errorf("there are %d objects, want one: %v", len(w.objects), w.objects)
					}
					return nil
				}
				steps = append(steps, step)
			}
			unitTest(t, w, steps...)
			if len(w.objects) != 0 {
				t.Errorf("destroy left %v", w.objects)
			}
		}
		t.Run(name, func(t *testing.T) { remembered(t, func(*world) {}) })
		t.Run(name+", what was there before is gone", func(t *testing.T) {
			remembered(t, func(w *world) { delete(w.objects, "uid-alpha/one") })
		})
	}
}

func TestFailureBeforeWritingLeavesNoState(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.failure = errors.New("the first step broke")
	unitTest(t, w,
		resource.TestStep{
			Config:      config(`cluster = "alpha"`, `name = "one"`),
			ExpectError: regexp.MustCompile(`(?s)Creating iks_toy in cluster alpha failed.*The first step broke`),
		},
		resource.TestStep{
			PreConfig:        func() { w.set(func(w *world) { w.failure = nil }) },
			Config:           config(`cluster = "alpha"`, `name = "one"`),
			ConfigPlanChecks: expect(plancheck.ResourceActionCreate),
		},
	)
}

func TestChecksAndRefusals(t *testing.T) {
	t.Parallel()
	unitTest(t, newWorld(),
		resource.TestStep{
			Config:      config(`cluster = "alpha"`, `name = "one"`, `value = "bad"`),
			PlanOnly:    true,
			ExpectError: regexp.MustCompile(`(?s)value = "bad".*Anything else is good`),
		},
		resource.TestStep{
			Config:      config(`cluster = "alpha"`, `name = "one"`, `value = "refused"`),
			PlanOnly:    true,
			ExpectError: regexp.MustCompile(`no room`),
		},
	)
}

func TestUnknownClusterAtPlan(t *testing.T) {
	t.Parallel()
	w := newWorld()
	unknown := func(id, value string) string {
		return fmt.Sprintf(`
resource "terraform_data" "cluster" {
  input            = "alpha"
  triggers_replace = %q
}
`, id) + config(`cluster = terraform_data.cluster.output`, `name = "one"`, fmt.Sprintf("value = %q", value))
	}
	unitTest(t, w,
		resource.TestStep{Config: unknown("1", "a"), ConfigStateChecks: []statecheck.StateCheck{value("cluster_id", knownvalue.StringExact("uid-alpha"))}},
		// The cluster becomes unknown while there is a state: the same cluster
		// turns out to be meant, so nothing is replaced.
		resource.TestStep{
			Config:            unknown("2", "a"),
			ConfigPlanChecks:  expect(plancheck.ResourceActionUpdate),
			ConfigStateChecks: []statecheck.StateCheck{value("cluster_id", knownvalue.StringExact("uid-alpha"))},
		},
	)
	if removes := w.removals(); removes != 1 {
		t.Errorf("removed %d times, want once, at the end", removes)
	}
}

func TestClusterChangedAfterPlanning(t *testing.T) {
	t.Parallel()
	w := newWorld()
	chosen := func(name, trigger string) string {
		return fmt.Sprintf(`
resource "terraform_data" "cluster" {
  input            = %q
  triggers_replace = %q
}
`, name, trigger) + config(`cluster = terraform_data.cluster.output`, `name = "one"`)
	}
	unitTest(t, w,
		resource.TestStep{Config: chosen("alpha", "1")},
		resource.TestStep{
			Config:      chosen("beta", "2"),
			ExpectError: regexp.MustCompile(`The cluster changed after planning`),
		},
	)
	if _, made := w.get("uid-beta/one"); made {
		t.Error("something was made on the other cluster")
	}
}

// A cluster reborn under its name is another cluster: nothing in it is touched
// on behalf of the old one.
func TestClusterReborn(t *testing.T) {
	t.Parallel()
	w := newWorld()
	declared := config(`cluster = "alpha"`, `name = "one"`, `value = "a"`)
	unitTest(t, w,
		resource.TestStep{Config: declared},
		resource.TestStep{
			PreConfig:         func() { w.set(func(w *world) { w.uids["alpha"] = "uid-reborn" }) },
			Config:            declared,
			ConfigPlanChecks:  expect(plancheck.ResourceActionCreate),
			ConfigStateChecks: []statecheck.StateCheck{value("cluster_id", knownvalue.StringExact("uid-reborn"))},
		},
	)
	if _, there := w.get("uid-alpha/one"); !there {
		t.Error("the old cluster's object was touched")
	}
}

func TestDestroyAfterTheClusterIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld()
	unitTest(t, w,
		resource.TestStep{Config: config(`cluster = "alpha"`, `name = "one"`)},
		resource.TestStep{
			PreConfig: func() { w.set(func(w *world) { w.uids["alpha"] = "uid-reborn" }) },
			Config:    config(`cluster = "alpha"`, `name = "one"`),
			Destroy:   true,
		},
	)
	if removes := w.removals(); removes != 0 {
		t.Errorf("removed %d times on a cluster that is another one now", removes)
	}
}

func TestUnreachableClusterKeepsTheState(t *testing.T) {
	t.Parallel()
	w := newWorld()
	declared := config(`cluster = "alpha"`, `name = "one"`)
	unitTest(t, w,
		resource.TestStep{Config: declared},
		resource.TestStep{
			PreConfig:   func() { w.set(func(w *world) { w.uids["alpha"] = "" }) },
			Config:      declared,
			ExpectError: regexp.MustCompile(`Cluster alpha could not be looked up`),
		},
		resource.TestStep{
			PreConfig:        func() { w.set(func(w *world) { w.uids["alpha"] = "uid-alpha" }) },
			Config:           declared,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectEmptyPlan()}},
		},
	)
}

func TestImport(t *testing.T) {
	t.Parallel()
	w := newWorld()
	declared := config(`cluster = "alpha"`, `name = "one"`, `value = "a"`)
	w.objects["uid-alpha/one"] = object{value: "a"}
	unitTest(t, w,
		resource.TestStep{
			Config: declared, ResourceName: it, ImportState: true, ImportStateId: "alpha", ExpectError: regexp.MustCompile(`form is "cluster,name"`),
		},
		resource.TestStep{
			Config: declared, ResourceName: it, ImportState: true, ImportStateId: "alpha,one", ImportStatePersist: true,
		},
		resource.TestStep{
			Config: declared, ResourceName: it, ImportState: true, ImportStateId: "alpha,one", ImportStateVerify: true,
			ImportStateVerifyIdentifierAttribute: "name", ImportStateVerifyIgnore: []string{"value", "timeouts"},
		},
	)
	if len(w.objects) != 0 {
		t.Errorf("destroy left the imported object: %v", w.objects)
	}
}

// An update that was to stamp an imported object fails, and whether it is stamped
// is not known: it is ours in both cases.
func TestFailedUpdateOfAnImport(t *testing.T) {
	t.Parallel()
	for name, stamped := range map[string]bool{"stamped": true, "not stamped": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			w.objects["uid-alpha/one"] = object{value: "a"}
			changed := config(`cluster = "alpha"`, `name = "one"`, `value = "b"`)
			unitTest(t, w,
				resource.TestStep{
					Config: config(`cluster = "alpha"`, `name = "one"`, `value = "a"`), ResourceName: it,
					ImportState: true, ImportStateId: "alpha,one", ImportStatePersist: true,
				},
				resource.TestStep{
					PreConfig:   func() { w.set(func(w *world) { w.failure, w.wroteOne = errors.New("broke off"), true }) },
					Config:      changed,
					ExpectError: regexp.MustCompile(`Broke off`),
				},
				resource.TestStep{
					PreConfig: func() {
						w.set(func(w *world) {
							w.failure = nil
							if !stamped {
								w.objects["uid-alpha/one"] = object{value: "a"}
							}
						})
					},
					Config: changed, Destroy: true,
				},
			)
			if len(w.objects) != 0 {
				t.Errorf("destroy left %v", w.objects)
			}
		})
	}
}

// Two resources that meet on one object: the one that came later owns it, and
// destroying the first leaves it alone.
func TestDestroyLeavesWhatBearsAnotherStamp(t *testing.T) {
	t.Parallel()
	w := newWorld()
	unitTest(t, w,
		resource.TestStep{Config: config(`cluster = "alpha"`, `name = "one"`, `value = "a"`)},
		resource.TestStep{
			PreConfig: func() {
				w.set(func(w *world) { w.objects["uid-alpha/one"] = object{value: "a", stamp: "another owner's"} })
			},
			Config:  config(`cluster = "alpha"`, `name = "one"`, `value = "a"`),
			Destroy: true,
		},
	)
	if _, there := w.get("uid-alpha/one"); !there {
		t.Error("the other owner's object was removed")
	}
}
