package edgepool_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// A drain that a disruption budget holds up makes an edge pool that is not
// ready until the budget lets the pods go.
func TestAccSlowEdgePool(t *testing.T) { acctest.UnderEachCLI(t, slowEdgePool) }

func slowEdgePool(t *testing.T) {
	e := acctest.Environment(t)
	release := holdUp(t, e.Cluster(acctest.Classic))
	acctest.SlowWait(t, acctest.Slow{
		Provider: acctest.ProviderBlock(e),
		Type:     "iks_edge_pool", Cluster: acctest.Classic,
		Arguments: "  worker_pool = \"edge\"\n  drain = { timeout = \"1s\" }",
		Release:   release,
		Later:     "  worker_pool = \"edge\"\n  drain = { timeout = \"2m\" }",
	})
}

// holdUp runs pods on the edge pool's nodes that a disruption budget protects,
// until release lets them go.
func holdUp(t *testing.T, c *localiks.Cluster) (release func()) {
	t.Helper()
	client, err := kubernetes.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	const name = "protected"
	replicas, all, set := int32(2), intstr.FromInt32(2), map[string]string{"app": name}
	pool := corev1.PreferredSchedulingTerm{Weight: 100, Preference: corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{
		Key: "ibm-cloud.kubernetes.io/worker-pool-name", Operator: corev1.NodeSelectorOpIn, Values: []string{"edge"},
	}}}}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: set}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: set},
			Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "c", Image: "example.com/c:1"}},
				Affinity:   &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{pool}}},
			},
		}},
	}
	budget := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: policyv1.PodDisruptionBudgetSpec{
		MinAvailable: &all, Selector: &metav1.LabelSelector{MatchLabels: set},
	}}
	if _, err := client.AppsV1().Deployments("default").Create(ctx, deployment, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		foreground := metav1.DeletePropagationForeground
		if err := client.AppsV1().Deployments("default").Delete(context.WithoutCancel(ctx), name, metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
			t.Error(err)
		}
		acctest.Eventually(t, "the protected pods are gone", func() error {
			_, err := client.AppsV1().Deployments("default").Get(context.WithoutCancel(ctx), name, metav1.GetOptions{})
			switch {
			case apierrors.IsNotFound(err):
				return nil
			case err != nil:
				return err
			default:
				return errors.New("they are being deleted")
			}
		})
	})
	if _, err := client.PolicyV1().PodDisruptionBudgets("default").Create(ctx, budget, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	acctest.Eventually(t, "the protected pods run", func() error {
		b, err := client.PolicyV1().PodDisruptionBudgets("default").Get(ctx, name, metav1.GetOptions{})
		if err == nil && b.Status.CurrentHealthy < replicas {
			err = fmt.Errorf("%d of %d are healthy", b.Status.CurrentHealthy, replicas)
		}
		return err
	})
	return func() {
		if err := client.PolicyV1().PodDisruptionBudgets("default").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}
