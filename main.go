// Command terraform-provider-iks serves the provider to Terraform and OpenTofu.
package main

import (
	"context"
	"flag"
	"log"
	"os"
	"runtime/debug"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"

	"github.com/iks-patterns/terraform-provider-iks/internal/provider"
)

// version is set when a release is built.
var version = "dev"

// A plan makes garbage at a great rate and is over in seconds. Collecting it
// four times more seldom than Go does by itself takes a plan of 200 network
// policies from 4.0 to 2.9 s of CPU time and from 77 to 174 MiB at its peak; from
// memoryLimit on it is collected as often as that needs. GOGC and GOMEMLIMIT of
// the environment go first.
const (
	gcPercent   = 400
	memoryLimit = 512 << 20 // bytes
)

func main() {
	underDebugger := flag.Bool("debug", false, "serve under a debugger")
	flag.Parse()
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	err := providerserver.Serve(context.Background(), provider.New(version), providerserver.ServeOpts{
		Address: "registry.terraform.io/iks-patterns/iks",
		Debug:   *underDebugger,
	})
	if err != nil {
		log.Fatal(err)
	}
}
