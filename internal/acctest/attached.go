package acctest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/process"
)

const (
	reattachVariable = "TF_REATTACH_PROVIDERS"
	attachLimit      = 30 * time.Second
)

// attach starts the built provider for one run of the command line and gives the
// variable that leads the run there; end is called after it. The command line
// would start it itself, several times in each run, and go through TLS with
// each: 0.15 of 0.3 s of CPU time of a small plan. What the two say to each other
// is the same.
func attach(t testing.TB, binary string, environment []string) (variable string, end func()) {
	t.Helper()
	const name = "provider"
	folder := t.TempDir()
	group, err := process.New(folder, func(_ string, err error) { t.Errorf("the provider: %v", err) })
	if err != nil {
		t.Fatal(err)
	}
	end = sync.OnceFunc(group.Close)
	t.Cleanup(end)
	environment = append(slices.Clone(environment), "TMPDIR="+os.TempDir()) // a socket's path must be short
	if err := group.Start(name, binary, environment, "-debug"); err != nil {
		t.Fatal(err)
	}
	log := filepath.Join(folder, "logs", name+".log")
	for deadline := time.Now().Add(attachLimit); ; time.Sleep(2 * time.Millisecond) {
		said, err := os.ReadFile(log)
		if err != nil {
			t.Fatal(err)
		}
		if providers := reattachment(t, said); providers != "" {
			return reattachVariable + "=" + providers, end
		}
		if time.Now().After(deadline) {
			t.Fatalf("the provider does not say where it listens within %s:\n%s", attachLimit, said)
		}
	}
}

// reattachment is the value that a provider has printed, for both registries
// that a bare name can mean; "" if it has not yet.
func reattachment(t testing.TB, said []byte) string {
	t.Helper()
	for line := range bytes.Lines(said) {
		_, value, found := bytes.Cut(line, []byte(reattachVariable+"='"))
		value, ended := bytes.CutSuffix(value, []byte("'\n"))
		if !found || !ended {
			continue
		}
		var providers map[string]json.RawMessage
		if err := json.Unmarshal(value, &providers); err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		for address, config := range providers {
			if rest, found := strings.CutPrefix(address, "registry.terraform.io/"); found {
				providers["registry.opentofu.org/"+rest] = config
			}
		}
		both, err := json.Marshal(providers)
		if err != nil {
			t.Fatal(err)
		}
		return string(both)
	}
	return ""
}

// logged tells whether an environment asks for the provider's log, which the
// command line only has of a provider that it starts.
func logged(environment []string) bool {
	return slices.ContainsFunc(environment, func(v string) bool {
		return strings.HasPrefix(v, "TF_LOG") && !strings.HasSuffix(v, "=")
	})
}
