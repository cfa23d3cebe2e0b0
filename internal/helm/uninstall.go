package helm

import (
	"context"
	"time"

	releasecommon "helm.sh/helm/v4/pkg/release/common"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
)

// Uninstall removes a release: its objects, what its hooks left, and its history; and waits until they are gone. What the
// chart says to keep (helm.sh/resource-policy), and what has become another's, stays and is returned, for example
// "PersistentVolumeClaim vpn/data". A release that is not there is no error; an unfinished one is removed like any other.
// Its error is a *FailedError if something was begun, and calling it again goes on from there.
func (c *Client) Uninstall(ctx context.Context, u UninstallOptions) (kept []string, err error) {
	ctx, cancel := timeout(ctx, u.Timeout)
	defer cancel()
	o, err := c.begin(ctx, u.Namespace, u.Name)
	if err != nil || o.last() == nil {
		return nil, err
	}
	r := o.last()
	if r.Info.Status.IsPending() {
		if err := o.recover(ctx, u.Labels); err != nil {
			return nil, err
		}
	}
	r.SetStatus(releasecommon.StatusUninstalling, "Deletion in progress (or silently failed)")
	r.Info.Deleted, r.begun = time.Now(), r.operation()
	if err := o.update(ctx, r); err != nil {
		return nil, err
	}
	if kept, err = o.uninstall(ctx, *r, u.SkipHooks); err != nil {
		return kept, &FailedError{Action: "uninstall", Namespace: u.Namespace, Name: u.Name, Now: r.public(), Err: interrupted(ctx, err)}
	}
	return kept, nil
}

// MayUninstall is a *PendingError where [Client.Uninstall] would find somebody else's operation in its way. It is for what
// must not be done in vain before, and writes nothing.
func (c *Client) MayUninstall(ctx context.Context, u UninstallOptions) error {
	o, err := c.begin(ctx, u.Namespace, u.Name)
	if err != nil {
		return err
	}
	if r := o.last(); r != nil && r.Info.Status.IsPending() && r.anothers(u.Labels) {
		return &PendingError{Release: r.public()}
	}
	return nil
}

func (o *operation) uninstall(ctx context.Context, r record, skipHooks bool) (kept []string, err error) {
	if skipHooks {
		return o.wipe(ctx)
	}
	if err := o.hooks(ctx, o.kinds, r, releasev1.HookPreDelete); err != nil {
		return nil, err
	}
	objects, err := o.everything(ctx, &r, o.good())
	if err != nil {
		return nil, err
	}
	removed, _, err := o.removeOwn(ctx, r, objects)
	if err != nil {
		return nil, err
	}
	if err := o.gone(ctx, removed); err != nil {
		return nil, err
	}
	if err := o.hooks(ctx, o.kinds, r, releasev1.HookPostDelete); err != nil {
		return nil, err
	}
	return o.wipe(ctx)
}
