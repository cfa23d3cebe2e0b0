package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func (p *iksProvider) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	notEmpty := []validator.String{stringvalidator.LengthAtLeast(1)}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Puts clusters of IBM Cloud Kubernetes Service into the *Containers Workload Pattern* and says whether they still are.",
		Attributes: map[string]schema.Attribute{
			"ibmcloud_api_key": schema.StringAttribute{
				Optional: true, Sensitive: true, Validators: notEmpty,
				MarkdownDescription: "IBM Cloud API key. Environment: `IC_API_KEY`, `IBMCLOUD_API_KEY`.",
			},
			"iam_token": schema.StringAttribute{
				Optional: true, Sensitive: true, Validators: notEmpty,
				MarkdownDescription: "IAM access token, instead of an API key. It is not renewed, and an administrator kubeconfig is needed with it (`kubeconfig_admin`). Environment: `IC_IAM_TOKEN`, `IBMCLOUD_IAM_TOKEN`.",
			},
			"iam_profile_id": schema.StringAttribute{
				Optional: true, Validators: notEmpty,
				MarkdownDescription: "ID of a trusted profile that the API key assumes. Environment: `IC_IAM_PROFILE_ID`, `IBMCLOUD_IAM_PROFILE_ID`.",
			},
			"region": schema.StringAttribute{
				Optional: true, Validators: notEmpty,
				MarkdownDescription: "IBM Cloud region, which chooses private endpoints. Environment: `IC_REGION`, `IBMCLOUD_REGION`. Default: `us-south`.",
			},
			"resource_group_id": schema.StringAttribute{
				Optional: true, Validators: notEmpty,
				MarkdownDescription: "ID of the resource group in which clusters are looked up by name. Environment: `IC_RESOURCE_GROUP`. Default: all that the identity may see.",
			},
			"visibility": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Which endpoints of IBM Cloud's own APIs to use: `public`, `private`, or `public-and-private`. Environment: `IC_VISIBILITY`. Default: `public`.",
				Validators:          []validator.String{stringvalidator.OneOf("public", "private", "public-and-private")},
			},
			"endpoint_type": schema.StringAttribute{
				Optional:            true,
				MarkdownDescription: "Which endpoint of a cluster's API server to use: `auto` (what the cluster has, the public one first; with `visibility = \"private\"` the private one first), `public`, `private`, `vpe`, or `link`. Default: `auto`.",
				Validators:          []validator.String{stringvalidator.OneOf("auto", "public", "private", "vpe", "link")},
			},
			"iks_api_endpoint": schema.StringAttribute{
				Optional: true, Validators: notEmpty,
				MarkdownDescription: "URL of the IKS API. Environment: `IBMCLOUD_CS_API_ENDPOINT`. Default: by `visibility` and `region`.",
			},
			"iam_endpoint": schema.StringAttribute{
				Optional: true, Validators: notEmpty,
				MarkdownDescription: "URL of the IAM API. Environment: `IBMCLOUD_IAM_API_ENDPOINT`. Default: by `visibility` and `region`.",
			},
			"vpc_api_endpoint": schema.StringAttribute{
				Optional: true, Validators: notEmpty,
				MarkdownDescription: "URL of the VPC API, which tells whether a load balancer of a VPC cluster is public. Environment: `IBMCLOUD_IS_NG_API_ENDPOINT`. Default: by `visibility` and the region of the cluster.",
			},
			"kubeconfig_admin": schema.BoolAttribute{
				Optional:            true,
				MarkdownDescription: "Use the cluster administrator's certificate instead of the identity's own token. It passes by RBAC and leaves the administrator in the audit log. Default: `false`, and never a silent fall-back.",
			},
			"cluster_access": schema.MapNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Clusters that are reached without IKS, by the name that resources write in `cluster`. What an entry leaves out comes from the environment: `KUBE_CONFIG_PATH`, `KUBE_CTX`, `KUBE_HOST`, `KUBE_TOKEN`, `KUBE_CLUSTER_CA_CERT_DATA`, `KUBE_CLIENT_CERT_DATA`, `KUBE_CLIENT_KEY_DATA`.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"config_path":            schema.StringAttribute{Optional: true, Validators: notEmpty, MarkdownDescription: "Path of a kubeconfig file."},
					"config_context":         schema.StringAttribute{Optional: true, Validators: notEmpty, MarkdownDescription: "Context in it. Default: its current one."},
					"host":                   schema.StringAttribute{Optional: true, Validators: notEmpty, MarkdownDescription: "URL of the API server."},
					"token":                  schema.StringAttribute{Optional: true, Sensitive: true, Validators: notEmpty, MarkdownDescription: "Bearer token."},
					"cluster_ca_certificate": schema.StringAttribute{Optional: true, Validators: notEmpty, MarkdownDescription: "Certificate of the API server's authority, PEM."},
					"client_certificate":     schema.StringAttribute{Optional: true, Validators: notEmpty, MarkdownDescription: "Client certificate, PEM."},
					"client_key":             schema.StringAttribute{Optional: true, Sensitive: true, Validators: notEmpty, MarkdownDescription: "Key of the client certificate, PEM."},
				}},
			},
			"chart_registries": schema.MapNestedAttribute{
				Optional:            true,
				MarkdownDescription: "Credentials for private chart repositories and registries, by the beginning of their addresses: `https://charts.example.com/team`, `oci://us.icr.io/team`. The longest that fits is taken. They are sent to that host alone, and to where a registry says that its tokens are to be had, and over TLS alone.",
				Validators:          []validator.Map{mapvalidator.KeysAre(stringvalidator.RegexMatches(registryPrefix, "it is not the beginning of an https:// or oci:// address without credentials in it"))},
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"username": schema.StringAttribute{Required: true, Validators: notEmpty, MarkdownDescription: "User name; `iamapikey` for IBM Cloud's container registry."},
					"password": schema.StringAttribute{Required: true, Sensitive: true, Validators: notEmpty, MarkdownDescription: "Password, or API key."},
				}},
			},
			"default_labels": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Labels put on every object that this provider makes as a whole. A key that is taken out again is no drift: what has it keeps it, at least until that is next changed.",
			},
			"default_annotations": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Annotations put on every object that this provider makes as a whole. A key that is taken out again is no drift: what has it keeps it, at least until that is next changed.",
			},
		},
	}
}
