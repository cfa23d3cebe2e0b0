package acctest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	fwprovider "github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6/tf6server"

	"github.com/iks-patterns/terraform-provider-iks/internal/provider"
)

const (
	// reattachVariable leads the command line to providers that are served already.
	reattachVariable = "TF_REATTACH_PROVIDERS"
	// startedVariable tells a test program that the command line has started it, as
	// the provider.
	startedVariable = "IKS_STARTED_AS_PROVIDER"
)

// registries are what a provider's bare address can belong to.
func registries() []string { return []string{"registry.terraform.io", "registry.opentofu.org"} }

// provider is the one that a package's tests drive.
func (p Package) provider() func() fwprovider.Provider {
	return provider.New("test", p.Resources, p.DataSources)
}

// serve serves a provider from this process, race detector included, for one run
// of the command line, and gives the variable that leads the run there. end is
// called after it. Each run has a provider of its own that remembers nothing, as
// if the command line had started it: which it would do several times in each
// run, and go through TLS with each.
func serve(t testing.TB, made func() fwprovider.Provider) (variable string, end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	at, closed := make(chan *plugin.ReattachConfig), make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		failed <- tf6server.Serve(provider.Address, providerserver.NewProtocol6(made()),
			tf6server.WithDebug(ctx, at, closed), tf6server.WithGoPluginLogger(hclog.NewNullLogger()))
	}()
	end = func() {
		cancel()
		<-closed
	}
	select {
	case config := <-at:
		return reattachVariable + "=" + reattachment(t, config), end
	case err := <-failed:
		cancel()
		t.Fatalf("serving the provider: %v", err)
		return "", nil
	}
}

// reattachment says where a provider is, as command lines want to be told.
func reattachment(t testing.TB, config *plugin.ReattachConfig) string {
	t.Helper()
	type address struct{ Network, String string }
	type attachment struct {
		Protocol        string
		ProtocolVersion int
		Pid             int
		Test            bool
		Addr            address
	}
	here := attachment{
		Protocol: string(config.Protocol), ProtocolVersion: config.ProtocolVersion, Pid: config.Pid, Test: config.Test,
		Addr: address{Network: config.Addr.Network(), String: config.Addr.String()},
	}
	_, name, _ := strings.Cut(provider.Address, "/")
	all := map[string]attachment{}
	for _, registry := range registries() {
		all[registry+"/"+name] = here
	}
	raw, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// startable gives a folder in which the command line can start this program as
// the provider.
func startable(t testing.TB) string {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(program, filepath.Join(dir, "terraform-provider-iks")); err != nil {
		t.Fatal(err)
	}
	return dir
}
