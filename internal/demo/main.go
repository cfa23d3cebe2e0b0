// Command demo shows the provider doing its main job on two clusters that run
// on this machine: it puts them into the pattern, finds what was changed by
// hand, heals it, and leaves nothing behind. `make demo` runs it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	switch {
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "\ndemo: interrupted, nothing is left behind")
		os.Exit(130)
	case err != nil:
		fmt.Fprintln(os.Stderr, "\ndemo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	var o options
	flag.StringVar(&o.provider, "provider", "", "the provider binary to show")
	flag.StringVar(&o.cli, "cli", "terraform", "terraform or tofu")
	flag.StringVar(&o.example, "example", "examples/complete", "the configuration to apply")
	flag.Parse()
	if o.provider == "" {
		return errors.New("usage: demo -provider BINARY [-cli terraform] [-example examples/complete]; `make demo` does all of it")
	}
	return show(ctx, newScreen(os.Stdout), o)
}
