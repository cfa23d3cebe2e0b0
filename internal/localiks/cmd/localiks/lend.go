package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// lend serves control planes on a socket, until it is ended or its input ends:
// that is a pipe that whoever started it holds open.
func lend(ctx context.Context, rest []string) error {
	if len(rest) != 1 {
		return errors.New("lend takes the path of a socket")
	}
	ctx, end := context.WithCancel(ctx)
	defer end()
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		end()
	}()
	return controlplane.Lend(ctx, rest[0], os.Stderr)
}
