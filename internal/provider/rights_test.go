package provider_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charts"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// TestAccRights proves the guide on rights: with the IAM roles and the RBAC
// rules that examples/rbac grants, and nothing else, plan and apply work, and
// no request is refused.
func TestAccRights(t *testing.T) {
	const (
		planKey, applyKey = "rights-plan-key", "rights-apply-key"
		v1                = "v1" // a cluster that serves crd.projectcalico.org/v1 alone
	)
	e, _ := acctest.Fresh(t, acctest.Classic)
	acctest.Fresh(t, acctest.VPC)
	_, err := e.AddCluster(t.Context(), localiks.ClusterOptions{Cluster: localiks.SampleCluster(v1, fakeiks.Classic), WithoutCalicoAPI: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.RemoveCluster(v1); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{acctest.Classic, acctest.VPC, v1} {
		withdraw(t, e.Cluster(name))
	}
	e.IKS.AddAPIKey(planKey, fakeiks.Viewer)
	e.IKS.AddAPIKey(applyKey, fakeiks.Editor)

	for _, test := range []struct {
		name, rules string // file in examples/rbac; none for what asks IKS alone
		clusters    []string
		config      string
		data        bool // there is nothing to apply
		before      func(*testing.T, *localiks.Cluster)
	}{
		{name: "edge pool", rules: "edge_pool.yaml", clusters: []string{acctest.Classic, acctest.VPC, v1}, config: `resource "iks_edge_pool" "x" {
			cluster     = "%s"
			worker_pool = "edge"
		}`},
		{name: "edge nodes by selector", rules: "edge_pool.yaml", clusters: []string{acctest.Classic}, config: `resource "iks_edge_pool" "x" {
			cluster       = "%s"
			node_selector = { "ibm-cloud.kubernetes.io/worker-pool-name" = "edge" }
		}`},
		{name: "nodeport guard", rules: "nodeport_guard.yaml", clusters: []string{acctest.Classic, v1}, config: `resource "iks_nodeport_guard" "x" {
			cluster          = "%s"
			exempt_addresses = ["192.0.2.1"]
		}`},
		{name: "nodeport guard in a tier", rules: "nodeport_guard.yaml", clusters: []string{acctest.Classic, v1}, before: tier, config: `resource "iks_nodeport_guard" "x" {
			cluster = "%s"
			tier    = "security"
		}`},
		{name: "inbound guard", rules: "inbound_guard.yaml", clusters: []string{acctest.Classic, v1}, config: `resource "iks_inbound_guard" "x" {
			cluster             = "%s"
			pass_source_cidrs   = ["192.0.2.0/24"]
			ipvs_load_balancers = [{ address = "198.51.100.1", protocol = "TCP", ports = [443] }]
		}`},
		{name: "exposure policy", rules: "exposure_policy.yaml", clusters: []string{acctest.Classic, acctest.VPC}, config: `resource "iks_exposure_policy" "x" {
			cluster = "%s"
			deny    = ["external_ips", "host_network", "host_port", "node_port", "public_ingress", "public_load_balancer"]
		}`},
		{name: "network policy", rules: "network_policy.yaml", clusters: []string{acctest.Classic, v1}, config: `resource "iks_network_policy" "x" {
			cluster  = "%[1]s"
			name     = "x"
			selector = "ibm.role == 'worker_public'"
			ingress  = [{ action = "Deny", protocol = "TCP", destination = { ports = [23] } }]
		}
		resource "iks_network_policy" "y" {
			cluster   = "%[1]s"
			namespace = "default"
			name      = "y"
			selector  = "app == 'y'"
			egress    = [{ action = "Allow" }]
		}`},
		{name: "network isolation", rules: "network_isolation.yaml", clusters: []string{acctest.Classic, v1}, config: `resource "iks_network_isolation" "x" {
			cluster         = "%[1]s"
			network         = "private"
			confirm_seconds = 1
		}
		resource "iks_network_isolation" "y" {
			cluster         = "%[1]s"
			network         = "public"
			confirm_seconds = 1
			depends_on      = [iks_network_isolation.x]
		}`},
		{name: "alb state", clusters: []string{acctest.Classic, acctest.VPC}, config: `resource "iks_alb_state" "x" {
			cluster    = "%s"
			type       = "private"
			enabled    = true
			on_destroy = "restore"
		}`},
		{name: "private ingress", rules: "private_ingress.yaml", clusters: []string{acctest.Classic, acctest.VPC}, config: `resource "iks_alb_state" "x" {
			cluster    = "%[1]s"
			type       = "private"
			enabled    = true
			on_destroy = "disable"
		}
		resource "iks_private_ingress" "x" {
			cluster         = "%[1]s"
			name            = "front"
			default_backend = { service_name = "shop", service_port = 443 }
			depends_on      = [iks_alb_state.x]
		}`},
		{name: "private service", rules: "private_service.yaml", clusters: []string{acctest.Classic, acctest.VPC, v1}, config: `resource "iks_private_service" "x" {
			cluster  = "%s"
			name     = "api"
			selector = { app = "api" }
			ports    = [{ port = 443 }]
		}`},
		{name: "remote service", rules: "remote_service.yaml", clusters: []string{acctest.Classic}, config: `resource "iks_remote_service" "x" {
			cluster   = "%s"
			name      = "api"
			endpoints = ["10.1.2.3"]
			ports     = [{ port = 443 }]
		}`},
		{name: "strongswan vpn", rules: "strongswan_vpn.yaml", clusters: []string{acctest.Classic, acctest.VPC}, config: `resource "iks_strongswan_vpn" "x" {
			cluster                  = "%s"
			name                     = "vpn"
			chart                    = { source = "builtin" }
			image                    = "registry.example.com/strongswan:1"
			remote                   = { subnets = ["10.91.152.0/24"] }
			local                    = { subnets = ["172.30.0.0/16"] }
			preshared_key_wo         = "rights-horse-battery-staple"
			preshared_key_wo_version = 1
		}`},
		{name: "strongswan vpn of IBM's chart", rules: "strongswan_vpn_ibm_chart.yaml", clusters: []string{acctest.Classic, v1}, config: `resource "iks_strongswan_vpn" "x" {
			cluster                  = "%s"
			name                     = "vpn"
			chart                    = { source = "` + ibmChart(t) + `" }
			remote                   = { subnets = ["10.91.152.0/24"] }
			local                    = { subnets = ["172.30.0.0/16"] }
			preshared_key_wo         = "rights-horse-battery-staple"
			preshared_key_wo_version = 1
		}`},
		{name: "edge nodes", rules: "edge_nodes.yaml", clusters: []string{acctest.Classic}, data: true, config: `data "iks_edge_nodes" "x" { cluster = "%s" }`},
		{name: "strongswan status", rules: "strongswan_status.yaml", clusters: []string{acctest.Classic}, data: true, before: vpnPod, config: `
		data "iks_strongswan_status" "x" {
			for_each = toset(["none", "logs", "exec"])
			cluster  = "%s"
			name     = "x"
			observe  = each.key
		}`},
		{name: "what IKS knows", clusters: []string{acctest.Classic, acctest.VPC}, data: true, config: `
		data "iks_albs" "x" { cluster = "%[1]s" }
		data "iks_cluster" "x" { cluster = "%[1]s" }
		data "iks_worker_pools" "x" { cluster = "%[1]s" }`},
	} {
		for _, name := range test.clusters {
			t.Run(test.name+" on "+name, func(t *testing.T) {
				c := e.Cluster(name)
				grant(t, c, test.rules)
				if test.before != nil {
					test.before(t, c)
				}
				mark, err := c.MarkAudit(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				config := fmt.Sprintf(test.config, name)
				w := acctest.NewWorkspace(t, acctest.ProviderBlockFor(e, planKey)+config)
				if r := w.Plan(); r.ExitCode != 0 {
					t.Fatalf("plan: %q", r.Errors())
				}
				if !test.data {
					w.Write(acctest.ProviderBlockFor(e, applyKey) + config)
					w.MustApply()
					w.Write(acctest.ProviderBlockFor(e, planKey) + config)
					w.MustPlanEmpty()
					w.Write(acctest.ProviderBlockFor(e, applyKey) + config)
					w.MustDestroy()
				}
				refused(t, c, mark)
			})
		}
	}
}

// tier makes a Calico tier.
func tier(t *testing.T, c *localiks.Cluster) {
	t.Helper()
	client, err := dynamic.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	tiers := client.Resource(schema.GroupVersionResource{Group: "crd.projectcalico.org", Version: "v1", Resource: "tiers"})
	ctx := context.WithoutCancel(t.Context())
	security := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "crd.projectcalico.org/v1", "kind": "Tier", "metadata": map[string]any{"name": "security"}, "spec": map[string]any{"order": int64(500)},
	}}
	if _, err := tiers.Create(ctx, security, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := tiers.Delete(ctx, security.GetName(), metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
}

// vpnPod runs a pod as strongSwan's charts have it. Nobody answers for what is
// inside, but the API server asks for the rights first.
func vpnPod(t *testing.T, c *localiks.Cluster) {
	t.Helper()
	pods := kubernetes.NewForConfigOrDie(c.RESTConfig()).CoreV1().Pods("default")
	ctx := context.WithoutCancel(t.Context())
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "x-strongswan-0", Labels: map[string]string{"app": "strongswan", "release": "x"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "strongswan", Image: "registry.example.com/strongswan:1"}}},
	}
	if _, err := pods.Create(ctx, pod, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := pods.Delete(ctx, pod.Name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	acctest.Eventually(t, "the pod runs", func() error {
		live, err := pods.Get(ctx, pod.Name, metav1.GetOptions{})
		if err == nil && (len(live.Status.ContainerStatuses) == 0 || live.Status.ContainerStatuses[0].State.Running == nil) {
			err = errors.New("it does not")
		}
		return err
	})
}

// ibmChart is the path of the chart that stands in for IBM's.
func ibmChart(t *testing.T) string {
	t.Helper()
	versions, err := charts.StrongSwanVersions()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "strongswan.tgz")
	if err := os.WriteFile(path, versions[len(versions)-1].Data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// withdraw takes away what IAM roles give in a cluster, but for administrators.
func withdraw(t *testing.T, c *localiks.Cluster) {
	t.Helper()
	client := kubernetes.NewForConfigOrDie(c.RESTConfig())
	bindings, err := client.RbacV1().ClusterRoleBindings().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]bool{fakeiks.GroupView: true, fakeiks.GroupEdit: true, fakeiks.GroupOperate: true}
	for _, b := range bindings.Items {
		if len(b.Subjects) == 1 && groups[b.Subjects[0].Name] {
			if err := client.RbacV1().ClusterRoleBindings().Delete(t.Context(), b.Name, metav1.DeleteOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// grant makes the roles in a file of examples/rbac and binds them: those for
// apply to whoever may operate, the others to everybody who may look. They go
// with the test.
func grant(t *testing.T, c *localiks.Cluster, file string) {
	t.Helper()
	if file == "" {
		return
	}
	client := kubernetes.NewForConfigOrDie(c.RESTConfig())
	raw, err := os.Open(filepath.Join("..", "..", "examples", "rbac", file))
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Close()
	for documents := yaml.NewYAMLOrJSONDecoder(raw, 4096); ; {
		// A Role has all that a ClusterRole has, but for aggregation.
		var role rbacv1.Role
		if err := documents.Decode(&role); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
		group := fakeiks.GroupView
		if strings.HasSuffix(role.Name, "-apply") {
			group = fakeiks.GroupOperate
		}
		bind(t, client, role, group)
		inForce(t, client, role, group)
	}
}

func bind(t *testing.T, client kubernetes.Interface, role rbacv1.Role, group string) {
	t.Helper()
	name, ctx := metav1.ObjectMeta{Name: role.Name, Namespace: role.Namespace}, context.WithoutCancel(t.Context())
	subjects := []rbacv1.Subject{{Kind: rbacv1.GroupKind, APIGroup: rbacv1.GroupName, Name: group}}
	reference := rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: role.Kind, Name: role.Name}
	rbac, options, gone := client.RbacV1(), metav1.CreateOptions{}, metav1.DeleteOptions{}
	var errs []error
	if role.Namespace == "" {
		_, err := rbac.ClusterRoles().Create(ctx, &rbacv1.ClusterRole{ObjectMeta: name, Rules: role.Rules}, options)
		errs = append(errs, err)
		_, err = rbac.ClusterRoleBindings().Create(ctx, &rbacv1.ClusterRoleBinding{ObjectMeta: name, Subjects: subjects, RoleRef: reference}, options)
		errs = append(errs, err)
		t.Cleanup(func() {
			if err := errors.Join(rbac.ClusterRoleBindings().Delete(ctx, role.Name, gone), rbac.ClusterRoles().Delete(ctx, role.Name, gone)); err != nil {
				t.Error(err)
			}
		})
	} else {
		_, err := rbac.Roles(role.Namespace).Create(ctx, &role, options)
		errs = append(errs, err)
		_, err = rbac.RoleBindings(role.Namespace).Create(ctx, &rbacv1.RoleBinding{ObjectMeta: name, Subjects: subjects, RoleRef: reference}, options)
		errs = append(errs, err)
		t.Cleanup(func() {
			if err := errors.Join(rbac.RoleBindings(role.Namespace).Delete(ctx, role.Name, gone), rbac.Roles(role.Namespace).Delete(ctx, role.Name, gone)); err != nil {
				t.Error(err)
			}
		})
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// inForce waits until the API server grants what a role says.
func inForce(t *testing.T, client kubernetes.Interface, role rbacv1.Role, group string) {
	t.Helper()
	rule := role.Rules[len(role.Rules)-1]
	resource, subresource, _ := strings.Cut(rule.Resources[0], "/")
	review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
		User: "somebody", Groups: []string{group},
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: role.Namespace, Group: rule.APIGroups[0], Resource: resource, Subresource: subresource, Verb: rule.Verbs[0],
		},
	}}
	if len(rule.ResourceNames) > 0 {
		review.Spec.ResourceAttributes.Name = rule.ResourceNames[0]
	}
	err := wait.PollUntilContextTimeout(t.Context(), 20*time.Millisecond, 30*time.Second, true, func(ctx context.Context) (bool, error) {
		answer, err := client.AuthorizationV1().SubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
		return err == nil && answer.Status.Allowed, err
	})
	if err != nil {
		t.Fatalf("role %s is not in force: %v", role.Name, err)
	}
}

// refused fails the test for every request of the provider that a cluster
// refused. A dry run is a bonus: a plan does without where it is not allowed.
func refused(t *testing.T, c *localiks.Cluster, since controlplane.AuditMark) {
	t.Helper()
	events, err := c.Audit(t.Context(), since)
	if err != nil {
		t.Fatal(err)
	}
	ours := events.FromAgent("terraform-provider-iks")
	for _, event := range ours {
		if event.Status == http.StatusForbidden && !strings.Contains(event.URI, "dryRun=All") {
			t.Errorf("the rules do not allow: %s %s", event.Verb, event.URI)
		}
	}
}
