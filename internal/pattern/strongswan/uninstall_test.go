package strongswan

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charts"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// site is a real API server with one node, and IBM's chart in a repository.
type site struct {
	kube     *kube.Client
	releases *helm.Client
	charts   *charts.Server
}

const (
	siteKey   = "the-real-key-of-the-site"
	behindVPN = "10.91.0.0/16"
	operators = "operators-pool"
)

func startSite(t *testing.T) *site {
	t.Helper()
	plane, err := controlplane.Start(t.Context(), controlplane.Options{Name: "departure", Dir: t.TempDir(), Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	if err := plane.AddNode(t.Context(), controlplane.Node{Name: "worker"}); err != nil {
		t.Fatal(err)
	}
	certificate, key := plane.AdminCertificate()
	access := kube.Access{Host: plane.Server(), CACertificate: plane.CACertificate(), ClientCertificate: certificate, ClientKey: key}
	client, err := kube.New(access, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	versions, err := charts.StrongSwanVersions()
	if err != nil {
		t.Fatal(err)
	}
	server := charts.Start(charts.Options{}, versions...)
	t.Cleanup(server.Close)
	return &site{kube: client, releases: helm.New(client), charts: server}
}

// install brings a release up, and what its VPN pod makes.
func (s *site) install(t *testing.T, namespace, name string) {
	t.Helper()
	ctx := t.Context()
	if _, err := kube.Create(ctx, s.kube, kube.Namespaces, corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, kube.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	chart, err := helm.Load(ctx, s.charts.Client(), helm.Source{Repository: s.charts.Repository(), Chart: "strongswan"})
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"preshared": map[string]any{"secret": placeholderKey}, "remote": map[string]any{"subnet": behindVPN},
	}
	move := keyMove{secret: name + "-key", placeholder: placeholderKey}
	options := helm.ApplyOptions{Namespace: namespace, Name: name, Chart: chart, Values: values, Wait: true, Timeout: time.Minute}
	var text string
	options.PostRender = func(manifest []byte) ([]byte, error) {
		var err error
		if text, err = secretsText(manifest); err != nil {
			return nil, err
		}
		if text, err = withKey(text, placeholderKey, siteKey); err != nil {
			return nil, err
		}
		secret := corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: move.secret}, Data: map[string][]byte{secretsFile: []byte(text)}}
		if _, err := kube.Create(ctx, s.kube, kube.Secrets, secret, kube.WriteOptions{}); err != nil {
			return nil, err
		}
		return move.postRender(manifest)
	}
	release, err := s.releases.Install(ctx, options)
	if err != nil {
		t.Fatal(err)
	}
	if release.ChartVersion != "2.10.7" {
		t.Errorf("version %s", release.ChartVersion)
	}
	if drift, err := s.releases.Drift(ctx, release); err != nil || len(drift) > 0 {
		t.Errorf("drift of what was just installed: %q, %v", drift, err)
	}
	s.pool(t, namespace+"-pool")
	s.route(t, namespace, name, `{"data":{"worker":"10.91.0.0/16 via 172.30.1.1"}}`)
}

// pool makes a disabled Calico IP pool of the network behind the VPN.
func (s *site) pool(t *testing.T, name string) ipPool {
	t.Helper()
	pool := ipPool{ObjectMeta: metav1.ObjectMeta{Name: name}}
	pool.Spec.CIDR, pool.Spec.Disabled = behindVPN, true
	pool, err := kube.Create(t.Context(), s.kube, poolsDoor(), pool, kube.WriteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pool
}

func poolsDoor() kube.Kind[ipPool] {
	return kube.Kind[ipPool]{Group: "crd.projectcalico.org", Version: "v1", Resource: "ippools", Name: "IPPool"}
}

// route writes the ConfigMap of routes as the VPN pod does.
func (s *site) route(t *testing.T, namespace, name, patch string) {
	t.Helper()
	_, err := kube.Patch(t.Context(), s.kube, kube.ConfigMaps, namespace, routesName(name), types.MergePatchType, []byte(patch), kube.PatchOptions{})
	if err != nil {
		t.Error(err)
	}
}

// takeAway plays the end of the VPN pod: once it has gone, so have its routes and its pool.
func (s *site) takeAway(t *testing.T, namespace, name string) {
	ctx := t.Context()
	err := kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		pods, err := kube.List(ctx, s.kube, kube.Pods, kube.ListOptions{Namespace: namespace, Labels: "app=strongswan"})
		return err == nil && len(pods) == 0, "", err
	})
	if err != nil {
		t.Error(err)
		return
	}
	routing, err := kube.Get(ctx, s.kube, kube.DaemonSets, namespace, name+"-strongswan-routes")
	if err != nil || routing.DeletionTimestamp != nil {
		t.Errorf("the pods that hold the routes went before the routes: %v", err)
	}
	s.route(t, namespace, name, `{"data":null}`)
	if err := kube.Delete(ctx, s.kube, poolsDoor(), "", namespace+"-pool", kube.DeleteOptions{}); err != nil {
		t.Error(err)
	}
}

