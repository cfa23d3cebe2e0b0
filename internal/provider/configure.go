package provider

import (
	"context"
	"os"
	"sync"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// configuration is the provider block.
type configuration struct {
	APIKey             types.String `tfsdk:"ibmcloud_api_key"`
	Token              types.String `tfsdk:"iam_token"`
	ProfileID          types.String `tfsdk:"iam_profile_id"`
	Region             types.String `tfsdk:"region"`
	ResourceGroupID    types.String `tfsdk:"resource_group_id"`
	Visibility         types.String `tfsdk:"visibility"`
	EndpointType       types.String `tfsdk:"endpoint_type"`
	IKSEndpoint        types.String `tfsdk:"iks_api_endpoint"`
	IAMEndpoint        types.String `tfsdk:"iam_endpoint"`
	VPCEndpoint        types.String `tfsdk:"vpc_api_endpoint"`
	KubeconfigAdmin    types.Bool   `tfsdk:"kubeconfig_admin"`
	ClusterAccess      types.Map    `tfsdk:"cluster_access"`
	ChartRegistries    types.Map    `tfsdk:"chart_registries"`
	DefaultLabels      types.Map    `tfsdk:"default_labels"`
	DefaultAnnotations types.Map    `tfsdk:"default_annotations"`
}

// provider turns the block into what resources work with. A value that is
// unknown becomes an error only where it is needed.
func (c configuration) provider(ctx context.Context, userAgent string) (*framework.Provider, diag.Diagnostics) {
	var d diag.Diagnostics
	p := &framework.Provider{}
	var more diag.Diagnostics
	p.DefaultLabels, more = everyObject(path.Root("default_labels"), c.DefaultLabels, ownership.ReadLabels)
	d.Append(more...)
	p.DefaultAnnotations, more = everyObject(path.Root("default_annotations"), c.DefaultAnnotations, ownership.ReadAnnotations)
	d.Append(more...)
	direct, accessDiags := c.clusterAccess(ctx)
	d.Append(accessDiags...)
	var chartDiags diag.Diagnostics
	p.Charts, chartDiags = c.charts(ctx)
	d.Append(chartDiags...)

	endpoint := c.EndpointType.ValueString()
	if endpoint == "" {
		endpoint = "auto"
	}
	p.Fleet = cluster.NewFleet(cluster.Options{
		IKS:    sync.OnceValues(func() (*iks.Client, error) { return c.client(userAgent) }),
		Direct: direct,
		Access: iks.AccessOptions{Admin: c.KubeconfigAdmin.ValueBool(), EndpointType: endpoint},
		Kube:   kube.Options{UserAgent: userAgent},
	})
	return p, d
}

// everyObject reads what goes onto every object, labels or annotations. All of it
// is part of what a plan shows, so that none can be left to be known later.
func everyObject(at path.Path, from types.Map, read func(path.Path, types.Map, ...string) (map[string]string, bool, []framework.Problem)) (map[string]string, diag.Diagnostics) {
	out, known, problems := read(at, from)
	if !known {
		problems = append(problems, framework.Problem{Path: at, Summary: "The value must be known", Detail: "What goes onto every object cannot depend on something that this run has still to create."})
	}
	return out, framework.Diagnose(at, "", &framework.Refusal{Problems: problems})
}

// known leaves out the entries that are unknown or null as a whole. The rest
// can be decoded; what is told of the others depends on what they are for.
func known(ctx context.Context, entries types.Map) (rest types.Map, unknown, null []string) {
	kept := map[string]attr.Value{}
	for key, entry := range entries.Elements() {
		switch {
		case entry.IsUnknown():
			unknown = append(unknown, key)
		case entry.IsNull():
			null = append(null, key)
		default:
			kept[key] = entry
		}
	}
	if len(kept) == len(entries.Elements()) {
		return entries, nil, nil
	}
	return types.MapValueMust(entries.ElementType(ctx), kept), unknown, null
}

// missing is the diagnostic for entries that are null.
func missing(at path.Path, keys []string) (d diag.Diagnostics) {
	for _, key := range keys {
		d.AddAttributeError(at.AtMapKey(key), "The entry is missing", "It is null. Leave the key out if there is no such entry.")
	}
	return d
}

// client makes the IKS client, without a request.
func (c configuration) client(userAgent string) (*iks.Client, error) {
	for name, value := range map[string]interface{ IsUnknown() bool }{
		"ibmcloud_api_key": c.APIKey, "iam_token": c.Token, "iam_profile_id": c.ProfileID, "region": c.Region,
		"resource_group_id": c.ResourceGroupID, "visibility": c.Visibility, "endpoint_type": c.EndpointType,
		"iks_api_endpoint": c.IKSEndpoint, "iam_endpoint": c.IAMEndpoint, "vpc_api_endpoint": c.VPCEndpoint, "kubeconfig_admin": c.KubeconfigAdmin,
	} {
		if value.IsUnknown() {
			return nil, &cluster.UnknownConfigurationError{Attribute: name}
		}
	}
	key := orEnv(c.APIKey, "IC_API_KEY", "IBMCLOUD_API_KEY", "BM_API_KEY", "BLUEMIX_API_KEY")
	token := orEnv(c.Token, "IC_IAM_TOKEN", "IBMCLOUD_IAM_TOKEN")
	switch {
	// What the block says wins over the environment.
	case !c.APIKey.IsNull() && c.Token.IsNull():
		token = ""
	case !c.Token.IsNull() && c.APIKey.IsNull():
		key = ""
	}
	region := orEnv(c.Region, "IC_REGION", "IBMCLOUD_REGION", "BM_REGION", "BLUEMIX_REGION")
	if region == "" {
		region = "us-south"
	}
	return iks.New(iks.Config{
		APIKey:           key,
		Token:            token,
		TrustedProfileID: orEnv(c.ProfileID, "IC_IAM_PROFILE_ID", "IBMCLOUD_IAM_PROFILE_ID"),
		Region:           region,
		ResourceGroupID:  orEnv(c.ResourceGroupID, "IC_RESOURCE_GROUP", "IBMCLOUD_RESOURCE_GROUP"),
		Visibility:       orEnv(c.Visibility, "IC_VISIBILITY", "IBMCLOUD_VISIBILITY"),
		Endpoint:         orEnv(c.IKSEndpoint, "IBMCLOUD_CS_API_ENDPOINT"),
		IAMEndpoint:      orEnv(c.IAMEndpoint, "IBMCLOUD_IAM_API_ENDPOINT"),
		VPCEndpoint:      orEnv(c.VPCEndpoint, "IBMCLOUD_IS_NG_API_ENDPOINT"),
		UserAgent:        userAgent,
	})
}

// orEnv is the configured value, or the first environment variable that is set.
func orEnv(v types.String, names ...string) string {
	if !v.IsNull() {
		return v.ValueString()
	}
	for _, name := range names {
		if value := os.Getenv(name); value != "" {
			return value
		}
	}
	return ""
}
