package provider

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

const kubeconfig = `apiVersion: v1
kind: Config
current-context: here
contexts: [{name: here, context: {cluster: here, user: me}}]
clusters: [{name: here, cluster: {server: "https://from-the-file:6443"}}]
users: [{name: me, user: {token: of-the-file}}]
`

// Which server is reached with whose credentials.
func TestConnection(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	text := types.StringValue
	for name, test := range map[string]struct {
		entry       access
		env         map[string]string
		host, token string
		fails       string
	}{
		"explicit":                    {entry: access{Host: text("https://a"), Token: text("mine")}, host: "https://a", token: "mine"},
		"file":                        {entry: access{ConfigPath: text(file)}, host: "https://from-the-file:6443", token: "of-the-file"},
		"file of the environment":     {env: map[string]string{"KUBE_CONFIG_PATH": file}, host: "https://from-the-file:6443", token: "of-the-file"},
		"server of the environment":   {env: map[string]string{"KUBE_HOST": "https://b", "KUBE_TOKEN": "theirs"}, host: "https://b", token: "theirs"},
		"host beats the file of env":  {entry: access{Host: text("https://a"), Token: text("mine")}, env: map[string]string{"KUBE_CONFIG_PATH": file}, host: "https://a", token: "mine"},
		"no foreign token":            {entry: access{Host: text("https://a"), ClientCertificate: text("c"), ClientKey: text("k")}, env: map[string]string{"KUBE_TOKEN": "theirs"}, host: "https://a"},
		"file and host":               {entry: access{ConfigPath: text(file), Host: text("https://a")}, fails: "leave one or the other out"},
		"nothing":                     {fails: "neither host nor config_path"},
		"token beside the env's file": {entry: access{Token: text("mine")}, env: map[string]string{"KUBE_CONFIG_PATH": file}, fails: "KUBE_CONFIG_PATH is left aside"},
		"unknown":                     {entry: access{Host: types.StringUnknown()}, fails: "not known yet"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range []string{"KUBE_CONFIG_PATH", "KUBE_CTX", "KUBE_HOST", "KUBE_TOKEN", "KUBE_CLUSTER_CA_CERT_DATA", "KUBE_CLIENT_CERT_DATA", "KUBE_CLIENT_KEY_DATA"} {
				t.Setenv(variable, test.env[variable])
			}
			got, err := test.entry.connection("it")
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Fatalf("got %v, want an error with %q", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			token := ""
			if got.Token != nil {
				if token, err = got.Token(t.Context(), false); err != nil {
					t.Fatal(err)
				}
			}
			if got.Host != test.host || token != test.token {
				t.Errorf("got %s with token %q, want %s with %q", got.Host, token, test.host, test.token)
			}
		})
	}
}
