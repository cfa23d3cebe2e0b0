package acctest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// ibmBinary names the environment variable with the path of IBM's own provider.
const ibmBinary = "IBM_PROVIDER_BINARY"

// NewWorkspaceWithIBM is NewWorkspace with IBM's own provider beside this one,
// both led to an environment. It skips the test where there is none.
func NewWorkspaceWithIBM(t testing.TB, e *localiks.Environment, config string) *Workspace {
	t.Helper()
	binary := os.Getenv(ibmBinary)
	if binary == "" {
		t.Skipf("IBM's provider is needed: let %s name the file terraform-provider-ibm of a release (CONTRIBUTING.md)", ibmBinary)
	}
	if name := filepath.Base(binary); !strings.HasPrefix(name, "terraform-provider-ibm") {
		t.Fatalf("%s is %s, want a file that is called terraform-provider-ibm", ibmBinary, name)
	}
	w := NewWorkspace(t, config)
	w.file("cli.tfrc", overrides(map[string]string{"iks-patterns/iks": startable(t), "IBM-Cloud/ibm": filepath.Dir(binary)}))
	w.file("versions.tf", `terraform {
  required_providers {
    iks = { source = "iks-patterns/iks" }
    ibm = { source = "IBM-Cloud/ibm" }
  }
}
`)
	w.Env = append(w.Env, e.Env()...)
	return w
}

// CallIKS sends a request to the IKS API as the administrator and wants it to
// succeed: what other tools do beside this provider.
func CallIKS(t testing.TB, e *localiks.Environment, method, path string, body any) {
	t.Helper()
	answer, err := http.PostForm(e.IKS.IAMURL()+"/identity/token", url.Values{
		"grant_type": {"urn:ibm:params:oauth:grant-type:apikey"}, "apikey": {localiks.APIKey},
	})
	if err != nil {
		t.Fatal(err)
	}
	var token struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequest(method, e.IKS.URL()+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token.AccessToken)
	request.Header.Set("Content-Type", "application/json")
	if answer, err = http.DefaultClient.Do(request); err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if said, _ := io.ReadAll(answer.Body); answer.StatusCode >= 300 {
		t.Fatalf("%s %s: %s: %s", method, path, answer.Status, said)
	}
}

// overrides is a CLI configuration under which providers, by their address
// without the registry, are in those folders.
func overrides(folders map[string]string) string {
	var out strings.Builder
	out.WriteString("provider_installation {\n  dev_overrides {\n")
	for address, folder := range folders {
		for _, registry := range registries() {
			fmt.Fprintf(&out, "    %q = %q\n", registry+"/"+address, folder)
		}
	}
	out.WriteString("  }\n  direct {}\n}\n")
	return out.String()
}
