package kube_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// TestRealServer holds the client against a real API server.
func TestRealServer(t *testing.T) {
	t.Parallel()
	plane, err := controlplane.Start(t.Context(), controlplane.Options{Name: "kube", Dir: t.TempDir(), Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	r := &server{plane: plane}
	r.Client = r.connect(t, kube.Options{})
	t.Run("parts", func(t *testing.T) {
		t.Run("writes", r.writes)
		t.Run("apply", r.apply)
		t.Run("concurrent node writers", r.concurrentNodeWriters)
		t.Run("eviction", r.eviction)
		t.Run("facts", r.facts)
		t.Run("trust", r.trust)
		t.Run("nodes by the thousand", r.thousandNodes)
	})
	t.Run("black hole", r.blackHole)
	t.Run("restart of the server", r.restart)
}

type server struct {
	*kube.Client
	plane *controlplane.ControlPlane
}

func (r *server) access() kube.Access {
	certificate, key := r.plane.AdminCertificate()
	return kube.Access{Host: r.plane.Server(), CACertificate: r.plane.CACertificate(), ClientCertificate: certificate, ClientKey: key}
}

func (r *server) connect(t *testing.T, options kube.Options) *kube.Client {
	t.Helper()
	c, err := kube.New(r.access(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func (r *server) thousandNodes(t *testing.T) {
	const n = 1000
	ctx := t.Context()
	var wait sync.WaitGroup
	work := make(chan int)
	for range 16 {
		wait.Go(func() {
			for i := range work {
				node := corev1.Node{ObjectMeta: metav1.ObjectMeta{
					Name:   fmt.Sprintf("thousand-%d", i),
					Labels: map[string]string{"ibm-cloud.kubernetes.io/worker-pool-name": "thousand"},
				}}
				if _, err := kube.Create(ctx, r.Client, kube.Nodes, node, kube.WriteOptions{}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wait.Wait()

	for name, options := range map[string]kube.Options{"one page": {}, "pages of 300": {PageSize: 300}} {
		var seen []kube.Exchange
		options.Observe = func(e kube.Exchange) { seen = append(seen, e) }
		c := r.connect(t, options)
		began := time.Now()
		nodes, err := kube.List(ctx, c, kube.Nodes, kube.ListOptions{Labels: "ibm-cloud.kubernetes.io/worker-pool-name=thousand"})
		took := time.Since(began)
		if err != nil || len(nodes) != n {
			t.Fatalf("%d nodes, %v", len(nodes), err)
		}
		size := 0
		for _, e := range seen {
			size += e.Bytes
		}
		t.Logf("%s: %d nodes in %s, %d requests, %d KB decoded, with a fresh connection", name, n, took.Round(time.Millisecond), len(seen), size/1000)
		want := 1
		if options.PageSize > 0 {
			want = 4
		}
		if len(seen) != want {
			t.Errorf("%s: %d requests, want %d", name, len(seen), want)
		}
	}
}

func (r *server) writes(t *testing.T) {
	ctx := t.Context()
	config := corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "writes"}, Data: map[string]string{"a": "1"}}
	if _, err := kube.Create(ctx, r.Client, kube.ConfigMaps, config, kube.WriteOptions{DryRun: true}); err != nil {
		t.Fatal(err)
	}
	if _, err := kube.Get(ctx, r.Client, kube.ConfigMaps, "default", "writes"); !apierrors.IsNotFound(err) {
		t.Fatalf("after a dry run: %v", err)
	}
	made, err := kube.Create(ctx, r.Client, kube.ConfigMaps, config, kube.WriteOptions{FieldManager: "me"})
	if err != nil || made.UID == "" {
		t.Fatalf("got %+v, %v", made, err)
	}
	if _, err := kube.Create(ctx, r.Client, kube.ConfigMaps, config, kube.WriteOptions{}); !apierrors.IsAlreadyExists(err) {
		t.Errorf("second create: %v", err)
	}
	stale := made
	made.Data["a"] = "2"
	updated, err := kube.Update(ctx, r.Client, kube.ConfigMaps, made, kube.WriteOptions{})
	if err != nil || updated.Data["a"] != "2" {
		t.Fatalf("got %+v, %v", updated, err)
	}
	if _, err := kube.Update(ctx, r.Client, kube.ConfigMaps, stale, kube.WriteOptions{}); !apierrors.IsConflict(err) {
		t.Errorf("update of an old version: %v", err)
	}
	patched, err := kube.Patch(ctx, r.Client, kube.ConfigMaps, "default", "writes", types.JSONPatchType, []byte(`[{"op":"add","path":"/data/b","value":"3"}]`), kube.PatchOptions{})
	if err != nil || patched.Data["b"] != "3" {
		t.Errorf("got %+v, %v", patched, err)
	}
	if err := kube.Delete(ctx, r.Client, kube.ConfigMaps, "default", "writes", kube.DeleteOptions{ResourceVersion: stale.ResourceVersion}); !apierrors.IsConflict(err) {
		t.Errorf("delete of an old version: %v", err)
	}
	if err := kube.Delete(ctx, r.Client, kube.ConfigMaps, "default", "writes", kube.DeleteOptions{ResourceVersion: patched.ResourceVersion, DryRun: true}); err != nil {
		t.Error(err)
	}
	if err := kube.Delete(ctx, r.Client, kube.ConfigMaps, "default", "writes", kube.DeleteOptions{ResourceVersion: patched.ResourceVersion}); err != nil {
		t.Error(err)
	}
	bad := config
	bad.Data = map[string]string{"not a key!": ""}
	_, err = kube.Create(ctx, r.Client, kube.ConfigMaps, bad, kube.WriteOptions{DryRun: true})
	var status apierrors.APIStatus
	if !apierrors.IsInvalid(err) || !errors.As(err, &status) || len(status.Status().Details.Causes) != 1 {
		t.Errorf("got %v", err)
	}
}

func (r *server) apply(t *testing.T) {
	ctx := t.Context()
	class := "private"
	pathType := networkingv1.PathTypePrefix
	ingress := networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "apply", Labels: map[string]string{"a": "1"}},
		Spec: networkingv1.IngressSpec{IngressClassName: &class, Rules: []networkingv1.IngressRule{{Host: "a.example", IngressRuleValue: networkingv1.IngressRuleValue{
			HTTP: &networkingv1.HTTPIngressRuleValue{Paths: []networkingv1.HTTPIngressPath{{Path: "/", PathType: &pathType, Backend: networkingv1.IngressBackend{
				Service: &networkingv1.IngressServiceBackend{Name: "s", Port: networkingv1.ServiceBackendPort{Number: 80}},
			}}}},
		}}}},
	}
	ours := kube.PatchOptions{FieldManager: "terraform-provider-iks/private_ingress"}
	if _, err := kube.Apply(ctx, r.Client, kube.Ingresses, ingress, ours); err != nil {
		t.Fatal(err)
	}
	again, err := kube.Apply(ctx, r.Client, kube.Ingresses, ingress, ours)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range again.ManagedFields {
		if strings.Contains(entry.FieldsV1.String(), "f:status") {
			t.Errorf("%s owns the status: %s", entry.Manager, entry.FieldsV1)
		}
	}
	theirs := ingress
	theirs.Labels = map[string]string{"a": "2"}
	_, err = kube.Apply(ctx, r.Client, kube.Ingresses, theirs, kube.PatchOptions{FieldManager: "somebody"})
	if owners := kube.ConflictOwners(err); !slices.Equal(owners, []string{ours.FieldManager}) {
		t.Errorf("owners %q of %v", owners, err)
	}
	forced, err := kube.Apply(ctx, r.Client, kube.Ingresses, theirs, kube.PatchOptions{FieldManager: "somebody", Force: true})
	if err != nil || forced.Labels["a"] != "2" {
		t.Errorf("got %+v, %v", forced.Labels, err)
	}
	if err := kube.Delete(ctx, r.Client, kube.Ingresses, "default", "apply", kube.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// concurrentNodeWriters has writers with two effects of one key, and somebody who removes and adds a label by other
// means, on one node of a real server.
func (r *server) concurrentNodeWriters(t *testing.T) {
	ctx := t.Context()
	node := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "busy"}, Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: "theirs", Effect: corev1.TaintEffectNoSchedule}}}}
	if _, err := kube.Create(ctx, r.Client, kube.Nodes, node, kube.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	effects := []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute}
	var wait sync.WaitGroup
	for w := range 4 {
		wait.Go(func() {
			taint := corev1.Taint{Key: "dedicated" + strconv.Itoa(w/2), Value: "edge", Effect: effects[w%2]}
			c := r.connect(t, kube.Options{})
			node, err := kube.Get(ctx, c, kube.Nodes, "", "busy")
			for round := 0; round < 6 && err == nil; round++ {
				node, err = kube.PatchNode(ctx, c, node, func(node *corev1.Node) bool {
					node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(other corev1.Taint) bool { return other.MatchTaint(&taint) })
					if round%2 == 1 {
						node.Spec.Taints = append(node.Spec.Taints, taint)
					}
					if node.Labels == nil {
						node.Labels = map[string]string{}
					}
					node.Labels["writer"+strconv.Itoa(w)] = strconv.Itoa(round)
					return true
				})
			}
			if err != nil {
				t.Errorf("writer %d: %v", w, err)
			}
		})
	}
	wait.Go(func() {
		for i := range 10 {
			if _, err := kube.Patch(ctx, r.Client, kube.Nodes, "", "busy", types.StrategicMergePatchType, []byte(fmt.Sprintf(`{"metadata":{"labels":{"heartbeat":"%d"}}}`, i)), kube.PatchOptions{}); err != nil {
				t.Error(err)
			}
		}
	})
	wait.Wait()
	node, err := kube.Get(ctx, r.Client, kube.Nodes, "", "busy")
	if err != nil {
		t.Fatal(err)
	}
	for w := range 4 {
		if got := node.Labels["writer"+strconv.Itoa(w)]; got != "5" {
			t.Errorf("label of writer %d is %q", w, got)
		}
	}
	if node.Labels["heartbeat"] != "9" {
		t.Errorf("heartbeat is %q", node.Labels["heartbeat"])
	}
	var taints []string
	for _, taint := range node.Spec.Taints {
		if !strings.HasPrefix(taint.Key, "node.kubernetes.io/") {
			taints = append(taints, taint.ToString())
		}
	}
	slices.Sort(taints)
	want := []string{
		"dedicated0=edge:NoExecute", "dedicated0=edge:NoSchedule", "dedicated1=edge:NoExecute", "dedicated1=edge:NoSchedule", "theirs:NoSchedule",
	}
	if !slices.Equal(taints, want) {
		t.Errorf("taints %q", taints)
	}
	bare, err := kube.PatchNode(ctx, r.Client, node, func(node *corev1.Node) bool { node.Spec.Taints, node.Labels = nil, nil; return true })
	if err != nil || slices.ContainsFunc(bare.Spec.Taints, func(taint corev1.Taint) bool { return taint.Key == "theirs" }) || bare.Labels["writer0"] != "" {
		t.Errorf("got %v, %v, %v", bare.Spec.Taints, bare.Labels, err)
	}
	if err := kube.Delete(ctx, r.Client, kube.Nodes, "", "busy", kube.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

func (r *server) eviction(t *testing.T) {
	ctx := t.Context()
	labels := map[string]string{"app": "guarded"}
	one := intstr.FromInt32(1)
	budget := policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "guarded"}, Spec: policyv1.PodDisruptionBudgetSpec{MinAvailable: &one, Selector: &metav1.LabelSelector{MatchLabels: labels}}}
	if _, err := kube.Create(ctx, r.Client, kube.PodDisruptionBudgets, budget, kube.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "guarded", Labels: labels}, Spec: corev1.PodSpec{NodeName: "guarded-node", Containers: []corev1.Container{{Name: "c", Image: "i"}}}}
	if _, err := kube.Create(ctx, r.Client, kube.Nodes, corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "guarded-node"}}, kube.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := kube.Create(ctx, r.Client, kube.Pods, pod, kube.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	limited, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	err := kube.Wait(limited, kube.WaitOptions{Progress: func(state string) { t.Log(state) }}, func(ctx context.Context) (bool, string, error) {
		got, err := kube.Get(ctx, r.Client, kube.Pods, "default", "guarded")
		return slices.ContainsFunc(got.Status.Conditions, func(c corev1.PodCondition) bool { return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue }), "pod is " + string(got.Status.Phase), err
	})
	if err != nil {
		t.Fatal(err)
	}
	var blocked *kube.BlockedError
	if err := kube.Evict(ctx, r.Client, "default", "guarded", -1); !errors.As(err, &blocked) || !strings.Contains(blocked.Reason, "guarded") {
		t.Errorf("got %v", err)
	}
	if err := kube.Delete(ctx, r.Client, kube.PodDisruptionBudgets, "default", "guarded", kube.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := kube.Evict(ctx, r.Client, "default", "guarded", 0); err != nil {
		t.Error(err)
	}
	if err := kube.Evict(ctx, r.Client, "default", "nobody", 0); !apierrors.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
}

func (r *server) facts(t *testing.T) {
	ctx := t.Context()
	for groupVersion, want := range map[string]bool{"v1": true, "apps/v1": true, "crd.projectcalico.org/v1": true, "projectcalico.org/v3": false} {
		if got, err := r.Serves(ctx, groupVersion); got != want || err != nil {
			t.Errorf("%s: %v, %v", groupVersion, got, err)
		}
	}
	uid, err := r.ClusterUID(ctx)
	if err != nil || len(uid) != 36 {
		t.Errorf("got %q, %v", uid, err)
	}
	version, err := r.Version(ctx)
	if err != nil || !strings.HasPrefix(version, "v1.") {
		t.Errorf("got %q, %v", version, err)
	}
	resources, err := r.Resources(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []kube.Resource{
		{Version: "v1", Kind: "Node", Name: "nodes"},
		{Group: "apps", Version: "v1", Kind: "Deployment", Name: "deployments", Namespaced: true},
		{Group: "crd.projectcalico.org", Version: "v1", Kind: "IPPool", Name: "ippools"},
	} {
		if !slices.Contains(resources, want) {
			t.Errorf("%+v is not among %d resources", want, len(resources))
		}
	}
}

func (r *server) trust(t *testing.T) {
	ctx := t.Context()
	certificate, key, err := r.plane.ClientCertificate("nobody")
	if err != nil {
		t.Fatal(err)
	}
	access := r.access()
	access.ClientCertificate, access.ClientKey = certificate, key
	nobody, err := kube.New(access, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kube.List(ctx, nobody, kube.Nodes, kube.ListOptions{}); !apierrors.IsForbidden(err) || kube.Unreachable(err) {
		t.Errorf("without rights: %v", err)
	}
	access.CACertificate = nil
	stranger, err := kube.New(access, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kube.List(ctx, stranger, kube.Nodes, kube.ListOptions{}); !kube.Unreachable(err) {
		t.Errorf("with another CA: %v", err)
	}
	calls := 0
	expired, err := kube.New(kube.Access{Host: r.plane.Server(), CACertificate: r.plane.CACertificate(), Token: func(context.Context, bool) (string, error) { calls++; return "x.y.z", nil }}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kube.List(ctx, expired, kube.Nodes, kube.ListOptions{}); !apierrors.IsUnauthorized(err) || calls != 2 {
		t.Errorf("with a bad token: %v after %d tokens", err, calls)
	}
}

// blackHole has a server that takes connections and never answers, with a connection open and without one.
func (r *server) blackHole(t *testing.T) {
	ctx := t.Context()
	warm, cold := r.connect(t, kube.Options{}), r.connect(t, kube.Options{})
	if _, err := kube.Get(ctx, warm, kube.Namespaces, "", "kube-system"); err != nil {
		t.Fatal(err)
	}
	if err := r.plane.PauseAPI(ctx); err != nil {
		t.Fatal(err)
	}
	var wait sync.WaitGroup
	for name, c := range map[string]*kube.Client{"connected": warm, "not connected": cold} {
		wait.Go(func() {
			began := time.Now()
			_, err := kube.Get(ctx, c, kube.Namespaces, "", "kube-system")
			took := time.Since(began).Round(time.Millisecond)
			t.Logf("%s: %s: %v", name, took, err)
			if !kube.Unreachable(err) || took > 40*time.Second {
				t.Errorf("%s: got %v after %s", name, err, took)
			}
		})
	}
	wait.Wait()
	if err := r.plane.ResumeAPI(ctx); err != nil {
		t.Fatal(err)
	}
	if _, err := kube.Get(ctx, warm, kube.Namespaces, "", "kube-system"); err != nil {
		t.Error(err)
	}
}

// restart takes the server away and brings it back.
func (r *server) restart(t *testing.T) {
	ctx := t.Context()
	if err := r.plane.StopAPI(ctx); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	_, err := kube.List(ctx, r.Client, kube.Nodes, kube.ListOptions{})
	if took := time.Since(began); !kube.Unreachable(err) || took > 5*time.Second {
		t.Errorf("got %v after %s", err, took)
	}
	waited := make(chan error, 1)
	go func() {
		waited <- kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
			_, err := kube.Get(ctx, r.Client, kube.Namespaces, "", "kube-system")
			return err == nil, "", err
		})
	}()
	if err := r.plane.StartAPI(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-waited; err != nil {
		t.Errorf("waiting through the restart: %v", err)
	}
}
