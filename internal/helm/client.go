package helm

import (
	"context"
	"errors"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// defaultTimeout of an operation, Helm's own.
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
	// Timeout of the whole operation, without what it takes to undo it. Default 5 minutes.
	Timeout time.Duration
	// KeepFailed leaves a failed install or upgrade as it is instead of taking it back.
	KeepFailed bool
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
	Timeout   time.Duration
}

var errUnfinished = errors.New("unfinished")

// Release gives the latest revision of a release, nil if there is none.
func (c *Client) Release(ctx context.Context, namespace, name string) (*Release, error) {
	return nil, errUnfinished
}

// History gives all revisions that are kept, oldest first.
func (c *Client) History(ctx context.Context, namespace, name string) ([]*Release, error) {
	return nil, errUnfinished
}

// Capabilities asks the cluster what templates see of it.
func (c *Client) Capabilities(ctx context.Context) (Capabilities, error) {
	return Capabilities{}, errUnfinished
}

// Install makes a release. One of that name is [ErrReleaseExists], and nothing is touched, unless it is what a failed or
// killed install left. On failure everything is removed again, record included, and the error is a *FailedError.
func (c *Client) Install(ctx context.Context, o ApplyOptions) (*Release, error) {
	return nil, errUnfinished
}

// Upgrade makes a new revision of a release, in place: what is there is changed, what the chart no longer has is removed,
// what is missing or was edited is restored. On failure the release is rolled back, and the error is a *FailedError. No release of that name is
// [ErrReleaseNotFound].
func (c *Client) Upgrade(ctx context.Context, o ApplyOptions) (*Release, error) {
	return nil, errUnfinished
}

// Rollback makes a new revision that is as an old one was.
func (c *Client) Rollback(ctx context.Context, o RollbackOptions) (*Release, error) {
	return nil, errUnfinished
}

// Uninstall removes a release, its objects and its history, and waits until they are gone. What the chart says to keep
// (helm.sh/resource-policy) stays and is returned, for example "PersistentVolumeClaim vpn/data". A release that is not there is no error.
func (c *Client) Uninstall(ctx context.Context, o UninstallOptions) (kept []string, err error) {
	return nil, errUnfinished
}

// Drift says in sentences where the cluster's objects differ from the release's manifest: gone, being deleted, or a
// declared field with another value. Values of Secrets are not shown.
func (c *Client) Drift(ctx context.Context, r *Release) ([]string, error) {
	return nil, errUnfinished
}
