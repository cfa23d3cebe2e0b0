// Command tools makes the programs that this repository's demo and tests need,
// into a cache outside the tree:
//
//	go run ./internal/tools/build/cmd/tools all        make what is missing
//	go run ./internal/tools/build/cmd/tools NAME...    make these programs or groups
//	go run ./internal/tools/build/cmd/tools list       say what there is
//	go run ./internal/tools/build/cmd/tools path NAME  make it and print its path
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"

	"github.com/iks-patterns/terraform-provider-iks/internal/tools/build"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "tools:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		return errors.New("usage: tools NAME...|all|list|path NAME")
	}
	b, err := build.New(stderr)
	if err != nil {
		return err
	}
	switch args[0] {
	case "list":
		return list(b, stdout)
	case "path":
		if len(args) != 2 {
			return errors.New("usage: tools path NAME")
		}
		path, err := b.Path(ctx, args[1])
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(stdout, path)
		return err
	default:
		return b.Ensure(ctx, args...)
	}
}

func list(b *build.Builder, to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, p := range build.Programs() {
		path, ok, err := b.Built(p)
		if err != nil {
			return err
		}
		state := "missing"
		if ok {
			state = path
		}
		if _, err := fmt.Fprintf(table, "%s\t%s\t%s\n", p.Name, p.Group, state); err != nil {
			return err
		}
	}
	return table.Flush()
}
