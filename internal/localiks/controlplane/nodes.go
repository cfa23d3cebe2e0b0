package controlplane

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

// Node is a worker that kwok plays: it becomes ready, and the pods that are
// scheduled onto it run.
type Node struct {
	Name          string
	Labels        map[string]string
	Annotations   map[string]string
	Taints        []corev1.Taint
	Unschedulable bool
	InternalIP    string // "" for none
	ExternalIP    string // "" for none
}

// kwokAnnotation marks the nodes that kwok is to play where there are others as well.
const (
	kwokAnnotation = "kwok.x-k8s.io/node"
	kwokValue      = "fake"
)

// AddNode adds a node and returns when it is ready and open to pods. A node of
// the same name is an error.
func (c *ControlPlane) AddNode(ctx context.Context, node Node) error {
	return c.AddNodes(ctx, node)
}

// AddNodes adds nodes, several at a time, and returns when all are ready and
// open to pods. A node that exists already is an error; the others stay.
func (c *ControlPlane) AddNodes(ctx context.Context, nodes ...Node) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, node := range nodes {
		group.Go(func() error {
			if _, err := c.client.CoreV1().Nodes().Create(groupCtx, node.object(c.version), metav1.CreateOptions{}); err != nil {
				return fmt.Errorf("adding node %s to %s: %w", node.Name, c.options.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return c.awaitNodes(ctx, nodes)
}

// object is the node as a kubelet registers it that has just become ready. It
// is made whole at once: ten requests less for each node than if kwok and the
// controllers made it ready.
func (n Node) object(kubeletVersion string) *corev1.Node {
	node := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name: n.Name,
			Labels: map[string]string{
				corev1.LabelHostname: n.Name,
				corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
				"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64",
			},
			Annotations: map[string]string{kwokAnnotation: kwokValue},
		},
		Spec: corev1.NodeSpec{Taints: n.Taints, Unschedulable: n.Unschedulable},
	}
	maps.Copy(node.Labels, n.Labels)
	maps.Copy(node.Annotations, n.Annotations)

	addresses := []corev1.NodeAddress{
		{Type: corev1.NodeHostName, Address: n.Name},
		{Type: corev1.NodeInternalIP, Address: n.InternalIP},
		{Type: corev1.NodeExternalIP, Address: n.ExternalIP},
	}
	resources := corev1.ResourceList{
		corev1.ResourceCPU:    resource.MustParse("16"),
		corev1.ResourceMemory: resource.MustParse("64Gi"),
		corev1.ResourcePods:   resource.MustParse("110"),
	}
	now := metav1.Now()
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason string) corev1.NodeCondition {
		return corev1.NodeCondition{Type: kind, Status: status, Reason: reason, LastHeartbeatTime: now, LastTransitionTime: now}
	}
	node.Status = corev1.NodeStatus{
		Phase:       corev1.NodeRunning, // kwok looks at it
		Addresses:   slices.DeleteFunc(addresses, func(a corev1.NodeAddress) bool { return a.Address == "" }),
		Capacity:    resources,
		Allocatable: resources,
		Conditions: []corev1.NodeCondition{
			condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory"),
			condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure"),
			condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID"),
			condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady"),
		},
		NodeInfo: corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: "amd64", KubeletVersion: kubeletVersion},
	}
	return node
}

// awaitNodes waits until all of these nodes are ready.
func (c *ControlPlane) awaitNodes(ctx context.Context, nodes []Node) error {
	waiting := map[string]bool{}
	for _, node := range nodes {
		waiting[node.Name] = true
	}
	if len(waiting) == 0 {
		return nil
	}
	selector := fields.Everything()
	if len(nodes) == 1 {
		selector = fields.OneTermEqualSelector("metadata.name", nodes[0].Name)
	}
	source := cache.NewListWatchFromClient(c.client.CoreV1().RESTClient(), "nodes", "", selector)
	_, err := watchtools.UntilWithSync(ctx, source, &corev1.Node{}, nil, func(event watch.Event) (bool, error) {
		node, ok := event.Object.(*corev1.Node)
		if !ok {
			return false, nil
		}
		if event.Type == watch.Deleted && waiting[node.Name] {
			return false, fmt.Errorf("node %s was deleted", node.Name)
		}
		if nodeReady(node) {
			delete(waiting, node.Name)
		}
		return len(waiting) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %d of %d nodes of %s: %w", len(waiting), len(nodes), c.options.Name, err)
	}
	return nil
}

// nodeReady tells whether a node is ready and no longer bears the taint that
// keeps pods from nodes that are not.
func nodeReady(node *corev1.Node) bool {
	for _, taint := range node.Spec.Taints {
		if taint.Key == corev1.TaintNodeNotReady {
			return false
		}
	}
	return slices.ContainsFunc(node.Status.Conditions, func(condition corev1.NodeCondition) bool {
		return condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
	})
}

// RemoveNode removes a node as a cloud does that takes the machine away: the
// node first, then its pods, at once. A node that is not there is no error.
func (c *ControlPlane) RemoveNode(ctx context.Context, name string) error {
	err := c.client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("removing node %s of %s: %w", name, c.options.Name, err)
	}
	onNode := metav1.ListOptions{FieldSelector: "spec.nodeName=" + name}
	pods, err := c.client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, onNode)
	if err != nil {
		return fmt.Errorf("pods of the removed node %s of %s: %w", name, c.options.Name, err)
	}
	var failures []error
	for _, pod := range pods.Items {
		at := metav1.NewDeleteOptions(0)
		at.Preconditions = metav1.NewUIDPreconditions(string(pod.UID))
		err := c.client.CoreV1().Pods(pod.Namespace).Delete(ctx, pod.Name, *at)
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) { // gone, or another by now
			failures = append(failures, fmt.Errorf("pod %s/%s of the removed node %s: %w", pod.Namespace, pod.Name, name, err))
		}
	}
	return errors.Join(failures...)
}
