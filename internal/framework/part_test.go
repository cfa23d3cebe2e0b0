package framework

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// A write counts as not made only where each request for it was refused.
func TestSent(t *testing.T) {
	t.Parallel()
	status := func(code int32) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Code: code}}
	}
	nobody := httptest.NewServer(nil)
	nobody.Close()
	client, err := kube.New(kube.Access{Host: nobody.URL}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	_, unsent := kube.Create(t.Context(), client, kube.ConfigMaps, corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "x"}}, kube.WriteOptions{})
	for name, test := range map[string]struct {
		err   error
		wrote bool
	}{
		"no connection to the cluster":     {unsent, false},
		"done":                             {nil, true},
		"nobody knows":                     {errors.New("reset"), true},
		"refused by the cluster":           {&kube.Error{Err: status(403)}, false},
		"refused by the cluster at last":   {&kube.Error{Err: status(403), Unsure: true}, true},
		"a fault of the cluster":           {&kube.Error{Err: status(500)}, true},
		"refused a token":                  {&kube.Error{Err: fmt.Errorf("token: %w", &iks.Error{Status: 400})}, false},
		"refused a token after a silence":  {&kube.Error{Err: fmt.Errorf("token: %w", &iks.Error{Status: 400}), Unsure: true}, true},
		"refused by IKS":                   {fmt.Errorf("label: %w", &iks.Error{Status: 409}), false},
		"throttled by IKS":                 {&iks.Error{Status: 429, Attempts: 3}, false},
		"throttled by IKS after a silence": {&iks.Error{Status: 429, Attempts: 3, Unsure: true}, true},
		"a fault of IKS":                   {&iks.Error{Status: 502}, true},
		"no answer of IKS in time":         {&iks.Error{Status: 408}, true},
		"the run was ended":                {context.Canceled, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wrote := false
			r := ApplyRequest[struct{}]{wrote: func() { wrote = true }}
			if err := r.Sent(test.err); !errors.Is(err, test.err) || wrote != test.wrote {
				t.Errorf("gave back %v, wrote %t", err, wrote)
			}
		})
	}
}
