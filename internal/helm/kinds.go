package helm

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// anyKind is a kind whose objects are worked on without knowing their Go type.
type anyKind = kube.Kind[unstructured.Unstructured]

// kinds finds out where objects are served. What charts mostly hold is known; the rest is asked for.
type kinds struct {
	kube *kube.Client

	mu    sync.Mutex
	asked []kube.Resource
}

// notServedError is a kind that the cluster does not know, so that no object of it can be there.
type notServedError struct{ apiVersion, kind string }

func (e *notServedError) Error() string {
	return fmt.Sprintf("the cluster serves no %s of %s", e.kind, e.apiVersion)
}

// of gives the kind of an object. A kind that the server does not serve is an error.
func (k *kinds) of(ctx context.Context, apiVersion, kind string) (anyKind, error) {
	if known, ok := wellKnown(apiVersion, kind); ok {
		return known, nil
	}
	for _, fresh := range []bool{false, true} {
		resources, err := k.resources(ctx, fresh)
		if err != nil {
			return anyKind{}, err
		}
		for _, r := range resources {
			if r.APIVersion() == apiVersion && r.Kind == kind {
				return anyKind{Group: r.Group, Version: r.Version, Resource: r.Name, Name: r.Kind, Namespaced: r.Namespaced}, nil
			}
		}
	}
	return anyKind{}, &notServedError{apiVersion: apiVersion, kind: kind}
}

// resources is what the server serves; fresh asks again, because a chart brings kinds itself.
func (k *kinds) resources(ctx context.Context, fresh bool) ([]kube.Resource, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.asked == nil || fresh {
		asked, err := k.kube.Resources(ctx)
		if err != nil {
			return nil, err
		}
		k.asked = asked
	}
	return k.asked, nil
}

// wellKnown are kinds whose place never changes. Each line is a group and version, with its namespaced kinds and, after
// the bar, those of the cluster. Their plurals are regular.
func wellKnown(apiVersion, kind string) (anyKind, bool) {
	const table = `
v1 Pod Service ConfigMap Secret ServiceAccount PersistentVolumeClaim | Namespace PersistentVolume
apps/v1 Deployment DaemonSet StatefulSet ReplicaSet |
batch/v1 Job CronJob |
rbac.authorization.k8s.io/v1 Role RoleBinding | ClusterRole ClusterRoleBinding`
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != apiVersion {
			continue
		}
		namespaced := true
		for _, field := range fields[1:] {
			switch field {
			case "|":
				namespaced = false
			case kind:
				group, version, grouped := strings.Cut(apiVersion, "/")
				if !grouped {
					group, version = "", apiVersion
				}
				return anyKind{Group: group, Version: version, Resource: strings.ToLower(kind) + "s", Name: kind, Namespaced: namespaced}, true
			}
		}
	}
	return anyKind{}, false
}
