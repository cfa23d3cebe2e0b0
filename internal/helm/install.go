package helm

import (
	"context"
	"fmt"

	releasecommon "helm.sh/helm/v4/pkg/release/common"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
)

// Install makes a release. One of that name is [ErrReleaseExists], and nothing is touched, unless it is what an install
// of the same labels left that failed or was killed. On failure everything is removed again, record included, without
// running the chart's delete hooks, and the error is a *FailedError. A *NotBegunError says that nothing was begun; after
// an error of another kind nobody knows.
func (c *Client) Install(ctx context.Context, a ApplyOptions) (*Release, error) {
	ctx, cancel := timeout(ctx, a.Timeout)
	defer cancel()
	o, r, s, err := c.planInstall(ctx, a)
	if err != nil {
		return nil, &NotBegunError{Err: err}
	}
	r.SetStatus(releasecommon.StatusPendingInstall, "Initial install underway")
	if err := o.open(ctx, &r); err != nil {
		return nil, err
	}
	err = o.run(ctx, r, s)
	if err == nil {
		err = o.succeed(ctx, &r, "Install complete")
	}
	if err != nil {
		return nil, o.failedInstall(ctx, &r, a, interrupted(ctx, err))
	}
	return r.public(), nil
}

// planInstall finds out what an install has to do, and that nothing is in its way.
func (c *Client) planInstall(ctx context.Context, a ApplyOptions) (*operation, record, step, error) {
	o, err := c.begin(ctx, a.Namespace, a.Name)
	if err != nil {
		return nil, record{}, step{}, err
	}
	if err := o.makeRoom(ctx, a); err != nil {
		return nil, record{}, step{}, err
	}
	r, objects, err := o.prepare(ctx, a, 1)
	if err == nil {
		err = o.free(ctx, r, objects)
	}
	if err != nil {
		return nil, record{}, step{}, fmt.Errorf("release %s/%s: %w", a.Namespace, a.Name, err)
	}
	return o, r, step{
		objects: objects, before: releasev1.HookPreInstall, after: releasev1.HookPostInstall, wait: a.Wait,
	}, nil
}

// makeRoom removes what an earlier install of ours left unfinished.
func (o *operation) makeRoom(ctx context.Context, a ApplyOptions) error {
	r := o.last()
	if r == nil {
		return nil
	}
	if r.Info.Status.IsPending() && !(mine(*r, a.Labels) && r.begunHere()) {
		return &PendingError{Release: r.public()}
	}
	if !mine(*r, a.Labels) || o.good() != nil {
		return fmt.Errorf("release %s/%s: %w", a.Namespace, a.Name, ErrReleaseExists)
	}
	if err := o.recover(ctx, a.Labels); err != nil {
		return err
	}
	if _, err := o.wipe(ctx); err != nil {
		return fmt.Errorf("release %s/%s: removing what an earlier install left: %w", a.Namespace, a.Name, err)
	}
	o.history = nil
	return nil
}

func (o *operation) failedInstall(ctx context.Context, r *record, a ApplyOptions, err error) error {
	failed := &FailedError{Action: "install", Namespace: a.Namespace, Name: a.Name, Err: err}
	ctx, cancel := detached(ctx)
	defer cancel()
	if noted := o.fail(ctx, r, "Install failed"); noted != nil {
		failed.Undo = noted
	}
	failed.Now = r.public()
	if a.KeepFailed || failed.Undo != nil {
		return failed
	}
	if _, failed.Undo = o.wipe(ctx); failed.Undo == nil {
		failed.RolledBack, failed.Now = true, nil
	}
	return failed
}

// wipe removes the objects of every revision, what its hooks left and all records. It gives what stays.
func (o *operation) wipe(ctx context.Context) (kept []string, err error) {
	var all []*record
	for i := range o.history {
		all = append(all, &o.history[i])
	}
	objects, err := o.everything(ctx, all...)
	if err != nil {
		return nil, err
	}
	removed, kept, err := o.removeOwn(ctx, *o.last(), objects)
	if err != nil {
		return kept, err
	}
	if err := o.gone(ctx, removed); err != nil {
		return kept, err
	}
	if err := o.sweepHooks(ctx); err != nil {
		return kept, err
	}
	return kept, o.forget(ctx, o.history...)
}

// sweepHooks removes the objects that hooks left behind, which Helm itself forgets.
func (o *operation) sweepHooks(ctx context.Context) error {
	var swept []object
	for _, r := range o.history {
		for _, hook := range r.Hooks {
			objects, err := o.kinds.known(ctx, hook.Manifest, r.Namespace)
			if err != nil {
				return err
			}
			for _, object := range without(objects, swept) {
				swept = append(swept, object)
				live, err := o.find(ctx, object)
				if err != nil {
					return err
				}
				if live == nil || object.kept() || owner(*live) != "" && owner(*live) != r.Namespace+"/"+r.Name {
					continue
				}
				if err := o.removeAndWait(ctx, object); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
