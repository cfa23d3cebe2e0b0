package helm

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// FailedWorkloadError is a Job or a Pod that ended in failure, so that waiting on is useless.
type FailedWorkloadError struct {
	// Object is, for example, "Job vpn/office-strongswan-check".
	Object string
	// Reason is the cluster's own sentence.
	Reason string
}

func (e *FailedWorkloadError) Error() string { return e.Object + " failed: " + e.Reason }

// ready waits until workloads run as declared. Objects of other kinds are ready when they are there; the address of a
// load balancer is not waited for.
func (c *Client) ready(ctx context.Context, objects []object) error {
	return kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		for _, o := range objects {
			if !workload(o.kind.Name) {
				continue
			}
			live, err := c.find(ctx, o)
			if err != nil {
				return false, "", err
			}
			if live == nil {
				return false, o.String() + " is not there", nil
			}
			done, state, err := progress(o, *live)
			if err != nil {
				return false, "", err
			}
			if !done {
				return false, o.String() + ": " + state + c.why(ctx, *live), nil
			}
		}
		return true, "", nil
	})
}

func workload(kind string) bool {
	switch kind {
	case "Deployment", "DaemonSet", "StatefulSet", "Pod", "Job", "CustomResourceDefinition":
		return true
	default:
		return false
	}
}

// progress says whether a workload is as declared, and what it lacks.
func progress(o object, live unstructured.Unstructured) (done bool, state string, err error) {
	number := func(path ...string) int64 {
		n, _, _ := unstructured.NestedInt64(live.Object, path...)
		return n
	}
	switch o.kind.Name {
	case "Deployment", "StatefulSet":
		want, found, _ := unstructured.NestedInt64(live.Object, "spec", "replicas")
		if !found {
			want = 1
		}
		have := min(number("status", "readyReplicas"), number("status", "updatedReplicas"))
		done = observed(live) && have >= want && number("status", "replicas") <= want
		return done, fmt.Sprintf("%d of %d pods are ready", have, want), nil
	case "DaemonSet":
		want := number("status", "desiredNumberScheduled")
		have := min(number("status", "numberReady"), number("status", "updatedNumberScheduled"))
		return observed(live) && have >= want, fmt.Sprintf("%d of %d pods are ready", have, want), nil
	case "Job":
		if _, failed := condition(live, "Failed"); failed {
			message, _ := condition(live, "Failed")
			return false, "", &FailedWorkloadError{Object: o.String(), Reason: message}
		}
		_, done = condition(live, "Complete")
		return done, "it has not ended", nil
	case "Pod":
		_, done = condition(live, "Ready")
		return done, "it is not ready", nil
	default:
		_, done = condition(live, "Established")
		return done, "it is not established", nil
	}
}

// observed says that the status is about the present specification.
func observed(live unstructured.Unstructured) bool {
	seen, _, _ := unstructured.NestedInt64(live.Object, "status", "observedGeneration")
	return seen >= live.GetGeneration()
}

// condition gives the message of a condition, and whether it is true.
func condition(live unstructured.Unstructured, kind string) (message string, is bool) {
	all, _, _ := unstructured.NestedSlice(live.Object, "status", "conditions")
	for _, entry := range all {
		c, ok := entry.(map[string]any)
		if !ok || c["type"] != kind {
			continue
		}
		message, _ = c["message"].(string)
		return message, c["status"] == string(metav1.ConditionTrue)
	}
	return "", false
}

// why says what keeps a workload's pods: the first reason that is found, empty if none is or pods may not be read.
func (c *Client) why(ctx context.Context, live unstructured.Unstructured) string {
	if message, failing := condition(live, "ReplicaFailure"); failing {
		return "; " + message
	}
	labels, _, _ := unstructured.NestedStringMap(live.Object, "spec", "selector", "matchLabels")
	if len(labels) == 0 {
		return ""
	}
	selector := metav1.FormatLabelSelector(&metav1.LabelSelector{MatchLabels: labels})
	pods, err := kube.List(ctx, c.kube, kube.Pods, kube.ListOptions{Namespace: live.GetNamespace(), Labels: selector})
	if err != nil {
		return ""
	}
	for _, pod := range pods {
		if reason := stuck(pod); reason != "" {
			return "; Pod " + pod.Name + ": " + reason
		}
	}
	return ""
}

// stuck says why a pod does not run, empty if it does.
func stuck(pod corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return c.Message
		}
	}
	for _, s := range append(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses...) {
		switch {
		case s.State.Waiting != nil && s.State.Waiting.Reason != "":
			return fmt.Sprintf("container %s: %s %s", s.Name, s.State.Waiting.Reason, s.State.Waiting.Message)
		case s.State.Terminated != nil && s.State.Terminated.ExitCode != 0:
			return fmt.Sprintf("container %s: %s, exit code %d", s.Name, s.State.Terminated.Reason, s.State.Terminated.ExitCode)
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionFalse {
			return c.Message
		}
	}
	return ""
}
