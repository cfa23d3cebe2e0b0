package framework_test

import (
	"errors"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// A part can have a change replace the object. Its preview is not held up by
// the object that goes first.
func TestPartReplaces(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.address = "192.0.2.1"
	unitTest(t, w,
		resource.TestStep{Config: config(`cluster = "alpha"`, `name = "one"`, `value = "fixed a"`)},
		resource.TestStep{
			Config: config(`cluster = "alpha"`, `name = "one"`, `value = "fixed b"`),
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
				plancheck.ExpectResourceAction(it, plancheck.ResourceActionReplace),
				plancheck.ExpectUnknownValue(it, tfjsonpath.New("address")),
			}},
			ConfigStateChecks: []statecheck.StateCheck{value("seen", knownvalue.StringExact("fixed b")), value("ready", knownvalue.Bool(true))},
			Check: func(*terraform.State) error {
				if w.removals() == 0 {
					return errors.New("the object was not removed")
				}
				return nil
			},
		},
		resource.TestStep{
			// Not known before apply, so it may be another one.
			Config: "resource \"terraform_data\" \"value\" {\n  input = \"fixed c\"\n}\n" +
				config(`cluster = "alpha"`, `name = "one"`, `value = terraform_data.value.output`),
			ConfigPlanChecks: expect(plancheck.ResourceActionReplace),
		},
	)
}

// What was made and taken back leaves no state behind, not even a tainted one.
func TestTakenBack(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.takeBack = true
	declared := config(`cluster = "alpha"`, `name = "one"`)
	unitTest(t, w,
		resource.TestStep{Config: declared, ExpectError: regexp.MustCompile("Taken back")},
		resource.TestStep{
			PreConfig:        func() { w.set(func(w *world) { w.takeBack = false }) },
			Config:           declared,
			ConfigPlanChecks: expect(plancheck.ResourceActionCreate),
		},
	)
}
