package ownership

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Object is one kind of object that a resource type owns whole and writes by
// server-side apply. What an object declares it owns; other fields, and labels
// and annotations of others, stay as they are.
type Object[T any] struct {
	Kind kube.Kind[T]
	// Manager is the field manager: "terraform-provider-iks/private_service".
	Manager string
	// Path is the attribute that diagnostics about the object point at.
	Path path.Path
	// WayOut says what to do about an object that is somebody else's, in sentences,
	// where the resource has no `force_conflicts`. Empty: it has.
	WayOut string
}

// Find gives the object, nil if it is not there. cached takes it from the list
// of its namespace, which all resources of a kind share; where listing is
// forbidden, and for what the list lacks, the object itself is asked for.
func (o Object[T]) Find(ctx context.Context, c *kube.Client, namespace, name string, cached bool) (*T, error) {
	var live T
	var err error
	if cached {
		live, err = kube.CachedGet(ctx, c, o.Kind, namespace, name, kube.ListOptions{Namespace: namespace})
	} else {
		live, err = kube.Get(ctx, c, o.Kind, namespace, name)
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return &live, nil
}

// Stamp that an object bears, "" for none.
func (o Object[T]) Stamp(live T) string {
	return metaOf(&live).GetAnnotations()[framework.OwnerAnnotation]
}

// Drift says in sentences where live differs from what want declares, and which
// marks of its owner it lacks. What want does not declare is not compared.
func (o Object[T]) Drift(live, want T, owner framework.Owner) []string {
	about, declared := metaOf(&live), metaOf(&want)
	var out []string
	if about.GetDeletionTimestamp() != nil {
		out = append(out, "it is being deleted"+heldBy(about.GetFinalizers()))
	}
	owner.Labels = without(owner.Labels, declared.GetLabels())
	owner.Annotations = without(owner.Annotations, declared.GetAnnotations())
	out = append(out, o.differences(live, want)...)
	return append(out, MarkDrift(owner, about.GetLabels(), about.GetAnnotations())...)
}

// without are the marks that an object's own labels or annotations do not override.
func without(marks, own map[string]string) map[string]string {
	out := maps.Clone(marks)
	maps.DeleteFunc(out, func(key, _ string) bool {
		_, overridden := own[key]
		return overridden
	})
	return out
}

// differences are those of the declared fields.
func (o Object[T]) differences(live, want T) []string {
	declared, err := kube.ApplyFields(o.Kind, &want)
	if err != nil {
		return []string{err.Error()}
	}
	have, err := kube.ApplyFields(o.Kind, &live)
	if err != nil {
		return []string{err.Error()}
	}
	c := comparer{hidden: o.Kind.Name == kube.Secrets.Name}
	for _, name := range []string{"apiVersion", "kind"} {
		delete(declared, name)
	}
	if metadata, ok := declared["metadata"].(map[string]any); ok {
		delete(metadata, "name")
		delete(metadata, "namespace")
	}
	c.compare("", declared, have)
	for i, s := range c.sentences {
		c.sentences[i] = s[len("."):]
	}
	return c.sentences
}

// step says what must be done to the object that is there, nil for none.
func (o Object[T]) step(live *T, want T, in Intent) Step {
	if live == nil {
		return in.Decide(nil)
	}
	there := Look{Stamp: o.Stamp(*live), Same: len(o.differences(*live, want)) == 0}
	there.Marked = len(o.Drift(*live, want, in.stamped())) == 0 && !o.leftOver(*live, o.marked(want, in))
	return in.Decide(&there)
}

// attempts bounds how often an object is decided about anew because somebody
// else wrote it in between.
const attempts = 10

// Ensure makes the object what want declares, and gives it as it is then. It
// returns a framework.Refusal when the object, or one of its fields, is
// somebody else's, when its namespace is not there, or when the cluster's
// admission control does not take it.
func (o Object[T]) Ensure(ctx context.Context, c *kube.Client, want T, in Intent) (T, error) {
	name := metaOf(&want)
	for attempt := 1; ; attempt++ {
		live, err := o.settled(ctx, c, name)
		if err != nil {
			return want, err
		}
		var stored T
		switch o.step(live, want, in) {
		case Keep:
			return *live, nil
		case Refuse:
			return *live, o.foreign(*live, want, in)
		default:
			stored, err = o.write(ctx, c, live, want, in, false)
		}
		overtaken := apierrors.IsConflict(err) && len(kube.ConflictOwners(err)) == 0 || live != nil && apierrors.IsNotFound(err)
		if !overtaken || attempt == attempts {
			return stored, o.explained(err, name)
		}
	}
}

// settled gives the object that is there, once one that is being deleted is gone.
func (o Object[T]) settled(ctx context.Context, c *kube.Client, name metav1.Object) (live *T, err error) {
	err = kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		live, err = o.Find(ctx, c, name.GetNamespace(), name.GetName(), false)
		if err != nil || live == nil || metaOf(live).GetDeletionTimestamp() == nil {
			return err == nil, "", err
		}
		return false, o.title(name) + " is being deleted" + heldBy(metaOf(live).GetFinalizers()), nil
	})
	return live, err
}

