package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

const (
	edgeKey   = "dedicated"
	guardName = "deny-kube-node-port-services"
	poolLabel = "ibm-cloud.kubernetes.io/worker-pool-name"

	shop         = "shop"
	shopReplicas = 8
)

// policies are Calico's, at the door that every cluster has.
func policies() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "crd.projectcalico.org", Version: "v1", Resource: "globalnetworkpolicies"}
}

// stage is one cluster, seen by its administrator.
type stage struct {
	name        string
	environment *localiks.Environment
	typed       kubernetes.Interface
	dynamic     dynamic.Interface
}

func newStage(e *localiks.Environment, name string) (*stage, error) {
	config := e.Cluster(name).RESTConfig()
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	untyped, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", name, err)
	}
	return &stage{name: name, environment: e, typed: typed, dynamic: untyped}, nil
}

// openShop deploys something to run, with a disruption budget, and waits for it.
func (s *stage) openShop(ctx context.Context) error {
	labels := map[string]string{"app": shop}
	meta := metav1.ObjectMeta{Name: shop, Namespace: metav1.NamespaceDefault}
	replicas, atMost := int32(shopReplicas), intstr.FromInt32(2)
	deployment := &appsv1.Deployment{ObjectMeta: meta, Spec: appsv1.DeploymentSpec{
		Replicas: &replicas,
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: shop, Image: shop}},
				TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
					MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway,
					LabelSelector: &metav1.LabelSelector{MatchLabels: labels},
				}},
			},
		},
	}}
	if _, err := s.typed.AppsV1().Deployments(meta.Namespace).Create(ctx, deployment, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("cluster %s: %w", s.name, err)
	}
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: meta, Spec: policyv1.PodDisruptionBudgetSpec{
		MaxUnavailable: &atMost, Selector: &metav1.LabelSelector{MatchLabels: labels},
	}}
	if _, err := s.typed.PolicyV1().PodDisruptionBudgets(meta.Namespace).Create(ctx, budget, metav1.CreateOptions{}); err != nil {
		return fmt.Errorf("cluster %s: %w", s.name, err)
	}
	err := wait.PollUntilContextTimeout(ctx, 100*time.Millisecond, time.Minute, true, func(ctx context.Context) (bool, error) {
		d, err := s.typed.AppsV1().Deployments(meta.Namespace).Get(ctx, shop, metav1.GetOptions{})
		return err == nil && d.Status.ReadyReplicas == replicas, err
	})
	if err != nil {
		return fmt.Errorf("cluster %s: the shop does not open: %w", s.name, err)
	}
	return nil
}

// picture looks at the cluster.
func (s *stage) picture(ctx context.Context) (picture, error) {
	p := picture{cluster: s.name}
	pods, err := s.podsByNode(ctx)
	if err != nil {
		return p, err
	}
	nodes, err := s.typed.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return p, fmt.Errorf("cluster %s: %w", s.name, err)
	}
	for _, n := range nodes.Items {
		p.nodes = append(p.nodes, node{
			name: n.Name, zone: n.Labels[corev1.LabelTopologyZone], pool: n.Labels[poolLabel],
			labels: n.Labels, taints: taints(n), pods: pods[n.Name],
		})
	}
	slices.SortFunc(p.nodes, func(a, b node) int { return strings.Compare(a.pool+" "+a.name, b.pool+" "+b.name) })
	list, err := s.dynamic.Resource(policies()).List(ctx, metav1.ListOptions{})
	if err != nil {
		return p, fmt.Errorf("cluster %s: %w", s.name, err)
	}
	for _, policy := range list.Items {
		p.policies = append(p.policies, policy.GetName())
	}
	slices.Sort(p.policies)
	for _, a := range s.environment.IKS.ALBs(s.name) {
		p.albs = append(p.albs, alb{id: a.ID, address: a.Address, enabled: a.Enabled, state: a.State})
	}
	slices.SortFunc(p.albs, func(a, b alb) int { return strings.Compare(a.id, b.id) })
	if p.apps, err = s.apps(ctx); err != nil {
		return p, fmt.Errorf("cluster %s: %w", s.name, err)
	}
	refusals, err := s.typed.AdmissionregistrationV1().ValidatingAdmissionPolicies().List(ctx, ours())
	if err != nil {
		return p, fmt.Errorf("cluster %s: %w", s.name, err)
	}
	for _, policy := range refusals.Items {
		p.refusals = append(p.refusals, policy.Name)
	}
	return p, nil
}

// podsByNode names what runs on each node, by what it is for the audience.
func (s *stage) podsByNode(ctx context.Context) (map[string][]string, error) {
	pods, err := s.typed.CoreV1().Pods(metav1.NamespaceAll).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", s.name, err)
	}
	byNode := map[string][]string{}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning {
			continue
		}
		switch {
		case pod.Labels["app"] == shop:
			byNode[pod.Spec.NodeName] = append(byNode[pod.Spec.NodeName], shop)
		case strings.HasPrefix(pod.Name, "private-cr"):
			byNode[pod.Spec.NodeName] = append(byNode[pod.Spec.NodeName], "private ALB")
		case strings.HasPrefix(pod.Name, "public-cr"):
			byNode[pod.Spec.NodeName] = append(byNode[pod.Spec.NodeName], "public ALB")
		}
	}
	return byNode, nil
}

// removeTaint takes one edge taint off one edge node, as a person might.
func (s *stage) removeTaint(ctx context.Context) (nodeName, taint string, err error) {
	nodes, err := s.typed.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: edgeKey + "=edge"})
	if err != nil {
		return "", "", fmt.Errorf("cluster %s: %w", s.name, err)
	}
	if len(nodes.Items) == 0 {
		return "", "", fmt.Errorf("cluster %s has no edge node", s.name)
	}
	nodeName = nodes.Items[0].Name
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		n, err := s.typed.CoreV1().Nodes().Get(ctx, nodeName, metav1.GetOptions{})
		if err != nil {
			return err
		}
		i := slices.IndexFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == edgeKey })
		if i < 0 {
			return errors.New("node " + nodeName + " has no edge taint")
		}
		taint = n.Spec.Taints[i].ToString()
		n.Spec.Taints = slices.Delete(n.Spec.Taints, i, i+1)
		_, err = s.typed.CoreV1().Nodes().Update(ctx, n, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		return "", "", fmt.Errorf("cluster %s: %w", s.name, err)
	}
	return nodeName, taint, nil
}

// removePolicy deletes the guard's policy, as a person might.
func (s *stage) removePolicy(ctx context.Context) (name string, err error) {
	// Calico before 3.32 stores the name with its tier in front.
	stored := "default." + guardName
	if err := s.dynamic.Resource(policies()).Delete(ctx, stored, metav1.DeleteOptions{}); err != nil {
		return "", fmt.Errorf("cluster %s: %w", s.name, err)
	}
	return guardName, nil
}

// taints of a node as kubectl writes them. Those that Kubernetes sets by itself
// come and go.
func taints(n corev1.Node) []string {
	var out []string
	for _, t := range n.Spec.Taints {
		if !strings.HasPrefix(t.Key, "node.kubernetes.io/") {
			out = append(out, t.ToString())
		}
	}
	slices.Sort(out)
	return out
}
