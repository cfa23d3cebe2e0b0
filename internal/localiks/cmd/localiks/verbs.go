package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// env prints exports for a shell.
func env(h home) error {
	r, err := h.read()
	if err != nil {
		return err
	}
	for _, assignment := range append(r.Env, "KUBECONFIG="+h.kubeconfig()) {
		name, value, _ := strings.Cut(assignment, "=")
		fmt.Printf("export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
	}
	return nil
}

// status shows what the clusters look like.
func status(ctx context.Context, h home) error {
	r, err := h.read()
	if err != nil {
		return err
	}
	fmt.Printf("localiks runs as process %d, IKS and IAM at %s\n", r.PID, r.IKS)
	for _, c := range r.Clusters {
		fmt.Printf("\nCluster %s (%s)\n", c.Name, c.ID)
		client, err := connect(h, c.Name)
		if err != nil {
			return fmt.Errorf("cluster %s: %w", c.Name, err)
		}
		for _, show := range []func(context.Context, kubernetes.Interface, io.Writer) error{showNodes, showALBs, showBalancers} {
			if err := show(ctx, client, os.Stdout); err != nil {
				return fmt.Errorf("cluster %s: %w", c.Name, err)
			}
		}
	}
	return nil
}

// connect speaks to a running cluster as its administrator.
func connect(h home, name string) (kubernetes.Interface, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: h.kubeconfig()},
		&clientcmd.ConfigOverrides{CurrentContext: name}).ClientConfig()
	if err != nil {
		return nil, err
	}
	return kubernetes.NewForConfig(config)
}

// down ends localiks and waits until it is gone.
func down(ctx context.Context, h home) error {
	r, err := h.read()
	if errors.Is(err, errNotRunning) {
		return os.RemoveAll(h.dir)
	}
	if err != nil {
		return err
	}
	if err := syscall.Kill(r.PID, syscall.SIGTERM); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for alive(r.PID) {
		select {
		case <-ctx.Done():
			return fmt.Errorf("process %d does not end", r.PID)
		case <-tick.C:
		}
	}
	return os.RemoveAll(h.dir)
}
