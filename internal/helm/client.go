package helm

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// defaultTimeout of an operation whose caller has no end of its own, Helm's.
const defaultTimeout = 5 * time.Minute

// MaxHistory is how many revisions of a release are kept.
const MaxHistory = 10

// Client works on the releases of one cluster. It is safe for concurrent use; two operations on one release at the same
// time are not, and the second one finds the first one's record in its way.
type Client struct {
	kube *kube.Client
}

// New makes a client. It makes no request.
func New(c *kube.Client) *Client { return &Client{kube: c} }

// ApplyOptions go with [Client.Install] and [Client.Upgrade].
type ApplyOptions struct {
	Namespace, Name string
	Chart           *Chart
	// Values over the chart's own. They are recorded with the release, so no secret belongs here.
	Values     map[string]any
	PostRender PostRender
	// Labels of the record. They say whose release it is: an operation that a killed process left behind is cleared away
	// without waiting only if the record has all of them.
	Labels map[string]string
	// Wait until workloads are ready before the operation counts as a success. Hooks are waited for in any case.
	Wait bool
	// Timeout of the whole operation, without what it takes to undo it. Default: as long as the context has, or 5 minutes
	// if that has no end.
	Timeout time.Duration
	// KeepFailed leaves a failed install or upgrade as it is instead of taking it back.
	KeepFailed bool
}

// Format keeps every verb of package fmt from showing values.
func (a ApplyOptions) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "release %s/%s", a.Namespace, a.Name)
}

// RollbackOptions go with [Client.Rollback].
type RollbackOptions struct {
	Namespace, Name string
	// Revision to go back to. 0 is the last one before the present that was deployed.
	Revision int
	Labels   map[string]string
	Wait     bool
	Timeout  time.Duration
}

// UninstallOptions go with [Client.Uninstall].
type UninstallOptions struct {
	Namespace, Name string
	// SkipHooks runs neither the pre-delete nor the post-delete hooks.
	SkipHooks bool
	// Labels tell one's own unfinished operations from those of others, as in [ApplyOptions].
	Labels  map[string]string
	Timeout time.Duration
}

// Release gives the latest revision of a release, nil if there is none.
func (c *Client) Release(ctx context.Context, namespace, name string) (*Release, error) {
	history, err := c.History(ctx, namespace, name)
	if err != nil || len(history) == 0 {
		return nil, err
	}
	return history[len(history)-1], nil
}

// History gives all revisions that are kept, oldest first.
func (c *Client) History(ctx context.Context, namespace, name string) ([]*Release, error) {
	records, err := c.records(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	var out []*Release
	for _, r := range records {
		out = append(out, r.public())
	}
	return out, nil
}

// Capabilities asks the cluster what templates see of it, in three requests.
func (c *Client) Capabilities(ctx context.Context) (Capabilities, error) {
	return c.capabilities(ctx, &kinds{kube: c.kube})
}

func (c *Client) capabilities(ctx context.Context, k *kinds) (Capabilities, error) {
	version, err := c.kube.Version(ctx)
	if err != nil {
		return Capabilities{}, err
	}
	resources, err := k.resources(ctx, false)
	if err != nil {
		return Capabilities{}, err
	}
	known := map[string]bool{}
	for _, r := range resources {
		known[r.APIVersion()], known[r.APIVersion()+"/"+r.Kind] = true, true
	}
	return Capabilities{KubernetesVersion: version, APIVersions: slices.Sorted(maps.Keys(known))}, nil
}

// lookup is the template function that reads the cluster.
func (c *Client) lookup(ctx context.Context, k *kinds) lookup {
	return func(apiVersion, kind, namespace, name string) (map[string]any, error) {
		at, err := k.of(ctx, apiVersion, kind)
		var unknown *notServedError
		if errors.As(err, &unknown) {
			return map[string]any{}, nil
		}
		if err != nil {
			return nil, err
		}
		if name != "" {
			live, err := kube.Get(ctx, c.kube, at, namespace, name)
			if apierrors.IsNotFound(err) {
				return map[string]any{}, nil
			}
			return live.Object, err
		}
		all, err := kube.List(ctx, c.kube, at, kube.ListOptions{Namespace: namespace})
		items := make([]any, len(all))
		for i := range all {
			items[i] = all[i].Object
		}
		return map[string]any{"apiVersion": apiVersion, "kind": kind + "List", "items": items}, err
	}
}
