package helm

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	releasecommon "helm.sh/helm/v4/pkg/release/common"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// abandoned is how long an operation that was not begun by the caller may be under way before it counts as left behind
// by a process that was killed.
const abandoned = 15 * time.Minute

// undoTimeout bounds what is done after a failure, which goes on when the caller has given up.
const undoTimeout = 5 * time.Minute

// operation is one change of a release that is under way.
type operation struct {
	*Client
	kinds *kinds
	// history is what was there before, oldest first.
	history []record
}

// begin reads what is there.
func (c *Client) begin(ctx context.Context, namespace, name string) (*operation, error) {
	history, err := c.records(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return &operation{Client: c, kinds: &kinds{kube: c.kube}, history: history}, nil
}

// last is the latest revision, nil if there is none.
func (o *operation) last() *record {
	if len(o.history) == 0 {
		return nil
	}
	return &o.history[len(o.history)-1]
}

// good is the latest revision that was deployed, nil if none ever was.
func (o *operation) good() *record {
	for _, status := range []releasecommon.Status{releasecommon.StatusDeployed, releasecommon.StatusSuperseded} {
		for i := len(o.history) - 1; i >= 0; i-- {
			if o.history[i].Info.Status == status {
				return &o.history[i]
			}
		}
	}
	return nil
}

// mine says that a record bears the caller's labels.
func mine(r record, labels map[string]string) bool {
	for key, value := range labels {
		if r.Labels[key] != value {
			return false
		}
	}
	return len(labels) > 0
}

// anothers says that what a record has under way may be the living operation of somebody else.
func (r record) anothers(labels map[string]string) bool {
	return !(mine(r, labels) && r.begunHere()) && time.Since(r.since()) < abandoned
}

// recover clears an operation away that a killed process left under way: its revision has failed. One that may be alive
// is a *PendingError.
func (o *operation) recover(ctx context.Context, labels map[string]string) error {
	r := o.last()
	if r == nil || !r.Info.Status.IsPending() && r.Info.Status != releasecommon.StatusUninstalling {
		return nil
	}
	if r.anothers(labels) {
		return &PendingError{Release: r.public()}
	}
	r.SetStatus(releasecommon.StatusFailed, fmt.Sprintf("Interrupted (%s)", r.Info.Status))
	err := o.update(ctx, r)
	if apierrors.IsConflict(err) {
		return &PendingError{Release: r.public()}
	}
	return err
}

// prepare renders the next revision and finds out what its objects are. The chart's own CRDs are put in place if this is
// the first.
func (o *operation) prepare(ctx context.Context, a ApplyOptions, revision int) (record, []object, error) {
	capabilities, err := o.capabilities(ctx, o.kinds)
	if err != nil {
		return record{}, nil, err
	}
	made, err := render(ctx, a.Chart, RenderOptions{
		Namespace: a.Namespace, Name: a.Name, Revision: revision,
		Values: a.Values, Capabilities: capabilities, PostRender: a.PostRender,
	}, o.lookup(ctx, o.kinds))
	if err != nil {
		return record{}, nil, err
	}
	chart, err := a.Chart.fresh()
	if err != nil {
		return record{}, nil, err
	}
	now := time.Now()
	r := record{Release: &releasev1.Release{
		Name: a.Name, Namespace: a.Namespace, Version: revision, Chart: chart, Config: made.values,
		Manifest: made.manifest, Hooks: made.hooks, Labels: a.Labels,
		Info:        &releasev1.Info{FirstDeployed: now, LastDeployed: now, Notes: made.notes},
		ApplyMethod: string(releasev1.ApplyMethodServerSideApply),
	}}
	if first := o.last(); first != nil {
		r.Info.FirstDeployed = first.Info.FirstDeployed
	}
	if revision == 1 {
		if err := o.crds(ctx, r); err != nil {
			return r, nil, err
		}
	}
	objects, err := o.kinds.objects(ctx, r.Manifest, r.Namespace)
	return r, objects, err
}

// crds puts the definitions of a chart's crds folder in place, where they are not there yet. As with Helm, nobody ever
// removes them.
func (o *operation) crds(ctx context.Context, r record) error {
	var made []object
	for _, file := range r.Chart.CRDObjects() {
		objects, err := o.kinds.objects(ctx, string(file.File.Data), r.Namespace)
		if err != nil {
			return err
		}
		for _, crd := range objects {
			if live, err := o.find(ctx, crd); err != nil || live != nil {
				if err != nil {
					return err
				}
				continue
			}
			if err := o.applyOne(ctx, r, crd); err != nil {
				return err
			}
			made = append(made, crd)
		}
	}
	if err := o.ready(ctx, made); err != nil {
		return err
	}
	return o.served(ctx, made)
}

// served waits until the server says that it serves what definitions define, which is a moment after it does.
func (o *operation) served(ctx context.Context, crds []object) error {
	return kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		for _, crd := range crds {
			group, _, _ := unstructured.NestedString(crd.body.Object, "spec", "group")
			kind, _, _ := unstructured.NestedString(crd.body.Object, "spec", "names", "kind")
			versions, _, _ := unstructured.NestedSlice(crd.body.Object, "spec", "versions")
			for _, entry := range versions {
				version, _ := entry.(map[string]any)
				if version["served"] != true {
					continue
				}
				_, err := o.kinds.of(ctx, fmt.Sprintf("%s/%s", group, version["name"]), kind)
				var unknown *notServedError
				if errors.As(err, &unknown) {
					return false, err.Error(), nil
				}
				if err != nil {
					return false, "", err
				}
			}
		}
		return true, "", nil
	})
}

