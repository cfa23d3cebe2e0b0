package helm

import (
	"context"
	"time"

	releasecommon "helm.sh/helm/v4/pkg/release/common"
)

// LeavePending does what a process does that is killed in the middle of an install or upgrade, some time ago: the
// revision is recorded as under way, and the first of its objects are there.
func (c *Client) LeavePending(ctx context.Context, a ApplyOptions, ago time.Duration) error {
	o, err := c.begin(ctx, a.Namespace, a.Name)
	if err != nil {
		return err
	}
	revision, status := 1, releasecommon.StatusPendingInstall
	if last := o.last(); last != nil {
		revision, status = last.Version+1, releasecommon.StatusPendingUpgrade
	}
	r, objects, err := o.prepare(ctx, a, revision)
	if err != nil {
		return err
	}
	r.SetStatus(status, "Under way")
	r.Info.LastDeployed = time.Now().Add(-ago)
	if err := o.create(ctx, &r); err != nil {
		return err
	}
	return c.apply(ctx, r, objects[:1])
}

// UnderWay puts the last revision under way since this moment, begun as that says.
func (c *Client) UnderWay(ctx context.Context, namespace, name string, status releasecommon.Status, begun string) error {
	o, err := c.begin(ctx, namespace, name)
	if err != nil {
		return err
	}
	r := o.last()
	r.begun = begun
	r.SetStatus(status, "Under way")
	r.Info.LastDeployed, r.Info.Deleted = time.Now(), time.Now()
	return o.update(ctx, r)
}
