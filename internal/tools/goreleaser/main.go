// Command goreleaser-config says whether goreleaser understands a configuration:
// every key is one that it knows, with a value of its type. goreleaser's own
// command for that is built of all clouds that it can publish to, which takes
// minutes where this takes seconds.
package main

import (
	"fmt"
	"os"

	"github.com/goreleaser/goreleaser/v2/pkg/config"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "goreleaser-config FILE")
		os.Exit(2)
	}
	project, err := config.Load(os.Args[1])
	if err == nil && project.Version != 2 {
		err = fmt.Errorf("it is of version %d, want 2", project.Version)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
