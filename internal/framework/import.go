package framework

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// ImportState takes `cluster,key,...` or the identity. It only notes what to
// look for; the Read that follows finds it or says that it is not there.
func (e *engine[M, P]) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	values, err := e.importValues(ctx, req)
	if err != nil {
		resp.Diagnostics.AddError("The import ID cannot be used", err.Error())
		return
	}
	for name, value := range values {
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root(name), value)...)
	}
}

func (e *engine[M, P]) importValues(ctx context.Context, req resource.ImportStateRequest) (map[string]string, error) {
	parts, err := e.importParts(ctx, req)
	if err != nil {
		return nil, err
	}
	keyOf := e.about.ImportID
	if keyOf == nil {
		keyOf = e.wholeKey
	}
	key, err := keyOf(parts[1:])
	if err != nil {
		return nil, err
	}
	values := map[string]string{"cluster": parts[0]}
	maps.Copy(values, key)
	return values, nil
}

func (e *engine[M, P]) wholeKey(parts []string) (map[string]string, error) {
	if len(parts) != len(e.about.Key) {
		return nil, fmt.Errorf("it has %d parts, the form is %q", len(parts)+1, strings.Join(append([]string{"cluster"}, e.about.Key...), ","))
	}
	values := map[string]string{}
	for i, name := range e.about.Key {
		values[name] = parts[i]
	}
	return values, nil
}

// importParts are the cluster and what names the object in it, none of them empty.
func (e *engine[M, P]) importParts(ctx context.Context, req resource.ImportStateRequest) ([]string, error) {
	if req.ID == "" && req.Identity != nil {
		return e.identityParts(ctx, req)
	}
	parts := strings.Split(req.ID, ",")
	for i := range parts {
		if parts[i] = strings.TrimSpace(parts[i]); parts[i] == "" {
			return nil, fmt.Errorf("part %d of %q is empty; it begins with the cluster, and a comma stands between the parts", i+1, req.ID)
		}
	}
	return parts, nil
}

func (e *engine[M, P]) identityParts(ctx context.Context, req resource.ImportStateRequest) ([]string, error) {
	var parts []string
	for _, name := range append([]string{"cluster_id"}, e.about.Key...) {
		var value types.String
		if d := req.Identity.GetAttribute(ctx, path.Root(name), &value); d.HasError() {
			return nil, fmt.Errorf("the identity has no %s: %s", name, d.Errors()[0].Detail())
		}
		optional := e.about.ImportID != nil && name != "cluster_id"
		switch {
		case value.ValueString() != "":
			parts = append(parts, value.ValueString())
		case !optional:
			return nil, fmt.Errorf("the identity's %s is empty", name)
		}
	}
	var err error
	parts[0], err = e.provider.Fleet.NameOf(ctx, parts[0])
	return parts, err
}