// write applies what is declared. Server-side apply leaves in a declared list
// what others have put there, and stumbles over an entry that they renumbered
// (a Service has two ports of one name then): such lists are overwritten.
func (o Object[T]) write(ctx context.Context, c *kube.Client, live *T, want T, in Intent, dryRun bool) (T, error) {
	stored, err := o.apply(ctx, c, live, want, in, dryRun)
	if apierrors.IsInvalid(err) && live != nil && !Admission(err) {
		overwritten, err := o.overwrite(ctx, c, *live, want, in, dryRun)
		if err != nil || dryRun {
			return overwritten, err
		}
		// Only what is applied can be taken out again by leaving it out.
		stored, err = o.apply(ctx, c, &overwritten, want, in, false)
		return stored, in.sent(err)
	}
	if err = in.sent(err); err != nil || len(o.differences(stored, want)) == 0 {
		return stored, err
	}
	return o.overwrite(ctx, c, stored, want, in, dryRun)
}

// apply sends what is declared, over the one that is there (nil for none). What
// a person edited is taken back; fields of another configuration only by force.
func (o Object[T]) apply(ctx context.Context, c *kube.Client, live *T, want T, in Intent, dryRun bool) (T, error) {
	options := kube.PatchOptions{FieldManager: o.Manager, Force: in.Force, DryRun: dryRun}
	stored, err := kube.Apply(ctx, c, o.Kind, o.marked(want, in), options)
	if owners := kube.ConflictOwners(err); len(owners) > 0 && live != nil && len(o.declarative(*live, owners)) == 0 {
		options.Force = true
		return kube.Apply(ctx, c, o.Kind, o.marked(want, in), options)
	}
	return stored, err
}

func (i Intent) sent(err error) error {
	if i.Sent == nil {
		return err
	}
	return i.Sent(err)
}

// marked is what is declared with all that an object of ours bears.
func (o Object[T]) marked(want T, in Intent) T {
	body := want
	about := metaOf(&body)
	labels, annotations := in.Marks(about.GetLabels(), about.GetAnnotations())
	about.SetLabels(labels)
	about.SetAnnotations(annotations)
	return body
}

// dryRunDeadline bounds a dry run, so that a slow webhook does not hold up a plan.
const dryRunDeadline = 5 * time.Second

// DryRun asks the API server, while a plan is made, whether it would take want.
// What may be different when it is applied (another owner, a namespace that is
// to come, the cluster's admission control) is a warning.
func (o Object[T]) DryRun(ctx context.Context, c *kube.Client, want T, in Intent) (warnings []string, err error) {
	ctx, cancel := framework.WithinPlan(ctx, dryRunDeadline)
	defer cancel()
	name := metaOf(&want)
	live, err := o.Find(ctx, c, name.GetNamespace(), name.GetName(), true)
	if err != nil {
		return nil, err
	}
	in.Sent = nil
	if in.Stamp == "" {
		in.Stamp = "planned"
	}
	switch o.step(live, want, in) {
	case Keep:
		return nil, nil
	case Adopt:
		return []string{fmt.Sprintf("%s is there already and is what is declared; it is taken over", o.title(name))}, nil
	case Refuse:
		refusal, _ := framework.AsRefusal(o.foreign(*live, want, in))
		if !in.Held && o.Stamp(*live) != "" {
			// Another resource's, which this very run may remove first.
			return refusal.Lines(), nil
		}
		return nil, refusal
	case Create, Rewrite:
	}
	_, err = o.write(ctx, c, live, want, in, true)
	if err != nil {
		if refusal, ok := framework.AsRefusal(o.explained(err, name)); ok {
			return refusal.Lines(), nil
		}
	}
	return nil, err
}

// Remove deletes the object if it bears its owner's stamp, and waits until it is
// gone. One that does not stays, with a warning.
func (o Object[T]) Remove(ctx context.Context, c *kube.Client, namespace, name string, owner framework.Owner) (warning string, err error) {
	err = kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		live, err := o.Find(ctx, c, namespace, name, false)
		if err != nil || live == nil {
			return live == nil, "", err
		}
		about := metaOf(live)
		if !owner.Owns(o.Stamp(*live)) {
			warning = fmt.Sprintf("%s is left as it is. %s.", o.title(about), stranger(about))
			return true, "", nil
		}
		if about.GetDeletionTimestamp() == nil {
			err := kube.Delete(ctx, c, o.Kind, namespace, name, kube.DeleteOptions{ResourceVersion: about.GetResourceVersion()})
			if err != nil && !apierrors.IsNotFound(err) {
				return false, "", err
			}
			if live, err = o.Find(ctx, c, namespace, name, false); err != nil || live == nil {
				return live == nil, "", err
			}
		}
		return false, o.title(about) + " is still there" + heldBy(about.GetFinalizers()), nil
	})
	return warning, err
}

func heldBy(finalizers []string) string {
	if len(finalizers) == 0 {
		return ""
	}
	return fmt.Sprintf(", held by its finalizers %q", finalizers)
}

// stranger says why an object is not taken for ours.
func stranger(about metav1.Object) string {
	if about.GetAnnotations()[framework.OwnerAnnotation] == "" {
		return "It does not bear the ownership stamp any more, so somebody else has replaced it"
	}
	return Maker(about.GetLabels(), about.GetAnnotations())
}
