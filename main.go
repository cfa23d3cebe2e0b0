// Command terraform-provider-iks serves the provider to Terraform and OpenTofu.
package main

import (
	"flag"
	"log"

	"github.com/iks-patterns/terraform-provider-iks/internal/pattern"
	"github.com/iks-patterns/terraform-provider-iks/internal/provider"
)

// version is set when a release is built.
var version = "dev"

func main() {
	underDebugger := flag.Bool("debug", false, "serve under a debugger")
	flag.Parse()
	if err := provider.Serve(provider.New(version, pattern.Resources(), pattern.DataSources()), *underDebugger); err != nil {
		log.Fatal(err)
	}
}
