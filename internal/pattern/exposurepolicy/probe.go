package exposurepolicy

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// notInEffect says what is still to come before the policy does what it should:
// that the API server has checked its expressions, and, while something is
// applied, that it refuses what each rule forbids. It finds that out with dry
// runs, which store nothing.
func (g ground) notInEffect(ctx context.Context, live policy, want settings) ([]string, error) {
	if live.Status.ObservedGeneration != live.Generation {
		return []string{fmt.Sprintf("the API server has not checked policy %s yet", want.name)}, nil
	}
	if checked := live.Status.TypeChecking; checked != nil && len(checked.ExpressionWarnings) > 0 {
		w := checked.ExpressionWarnings[0]
		return []string{fmt.Sprintf("the API server objects to %s of policy %s, and refuses everything that it is about: %s", w.FieldRef, want.name, strings.Join(strings.Fields(w.Warning), " "))}, nil
	}
	if want.mode != modeDeny || g.kube.Caching() || slices.Contains(want.exemptNamespaces(), metav1.NamespaceDefault) {
		return nil, nil
	}
	for _, r := range want.deny {
		admitted, err := g.admits(ctx, want, r)
		if err != nil {
			return nil, err
		}
		if admitted {
			return []string{fmt.Sprintf("the API server does not act on rule %s of policy %s yet", r, want.name)}, nil
		}
	}
	return nil, nil
}

// probeName is the name of the objects in dry runs.
const probeName = "terraform-provider-iks-probe"

// admits tells whether the API server takes an object that a rule forbids. It
// is false where the answer tells nothing about the policy: where these
// credentials may not create such an object or are exempt, where something
// else refuses it, or makes it harmless, first.
func (g ground) admits(ctx context.Context, s settings, r rule) (bool, error) {
	meta := metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: probeName}
	var broken []rule
	var err error
	switch r {
	case publicIngress:
		var stored networkingv1.Ingress
		stored, err = dryRun(ctx, g, kube.Ingresses, networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{
			IngressClassName: ptr("public-" + probeName),
			DefaultBackend:   &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: probeName, Port: networkingv1.ServiceBackendPort{Number: 80}}},
		}})
		broken = s.ingressRules(stored)
	case hostNetwork, hostPort:
		spec := corev1.PodSpec{Containers: []corev1.Container{{Name: "probe", Image: "probe"}}, HostNetwork: r == hostNetwork}
		if r == hostPort {
			spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 8080, HostPort: 8080}}
		}
		var stored corev1.Pod
		stored, err = dryRun(ctx, g, kube.Pods, corev1.Pod{ObjectMeta: meta, Spec: spec})
		broken = s.podRules(stored.Spec)
	case externalIPs, nodePort, publicLoadBalancer:
		spec := corev1.ServiceSpec{Type: corev1.ServiceTypeClusterIP, Ports: []corev1.ServicePort{{Port: 80}}}
		switch r {
		case externalIPs:
			spec.ExternalIPs = []string{"192.0.2.1"}
		case nodePort:
			spec.Type = corev1.ServiceTypeNodePort
		default:
			spec.Type = corev1.ServiceTypeLoadBalancer
		}
		var stored corev1.Service
		stored, err = dryRun(ctx, g, kube.Services, corev1.Service{ObjectMeta: meta, Spec: spec})
		broken = s.serviceRules(stored)
	}
	if err == nil {
		return slices.Contains(broken, r) && len(s.accounts) == 0, nil
	}
	if kube.Unreachable(err) || ctx.Err() != nil || apierrors.IsTooManyRequests(err) || apierrors.IsInternalError(err) {
		return false, fmt.Errorf("trying rule %s of policy %s: %w", r, s.name, err)
	}
	return false, nil
}

func dryRun[T any](ctx context.Context, g ground, k kube.Kind[T], object T) (T, error) {
	return kube.Create(ctx, g.kube, k, object, kube.WriteOptions{DryRun: true, FieldManager: manager})
}

func ptr[T any](v T) *T { return &v }
