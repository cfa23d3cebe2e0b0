package helm

import (
	"context"
	"errors"
	"fmt"
	"time"

	releasecommon "helm.sh/helm/v4/pkg/release/common"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
)

// Upgrade makes a new revision of a release, in place: what is there is changed, what the chart no longer has is removed,
// what is missing or was edited is restored. On failure the release is rolled back to the last revision that was
// deployed, and the error is a *FailedError. A *NotBegunError says that nothing was begun, because there is no release of
// that name ([ErrReleaseNotFound]) or for another reason; after an error of another kind nobody knows.
func (c *Client) Upgrade(ctx context.Context, a ApplyOptions) (*Release, error) {
	ctx, cancel := timeout(ctx, a.Timeout)
	defer cancel()
	o, r, s, err := c.planUpgrade(ctx, a)
	if err != nil {
		return nil, &NotBegunError{Err: err}
	}
	r.SetStatus(releasecommon.StatusPendingUpgrade, "Preparing upgrade")
	if err := o.open(ctx, &r); err != nil {
		return nil, err
	}
	err = o.run(ctx, r, s)
	if err == nil {
		err = o.succeed(ctx, &r, "Upgrade complete")
	}
	if err != nil {
		return nil, o.failedUpgrade(ctx, &r, a, interrupted(ctx, err))
	}
	return r.public(), nil
}

// planUpgrade finds out what an upgrade has to do, and that nothing is in its way.
func (c *Client) planUpgrade(ctx context.Context, a ApplyOptions) (*operation, record, step, error) {
	o, err := c.begin(ctx, a.Namespace, a.Name)
	if err != nil {
		return nil, record{}, step{}, err
	}
	if o.last() == nil {
		return nil, record{}, step{}, fmt.Errorf("release %s/%s: %w", a.Namespace, a.Name, ErrReleaseNotFound)
	}
	if err := o.recover(ctx, a.Labels); err != nil {
		return nil, record{}, step{}, err
	}
	// A revision that failed may have left objects that the last good one does not have.
	before, err := o.everything(ctx, o.last(), o.good())
	if err != nil {
		return nil, record{}, step{}, err
	}
	r, objects, err := o.prepare(ctx, a, o.last().Version+1)
	if err == nil {
		err = o.free(ctx, r, without(objects, before))
	}
	if err != nil {
		return nil, record{}, step{}, fmt.Errorf("release %s/%s: %w", a.Namespace, a.Name, err)
	}
	return o, r, step{
		objects: objects, obsolete: without(before, objects),
		before: releasev1.HookPreUpgrade, after: releasev1.HookPostUpgrade, wait: a.Wait,
	}, nil
}

func (o *operation) failedUpgrade(ctx context.Context, r *record, a ApplyOptions, err error) error {
	failed := &FailedError{Action: "upgrade", Namespace: a.Namespace, Name: a.Name, Err: err}
	good := o.good()
	ctx, cancel := detached(ctx)
	defer cancel()
	noted := o.fail(ctx, r, "Upgrade failed")
	failed.Now = r.public()
	if noted != nil || a.KeepFailed || good == nil {
		failed.Undo = noted
		return failed
	}
	target := *good // the history moves
	back, undone := o.rollBack(ctx, target, RollbackOptions{Wait: a.Wait, Labels: a.Labels})
	failed.Now, failed.Undo, failed.RolledBack = back.public(), undone, undone == nil
	return failed
}

// Rollback makes a new revision that is as an old one was. Its error is a *FailedError if something was begun.
func (c *Client) Rollback(ctx context.Context, b RollbackOptions) (*Release, error) {
	ctx, cancel := timeout(ctx, b.Timeout)
	defer cancel()
	o, err := c.begin(ctx, b.Namespace, b.Name)
	if err != nil {
		return nil, err
	}
	if o.last() == nil {
		return nil, fmt.Errorf("release %s/%s: %w", b.Namespace, b.Name, ErrReleaseNotFound)
	}
	if err := o.recover(ctx, b.Labels); err != nil {
		return nil, err
	}
	target := o.target(b.Revision)
	if target == nil {
		return nil, fmt.Errorf("release %s/%s: %w", b.Namespace, b.Name, errNoRevision)
	}
	r, err := o.rollBack(ctx, *target, b)
	if err != nil {
		return nil, &FailedError{Action: "rollback", Namespace: b.Namespace, Name: b.Name, Now: r.public(), Err: interrupted(ctx, err)}
	}
	return r.public(), nil
}

var errNoRevision = errors.New("there is no revision to go back to")

// target is the revision of that number, or the last good one before the present for 0; nil if there is none.
func (o *operation) target(revision int) *record {
	for i := len(o.history) - 1; i >= 0; i-- {
		r := &o.history[i]
		good := r.Info.Status == releasecommon.StatusDeployed || r.Info.Status == releasecommon.StatusSuperseded
		if revision == r.Version || revision == 0 && good && i < len(o.history)-1 {
			return r
		}
	}
	return nil
}

// rollBack makes a revision with the content of target. What the present one has beyond that is removed.
func (o *operation) rollBack(ctx context.Context, target record, b RollbackOptions) (record, error) {
	present := o.last()
	copied := *target.Release
	info := *target.Info
	info.LastDeployed, info.RollbackRevision = time.Now(), target.Version
	copied.Info, copied.Version, copied.ApplyMethod = &info, present.Version+1, string(releasev1.ApplyMethodServerSideApply)
	r := record{Release: &copied}
	if len(b.Labels) > 0 {
		r.Labels = b.Labels
	}
	before, err := o.everything(ctx, present, o.good())
	if err != nil {
		return *present, err
	}
	objects, err := o.kinds.objects(ctx, r.Manifest, r.Namespace)
	if err != nil {
		return *present, err
	}
	r.SetStatus(releasecommon.StatusPendingRollback, fmt.Sprintf("Rollback to %d underway", target.Version))
	if err := o.create(ctx, &r); err != nil {
		return *present, err
	}
	err = o.run(ctx, r, step{
		objects: objects, obsolete: without(before, objects),
		before: releasev1.HookPreRollback, after: releasev1.HookPostRollback, wait: b.Wait,
	})
	if err == nil {
		err = o.succeed(ctx, &r, fmt.Sprintf("Rollback to %d", target.Version))
	}
	if err != nil {
		return r, errors.Join(err, o.fail(ctx, &r, fmt.Sprintf("Rollback to %d failed", target.Version)))
	}
	return r, nil
}
