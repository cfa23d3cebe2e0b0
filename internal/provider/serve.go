package provider

import (
	"context"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/providerserver"
)

// Address is the provider's in the public registry.
const Address = "registry.terraform.io/iks-patterns/iks"

// A plan makes garbage at a great rate and is over in seconds. Collecting it
// four times more seldom than Go does by itself takes a plan of 200 network
// policies from 4.0 to 2.9 s of CPU time and from 77 to 174 MiB at its peak; from
// memoryLimit on it is collected as often as that needs. GOGC and GOMEMLIMIT of
// the environment go first.
const (
	gcPercent   = 400
	memoryLimit = 512 << 20 // bytes
)

// Serve makes this process the provider, until the command line that started it
// ends it. Under a debugger it says where command lines may find it, and lasts
// until it is interrupted.
func Serve(made func() provider.Provider, underDebugger bool) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	SilenceUnreadLogs()
	return providerserver.Serve(context.Background(), made, providerserver.ServeOpts{Address: Address, Debug: underDebugger})
}

// SilenceUnreadLogs turns off what the plugin framework logs, if the environment
// asks for no log. By itself it writes every step of every attribute to
// Terraform, which reads it and throws it away: with 200 network policies, 1.7 of
// 5.3 s of CPU time of a plan in which nothing changes, and 1 of 3.1 s of its
// length.
func SilenceUnreadLogs() {
	for _, name := range unreadLogs(os.Environ()) {
		_ = os.Setenv(name, "OFF") // it fails for names that none of them is
	}
}

// unreadLogs are the variables that turn off what nobody reads.
func unreadLogs(environment []string) []string {
	asked := func(v string) bool { return strings.HasPrefix(v, "TF_LOG") && !strings.HasSuffix(v, "=") }
	if slices.ContainsFunc(environment, asked) {
		return nil
	}
	return []string{"TF_LOG_SDK", "TF_LOG_SDK_PROTO", "TF_LOG_SDK_FRAMEWORK", "TF_LOG_PROVIDER_IKS"}
}
