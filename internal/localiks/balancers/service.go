package balancers

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// cleanup is the finalizer with which Kubernetes' service controller keeps a
// Service until its load balancer is gone.
const cleanup = "service.kubernetes.io/load-balancer-cleanup"

// The annotations that both infrastructures know.
const (
	prefix             = "service.kubernetes.io/ibm-load-balancer-cloud-provider-"
	annotationIPType   = prefix + "ip-type"
	annotationZone     = prefix + "zone"
	annotationFeatures = prefix + "enable-features"
)

const (
	kindPublic  = "public"
	kindPrivate = "private"
)

// ownerOf is the name that a Service's load balancer has within the cluster:
// "a" and the UID without dashes, 32 characters at most.
func ownerOf(service *corev1.Service) string {
	name := "a" + strings.ReplaceAll(string(service.UID), "-", "")
	return name[:min(len(name), 32)]
}

// balanced says whether a Service wants a load balancer of the cloud's.
func balanced(s *corev1.Service) bool {
	return s.Spec.Type == corev1.ServiceTypeLoadBalancer && s.Spec.LoadBalancerClass == nil
}

// hasFeature looks into the list of features, which commas separate.
func hasFeature(s *corev1.Service, feature string) bool {
	for one := range strings.SplitSeq(s.Annotations[annotationFeatures], ",") {
		if strings.TrimSpace(one) == feature {
			return true
		}
	}
	return false
}

// hold puts the finalizer on a Service.
func (c *Controller) hold(ctx context.Context, service *corev1.Service) (*corev1.Service, error) {
	if slices.Contains(service.Finalizers, cleanup) {
		return service, nil
	}
	service.Finalizers = append(service.Finalizers, cleanup)
	return c.kube.CoreV1().Services(service.Namespace).Update(ctx, service, metav1.UpdateOptions{})
}

// leave takes address and finalizer off a Service that has no load balancer any more.
func (c *Controller) leave(ctx context.Context, service *corev1.Service) error {
	services := c.kube.CoreV1().Services(service.Namespace)
	var err error
	if service.DeletionTimestamp == nil && len(service.Status.LoadBalancer.Ingress) > 0 {
		service.Status.LoadBalancer = corev1.LoadBalancerStatus{}
		if service, err = services.UpdateStatus(ctx, service, metav1.UpdateOptions{}); err != nil {
			return ignoreNotFound(err)
		}
	}
	index := slices.Index(service.Finalizers, cleanup)
	if index < 0 {
		return nil
	}
	service.Finalizers = slices.Delete(service.Finalizers, index, index+1)
	_, err = services.Update(ctx, service, metav1.UpdateOptions{})
	return ignoreNotFound(err)
}

// tell writes the address of its load balancer into a Service.
func (c *Controller) tell(ctx context.Context, service *corev1.Service, at corev1.LoadBalancerIngress) error {
	present := service.Status.LoadBalancer.Ingress
	if len(present) == 1 && present[0].IP == at.IP && present[0].Hostname == at.Hostname {
		return nil
	}
	service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{at}
	if _, err := c.kube.CoreV1().Services(service.Namespace).UpdateStatus(ctx, service, metav1.UpdateOptions{}); err != nil {
		return err
	}
	c.events.ensured(service)
	return nil
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
