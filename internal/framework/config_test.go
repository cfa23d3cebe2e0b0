package framework_test

import (
	"fmt"
	"regexp"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/knownvalue"
	"github.com/hashicorp/terraform-plugin-testing/statecheck"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
)

// A write-only attribute reaches plan, create and update, and never a state.
func TestWriteOnlyAttributesComeFromTheConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld()
	has := func(want string) resource.TestCheckFunc {
		return func(*terraform.State) error {
			if o, _ := w.get("uid-alpha/one"); o.secret != want {
				return fmt.Errorf("the object has the secret %q, want %q", o.secret, want)
			}
			return nil
		}
	}
	never := []statecheck.StateCheck{value("secret_wo", knownvalue.Null())}
	unitTest(t, w,
		resource.TestStep{
			Config:            config(`cluster = "alpha"`, `name = "one"`, `value = "a"`, `secret_wo = "first"`),
			Check:             has("first"),
			ConfigStateChecks: never,
		},
		resource.TestStep{
			Config:      config(`cluster = "alpha"`, `name = "one"`, `value = "b"`, `secret_wo = "short"`),
			ExpectError: regexp.MustCompile("too short"),
		},
		resource.TestStep{
			Config:            config(`cluster = "alpha"`, `name = "one"`, `value = "b"`, `secret_wo = "second"`),
			Check:             has("second"),
			ConfigStateChecks: never,
		},
	)
}
