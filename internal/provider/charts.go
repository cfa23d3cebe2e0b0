package provider

import (
	"context"
	"fmt"
	"regexp"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// registryPrefix is the beginning of an address to which a password may be sent.
var registryPrefix = regexp.MustCompile(`^(https|oci)://[^/@?#\s]+(/[^@?#\s]*)?$`)

// registry is one entry of chart_registries.
type registry struct {
	Username types.String `tfsdk:"username"`
	Password types.String `tfsdk:"password"`
}

// charts makes what gets Helm charts. Credentials that are unknown are an error only for a chart that needs them.
func (c configuration) charts(ctx context.Context) (helm.Loader, diag.Diagnostics) {
	out := helm.Loader{Client: helm.NewHTTPClient()}
	if c.ChartRegistries.IsUnknown() {
		unknown := func() (string, string, error) {
			return "", "", &cluster.UnknownConfigurationError{Attribute: "chart_registries"}
		}
		// Which addresses it will name is not known either.
		out.Logins = []helm.Login{{Credentials: unknown}}
		return out, nil
	}
	rest, unknown, null := known(ctx, c.ChartRegistries)
	d := missing(path.Root("chart_registries"), null)
	var entries map[string]registry
	d.Append(rest.ElementsAs(ctx, &entries, false)...)
	for _, prefix := range unknown {
		out.Logins = append(out.Logins, helm.Login{Prefix: prefix, Credentials: func() (string, string, error) {
			return "", "", &cluster.UnknownConfigurationError{Attribute: fmt.Sprintf("chart_registries[%q]", prefix)}
		}})
	}
	for prefix, entry := range entries {
		out.Logins = append(out.Logins, helm.Login{Prefix: prefix, Credentials: func() (string, string, error) { return entry.credentials(prefix) }})
	}
	return out, d
}

func (r registry) credentials(prefix string) (username, password string, err error) {
	for attribute, value := range map[string]types.String{"username": r.Username, "password": r.Password} {
		if value.IsUnknown() {
			return "", "", &cluster.UnknownConfigurationError{Attribute: fmt.Sprintf("chart_registries[%q].%s", prefix, attribute)}
		}
	}
	return r.Username.ValueString(), r.Password.ValueString(), nil
}
