package kube

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// BlockedError says that a pod may not be evicted now because a disruption budget would be broken. Try again later.
type BlockedError struct {
	// Namespace and Pod name the pod.
	Namespace, Pod string
	// Reason is the server's sentence, which names the budget.
	Reason string
	// Err is the server's refusal.
	Err error
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("pod %s/%s is protected by a disruption budget: %s", e.Namespace, e.Pod, e.Reason)
}

// Unwrap gives the server's refusal.
func (e *BlockedError) Unwrap() error { return e.Err }

// Evict asks for the eviction of a pod, which respects disruption budgets: a refusal by one is a *BlockedError, and is
// not tried again here. A negative gracePeriod means the pod's own; others are rounded up to seconds. A pod that is
// gone is a not-found error.
func Evict(ctx context.Context, c *Client, namespace, pod string, gracePeriod time.Duration) error {
	r := Pods.call("evict", namespace, pod)
	r.method, r.path, r.contentType, r.accept = http.MethodPost, Pods.path(namespace, pod, "eviction"), typeJSON, typeJSON
	r.mutates = true
	r.final = func(status *metav1.Status) bool { return blockedReason(status) != "" }
	if namespace == "" || pod == "" {
		return c.invalid(r, errors.New("an eviction needs a namespace and a name"))
	}
	eviction := policyv1.Eviction{
		TypeMeta:   metav1.TypeMeta{APIVersion: "policy/v1", Kind: "Eviction"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: pod},
	}
	if gracePeriod >= 0 {
		seconds := int64((gracePeriod + time.Second - 1) / time.Second)
		eviction.DeleteOptions = &metav1.DeleteOptions{GracePeriodSeconds: &seconds}
	}
	body, err := json.Marshal(eviction)
	if err != nil {
		return c.invalid(r, err)
	}
	r.body = body
	_, err = c.do(ctx, r)
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		answer := status.Status()
		if reason := blockedReason(&answer); reason != "" {
			return &BlockedError{Namespace: namespace, Pod: pod, Reason: reason, Err: err}
		}
	}
	return err
}

// blockedReason gives the sentence of a refusal by a disruption budget; empty for every other refusal. A 429 without
// that cause is the server protecting itself.
func blockedReason(status *metav1.Status) string {
	if status.Code != http.StatusTooManyRequests || status.Details == nil {
		return ""
	}
	for _, cause := range status.Details.Causes {
		if cause.Type == policyv1.DisruptionBudgetCause {
			if cause.Message != "" {
				return cause.Message
			}
			return status.Message
		}
	}
	return ""
}
