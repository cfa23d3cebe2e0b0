package strongswan

import (
	"cmp"
	"context"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// sight is what is seen of a release.
type sight struct {
	namespace, name string
	// pods that run strongSwan: the newest first, those that leave last.
	pods     []corev1.Pod
	services []corev1.Service
}

// sightOf lists what the API server has of a release.
func sightOf(ctx context.Context, conn *kube.Client, namespace, name string) (sight, error) {
	s := sight{namespace: namespace, name: name}
	// The labels are those of either chart; the routes' pods have another app.
	of := kube.ListOptions{Namespace: namespace, Labels: "app=strongswan,release=" + name}
	var err error
	if s.pods, err = kube.List(ctx, conn, kube.Pods, of); err != nil {
		return s, err
	}
	slices.SortFunc(s.pods, func(a, b corev1.Pod) int {
		if leaves := (vpnPod{&a}).leaving(); leaves != (vpnPod{&b}).leaving() {
			if leaves {
				return 1
			}
			return -1
		}
		return cmp.Or(b.CreationTimestamp.Compare(a.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	s.services, err = kube.List(ctx, conn, kube.Services, of)
	return s, err
}

// nothing tells that there is no trace of the release.
func (s sight) nothing() bool { return len(s.pods) == 0 && len(s.services) == 0 }

// newest is the pod that counts.
func (s sight) newest() vpnPod { return vpnPod{&s.pods[0]} }

// balancersOf are the addresses of Services' load balancers, sorted: IPs on
// classic, host names on VPC, of which a load balancer may show its IP beside it.
func balancersOf(services []corev1.Service) []string {
	out := []string{}
	for _, service := range services {
		for _, ingress := range service.Status.LoadBalancer.Ingress {
			out = append(out, cmp.Or(ingress.Hostname, ingress.IP))
		}
	}
	slices.Sort(out)
	return out
}
