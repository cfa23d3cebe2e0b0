package exposurepolicy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
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
	proven, err := g.try(ctx, want)
	if err != nil || proven {
		return nil, err
	}
	return []string{fmt.Sprintf("the API server does not act on policy %s as it is now yet", want.name)}, nil
}

// A probe is an object that the policy forbids, in a dry run. It says which
// policy it is for, and the others let it pass: the API server shows one reason
// only. The policy answers with the revision that the API server acts on. In
// requests that store something the annotation means nothing.
const (
	probeAnnotation = "terraform-provider-iks/probe"
	probeName       = "terraform-provider-iks-probe"
)

// probing holds for everything but a probe for another policy.
func probing(name string) string {
	return fmt.Sprintf("!(request.?dryRun.orValue(false) && %s.orValue(%[2]s) != %[2]s)", celAnnotation(now, probeAnnotation), celString(name))
}

// showing appends the policy's revision to what a probe is told.
func showing(revision string) string {
	return fmt.Sprintf(" + (%s.hasValue() ? %s : '')", celAnnotation(now, probeAnnotation), celString(shown(revision)))
}

func shown(revision string) string { return " (revision " + revision + ")" }

// revision tells one policy from another by what it does.
func (s settings) revision() string {
	sum := sha256.Sum256(fmt.Append(nil, fields(s.spec())))
	return hex.EncodeToString(sum[:6])
}

// try tells whether the API server acts on the policy as it is declared. That
// is taken for true where the answer tells nothing about it: where these
// credentials may not create such an object or are exempt, or where something
// else refuses it, or makes it harmless, first.
func (g ground) try(ctx context.Context, s settings) (bool, error) {
	broken, err := g.probe(ctx, s)
	if err == nil {
		return len(broken) == 0 || len(s.accounts) > 0, nil
	}
	if kube.Unreachable(err) || ctx.Err() != nil || apierrors.IsTooManyRequests(err) || apierrors.IsInternalError(err) {
		return false, fmt.Errorf("trying policy %s: %w", s.name, err)
	}
	if !strings.Contains(err.Error(), fmt.Sprintf("ValidatingAdmissionPolicy '%s'", s.name)) {
		return true, nil
	}
	return strings.Contains(err.Error(), shown(s.revision())), nil
}

// probe sends an object that breaks the policy's first rule, and gives the rules
// that it breaks as it would be stored.
func (g ground) probe(ctx context.Context, s settings) ([]rule, error) {
	meta := metav1.ObjectMeta{Namespace: metav1.NamespaceDefault, Name: probeName, Annotations: map[string]string{probeAnnotation: s.name}}
	first := s.deny[0]
	if first == publicIngress {
		stored, err := dryRun(ctx, g, kube.Ingresses, networkingv1.Ingress{ObjectMeta: meta, Spec: networkingv1.IngressSpec{
			IngressClassName: ptr("public-" + probeName), Rules: []networkingv1.IngressRule{{Host: probeName + ".invalid"}},
		}})
		return s.ingressRules(stored), err
	}
	if first.aboutPods() {
		spec := corev1.PodSpec{Containers: []corev1.Container{{Name: "probe", Image: "probe"}}, HostNetwork: first == hostNetwork}
		if first == hostPort {
			spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 8080, HostPort: 8080}}
		}
		stored, err := dryRun(ctx, g, kube.Pods, corev1.Pod{ObjectMeta: meta, Spec: spec})
		return s.podRules(stored.Spec), err
	}
	spec := corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}}
	spec.Type = map[rule]corev1.ServiceType{nodePort: corev1.ServiceTypeNodePort, publicLoadBalancer: corev1.ServiceTypeLoadBalancer}[first]
	if first == externalIPs {
		spec.ExternalIPs = []string{"192.0.2.1"}
	}
	stored, err := dryRun(ctx, g, kube.Services, corev1.Service{ObjectMeta: meta, Spec: spec})
	return s.serviceRules(stored), err
}

func dryRun[T any](ctx context.Context, g ground, k kube.Kind[T], object T) (T, error) {
	return kube.Create(ctx, g.kube, k, object, kube.WriteOptions{DryRun: true, FieldManager: manager})
}

func ptr[T any](v T) *T { return &v }
