package cloud

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/labels"
)

// LoadBalancers serves the Services of type LoadBalancer that do not belong to
// ALBs. Calls come one at a time.
type LoadBalancers interface {
	// Sync brings the load balancer of a Service up to date. It is called when
	// the Service is new, when its spec or any of its annotations changes (a
	// touched annotation is how people make IBM's controllers deploy a load
	// balancer anew) and after a refresh of the master. An error makes the
	// call come again.
	Sync(ctx context.Context, service *corev1.Service) error
	// Remove takes the load balancer of a Service away that is gone, is being
	// deleted, or wants none any more.
	Remove(ctx context.Context, namespace, name string) error
}

// serviceChange names the Service when there is something to do about its load
// balancer, "" when not. Either may be nil.
func serviceChange(before, after *corev1.Service) string {
	subject := after
	if subject == nil {
		subject = before
	}
	if subject == nil || !balanced(before) && !balanced(after) {
		return ""
	}
	if _, ours := subject.Labels[albLabel]; ours {
		return ""
	}
	if before != nil && after != nil && before.UID == after.UID && (before.DeletionTimestamp == nil) == (after.DeletionTimestamp == nil) &&
		reflect.DeepEqual(before.Spec, after.Spec) && maps.Equal(before.Annotations, after.Annotations) {
		return ""
	}
	return subject.Namespace + "/" + subject.Name
}

// balanced says whether a Service wants a load balancer of the cloud's. One
// with a class of its own wants somebody else's.
func balanced(s *corev1.Service) bool {
	return s != nil && s.Spec.Type == corev1.ServiceTypeLoadBalancer && s.Spec.LoadBalancerClass == nil
}

// syncService hands one Service on.
func (c *Controllers) syncService(ctx context.Context, key string) error {
	if c.options.LoadBalancers == nil {
		return nil
	}
	namespace, name, _ := strings.Cut(key, "/")
	service, err := c.services.Services(namespace).Get(name)
	switch {
	case apierrors.IsNotFound(err) || err == nil && (!balanced(service) || service.DeletionTimestamp != nil):
		err = c.options.LoadBalancers.Remove(ctx, namespace, name)
	case err == nil:
		err = c.options.LoadBalancers.Sync(ctx, service.DeepCopy())
	}
	if err != nil {
		return fmt.Errorf("load balancer of service %s: %w", key, err)
	}
	return nil
}

// refreshServices makes all load balancers be looked at again.
func (c *Controllers) refreshServices() error {
	all, err := c.services.List(labels.Everything())
	if err != nil {
		return err
	}
	for _, service := range all {
		if name := serviceChange(nil, service); name != "" {
			c.again(func(t *todo) { t.services[name] = true })
			c.poke()
		}
	}
	return nil
}
