package strongswan

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/listvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/defaults"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// The kinds of attributes that a tunnel has. Those with a default are computed,
// so that a state says what holds and an import can know it.

// text is an optional string that is not empty.
func text(describes string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Validators: []validator.String{stringvalidator.LengthAtLeast(1)}, MarkdownDescription: describes}
}

// textBy is a string with the default of its path.
func textBy(at, describes string) schema.StringAttribute {
	out := text(describes + " Default `" + defaultOf(at) + "`.")
	out.Computed, out.Default = true, stringdefault.StaticString(defaultOf(at))
	return out
}

func oneOf(at, describes string, values ...string) schema.StringAttribute {
	out := textBy(at, describes)
	out.Validators = []validator.String{stringvalidator.OneOf(values...)}
	return out
}

// truth is false by default.
func truth(describes string) schema.BoolAttribute {
	return schema.BoolAttribute{Optional: true, Computed: true, Default: booldefault.StaticBool(false), MarkdownDescription: describes}
}

// set is one of texts. A required one that is empty is for the rules to refuse.
func set(required bool, describes string) schema.SetAttribute {
	out := schema.SetAttribute{ElementType: types.StringType, Required: required, Optional: !required, MarkdownDescription: describes}
	if !required {
		out.Validators = []validator.Set{setvalidator.SizeAtLeast(1)}
	}
	return out
}

// list is one whose order means something.
func list(describes string) schema.ListAttribute {
	return schema.ListAttribute{ElementType: types.StringType, Optional: true, Validators: []validator.List{listvalidator.SizeAtLeast(1)}, MarkdownDescription: describes}
}

func pairsOf(describes string) schema.MapAttribute {
	return schema.MapAttribute{ElementType: types.StringType, Optional: true, Validators: []validator.Map{mapvalidator.SizeAtLeast(1)}, MarkdownDescription: describes}
}

// group is an object of attributes that are all optional. Left out, it has their defaults.
func group(describes string, attributes map[string]schema.Attribute) schema.SingleNestedAttribute {
	kinds, values := map[string]attr.Type{}, map[string]attr.Value{}
	for name, attribute := range attributes {
		kinds[name] = attribute.GetType()
		values[name] = nothing(attribute.GetType())
		if text, is := attribute.(schema.StringAttribute); is && text.Default != nil {
			var byDefault defaults.StringResponse
			text.Default.DefaultString(context.Background(), defaults.StringRequest{}, &byDefault)
			values[name] = byDefault.PlanValue
		}
	}
	return schema.SingleNestedAttribute{
		Optional: true, Computed: true, Default: objectdefault.StaticValue(types.ObjectValueMust(kinds, values)),
		MarkdownDescription: describes, Attributes: attributes,
	}
}

func tolerationsAttribute(describes string) schema.ListNestedAttribute {
	return schema.ListNestedAttribute{
		Optional: true, Validators: []validator.List{listvalidator.SizeAtLeast(1)}, MarkdownDescription: describes,
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"key":      text("Key of the taint. Default any."),
			"operator": schema.StringAttribute{Optional: true, Validators: []validator.String{stringvalidator.OneOf("Equal", "Exists")}, MarkdownDescription: "`Equal` or `Exists`. Default `Equal`."},
			"value":    text("Value of the taint. Default none."),
			"effect":   schema.StringAttribute{Optional: true, Validators: []validator.String{stringvalidator.OneOf("NoSchedule", "PreferNoSchedule", "NoExecute")}, MarkdownDescription: "`NoSchedule`, `PreferNoSchedule` or `NoExecute`. Default any."},
		}},
	}
}

func monitoringAttribute() schema.SingleNestedAttribute {
	return schema.SingleNestedAttribute{
		Optional: true, MarkdownDescription: "What the pod of IBM's chart watches through the tunnel, and writes to its log. Its reports to Slack are not offered: their address is a secret, and the chart keeps it in a ConfigMap. Default nothing.",
		Attributes: map[string]schema.Attribute{
			"cluster_name":   text("Name of the cluster in what is written. Default none."),
			"private_ips":    set(false, "Addresses behind the remote gateway to ping. Default none."),
			"http_endpoints": set(false, "URLs behind the remote gateway to ask. Default none."),
			"timeout":        wholeSeconds("Seconds that an answer may take. Default `5`."),
			"delay":          wholeSeconds("Seconds between two rounds. Default `120`."),
		},
	}
}

func wholeSeconds(describes string) schema.Int64Attribute {
	return schema.Int64Attribute{Optional: true, Validators: []validator.Int64{int64validator.AtLeast(1)}, MarkdownDescription: describes}
}

// nothing is the null of a type.
func nothing(t attr.Type) attr.Value {
	ctx := context.Background()
	value, err := t.ValueFromTerraform(ctx, tftypes.NewValue(t.TerraformType(ctx), nil))
	if err != nil {
		return types.DynamicNull()
	}
	return value
}
