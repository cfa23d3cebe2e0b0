package framework_test

import (
	"errors"
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
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
