package strongswan

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Apply writes the Secret, and then the release that mounts it.
func (part) Apply(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model]) error {
	declared := *r.Want
	declared.Key = r.Config.Key
	t, wrong := declared.tunnel()
	if err := refuse(append(append(wrong, t.check()...), t.against(c)...)); err != nil {
		return err
	}
	if r.Prior != nil && r.Want.Digest.IsUnknown() {
		r.Want.Revision, r.Want.Digest = r.Prior.Revision, r.Prior.Digest // until there is another one
	}
	g, err := reach(ctx, c)
	if err != nil {
		return err
	}
	if err := g.refuseHijacks(ctx, t); err != nil {
		return err
	}
	in := ownership.Intent{Owner: r.Owner, Stamp: r.Stamp, Held: r.Prior != nil, Sent: r.Sent}
	now, err := g.releases.Release(ctx, t.namespace, t.name)
	if err != nil {
		return err
	}
	d, err := g.deliver(ctx, t, now, r.Charts)
	if err != nil {
		return err
	}
	step, err := g.decide(ctx, now, d, r, in)
	if err != nil {
		return err
	}
	if step == ownership.Refuse {
		return foreign(now, d)
	}
	undoKey, err := g.ensureKey(ctx, t, d, in)
	if err != nil {
		return err
	}
	made, err := g.write(ctx, t, now, d, r, step)
	if err != nil {
		return g.failed(ctx, t, now, r, err, undoKey)
	}
	r.Want.remember(made)
	if err := g.noOwnSecret(ctx, t, in); err != nil {
		return err
	}
	// A key in the record of an old revision is one that anybody who reads Secrets finds, and can go back to.
	return g.releases.Forget(ctx, t.namespace, t.name, holdsKey)
}

// decide says what must be done to the release.
func (g ground) decide(ctx context.Context, now *helm.Release, d delivery, r framework.ApplyRequest[model], in ownership.Intent) (ownership.Step, error) {
	if now == nil {
		return in.Decide(nil), nil
	}
	look := ownership.Look{
		Stamp: now.Labels[ownerLabel], Same: d.same(now), Marked: now.Labels[ownerLabel] == r.Stamp,
	}
	if r.Prior != nil && len(r.Want.mark().Changed(now)) > 0 {
		look.Same = false
	}
	if look.Same {
		differs, err := g.releases.Drift(ctx, now)
		if err != nil {
			return ownership.Refuse, err
		}
		look.Same = len(differs) == 0
	}
	return in.Decide(&look), nil
}

// write installs the release, or upgrades one that is not as it should be.
func (g ground) write(ctx context.Context, t tunnel, now *helm.Release, d delivery, r framework.ApplyRequest[model], step ownership.Step) (*helm.Release, error) {
	options := helm.ApplyOptions{
		Namespace: t.namespace, Name: t.name, Chart: d.chart, Values: d.values, PostRender: d.postRender,
		Labels: map[string]string{ownerLabel: r.Stamp},
	}
	var made *helm.Release
	var err error
	switch step {
	case ownership.Keep:
		return now, nil
	case ownership.Create:
		made, err = g.releases.Install(ctx, options)
	default:
		made, err = g.releases.Upgrade(ctx, options)
	}
	var notBegun *helm.NotBegunError
	if errors.As(err, &notBegun) {
		return nil, err // nothing was sent
	}
	return made, r.Sent(err)
}

// failed says what has become of a write that failed. What is left of the
// release is remembered. Where it is what it was before, so is the Secret.
func (g ground) failed(ctx context.Context, t tunnel, now *helm.Release, r framework.ApplyRequest[model], err error, undoKey keyUndo) error {
	var notBegun *helm.NotBegunError
	var failed *helm.FailedError
	switch {
	case errors.As(err, &notBegun):
	case !errors.As(err, &failed):
		return err // nobody knows
	case failed.Now != nil:
		_ = r.Sent(nil) // there are new revisions, whatever the last request was answered
		r.Want.remember(failed.Now)
	}
	if failed != nil && !failed.RolledBack {
		return err
	}
	if undoKey != nil {
		if undo := undoKey(context.WithoutCancel(ctx), notBegun != nil); undo != nil {
			return errors.Join(err, fmt.Errorf("taking back what Secret %s/%s holds: %w", t.namespace, t.secretName(), undo))
		}
	}
	if failed != nil && failed.Now != nil {
		return fmt.Errorf("the release is back at what it was before, as revision %d: %w", failed.Now.Revision, err)
	}
	if r.Prior == nil && (now == nil || notBegun != nil) {
		r.TakenBack()
	}
	return err
}

// foreign refuses a release that is somebody else's.
func foreign(now *helm.Release, d delivery) error {
	what := fmt.Sprintf("The cluster has a release %s/%s already: revision %d of chart %s %s, %s.", now.Namespace, now.Name, now.Revision, now.Chart, now.ChartVersion, now.Status)
	if now.Labels[ownerLabel] != "" {
		what += " It bears the ownership stamp of another resource of this provider, in this configuration or in another one."
		if now.Status != helm.StatusDeployed {
			what += " An apply that was killed while it installed the release leaves it like this: once it is imported, the next apply finishes it."
		}
	}
	if now.Chart != d.chart.Name() {
		return framework.Refuse(path.Root("name"), "The Helm release is of another chart", what+" Choose another name.")
	}
	return framework.Refuse(path.Root("name"), "The Helm release exists and is not ours", what+" It is not what is declared. Import it to see in a plan what would change, or choose another name.")
}
