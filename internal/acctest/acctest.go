// Package acctest is what acceptance tests share: one running localiks per
// test process, and the real command line, led to the provider in that process.
//
// Acceptance tests run where TF_ACC is set, as `make test` does. The command
// line is terraform from PATH, or what TF_ACC_TERRAFORM_PATH names: the same
// suite runs under OpenTofu.
package acctest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/provider"
)

// The clusters that every test of a process shares.
const (
	Classic = "classic" // on classic infrastructure, both Calico doors open
	VPC     = "vpc"     // on VPC
)

// Package is what the acceptance tests of a package need.
type Package struct {
	// Clusters that they share, Classic and VPC if none is named.
	Clusters []string
	// Resources and DataSources are what the provider offers them. Tests depend on
	// no more than that: Go does not repeat them when another part changes.
	Resources   framework.Resources
	DataSources framework.DataSources
}

// shared is the environment of this test process. Tests cannot hand one to
// another in any other way.
type shared struct {
	Package
	once        sync.Once
	environment *localiks.Environment
	err         error

	mu sync.Mutex
	// spent are clusters that are not as they were made, nor will be again.
	spent map[string]bool
}

var ours shared

// Main runs the tests of a package and takes the environment down afterwards:
//
//	func TestMain(m *testing.M) { os.Exit(acctest.Main(m, acctest.Package{})) }
//
// Where the command line has started this program as the provider, it is that.
func Main(m *testing.M, p Package) int {
	ours.Package = p
	if len(p.Clusters) == 0 {
		ours.Clusters = []string{Classic, VPC}
	}
	if os.Getenv(startedVariable) != "" {
		if err := provider.Serve(p.provider(), false); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	provider.SilenceUnreadLogs()
	code := m.Run()
	if e := ours.environment; e != nil {
		if err := e.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "closing localiks:", err)
			code = max(code, 1)
		}
	}
	return code
}

// Environment gives the shared localiks, with the clusters that [Main] was told.
// It skips the test where acceptance tests are not asked for.
func Environment(t testing.TB) *localiks.Environment {
	t.Helper()
	e := environment(t)
	ours.mu.Lock()
	spent := ours.spent
	ours.spent = nil
	ours.mu.Unlock()
	for name := range spent {
		Rebuild(t, name)
	}
	return e
}

// spend tells that whoever comes next needs a cluster of this name made again.
func spend(name string) {
	ours.mu.Lock()
	defer ours.mu.Unlock()
	if ours.spent == nil {
		ours.spent = map[string]bool{}
	}
	ours.spent[name] = true
}

func environment(t testing.TB) *localiks.Environment {
	t.Helper()
	requireAcceptance(t)
	ours.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		var o localiks.Options
		for _, name := range ours.Clusters {
			o.Clusters = append(o.Clusters, clusterOptions(name))
		}
		ours.environment, ours.err = localiks.Start(ctx, o)
	})
	if ours.err != nil {
		t.Fatalf("localiks did not start: %v", ours.err)
	}
	return ours.environment
}

// Rebuild deletes a cluster of the shared localiks and makes another one of the
// same name: empty, with another ID, and different from the usual one as
// changes say.
func Rebuild(t testing.TB, name string, changes ...func(*fakeiks.Cluster)) *localiks.Cluster {
	t.Helper()
	e := environment(t)
	ours.mu.Lock()
	delete(ours.spent, name)
	ours.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	o := clusterOptions(name)
	for _, change := range changes {
		change(&o.Cluster)
	}
	c, err := e.RebuildCluster(ctx, o)
	if err != nil {
		t.Fatalf("rebuilding a cluster: %v", err)
	}
	return c
}

// Fresh is Rebuild for one test: whoever comes next has the usual cluster.
func Fresh(t testing.TB, name string, changes ...func(*fakeiks.Cluster)) (*localiks.Environment, *localiks.Cluster) {
	t.Helper()
	c := Rebuild(t, name, changes...)
	t.Cleanup(func() { spend(name) })
	return Environment(t), c
}

func clusterOptions(name string) localiks.ClusterOptions {
	return localiks.ClusterOptions{Cluster: localiks.SampleCluster(name, providers()[name])}
}

// providers are the infrastructures of the shared clusters.
func providers() map[string]fakeiks.Provider {
	return map[string]fakeiks.Provider{Classic: fakeiks.Classic, VPC: fakeiks.VPC}
}

// OwnEnvironment starts a localiks for one test alone. Most tests do with Fresh.
func OwnEnvironment(t testing.TB, o localiks.Options) *localiks.Environment {
	t.Helper()
	requireAcceptance(t)
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	e, err := localiks.Start(ctx, o)
	if err != nil {
		t.Fatalf("localiks did not start: %v", err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("closing localiks: %v", err)
		}
	})
	return e
}

func requireAcceptance(t testing.TB) {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("acceptance tests run with TF_ACC=1, as `make test` sets it")
	}
}

// ProviderBlock is the provider block that leads to an environment, with the
// administrator's API key. extra goes into the block as it is.
func ProviderBlock(e *localiks.Environment, extra ...string) string {
	return ProviderBlockFor(e, localiks.APIKey, extra...)
}

// ProviderBlockFor is the provider block with another API key.
func ProviderBlockFor(e *localiks.Environment, apiKey string, extra ...string) string {
	block := fmt.Sprintf(`
provider "iks" {
  ibmcloud_api_key = %q
  iks_api_endpoint = %q
  iam_endpoint     = %q
  vpc_api_endpoint = %q
`, apiKey, e.IKS.URL(), e.IKS.IAMURL(), e.IKS.VPCURL())
	for _, line := range extra {
		block += "  " + line + "\n"
	}
	return block + "}\n"
}
