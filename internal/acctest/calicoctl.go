package acctest

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/tools/build"
)

// Calicoctl is Calico's own command line, on one cluster. It reads and writes
// Calico's stored objects, as it does on IKS, whichever door is open.
type Calicoctl struct {
	t       testing.TB
	program string
	env     []string
}

// NewCalicoctl finds the program, and builds it where it is missing.
func NewCalicoctl(t testing.TB, c *localiks.Cluster) *Calicoctl {
	t.Helper()
	programs, err := build.New(os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	program, err := programs.Path(t.Context(), "calicoctl")
	if err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(config, c.Kubeconfig(), 0o600); err != nil {
		t.Fatal(err)
	}
	return &Calicoctl{t: t, program: program, env: []string{"DATASTORE_TYPE=kubernetes", "KUBECONFIG=" + config}}
}

// Run runs one command and gives what it prints. A command that fails fails the
// test. input is what an argument "-f -" reads.
func (c *Calicoctl) Run(input string, args ...string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), runLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.program, args...)
	cmd.Env = append(os.Environ(), c.env...)
	cmd.Stdin = strings.NewReader(input)
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	if err := cmd.Run(); err != nil {
		c.t.Fatalf("calicoctl %s: %v: %s%s", strings.Join(args, " "), err, errors.String(), out.String())
	}
	return out.String()
}
