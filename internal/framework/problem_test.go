package framework_test

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// Terraform finds the line of an attribute, and of an element of one, but not of
// what is inside an object: that is named in the text.
func TestWhereProblemsPointTo(t *testing.T) {
	t.Parallel()
	element := path.Root("endpoints").AtSetValue(types.StringValue("127.0.0.1"))
	for name, test := range map[string]struct {
		at, pointsTo path.Path
		detail       string
	}{
		"attribute":              {path.Root("name"), path.Root("name"), "It is wrong."},
		"element":                {element, element, "It is wrong."},
		"inside an object":       {path.Root("ports").AtListIndex(1).AtName("name"), path.Root("ports").AtListIndex(1), "`ports[1].name`: It is wrong."},
		"deep inside":            {path.Root("rules").AtListIndex(0).AtName("paths").AtListIndex(2).AtName("path"), path.Root("rules").AtListIndex(0), "`rules[0].paths[2].path`: It is wrong."},
		"inside a single object": {path.Root("vpc").AtName("name"), path.Root("vpc"), "`vpc.name`: It is wrong."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := framework.Diagnose(path.Empty(), "", framework.Refuse(test.at, "Wrong", "It is wrong."))
			if len(got) != 1 || got[0].Detail() != test.detail {
				t.Fatalf("diagnostics are %v", got)
			}
			if with, ok := got[0].(diag.DiagnosticWithPath); !ok || !with.Path().Equal(test.pointsTo) {
				t.Errorf("it points to %v, want %s", got[0], test.pointsTo)
			}
		})
	}
}
