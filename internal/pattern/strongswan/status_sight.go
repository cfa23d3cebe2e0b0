package strongswan

import (
	"cmp"
	"context"
	"fmt"
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

// addresses of the load balancers, sorted: IPs on classic, host names on VPC.
func (s sight) addresses() []string {
	out := []string{}
	for _, service := range s.services {
		for _, ingress := range service.Status.LoadBalancer.Ingress {
			out = append(out, ingress.IP+ingress.Hostname)
		}
	}
	slices.Sort(out)
	return out
}

// judgement is whether a tunnel is up (nil: that cannot be told) and why it is not.
type judgement struct {
	up     *bool
	reason string
}

func down(format string, arguments ...any) judgement {
	return judgement{up: new(false), reason: fmt.Sprintf(format, arguments...)}
}

// judge says whether the tunnel is up.
func (s sight) judge() judgement {
	switch {
	case s.nothing():
		return down("there is no release %s in namespace %s", s.name, s.namespace)
	case len(s.pods) == 0:
		return down("release %s/%s has no VPN pod: its Deployment is gone, scaled to nothing or cannot make one", s.namespace, s.name)
	}
	pod := vpnPod{&s.pods[0]}
	if !pod.runs() {
		return down("pod %s/%s does not run: %s", s.namespace, pod.Name, pod.trouble())
	}
	return s.judgeReadiness(pod)
}

// judgeReadiness goes by the pod's readiness, which tells of the tunnel where
// the builtin chart's pod calls the remote end.
func (s sight) judgeReadiness(pod vpnPod) judgement {
	switch {
	case !pod.initiates():
		return judgement{reason: "from outside the pod nobody can tell"}
	case pod.ready():
		return judgement{up: new(true)}
	}
	return down("pod %s/%s is not ready: %s", s.namespace, pod.Name, pod.trouble())
}
