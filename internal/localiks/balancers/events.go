package balancers

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/record"
)

// Reasons of IBM's events.
const (
	creatingFailed = "CreatingCloudLoadBalancerFailed"
	updatingFailed = "UpdatingCloudLoadBalancerFailed"
)

// refusal is why a Service does not get what it asks for.
type refusal struct {
	reason  string // of the event
	message string
	// name of the load balancer, where it is not the owner's.
	name string
}

// Error implements error.
func (r *refusal) Error() string { return r.message }

func refuse(reason, format string, args ...any) *refusal {
	return &refusal{reason: reason, message: fmt.Sprintf(format, args...)}
}

// events records what IBM's controller and Kubernetes' service controller say.
type events struct {
	broadcaster          record.EventBroadcaster
	provider, kubernetes record.EventRecorder
}

func newEvents(kube kubernetes.Interface) *events {
	e := &events{broadcaster: record.NewBroadcaster()}
	e.broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: kube.CoreV1().Events("")})
	e.provider = e.broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "ibm-cloud-provider"})
	e.kubernetes = e.broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: "service-controller"})
	return e
}

func (e *events) stop() { e.broadcaster.Shutdown() }

func (e *events) refused(service *corev1.Service, owner string, r *refusal) {
	name := owner
	if r.name != "" {
		name = r.name
	}
	message := fmt.Sprintf("Error on cloud load balancer %s for service %s/%s with UID %s: %s",
		name, service.Namespace, service.Name, service.UID, r.message)
	e.provider.Event(service, corev1.EventTypeWarning, r.reason, message)
	e.kubernetes.Event(service, corev1.EventTypeWarning, "SyncLoadBalancerFailed",
		"Error syncing load balancer: failed to ensure load balancer: "+message)
}

func (e *events) ensured(service *corev1.Service) {
	e.kubernetes.Event(service, corev1.EventTypeNormal, "EnsuredLoadBalancer", "Ensured load balancer")
}
