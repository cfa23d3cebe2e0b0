package provider

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// access is one entry of cluster_access.
type access struct {
	ConfigPath        types.String `tfsdk:"config_path"`
	ConfigContext     types.String `tfsdk:"config_context"`
	Host              types.String `tfsdk:"host"`
	Token             types.String `tfsdk:"token"`
	CACertificate     types.String `tfsdk:"cluster_ca_certificate"`
	ClientCertificate types.String `tfsdk:"client_certificate"`
	ClientKey         types.String `tfsdk:"client_key"`
}

func (c configuration) clusterAccess(ctx context.Context) (map[string]func() (kube.Access, error), diag.Diagnostics) {
	if c.ClusterAccess.IsUnknown() {
		var d diag.Diagnostics
		d.AddAttributeError(path.Root("cluster_access"), "The value must be known",
			"Which clusters are reached directly must be known at plan time; what stands in an entry may still be unknown.")
		return nil, d
	}
	rest, unknown, null := known(ctx, c.ClusterAccess)
	d := missing(path.Root("cluster_access"), null)
	var entries map[string]access
	d.Append(rest.ElementsAs(ctx, &entries, false)...)
	direct := make(map[string]func() (kube.Access, error), len(entries))
	for _, name := range unknown {
		direct[name] = func() (kube.Access, error) {
			return kube.Access{}, &cluster.UnknownConfigurationError{Attribute: fmt.Sprintf("cluster_access[%q]", name)}
		}
	}
	for name, entry := range entries {
		direct[name] = func() (kube.Access, error) { return entry.connection(name) }
	}
	return direct, d
}

// connection reads an entry: explicit values first, then a kubeconfig, then
// the environment. It never falls back to localhost.
func (a access) connection(name string) (kube.Access, error) {
	for attribute, value := range map[string]types.String{
		"config_path": a.ConfigPath, "config_context": a.ConfigContext, "host": a.Host, "token": a.Token,
		"cluster_ca_certificate": a.CACertificate, "client_certificate": a.ClientCertificate, "client_key": a.ClientKey,
	} {
		if value.IsUnknown() {
			return kube.Access{}, &cluster.UnknownConfigurationError{Attribute: fmt.Sprintf("cluster_access[%q].%s", name, attribute)}
		}
	}
	explicit := !a.Host.IsNull() || !a.CACertificate.IsNull() || a.ownCredentials()
	if !a.ConfigPath.IsNull() && explicit {
		return kube.Access{}, errors.New("config_path stands beside host, token or certificates; a kubeconfig says all of that, so leave one or the other out")
	}
	file := orEnv(a.ConfigPath, "KUBE_CONFIG_PATH")
	if file != "" && !explicit {
		return kube.ReadKubeconfig(file, orEnv(a.ConfigContext, "KUBE_CTX"))
	}
	connection := kube.Access{
		Host:              orEnv(a.Host, "KUBE_HOST"),
		CACertificate:     []byte(orEnv(a.CACertificate, "KUBE_CLUSTER_CA_CERT_DATA")),
		ClientCertificate: []byte(a.ClientCertificate.ValueString()),
		ClientKey:         []byte(a.ClientKey.ValueString()),
	}
	token := a.Token.ValueString()
	if !a.ownCredentials() {
		// What the environment holds may be for another cluster, so it never
		// joins credentials of the entry's own.
		token = os.Getenv("KUBE_TOKEN")
		connection.ClientCertificate = []byte(os.Getenv("KUBE_CLIENT_CERT_DATA"))
		connection.ClientKey = []byte(os.Getenv("KUBE_CLIENT_KEY_DATA"))
	}
	if token != "" {
		connection.Token = fixed(token)
	}
	if connection.Host == "" && file != "" {
		return kube.Access{}, errors.New("host is not set, nor KUBE_HOST in the environment. KUBE_CONFIG_PATH is left aside, because a kubeconfig does not go with the entry's own token or certificates")
	}
	if connection.Host == "" {
		return kube.Access{}, errors.New("neither host nor config_path is set, nor KUBE_HOST or KUBE_CONFIG_PATH in the environment")
	}
	return connection, nil
}

// ownCredentials tells whether the entry itself says who is asking.
func (a access) ownCredentials() bool {
	return !a.Token.IsNull() || !a.ClientCertificate.IsNull() || !a.ClientKey.IsNull()
}

func fixed(token string) kube.TokenSource {
	return func(context.Context, bool) (string, error) { return token, nil }
}
