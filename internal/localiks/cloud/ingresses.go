package cloud

import (
	"cmp"
	"context"
	"fmt"
	"reflect"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// classNote is the older way to name an Ingress's class.
const classNote = "kubernetes.io/ingress.class"

// classOf is the class of an Ingress, "" for none.
func classOf(ingress *networkingv1.Ingress) string {
	if ingress.Spec.IngressClassName != nil {
		return *ingress.Spec.IngressClassName
	}
	return ingress.Annotations[classNote]
}

// addressesOf are where the Ingresses of a class are reached: at the IPs of its
// ALBs, or at the host name of their load balancer. The ALBs of a class that is
// disabled, or nobody's, have none.
func addressesOf(class string, albs []fakeiks.ALB, onVPC bool) []networkingv1.IngressLoadBalancerIngress {
	var at []networkingv1.IngressLoadBalancerIngress
	for _, alb := range albs {
		if !alb.Enabled || alb.State != fakeiks.ALBStateEnabled || alb.Address == "" || alb.IngressClass() != class {
			continue
		}
		if onVPC {
			at = append(at, networkingv1.IngressLoadBalancerIngress{Hostname: alb.Address})
		} else {
			at = append(at, networkingv1.IngressLoadBalancerIngress{IP: alb.Address})
		}
	}
	slices.SortFunc(at, func(a, b networkingv1.IngressLoadBalancerIngress) int {
		return cmp.Or(cmp.Compare(a.IP, b.IP), cmp.Compare(a.Hostname, b.Hostname))
	})
	return slices.CompactFunc(at, func(a, b networkingv1.IngressLoadBalancerIngress) bool {
		return a.IP == b.IP && a.Hostname == b.Hostname
	})
}

// syncIngresses writes the ALBs' addresses into the Ingresses that they serve,
// and takes them back from those that they serve no more.
func (c *Controllers) syncIngresses(ctx context.Context, cluster fakeiks.Cluster) error {
	all, err := c.ingresses.List(labels.Everything())
	if err != nil {
		return err
	}
	albs := c.options.Server.ALBs(cluster.ID)
	failures := map[string]error{}
	for _, ingress := range all {
		at := addressesOf(classOf(ingress), albs, cluster.Provider == fakeiks.VPC)
		if len(at) == 0 && !c.addressed[ingress.UID] || reflect.DeepEqual(at, ingress.Status.LoadBalancer.Ingress) {
			continue
		}
		failures["ingress "+ingress.Namespace+"/"+ingress.Name] = c.addressIngress(ctx, ingress, at)
	}
	return join(failures)
}

// addressIngress tells one Ingress where it is reached. What somebody else
// wrote into one that no ALB serves stays.
func (c *Controllers) addressIngress(ctx context.Context, seen *networkingv1.Ingress, at []networkingv1.IngressLoadBalancerIngress) error {
	ingress := seen.DeepCopy()
	ingress.Status.LoadBalancer.Ingress = at
	_, err := c.kube.NetworkingV1().Ingresses(ingress.Namespace).UpdateStatus(ctx, ingress, metav1.UpdateOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsConflict(err):
		return fmt.Errorf("%w: %w", errUnfinished, err) // the list is behind; its news will wake us
	case err != nil:
		return err
	}
	if len(at) > 0 {
		c.addressed[ingress.UID] = true
	} else {
		delete(c.addressed, ingress.UID)
	}
	return nil
}
