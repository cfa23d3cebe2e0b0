package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
		if err := showNodes(ctx, h, c.Name); err != nil {
			return fmt.Errorf("cluster %s: %w", c.Name, err)
		}
	}
	return nil
}

func showNodes(ctx context.Context, h home, name string) error {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: h.kubeconfig()},
		&clientcmd.ConfigOverrides{CurrentContext: name}).ClientConfig()
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(os.Stdout, 2, 4, 2, ' ', 0)
	fmt.Fprintln(w, "  NODE\tZONE\tPOOL\tREADY\tDEDICATED\tTAINTS")
	for _, n := range nodes.Items {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\t%s\n", n.Name, n.Labels[corev1.LabelTopologyZone],
			n.Labels["ibm-cloud.kubernetes.io/worker-pool-name"], readiness(n), n.Labels["dedicated"], taints(n))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	albs, err := client.AppsV1().Deployments("kube-system").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, d := range albs.Items {
		if strings.Contains(d.Name, "-alb") {
			fmt.Printf("  ALB %s: %d of %d pods ready\n", d.Name, d.Status.ReadyReplicas, d.Status.Replicas)
		}
	}
	return nil
}

func readiness(n corev1.Node) string {
	for _, c := range n.Status.Conditions {
		if c.Type == corev1.NodeReady {
			return string(c.Status)
		}
	}
	return "Unknown"
}

func taints(n corev1.Node) string {
	var all []string
	for _, t := range n.Spec.Taints {
		all = append(all, t.ToString())
	}
	return strings.Join(all, " ")
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
