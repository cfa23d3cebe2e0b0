package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// table is for rows whose cells are separated by tabs.
func table(out io.Writer) *tabwriter.Writer { return tabwriter.NewWriter(out, 2, 4, 2, ' ', 0) }

func showNodes(ctx context.Context, client kubernetes.Interface, out io.Writer) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	w := table(out)
	fmt.Fprintln(w, "  NODE\tZONE\tPOOL\tREADY\tDEDICATED\tTAINTS")
	for _, n := range nodes.Items {
		fmt.Fprintf(w, "  %s\t%s\t%s\t%s\t%s\t%s\n", n.Name, n.Labels[corev1.LabelTopologyZone],
			n.Labels["ibm-cloud.kubernetes.io/worker-pool-name"], readiness(n), n.Labels["dedicated"], taints(n))
	}
	return w.Flush()
}

func isALB(name string) bool { return strings.Contains(name, "-alb") }

func showALBs(ctx context.Context, client kubernetes.Interface, out io.Writer) error {
	albs, err := client.AppsV1().Deployments(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for _, d := range albs.Items {
		if isALB(d.Name) {
			fmt.Fprintf(out, "  ALB %s: %d of %d pods ready\n", d.Name, d.Status.ReadyReplicas, d.Status.Replicas)
		}
	}
	return nil
}

// showBalancers shows the Services with load balancers of their own.
func showBalancers(ctx context.Context, client kubernetes.Interface, out io.Writer) error {
	services, err := client.CoreV1().Services(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	w := table(out)
	heading := "  LOAD BALANCER\tASKED FOR\tADDRESS"
	for _, s := range services.Items {
		if s.Spec.Type != corev1.ServiceTypeLoadBalancer || s.Namespace == metav1.NamespaceSystem && isALB(s.Name) {
			continue
		}
		if heading != "" {
			fmt.Fprintln(w, heading)
			heading = ""
		}
		kind := s.Annotations["service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type"]
		if kind == "" {
			kind = "the default"
		}
		fmt.Fprintf(w, "  %s/%s\t%s\t%s\n", s.Namespace, s.Name, kind, addresses(s))
	}
	return w.Flush()
}

func addresses(s corev1.Service) string {
	var all []string
	for _, at := range s.Status.LoadBalancer.Ingress {
		all = append(all, at.IP+at.Hostname)
	}
	if len(all) == 0 {
		return "pending"
	}
	return strings.Join(all, " ")
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
