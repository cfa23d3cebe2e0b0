package framework

import (
	"context"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework-timeouts/resource/timeouts"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// engine is the lifecycle of one resource type.
type engine[M any, P ModelOf[M]] struct {
	part     Part[M]
	about    Description
	provider *Provider
}

var (
	_ resource.ResourceWithConfigure        = (*engine[anyModel, *anyModel])(nil)
	_ resource.ResourceWithConfigValidators = (*engine[anyModel, *anyModel])(nil)
	_ resource.ResourceWithValidateConfig   = (*engine[anyModel, *anyModel])(nil)
	_ resource.ResourceWithModifyPlan       = (*engine[anyModel, *anyModel])(nil)
	_ resource.ResourceWithImportState      = (*engine[anyModel, *anyModel])(nil)
	_ resource.ResourceWithIdentity         = (*engine[anyModel, *anyModel])(nil)
)

type anyModel struct{ Common }

// NewResource makes a Terraform resource of a part.
func NewResource[M any, P ModelOf[M]](part Part[M]) func() resource.Resource {
	about := part.Describe()
	return func() resource.Resource { return &engine[M, P]{part: part, about: about} }
}

func (e *engine[M, P]) typeName() string { return "iks_" + e.about.Name }

func (e *engine[M, P]) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = e.typeName()
	// A rename is an update, and the name is part of the identity.
	resp.ResourceBehavior.MutableIdentity = true
}

func (e *engine[M, P]) Schema(ctx context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = e.schema(ctx)
}

func (e *engine[M, P]) schema(ctx context.Context) schema.Schema {
	s := e.about.Schema
	s.Attributes = maps.Clone(s.Attributes)
	maps.Copy(s.Attributes, commonAttributes(ctx))
	return s
}

func commonAttributes(ctx context.Context) map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"cluster": schema.StringAttribute{
			Required:            true,
			MarkdownDescription: "Name or ID of the cluster. It may be unknown at plan time, as for a cluster that is created in the same run. A value that leads to another cluster replaces the resource; another spelling of the same cluster does not.",
			Validators:          []validator.String{stringvalidator.LengthBetween(1, 253)},
		},
		"cluster_id": schema.StringAttribute{
			Computed:            true,
			MarkdownDescription: "ID of the cluster, which identifies it for the life of this resource.",
			PlanModifiers:       []planmodifier.String{stringplanmodifier.UseStateForUnknown()},
		},
		"ready": schema.BoolAttribute{
			Computed:            true,
			MarkdownDescription: "Whether all that this resource declares is in effect. It is `false` after an apply that ran out of time; the next apply carries on. Guard what depends on it with a `postcondition`.",
		},
		"drift": schema.ListAttribute{
			Computed:            true,
			ElementType:         types.StringType,
			MarkdownDescription: "What the last refresh found changed behind Terraform's back, in sentences, at most 50. The next apply puts it right.",
		},
		"timeouts": timeouts.Attributes(ctx, timeouts.Opts{Create: true, Update: true, Delete: true}),
	}
}

func (e *engine[M, P]) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	attributes := map[string]identityschema.Attribute{
		"cluster_id": identityschema.StringAttribute{RequiredForImport: true, Description: "ID of the cluster."},
	}
	several := e.about.ImportID != nil
	for _, key := range e.about.Key {
		attributes[key] = identityschema.StringAttribute{RequiredForImport: !several, OptionalForImport: several, Description: "As the attribute of the same name."}
	}
	resp.IdentitySchema = identityschema.Schema{Attributes: attributes}
}

func (e *engine[M, P]) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	provider, err := providerFrom(req.ProviderData)
	if err != nil {
		resp.Diagnostics.AddError("The provider is not configured", err.Error())
		return
	}
	e.provider = provider
}

func (e *engine[M, P]) ConfigValidators(context.Context) []resource.ConfigValidator {
	return slices.Clone(e.about.Validators)
}

func (e *engine[M, P]) ValidateConfig(ctx context.Context, req resource.ValidateConfigRequest, resp *resource.ValidateConfigResponse) {
	var m M
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	for _, problem := range e.part.Check(ctx, &m) {
		resp.Diagnostics.Append(problem.diagnostic())
	}
}

// setIdentity writes the identity: the cluster's ID and the object's key.
func (e *engine[M, P]) setIdentity(ctx context.Context, identity attributeSetter, state attributeGetter, clusterID string) diags {
	d := identity.SetAttribute(ctx, path.Root("cluster_id"), clusterID)
	attribute := func(name string) types.String {
		var value types.String
		d.Append(state.GetAttribute(ctx, path.Root(name), &value)...)
		return value
	}
	for _, key := range e.about.Key {
		value := attribute(key)
		if key == "name" && e.about.IdentityName != nil {
			value = types.StringValue(e.about.IdentityName(func(name string) string { return attribute(name).ValueString() }))
		}
		d.Append(identity.SetAttribute(ctx, path.Root(key), value)...)
	}
	return d
}

type attributeSetter interface {
	SetAttribute(ctx context.Context, at path.Path, value any) diags
}

type attributeGetter interface {
	GetAttribute(ctx context.Context, at path.Path, target any) diags
}
