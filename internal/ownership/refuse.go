package ownership

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// metaOf is an object's metadata; empty for what is no object of the API.
func metaOf[T any](object *T) metav1.Object {
	if about, ok := any(object).(metav1.Object); ok {
		return about
	}
	return &metav1.ObjectMeta{}
}

// title is how an object is called in sentences: "Service shop/api".
func (o Object[T]) title(about metav1.Object) string {
	if about.GetNamespace() == "" {
		return o.Kind.Name + " " + about.GetName()
	}
	return o.Kind.Name + " " + about.GetNamespace() + "/" + about.GetName()
}

// foreign refuses an object that is not ours and says whose it seems to be.
func (o Object[T]) foreign(live, want T, in Intent) error {
	about := metaOf(&live)
	detail := fmt.Sprintf("The cluster has a %s already. %s%s.", o.title(about), Maker(about.GetLabels(), about.GetAnnotations()), writers(about))
	if in.Held {
		return framework.Refuse(o.Path, "The object belongs to another resource", detail+
			" It was this resource's, and has been taken over since. "+
			cmp.Or(o.WayOut, "Let go of it (a `removed` block with `destroy = false`), or take it back with `force_conflicts = true`."))
	}
	differences := o.differences(live, want)
	return framework.Refuse(o.Path, "The object exists and is not ours", detail+
		" It differs from what is declared: "+strings.Join(differences[:min(len(differences), 5)], "; ")+". "+
		cmp.Or(o.WayOut, "Import it to see in a plan what would change, choose another name, or overwrite it with `force_conflicts = true`."))
}

// writers names the field managers of an object.
func writers(about metav1.Object) string {
	var names []string
	for _, entry := range about.GetManagedFields() {
		if entry.Subresource == "" && !slices.Contains(names, entry.Manager) {
			names = append(names, entry.Manager)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "; it was written by " + strings.Join(names, ", ")
}

// declarative are those of the field managers that stand for a configuration
// which would write the object again: a server-side apply, or a tool that is
// known to keep its objects. Taking a field over from one of them is a fight;
// what a person edited is only put right.
func (o Object[T]) declarative(live T, managers []string) []string {
	known := []string{"kubectl-client-side-apply", "helm", "argocd-controller", "pulumi-kubernetes", "terraform"}
	var out []string
	for _, manager := range managers {
		applied := slices.ContainsFunc(metaOf(&live).GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
			return e.Manager == manager && e.Operation == metav1.ManagedFieldsOperationApply
		})
		if applied || slices.ContainsFunc(known, func(k string) bool { return strings.HasPrefix(strings.ToLower(manager), k) }) {
			out = append(out, manager)
		}
	}
	return out
}

// explained turns the API server's refusals that a user can do something about
// into ours. Other errors come back as they are.
func (o Object[T]) explained(err error, about metav1.Object) error {
	if err == nil {
		return nil
	}
	title := o.title(about)
	if owners := kube.ConflictOwners(err); len(owners) > 0 {
		return framework.Refuse(o.Path, "Fields of the object belong to somebody else",
			fmt.Sprintf("%s of %s is managed by %s, which would write it again: two owners undo each other's work. %s",
				capitalised(conflictFields(err)), title, strings.Join(owners, ", "),
				cmp.Or(o.WayOut, "Leave it to them, or take it over with `force_conflicts = true` and make them let go of it.")))
	}
	return refusedBy(err, o.Path, title, about.GetNamespace())
}

// refusedBy turns the refusals that are no matter of who owns what into ours: a
// namespace that is not there, and the cluster's admission control.
func refusedBy(err error, at path.Path, title, namespace string) error {
	status := statusOf(err)
	switch {
	case status == nil:
		return err
	case apierrors.IsNotFound(err) && status.Details != nil && status.Details.Kind == "namespaces":
		return framework.Refuse(path.Root("namespace"), "The namespace does not exist",
			fmt.Sprintf("%s cannot be made: the cluster has no namespace %q. Make it first; where another resource of the configuration does, refer to that resource's name, so that Terraform knows the order.", title, namespace))
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause):
		return framework.Refuse(path.Root("namespace"), "The namespace is being deleted",
			fmt.Sprintf("%s cannot be made: namespace %q is being deleted. Apply again when that has ended and the namespace is made anew.", title, namespace))
	case Admission(err):
		return framework.Refuse(at, "The cluster's admission control refuses the object",
			fmt.Sprintf("%s was not taken. The API server says: %s\n\nChange what is declared, or ask whoever looks after that policy for an exemption.", title, status.Message))
	}
	return err
}

// Admission tells whether a request was refused by an admission webhook or an
// admission policy of the cluster.
func Admission(err error) bool {
	status := statusOf(err)
	return status != nil && (strings.Contains(status.Message, "admission webhook") || strings.Contains(status.Message, "ValidatingAdmissionPolicy"))
}

func statusOf(err error) *metav1.Status {
	var status *apierrors.StatusError
	if !errors.As(err, &status) {
		return nil
	}
	return &status.ErrStatus
}

// conflictFields names the fields that a server-side apply was refused for.
func conflictFields(err error) string {
	var fields []string
	if status := statusOf(err); status != nil && status.Details != nil {
		for _, cause := range status.Details.Causes {
			if field := strings.TrimPrefix(cause.Field, "."); field != "" && !slices.Contains(fields, field) {
				fields = append(fields, field)
			}
		}
	}
	if len(fields) == 0 {
		return "a part"
	}
	return "field " + strings.Join(fields, ", ")
}

func capitalised(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
