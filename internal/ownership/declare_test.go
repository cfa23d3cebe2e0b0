package ownership_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

func TestReadLabelsAndAnnotations(t *testing.T) {
	t.Parallel()
	of := func(key string, value attr.Value) types.Map {
		return types.MapValueMust(types.StringType, map[string]attr.Value{key: value})
	}
	text := types.StringValue
	for name, test := range map[string]struct {
		m           types.Map
		annotations bool
		want        map[string]string
		unknown     bool
		says        string
	}{
		"none":                   {m: types.MapNull(types.StringType)},
		"a label":                {m: of("team", text("shop")), want: map[string]string{"team": "shop"}},
		"an annotation":          {m: of("Example.com/Note", text("any text: at all")), annotations: true, want: map[string]string{"Example.com/Note": "any text: at all"}},
		"not known":              {m: types.MapUnknown(types.StringType), unknown: true},
		"a value not known":      {m: of("team", types.StringUnknown()), unknown: true},
		"null":                   {m: of("team", types.StringNull()), says: "null"},
		"bad key":                {m: of("a b", text("x")), want: map[string]string{"a b": "x"}, says: `"a b" = "x" does not make a valid label`},
		"bad value":              {m: of("team", text("a b")), want: map[string]string{"team": "a b"}, says: "does not make a valid label"},
		"bad key of annotation":  {m: of("a b", text("x")), annotations: true, want: map[string]string{"a b": "x"}, says: "does not make a valid annotation"},
		"the provider's label":   {m: of(framework.ManagedByLabel, text("x")), want: map[string]string{framework.ManagedByLabel: "x"}, says: "provider's own"},
		"the provider's stamp":   {m: of(framework.OwnerAnnotation, text("x")), annotations: true, want: map[string]string{framework.OwnerAnnotation: "x"}, says: "provider's own"},
		"reserved by a resource": {m: of("mine", text("x")), want: map[string]string{"mine": "x"}, says: "provider's own"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := ownership.ReadLabels
			if test.annotations {
				read = ownership.ReadAnnotations
			}
			got, known, problems := read(path.Root("marks"), test.m, "mine")
			if diff := cmp.Diff(test.want, got); diff != "" || known == test.unknown {
				t.Errorf("known is %t; -want +got:\n%s", known, diff)
			}
			if test.says == "" && len(problems) > 0 || test.says != "" && (len(problems) != 1 || !strings.Contains(problems[0].Detail, test.says)) {
				t.Errorf("problems are %v, want %q", problems, test.says)
			}
			for _, p := range problems {
				if !strings.HasPrefix(p.Path.String(), "marks[") {
					t.Errorf("the path is %s", p.Path)
				}
			}
		})
	}
}

func TestStringMap(t *testing.T) {
	t.Parallel()
	if got := ownership.StringMap(nil); !got.IsNull() {
		t.Errorf("nothing becomes %s", got)
	}
	if got := ownership.StringMap(map[string]string{"a": "b"}); got.Elements()["a"] != types.StringValue("b") {
		t.Errorf("one becomes %s", got)
	}
}
