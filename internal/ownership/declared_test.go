package ownership_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// Of the labels and annotations of an imported object, a resource declared
// those that its field manager applied, and of these not our own marks.
func TestDeclared(t *testing.T) {
	t.Parallel()
	live := declared(func(s *corev1.Service) {
		s.Labels = map[string]string{"team": "shop", "others": "x", "by": "default", "overridden": "here", "bare": "", framework.ManagedByLabel: framework.ManagedByValue}
		s.Annotations = map[string]string{"note": "n", framework.OwnerAnnotation: "stamp"}
		s.ManagedFields = []metav1.ManagedFieldsEntry{
			{Manager: "kubectl-edit", Operation: metav1.ManagedFieldsOperationUpdate, FieldsV1: metav1.NewFieldsV1(`{"f:metadata":{"f:labels":{"f:others":{}}}}`)},
			{Manager: services.Manager, Operation: metav1.ManagedFieldsOperationApply, FieldsV1: metav1.NewFieldsV1(
				`{"f:metadata":{"f:annotations":{"f:note":{},"f:terraform-provider-iks/owner":{}},` +
					`"f:labels":{"f:team":{},"f:by":{},"f:overridden":{},"f:bare":{},"f:gone":{},"f:app.kubernetes.io/managed-by":{}},` +
					`"f:ownerReferences":{"k:{\"uid\":\"u\"}":{}}},"f:spec":{"f:type":{}}}`)},
		}
	})
	owner := framework.Owner{Labels: map[string]string{"by": "default", "overridden": "there"}}
	labels, annotations := services.Declared(live, owner)
	if diff := cmp.Diff(map[string]string{"team": "shop", "overridden": "here", "bare": ""}, labels); diff != "" {
		t.Errorf("labels, -want +got:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"note": "n"}, annotations); diff != "" {
		t.Errorf("annotations, -want +got:\n%s", diff)
	}
	live.ManagedFields = live.ManagedFields[:1]
	if labels, annotations := services.Declared(live, owner); labels != nil || annotations != nil {
		t.Errorf("of an object that nobody of ours wrote: %v, %v", labels, annotations)
	}
}
