package remoteservice

import (
	"context"
	"encoding/json"
	"slices"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Apply writes the Service and its EndpointSlices.
func (part) Apply(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model]) error {
	want, err := r.Want.read(ctx)
	if err != nil {
		return err
	}
	if err := checkSubnets(c, want); err != nil {
		return err
	}
	g, err := reach(ctx, c)
	if err != nil {
		return err
	}
	live, err := g.look(ctx, want.namespace, want.name, false)
	if err != nil {
		return err
	}
	w := writing{ground: g, live: live, want: want, intent: ownership.Intent{
		Owner: r.Owner, Stamp: r.Stamp, Held: r.Prior.holds(want), Force: r.Want.Force.ValueBool(), Sent: r.Sent,
	}}
	if r.Prior != nil {
		if w.before, err = r.Prior.read(ctx); err != nil {
			return err
		}
	}
	for _, warning := range want.publicWarnings(w.before.addresses) {
		r.Warn("An endpoint of "+want.namespace+"/"+want.name+" looks public", framework.Sentence(warning))
	}
	_, strangers := live.additions(want.name)
	if want.hostname == "" && !w.intent.Force {
		if err := refuseStrangers(strangers); err != nil {
			return err
		}
	}
	if live.service == nil {
		return w.create(ctx, r.TakenBack)
	}
	if err := g.refuseUnlike(live.service, w.intent); err != nil {
		return err
	}
	if err := w.refuseOthers(ctx); err != nil {
		return err
	}
	return w.write(ctx)
}

// refuseOthers refuses a Service of somebody else's that looks the same and leads
// elsewhere: where it leads stands in the EndpointSlices.
func (w writing) refuseOthers(ctx context.Context) error {
	if w.intent.Force || w.owned() {
		return nil
	}
	for _, f := range w.want.families() {
		slice, want := w.live.slice(w.want.name, f), w.want.slice(f, w.live.service.UID)
		if slice == nil || w.ofSlice(f).Owns(w.slices.Stamp(*slice)) || len(w.slices.Drift(*slice, want, framework.Owner{})) == 0 {
			continue
		}
		if err := w.ensureSlice(ctx, f, want); err != nil {
			return err
		}
	}
	return nil
}

// owned tells whether the Service that is there is this resource's own.
func (w writing) owned() bool {
	return w.live.service != nil && w.intent.Owns(w.services.Stamp(*w.live.service))
}

// writing is one apply.
type writing struct {
	ground
	live         scene
	want, before remote
	intent       ownership.Intent
}

// ofSlice is the intent for the EndpointSlice of a family: the state has it only
// if that family was declared before.
func (w writing) ofSlice(f corev1.IPFamily) ownership.Intent {
	in := w.intent
	in.Held = in.Held && slices.Contains(w.before.families(), f)
	return in
}

// create makes what is new: the Service first, because it says whether the name
// is free. If the cluster does not take the EndpointSlices, the Service goes again.
func (w writing) create(ctx context.Context, takenBack func()) error {
	err := w.write(ctx)
	if err == nil || !refused(err) {
		return err
	}
	kept, removing := w.remove(ctx, framework.Owner{Stamp: w.intent.Stamp, Known: true})
	if removing == nil && kept == "" {
		takenBack()
	}
	return err
}

// remove takes back what create wrote. It says what it had to keep.
func (w writing) remove(ctx context.Context, owner framework.Owner) (kept string, err error) {
	kept, err = w.services.Remove(ctx, w.conn, w.want.namespace, w.want.name, owner)
	for _, f := range w.want.families() {
		if err == nil && kept == "" {
			kept, err = w.slices.Remove(ctx, w.conn, w.want.namespace, sliceName(w.want.name, f), owner)
		}
	}
	return kept, err
}

// refused tells the errors after which trying on is pointless: our own refusals and the API server's.
func refused(err error) bool {
	_, ours := framework.AsRefusal(err)
	return ours || apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err)
}

// write brings the objects to what is wanted, so that a name that leads
// somewhere never leads nowhere: EndpointSlices come before the Service needs
// them, and go when it does not need them any more.
func (w writing) write(ctx context.Context) error {
	var bridged []corev1.IPFamily
	uid := types.UID("")
	if w.owned() {
		uid = w.live.service.UID
		for _, f := range w.want.families() {
			slice, needed := bridge(w.want.slice(f, uid), w.live.slice(w.want.name, f))
			if needed {
				bridged = append(bridged, f)
			}
			if err := w.ensureSlice(ctx, f, slice); err != nil {
				return err
			}
		}
	}
	stored, err := w.services.Ensure(ctx, w.conn, w.want.service(), w.intent)
	if err != nil {
		return err
	}
	if err := w.deselect(ctx, stored); err != nil {
		return err
	}
	for _, f := range w.want.families() {
		if uid == stored.UID && !slices.Contains(bridged, f) {
			continue
		}
		if err := w.ensureSlice(ctx, f, w.want.slice(f, stored.UID)); err != nil {
			return err
		}
	}
	return w.clear(ctx)
}

func (w writing) ensureSlice(ctx context.Context, f corev1.IPFamily, slice discoveryv1.EndpointSlice) error {
	_, err := w.slices.Ensure(ctx, w.conn, slice, w.ofSlice(f))
	return err
}

// deselect takes a selector out that somebody gave to the Service. Server-side
// apply cannot: it leaves what it does not declare.
func (w writing) deselect(ctx context.Context, stored corev1.Service) error {
	if len(stored.Spec.Selector) == 0 {
		return nil
	}
	patch, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": stored.ResourceVersion},
		"spec":     map[string]any{"selector": nil},
	})
	if err != nil {
		return err
	}
	_, err = kube.Patch(ctx, w.conn, kube.Services, stored.Namespace, stored.Name, types.MergePatchType, patch, kube.PatchOptions{FieldManager: manager})
	return w.intent.Sent(err)
}

// clear removes the EndpointSlices that the Service does not need any more, and
// those with which others send its clients elsewhere.
func (w writing) clear(ctx context.Context) error {
	owner := framework.Owner{Stamp: w.intent.Stamp, Known: true}
	for _, f := range families() {
		if slices.Contains(w.want.families(), f) || w.live.slice(w.want.name, f) == nil {
			continue
		}
		if _, err := w.slices.Remove(ctx, w.conn, w.want.namespace, sliceName(w.want.name, f), owner); w.intent.Sent(err) != nil {
			return err
		}
	}
	if w.want.hostname != "" {
		return nil
	}
	leftovers, strangers := w.live.additions(w.want.name)
	for _, slice := range slices.Concat(leftovers, strangers) {
		err := kube.Delete(ctx, w.conn, kube.EndpointSlices, slice.Namespace, slice.Name, kube.DeleteOptions{ResourceVersion: slice.ResourceVersion})
		if err != nil && !apierrors.IsNotFound(err) {
			return w.intent.Sent(err)
		}
	}
	return nil
}
