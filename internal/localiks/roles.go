package localiks

import (
	"context"
	"fmt"

	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// grantRoles binds the groups that IAM roles lead to, as IKS does in every
// cluster: administrators to cluster-admin, others to less.
func grantRoles(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("granting roles: %w", err)
	}
	reader := &rbacv1.ClusterRole{
		ObjectMeta: metav1.ObjectMeta{Name: "ibm-view-cluster"},
		Rules: []rbacv1.PolicyRule{
			{APIGroups: []string{""}, Resources: []string{"nodes", "namespaces"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: []string{"networking.k8s.io"}, Resources: []string{"ingressclasses"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: []string{"admissionregistration.k8s.io"}, Resources: []string{"validatingadmissionpolicies", "validatingadmissionpolicybindings"}, Verbs: []string{"get", "list", "watch"}},
			{APIGroups: []string{"projectcalico.org", "crd.projectcalico.org"}, Resources: []string{"*"}, Verbs: []string{"get", "list", "watch"}},
		},
	}
	if _, err := client.RbacV1().ClusterRoles().Create(ctx, reader, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("granting roles: %w", err)
	}
	for _, grant := range []struct{ name, group, role string }{
		{"ibm-admin", fakeiks.GroupAdmin, "cluster-admin"},
		{"ibm-operate", fakeiks.GroupOperate, "cluster-admin"},
		{"ibm-edit", fakeiks.GroupEdit, "edit"},
		{"ibm-edit-nodes", fakeiks.GroupEdit, reader.Name},
		{"ibm-view", fakeiks.GroupView, "view"},
		{"ibm-view-nodes", fakeiks.GroupView, reader.Name},
	} {
		binding := &rbacv1.ClusterRoleBinding{
			ObjectMeta: metav1.ObjectMeta{Name: grant.name},
			RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: grant.role},
			Subjects:   []rbacv1.Subject{{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: grant.group}},
		}
		if _, err := client.RbacV1().ClusterRoleBindings().Create(ctx, binding, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("granting roles: %w", err)
		}
	}
	return nil
}