// clean fails if there is anything left of a release.
func (s *site) clean(t *testing.T, namespace, name string) {
	t.Helper()
	ctx, all := t.Context(), kube.ListOptions{Namespace: namespace}
	jobs := kube.Kind[batchv1.Job]{Group: "batch", Version: "v1", Resource: "jobs", Name: "Job", Namespaced: true}
	accounts := kube.Kind[corev1.ServiceAccount]{Version: "v1", Resource: "serviceaccounts", Name: "ServiceAccount", Namespaced: true}
	var left []string
	for _, list := range []func() ([]string, error){
		names(ctx, s.kube, kube.Deployments, all), names(ctx, s.kube, kube.DaemonSets, all), names(ctx, s.kube, kube.Services, all),
		names(ctx, s.kube, kube.ConfigMaps, all), names(ctx, s.kube, kube.Secrets, all), names(ctx, s.kube, jobs, all), names(ctx, s.kube, accounts, all),
		names(ctx, s.kube, poolsDoor(), kube.ListOptions{}),
	} {
		found, err := list()
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, found...)
	}
	want := []string{"ConfigMap kube-root-ca.crt", "Secret " + name + "-key", "ServiceAccount default", "IPPool " + operators}
	if !slices.Equal(left, want) {
		t.Errorf("left %q, want %q", left, want)
	}
}

func TestDeparture(t *testing.T) {
	t.Parallel()
	s := startSite(t)
	leave := func(namespace string, grace time.Duration) departure {
		return departure{kube: s.kube, releases: s.releases, namespace: namespace, name: "office", remote: []string{behindVPN}, grace: grace}
	}

	// A pool that was there before is neither waited for nor removed.
	older := s.pool(t, operators).CreationTimestamp
	err := kube.Wait(t.Context(), kube.WaitOptions{}, func(context.Context) (bool, string, error) {
		return time.Since(older.Time) > time.Second, "the second of the pool is not over", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.install(t, "orderly", "office")
	for _, object := range []string{"release", "maps"} {
		var text string
		switch object {
		case "release":
			release, err := s.releases.Release(t.Context(), "orderly", "office")
			if err != nil {
				t.Fatal(err)
			}
			text = release.Manifest
		case "maps":
			live, err := kube.List(t.Context(), s.kube, kube.ConfigMaps, kube.ListOptions{Namespace: "orderly"})
			if err != nil {
				t.Fatal(err)
			}
			for _, one := range live {
				for _, value := range one.Data {
					text += value
				}
			}
		}
		if !strings.Contains(text, "k8s-conn") || strings.Contains(text, siteKey) || strings.Contains(text, "PSK") {
			t.Errorf("%s: %s", object, text)
		}
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		s.takeAway(t, "orderly", "office")
	}()
	warnings, err := leave("orderly", time.Minute).run(t.Context())
	<-gone
	if err != nil || len(warnings) > 0 {
		t.Fatalf("got %q, %v", warnings, err)
	}
	s.clean(t, "orderly", "office")
	if warnings, err := leave("orderly", time.Minute).run(t.Context()); err != nil || len(warnings) > 0 {
		t.Errorf("again: %q, %v", warnings, err)
	}

	s.install(t, "killed", "office")
	warnings, err = leave("killed", time.Second).run(t.Context())
	if err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "routes in ConfigMap office-strongswan-routes, Calico IP pool killed-pool (10.91.0.0/16)") {
		t.Fatalf("got %q, %v", warnings, err)
	}
	s.clean(t, "killed", "office")

	// A change to the builtin chart that failed is declared, and IBM's release is
	// what there is: it is stopped first, and the Job of its chart does not run.
	s.install(t, "switched", "office")
	release, err := s.releases.Release(t.Context(), "switched", "office")
	if err != nil {
		t.Fatal(err)
	}
	gone = make(chan struct{})
	go func() {
		defer close(gone)
		s.takeAway(t, "switched", "office")
	}()
	soon, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	declared := tunnel{source: sourceBuiltin, namespace: "switched", name: "office"}
	warnings, err = ground{conn: s.kube, releases: s.releases}.depart(soon, declared, release, framework.Owner{})
	if err != nil || len(warnings) > 0 {
		t.Fatalf("got %q, %v", warnings, err)
	}
	<-gone
	s.clean(t, "switched", "office")
}