// open records a new revision: with that an install or upgrade has begun.
func (o *operation) open(ctx context.Context, r *record) error {
	err := o.create(ctx, r)
	var pending *PendingError
	var status *apierrors.StatusError
	refused := errors.As(err, &status) && status.ErrStatus.Code >= 400 && status.ErrStatus.Code < 500
	if refused || errors.As(err, &pending) {
		return &NotBegunError{Err: err}
	}
	return err
}

// step is what an operation does to the cluster between its record's beginning and its end.
type step struct {
	objects []object
	// obsolete are removed once the objects are there.
	obsolete      []object
	before, after releasev1.HookEvent
	wait          bool
}

func (o *operation) run(ctx context.Context, r record, s step) error {
	if err := o.hooks(ctx, o.kinds, r, s.before); err != nil {
		return err
	}
	if err := o.apply(ctx, r, s.objects); err != nil {
		return err
	}
	removed, _, err := o.removeOwn(ctx, r, s.obsolete)
	if err != nil {
		return err
	}
	if s.wait {
		if err := o.gone(ctx, removed); err != nil {
			return err
		}
		if err := o.ready(ctx, s.objects); err != nil {
			return err
		}
	}
	return o.hooks(ctx, o.kinds, r, s.after)
}

// succeed records that a revision is deployed, and with it what came before it as superseded.
func (o *operation) succeed(ctx context.Context, r *record, description string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	r.SetStatus(releasecommon.StatusDeployed, description)
	if err := o.update(ctx, r); err != nil {
		return err
	}
	o.tidy(ctx, r.Version)
	o.add(*r)
	return nil
}

// tidy marks what came before a revision as superseded and keeps the history bounded. The release itself is done, so
// what fails here is left to the next operation, which does the same for all that it finds.
func (o *operation) tidy(ctx context.Context, now int) {
	for i := range o.history {
		old := &o.history[i]
		if old.Version == now || old.Info.Status != releasecommon.StatusDeployed {
			continue
		}
		old.SetStatus(releasecommon.StatusSuperseded, old.Info.Description)
		if o.update(ctx, old) != nil {
			return
		}
	}
	surplus := len(o.history) + 1 - MaxHistory
	for i := 0; i < surplus && o.forget(ctx, o.history[i]) == nil; i++ {
	}
}

// fail records that a revision has failed.
func (o *operation) fail(ctx context.Context, r *record, why string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	r.SetStatus(releasecommon.StatusFailed, why)
	err := o.update(ctx, r)
	o.add(*r)
	return err
}

// add takes a revision into the history, or what has become of it.
func (o *operation) add(r record) {
	o.history = slices.DeleteFunc(o.history, func(old record) bool { return old.Version == r.Version })
	o.history = append(o.history, r)
}

// everything are the objects of revisions, each once.
func (o *operation) everything(ctx context.Context, records ...*record) ([]object, error) {
	var out []object
	for _, r := range records {
		if r == nil {
			continue
		}
		objects, err := o.kinds.known(ctx, r.Manifest, r.Namespace)
		if err != nil {
			return nil, err
		}
		out = append(out, without(objects, out)...)
	}
	return out, nil
}

// detached is a context for what must be done although the caller may have given up.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
}

// timeout ends an operation after d; where that is 0, when the caller's own time is over, and after the default if
// there is no end to that.
func timeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	if _, ends := ctx.Deadline(); ends && d <= 0 {
		return context.WithCancel(ctx)
	}
	if d <= 0 {
		d = defaultTimeout
	}
	return context.WithTimeout(ctx, d)
}

// interrupted puts the reason of a cancelled context in place of what it made fail.
func interrupted(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.Canceled) && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w (%w)", err, context.Canceled)
	}
	return err
}
