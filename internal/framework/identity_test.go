package framework

import (
	"context"
	"maps"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// attributes are those of a state, or of an identity, that are strings.
type attributes map[string]string

func (a attributes) GetAttribute(_ context.Context, at path.Path, target any) diags {
	value, is := target.(*types.String)
	if !is {
		panic("not a string")
	}
	*value = StringOrNull(a[at.String()])
	return nil
}

func (a attributes) SetAttribute(_ context.Context, at path.Path, value any) diags {
	switch value := value.(type) {
	case types.String:
		a[at.String()] = value.ValueString()
	case string:
		a[at.String()] = value
	}
	return nil
}

// Where the name alone does not tell an object, the identity has what does.
func TestIdentity(t *testing.T) {
	t.Parallel()
	state := attributes{"name": "web", "tier": "security", "namespace": "default"}
	tiered := func(attribute func(string) string) string { return attribute("tier") + "." + attribute("name") }
	for what, test := range map[string]struct {
		about Description
		want  attributes
	}{
		"the key":         {Description{Key: []string{"namespace", "name"}}, attributes{"cluster_id": "c-1", "namespace": "default", "name": "web"}},
		"a name of parts": {Description{Key: []string{"name"}, IdentityName: tiered}, attributes{"cluster_id": "c-1", "name": "security.web"}},
	} {
		got := attributes{}
		e := &engine[anyModel, *anyModel]{about: test.about}
		if d := e.setIdentity(t.Context(), got, state, "c-1"); d.HasError() || !maps.Equal(got, test.want) {
			t.Errorf("%s: %v, %v; want %v", what, got, d, test.want)
		}
	}
}
