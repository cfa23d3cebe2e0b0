package isolation

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"k8s.io/apimachinery/pkg/util/validation"
)

func canaryAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional:            true,
		MarkdownDescription: "A pod that confirms a change from within the cluster: on new connections it looks up a name and has the API server answer, for `confirm_seconds`. It runs once before anything is cut off, so that a canary that cannot work is refused, and again, on the same worker, after the change; if it fails then, or its image cannot be pulled, the change is taken back at once. It has no service account token, no privileges and a read-only file system, as the `restricted` level of Pod Security wants it, tolerates taints of the key `dedicated`, and is taken away in any case. Default: none runs.",
		Attributes: map[string]schema.Attribute{
			"image": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Image with `sh`, `nslookup`, `nc`, `grep` and `timeout`, such as busybox since 1.30, from a registry that the workers reach.",
			},
			"namespace": schema.StringAttribute{
				Required:            true,
				MarkdownDescription: "Namespace that the pod runs in, which must exist. Pull secrets are those of its default service account.",
			},
			"command": schema.ListAttribute{
				ElementType: types.StringType, Optional: true,
				MarkdownDescription: "Command to run instead, with its arguments. It tries for as many seconds as the environment variable `CANARY_SECONDS` says, at least once, and ends with 0 if all worked. Of what it prints when it fails, the last lines are shown.",
			},
		},
	}
}

func canaryType() map[string]attr.Type {
	return map[string]attr.Type{"image": types.StringType, "namespace": types.StringType, "command": types.ListType{ElemType: types.StringType}}
}

// canary reads the canary, nil for none. What it is like does not make the
// policies, so that a plan can do without what is not known of it yet.
func (r *reader) canary(object types.Object, network string) *canary {
	if object.IsNull() || object.IsUnknown() {
		return nil
	}
	at, fields := path.Root("canary"), object.Attributes()
	text := func(name string) string {
		value, ok := fields[name].(types.String)
		if ok && !value.IsUnknown() && strings.TrimSpace(value.ValueString()) == "" {
			r.wrong(at.AtName(name), fmt.Errorf("the canary needs its %s", name))
		}
		return value.ValueString()
	}
	c := &canary{network: network, image: text("image"), namespace: text("namespace")}
	if wrong := validation.IsDNS1123Label(c.namespace); c.namespace != "" && len(wrong) > 0 {
		r.wrong(at.AtName("namespace"), fmt.Errorf("%q cannot be the name of a namespace: %s", c.namespace, strings.Join(wrong, "; ")))
	}
	command, _ := fields["command"].(types.List)
	if !command.IsNull() && !command.IsUnknown() && len(command.Elements()) == 0 {
		r.wrong(at.AtName("command"), errEmpty)
	}
	for _, element := range command.Elements() {
		if word, ok := element.(types.String); ok {
			c.command = append(c.command, word.ValueString())
		}
	}
	return c
}
