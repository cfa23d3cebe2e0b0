package acctest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The environment variables that name the command lines to test under: the one
// that all tests use, which terraform-plugin-testing reads as well, and another
// one for the tests in which the command line has a part.
const (
	cliVariable      = "TF_ACC_TERRAFORM_PATH"
	otherCLIVariable = "TF_ACC_OTHER_PATH"
)

// CLI is the program that a test runs under.
func CLI(t testing.TB) string {
	t.Helper()
	if path := os.Getenv(cliVariable); path != "" {
		return path
	}
	path, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatalf("there is no terraform on PATH; set %s to terraform or tofu", cliVariable)
	}
	return path
}

// CLIs are the programs to run a test under whose outcome they have a part in.
func CLIs(t testing.TB) []string {
	t.Helper()
	all := []string{CLI(t)}
	if other := os.Getenv(otherCLIVariable); other != "" {
		all = append(all, other)
	}
	return all
}

// UnderEachCLI runs a test under each command line.
func UnderEachCLI(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	for _, cli := range CLIs(t) {
		under(t, cli, "", test)
	}
}

// under runs a test under one command line.
func under(t *testing.T, cli, variant string, test func(t *testing.T)) {
	t.Helper()
	t.Run(strings.TrimSpace(variant+" under "+filepath.Base(cli)), func(t *testing.T) {
		t.Setenv(cliVariable, cli)
		test(t)
	})
}
