package exposurepolicy

import (
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

func countIngresses(ctx context.Context, c *census, g ground) {
	count(ctx, c, g, kube.Ingresses, "", func(o networkingv1.Ingress) (metav1.ObjectMeta, []rule) {
		return o.ObjectMeta, c.settings.ingressRules(o)
	})
}

// countPods counts pods and what has a template of them. Pods in the network of
// the node can be selected by the API server; for ports on the node all pods
// have to be read.
func countPods(ctx context.Context, c *census, g ground) {
	selected := "spec.hostNetwork=true"
	if c.settings.denies(hostPort) {
		selected = ""
	}
	judge := c.settings.podRules
	count(ctx, c, g, kube.Pods, selected, func(o corev1.Pod) (metav1.ObjectMeta, []rule) { return o.ObjectMeta, judge(o.Spec) })
	count(ctx, c, g, kube.Deployments, "", func(o appsv1.Deployment) (metav1.ObjectMeta, []rule) {
		return o.ObjectMeta, judge(o.Spec.Template.Spec)
	})
	count(ctx, c, g, kube.DaemonSets, "", func(o appsv1.DaemonSet) (metav1.ObjectMeta, []rule) {
		return o.ObjectMeta, judge(o.Spec.Template.Spec)
	})
	count(ctx, c, g, kube.StatefulSets, "", func(o appsv1.StatefulSet) (metav1.ObjectMeta, []rule) {
		return o.ObjectMeta, judge(o.Spec.Template.Spec)
	})
	count(ctx, c, g, batch[job]("Job"), "", func(o job) (metav1.ObjectMeta, []rule) { return o.Metadata, judge(o.Spec.Template.Spec) })
	count(ctx, c, g, batch[cronJob]("CronJob"), "", func(o cronJob) (metav1.ObjectMeta, []rule) {
		return o.Metadata, judge(o.Spec.JobTemplate.Spec.Template.Spec)
	})
}
