// Command localiks runs an IBM Cloud Kubernetes Service on your own machine.
//
//	localiks up      starts it in the background and shows each step with its time
//	localiks env     prints the exports for terraform, kubectl and IBM's tools: eval "$(localiks env)"
//	localiks status  shows clusters, nodes, ALBs and load balancers
//	localiks down    stops it and removes its files
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

const usage = `localiks: an IBM Cloud Kubernetes Service on your own machine

  localiks up [-classic NAMES] [-vpc NAMES] [-foreground]   start it (default: one cluster each, classic and vpc)
  localiks env                                              exports for terraform, kubectl, ibmcloud
  localiks status                                           clusters, nodes, ALBs, load balancers
  localiks down                                             stop it, remove its files

  -dir DIR   where it keeps its state (before the verb; default: localiks-<uid> in the temporary folder)
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "localiks:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("localiks", flag.ContinueOnError)
	flags.Usage = func() { fmt.Fprint(flags.Output(), usage) }
	dir := flags.String("dir", filepath.Join(os.TempDir(), fmt.Sprintf("localiks-%d", os.Getuid())), "where the state is kept")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	home := home{dir: *dir}
	verb, rest := flags.Arg(0), flags.Args()
	if len(rest) > 0 {
		rest = rest[1:]
	}
	switch verb {
	case "up":
		return up(ctx, home, rest)
	case "serve": // what up runs in the background
		return serve(ctx, home, rest)
	case "lend": // control planes for the packages of a test run, see scripts/test
		return lend(ctx, rest)
	case "env":
		return env(home)
	case "status":
		return status(ctx, home)
	case "down":
		return down(ctx, home)
	}
	flags.Usage()
	if verb == "" || verb == "help" {
		return nil
	}
	return fmt.Errorf("there is no %q", verb)
}
