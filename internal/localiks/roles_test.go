package localiks_test

import (
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// checkRoles asks what the identity may do that only looks: everything that a
// plan reads, and nothing that writes or is secret.
func checkRoles(t *testing.T, client kubernetes.Interface) {
	t.Helper()
	for _, test := range []struct {
		verb, group, resource string
		want                  bool
	}{
		{verb: "list", resource: "services", want: true},
		{verb: "list", resource: "events", want: true},
		{verb: "get", resource: "configmaps", want: true},
		{verb: "list", resource: "nodes", want: true},
		{verb: "list", resource: "namespaces", want: true},
		{verb: "list", group: "networking.k8s.io", resource: "ingresses", want: true},
		{verb: "list", group: "networking.k8s.io", resource: "ingressclasses", want: true},
		{verb: "list", group: "discovery.k8s.io", resource: "endpointslices", want: true},
		{verb: "list", group: "apps", resource: "deployments", want: true},
		{verb: "list", group: "projectcalico.org", resource: "globalnetworkpolicies", want: true},
		{verb: "create", resource: "services"},
		{verb: "patch", resource: "services"},
		{verb: "create", group: "networking.k8s.io", resource: "ingresses"},
		{verb: "update", group: "networking.k8s.io", resource: "ingresses"},
		{verb: "create", resource: "events"},
		{verb: "get", resource: "secrets"},
		{verb: "patch", resource: "nodes"},
	} {
		review, err := client.AuthorizationV1().SubjectAccessReviews().Create(t.Context(), &authorizationv1.SubjectAccessReview{
			Spec: authorizationv1.SubjectAccessReviewSpec{
				User: "viewer", Groups: fakeiks.Viewer.Groups(),
				ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: test.verb, Group: test.group, Resource: test.resource},
			},
		}, metav1.CreateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if review.Status.Allowed != test.want {
			t.Errorf("a viewer may %s %s %s: %v", test.verb, test.group, test.resource, review.Status.Allowed)
		}
	}
}
