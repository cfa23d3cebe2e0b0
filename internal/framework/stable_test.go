package framework_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/tfjsonpath"
)

// dependent is a resource that is built upon the toy's address.
const dependent = `
resource "terraform_data" "dependent" {
  input = iks_toy.it.address
}
`

// What is stable keeps its value through updates that leave it alone, so that
// what is built upon it is not updated with them.
func TestStableValuesOutlastUpdates(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.address = "192.0.2.1"
	edited := func(w *world) {
		o := w.objects["uid-alpha/one"]
		o.value = "edited"
		w.objects["uid-alpha/one"] = o
	}
	undisturbed := resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
		plancheck.ExpectResourceAction(it, plancheck.ResourceActionUpdate),
		plancheck.ExpectKnownValue(it, tfjsonpath.New("address"), knownvalue.StringExact("192.0.2.1")),
		plancheck.ExpectResourceAction("terraform_data.dependent", plancheck.ResourceActionNoop),
	}}
	unknown := func(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{
			plancheck.ExpectResourceAction(it, action),
			plancheck.ExpectUnknownValue(it, tfjsonpath.New("address")),
		}}
	}
	unitTest(t, w,
		resource.TestStep{
			Config:           config(`cluster = "alpha"`, `name = "one"`, `value = "a"`) + dependent,
			ConfigPlanChecks: unknown(plancheck.ResourceActionCreate),
		},
		resource.TestStep{
			Config:           config(`cluster = "alpha"`, `name = "one"`, `value = "b"`) + dependent,
			ConfigPlanChecks: undisturbed,
		},
		resource.TestStep{
			PreConfig:        func() { w.set(edited) },
			Config:           config(`cluster = "alpha"`, `name = "one"`, `value = "b"`) + dependent,
			ConfigPlanChecks: undisturbed,
		},
		resource.TestStep{
			Config:           config(`cluster = "alpha"`, `name = "two"`, `value = "b"`) + dependent,
			ConfigPlanChecks: unknown(plancheck.ResourceActionUpdate),
		},
		resource.TestStep{
			Config:           config(`cluster = "beta"`, `name = "two"`, `value = "b"`) + dependent,
			ConfigPlanChecks: unknown(plancheck.ResourceActionReplace),
		},
	)
}

// A value that moves while an update runs stays as it was planned; the next
// refresh tells the truth.
func TestUpdateReturnsWhatWasPlanned(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.address = "192.0.2.1"
	unitTest(t, w,
		resource.TestStep{Config: config(`cluster = "alpha"`, `name = "one"`, `value = "a"`)},
		resource.TestStep{
			PreConfig: func() {
				w.set(func(w *world) { w.onApply = func(w *world) { w.address = "192.0.2.2" } })
			},
			Config:            config(`cluster = "alpha"`, `name = "one"`, `value = "b"`),
			ConfigStateChecks: []statecheck.StateCheck{value("address", knownvalue.StringExact("192.0.2.1")), value("seen", knownvalue.StringExact("b"))},
		},
		resource.TestStep{
			RefreshState: true,
			Check:        resource.TestCheckResourceAttr(it, "address", "192.0.2.2"),
		},
	)
}

// What has no value yet may get one in an update.
func TestStableValueThatIsStillToCome(t *testing.T) {
	t.Parallel()
	w := newWorld()
	unitTest(t, w,
		resource.TestStep{
			Config:            config(`cluster = "alpha"`, `name = "one"`, `value = "a"`),
			ConfigStateChecks: []statecheck.StateCheck{value("address", knownvalue.Null())},
		},
		resource.TestStep{
			PreConfig: func() {
				w.set(func(w *world) { w.onApply = func(w *world) { w.address = "192.0.2.1" } })
			},
			Config:            config(`cluster = "alpha"`, `name = "one"`, `value = "b"`),
			ConfigStateChecks: []statecheck.StateCheck{value("address", knownvalue.StringExact("192.0.2.1"))},
		},
	)
}
