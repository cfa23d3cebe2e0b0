package framework_test

import (
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
)

// An update that fails again and again is one: it does not make others forgotten.
func TestUpdateThatKeepsFailingIsRememberedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld()
	fails := func(name string) resource.TestStep {
		return resource.TestStep{
			PreConfig:   func() { w.set(func(w *world) { w.failure, w.wroteOne = errors.New("broke off"), true }) },
			Config:      config(`cluster = "alpha"`, fmt.Sprintf("name = %q", name)),
			ExpectError: regexp.MustCompile(`Broke off`),
		}
	}
	steps := []resource.TestStep{{Config: config(`cluster = "alpha"`, `name = "one"`)}, fails("two")}
	for range 8 {
		steps = append(steps, fails("three"))
	}
	unitTest(t, w, steps...)
	if len(w.objects) != 0 {
		t.Errorf("destroy left %v", w.objects)
	}
}

// An object that is gone after an update broke off has no address until it is
// made anew, under another one.
func TestGoneAfterAFailedUpdateHasNoAddress(t *testing.T) {
	t.Parallel()
	w := newWorld()
	w.address = "10.0.0.1"
	unitTest(
		t, w,
		resource.TestStep{Config: config(`cluster = "alpha"`, `name = "one"`)},
		resource.TestStep{
			PreConfig:   func() { w.set(func(w *world) { w.failure, w.wroteOne = errors.New("broke off"), true }) },
			Config:      config(`cluster = "alpha"`, `name = "two"`),
			ExpectError: regexp.MustCompile(`Broke off`),
		},
		resource.TestStep{
			PreConfig: func() {
				w.set(func(w *world) {
					delete(w.objects, "uid-alpha/one")
					w.failure, w.address = nil, "10.0.0.2"
				})
			},
			Config: config(`cluster = "alpha"`, `name = "one"`),
			Check:  resource.TestCheckResourceAttr(it, "address", "10.0.0.2"),
		},
	)
}

// An update that was refused before it wrote anything leaves a ready resource ready.
func TestRefusedUpdateLeavesItReady(t *testing.T) {
	t.Parallel()
	for name, wrote := range map[string]bool{"refused": false, "half made": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			unitTest(
				t, w,
				resource.TestStep{Config: config(`cluster = "alpha"`, `name = "one"`)},
				resource.TestStep{
					PreConfig:   func() { w.set(func(w *world) { w.failure, w.wroteOne = errors.New("no room"), wrote }) },
					Config:      config(`cluster = "alpha"`, `name = "one"`, `value = "b"`),
					ExpectError: regexp.MustCompile(`No room`),
				},
				resource.TestStep{
					PreConfig:          func() { w.set(func(w *world) { w.failure = nil }) },
					RefreshState:       true,
					ExpectNonEmptyPlan: true,
					Check: func(*terraform.State) error {
						w.mu.Lock()
						defer w.mu.Unlock()
						if w.ready == wrote {
							return fmt.Errorf("ready = %t was in the state", w.ready)
						}
						return nil
					},
				},
			)
		})
	}
}
