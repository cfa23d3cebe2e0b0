package helm_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	releasecommon "helm.sh/helm/v4/pkg/release/common"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

func (r *rig) life(t *testing.T) {
	ns := r.namespace(t, "life")
	if release, err := r.Release(t.Context(), ns, "app"); release != nil || err != nil {
		t.Fatalf("before: %v, %v", release, err)
	}
	if _, err := r.Upgrade(t.Context(), r.options(ns, nil)); !notBegun(err) || !errors.Is(err, helm.ErrReleaseNotFound) {
		t.Errorf("upgrade of nothing: %v", err)
	}
	o := r.options(ns, map[string]any{"deployment": true, "extra": true, "greeting": "one"})
	o.Wait = true
	first, err := r.Install(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if first.Revision != 1 || first.Status != helm.StatusDeployed || first.Chart != "app" || first.ChartVersion != "1.0.0" || first.AppVersion != "7" {
		t.Errorf("installed %+v", first.Mark())
	}
	hidden(t, fmt.Sprintf("%v %+v %#v %v %+v %#v", first, *first, first, o, o, o))
	if first.Labels["terraform-provider-iks-owner"] != "a1b2" || first.Values["greeting"] != "one" {
		t.Errorf("labels %v, values %v", first.Labels, first.Values["greeting"])
	}
	if got := r.data(t, ns, "app-config"); got["greeting"] != "one" || got["upgrade"] != "false" || got["revision"] != "1" {
		t.Errorf("got %v", got)
	}
	if _, err := r.Install(t.Context(), o); !notBegun(err) || !errors.Is(err, helm.ErrReleaseExists) {
		t.Errorf("second install: %v", err)
	}
	before, err := kube.Get(t.Context(), r.kube, kube.Deployments, ns, "app")
	if err != nil {
		t.Fatal(err)
	}
	if before.Status.ReadyReplicas != 1 {
		t.Errorf("installed with %d ready pods, and was to wait", before.Status.ReadyReplicas)
	}

	second := r.upgrade(t, ns, map[string]any{"deployment": true, "greeting": "two"})
	if second.Revision != 2 || second.Digest == first.Digest {
		t.Errorf("upgraded to %+v from %+v", second.Mark(), first.Mark())
	}
	after, err := kube.Get(t.Context(), r.kube, kube.Deployments, ns, "app")
	if err != nil {
		t.Fatal(err)
	}
	if after.UID != before.UID || after.Spec.Template.Spec.Containers[0].Image != "example.com/app:two" {
		t.Errorf("not upgraded in place: %s", after.Spec.Template.Spec.Containers[0].Image)
	}
	if r.data(t, ns, "app-extra") != nil {
		t.Error("what the chart no longer has is still there")
	}
	same(t, "history", r.statuses(t, ns), []string{"1 superseded", "2 deployed"})

	if err := kube.Delete(t.Context(), r.kube, kube.ConfigMaps, ns, "app-config", kube.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	drift, err := r.Drift(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "drift", drift, []string{"ConfigMap life/app-config is gone"})
	third := r.upgrade(t, ns, map[string]any{"deployment": true, "greeting": "two"})
	if got := r.data(t, ns, "app-config"); got["greeting"] != "two" {
		t.Errorf("not restored: %v", got)
	}

	back, err := r.Rollback(t.Context(), helm.RollbackOptions{Namespace: ns, Name: "app", Revision: 1})
	if err != nil {
		t.Fatal(err)
	}
	if back.Revision != 4 || back.Description != "Rollback to 1" || back.Digest != first.Digest || back.Labels["terraform-provider-iks-owner"] != "a1b2" {
		t.Errorf("rolled back to %+v %q", back.Mark(), back.Description)
	}
	if got := r.data(t, ns, "app-config"); got["greeting"] != "one" || r.data(t, ns, "app-extra") == nil {
		t.Errorf("after the rollback: %v", got)
	}
	same(t, "changed", third.Mark().Changed(back), []string{`the Helm release is at revision 4, which somebody else made, instead of 3 (deployed: "Rollback to 1")`})

	r.upgrade(t, ns, map[string]any{"keep": true})
	kept, err := r.Uninstall(t.Context(), helm.UninstallOptions{Namespace: ns, Name: "app"})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "kept", kept, []string{"ConfigMap life/app-kept"})
	same(t, "left", r.left(t, ns), []string{"ConfigMap app-kept"})
	if kept, err := r.Uninstall(t.Context(), helm.UninstallOptions{Namespace: ns, Name: "app"}); kept != nil || err != nil {
		t.Errorf("second uninstall: %v, %v", kept, err)
	}
}

// customResources are of a kind that the chart itself brings.
func (r *rig) customResources(t *testing.T) {
	ns := r.namespace(t, "custom")
	release := r.install(t, ns, map[string]any{"widget": 3})
	if drift, err := r.Drift(t.Context(), release); err != nil || drift != nil {
		t.Errorf("%q, %v", drift, err)
	}
	if _, err := r.Uninstall(t.Context(), helm.UninstallOptions{Namespace: ns, Name: "app"}); err != nil {
		t.Fatal(err)
	}
	same(t, "left", r.left(t, ns), nil)
}

func (r *rig) foreignObject(t *testing.T) {
	ns := r.namespace(t, "foreign")
	theirs := corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "app-config"}, Data: map[string]string{"greeting": "theirs"}}
	if _, err := kube.Create(t.Context(), r.kube, kube.ConfigMaps, theirs, kube.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := r.Install(t.Context(), r.options(ns, nil))
	var foreign *helm.ForeignObjectError
	if !notBegun(err) || !errors.As(err, &foreign) || foreign.Object != "ConfigMap foreign/app-config" {
		t.Fatalf("got %v", err)
	}
	same(t, "left", r.left(t, ns), []string{"ConfigMap app-config"})
	if got := r.data(t, ns, "app-config"); got["greeting"] != "theirs" {
		t.Errorf("got %v", got)
	}
}

// notBegun tells that an error says so.
func notBegun(err error) bool {
	var typed *helm.NotBegunError
	return errors.As(err, &typed)
}

// refusedRecord is a name that is taken, so that an install ends where it would begin.
func (r *rig) refusedRecord(t *testing.T) {
	ns := r.namespace(t, "refused")
	taken := corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: ns, Name: "sh.helm.release.v1.app.v1"}}
	if _, err := kube.Create(t.Context(), r.kube, kube.Secrets, taken, kube.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Install(t.Context(), r.options(ns, nil)); !notBegun(err) {
		t.Errorf("got %v", err)
	}
	same(t, "left", r.left(t, ns), []string{"Secret " + taken.Name})
}

func (r *rig) failedInstall(t *testing.T) {
	ns := r.namespace(t, "failed-install")
	for name, values := range map[string]map[string]any{
		"invalid object": {"invalid": true, "extra": true, "deployment": true},
		"hook":           {"hooks": map[string]any{"post-install": 1}},
	} {
		_, err := r.Install(t.Context(), r.options(ns, values))
		var failed *helm.FailedError
		if !errors.As(err, &failed) || notBegun(err) || !failed.RolledBack || failed.Now != nil || failed.Undo != nil {
			t.Fatalf("%s: got %v", name, err)
		}
		hidden(t, err.Error())
		same(t, name+": left", r.left(t, ns), nil)
		switch name {
		case "invalid object":
			if !apierrors.IsInvalid(err) || !strings.Contains(err.Error(), "spec.ports[0].port") {
				t.Errorf("%s: %v", name, err)
			}
		case "hook":
			if !strings.Contains(err.Error(), "post-install hook app-post-install: Job failed-install/app-post-install failed: Job was active longer than specified deadline") {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	r.install(t, ns, nil) // nothing is in the way
}

func (r *rig) failedUpgrades(t *testing.T) {
	ns := r.namespace(t, "failed-upgrade")
	r.install(t, ns, map[string]any{"greeting": "good", "deployment": true})
	revision := 1
	for _, c := range []struct {
		name   string
		values map[string]any
		wait   time.Duration
		why    string
	}{
		{"invalid object", map[string]any{"greeting": "bad", "extra": true, "deployment": true, "invalid": true}, 0, "spec.ports[0].port"},
		{"hook", map[string]any{"greeting": "bad", "hooks": map[string]any{"pre-upgrade": 1}}, 0, "pre-upgrade hook app-pre-upgrade: Job failed-upgrade/app-pre-upgrade failed"},
		{
			"pod that no node takes",
			map[string]any{"greeting": "bad", "deployment": true, "nodeSelector": map[string]any{"nowhere": "true"}},
			6 * time.Second, "0/1 nodes are available",
		},
	} {
		o := r.options(ns, c.values)
		if c.wait > 0 {
			o.Wait, o.Timeout = true, c.wait
		}
		_, err := r.Upgrade(t.Context(), o)
		var failed *helm.FailedError
		if !errors.As(err, &failed) || !failed.RolledBack || failed.Undo != nil {
			t.Fatalf("%s: got %v", c.name, err)
		}
		if !strings.Contains(err.Error(), c.why) {
			t.Errorf("%s: %v", c.name, err)
		}
		hidden(t, err.Error())
		revision += 2
		if failed.Now == nil || failed.Now.Revision != revision || failed.Now.Status != helm.StatusDeployed {
			t.Fatalf("%s: now %+v", c.name, failed.Now)
		}
		if got := r.data(t, ns, "app-config"); got["greeting"] != "good" || r.data(t, ns, "app-extra") != nil {
			t.Errorf("%s: not rolled back: %v", c.name, got)
		}
		if drift, err := r.Drift(t.Context(), failed.Now); err != nil || len(drift) > 0 {
			t.Errorf("%s: %q, %v", c.name, drift, err)
		}
	}
	same(t, "history", r.statuses(t, ns), []string{
		"1 superseded", "2 failed", "3 superseded", "4 failed", "5 superseded", "6 failed", "7 deployed",
	})
}

func (r *rig) killed(t *testing.T) {
	ns := r.namespace(t, "killed")
	if err := r.LeavePending(t.Context(), r.options(ns, map[string]any{"extra": true}), 0); err != nil {
		t.Fatal(err)
	}
	theirs := r.options(ns, nil)
	theirs.Labels = map[string]string{"terraform-provider-iks-owner": "another"}
	var pending *helm.PendingError
	if _, err := r.Install(t.Context(), theirs); !notBegun(err) || !errors.As(err, &pending) || pending.Release.Status != "pending-install" {
		t.Errorf("somebody else's install: %v", err)
	}
	first := r.install(t, ns, map[string]any{"greeting": "one"})
	same(t, "history", r.statuses(t, ns), []string{"1 deployed"})

	if err := r.LeavePending(t.Context(), r.options(ns, map[string]any{"greeting": "half", "extra": true}), 0); err != nil {
		t.Fatal(err)
	}
	now, err := r.Release(t.Context(), ns, "app")
	if err != nil {
		t.Fatal(err)
	}
	if changed := first.Mark().Changed(now); len(changed) != 1 || !strings.Contains(changed[0], "pending-upgrade") {
		t.Errorf("got %q", changed)
	}
	if _, err := r.Upgrade(t.Context(), theirs); !notBegun(err) || !errors.As(err, &pending) {
		t.Errorf("somebody else's upgrade: %v", err)
	}
	uninstall := helm.UninstallOptions{Namespace: ns, Name: "app"}
	if _, err := r.Uninstall(t.Context(), uninstall); !errors.As(err, &pending) {
		t.Errorf("somebody else's uninstall: %v", err)
	}
	if err := r.MayUninstall(t.Context(), uninstall); !errors.As(err, &pending) {
		t.Errorf("whether somebody else may uninstall: %v", err)
	}
	uninstall.Labels = ours
	if err := r.MayUninstall(t.Context(), uninstall); err != nil {
		t.Errorf("whether one may uninstall what one has begun: %v", err)
	}
	underWay := func(status releasecommon.Status, begun string) {
		t.Helper()
		if err := r.UnderWay(t.Context(), ns, "app", status, begun); err != nil {
			t.Fatal(err)
		}
	}
	// Helm's program has the labels of the revision before on the next one, and
	// removes one as it is.
	for status, begun := range map[releasecommon.Status]string{releasecommon.StatusPendingUpgrade: "1", releasecommon.StatusUninstalling: "2"} {
		underWay(status, begun)
		if _, err := r.Upgrade(t.Context(), r.options(ns, nil)); !notBegun(err) || !errors.As(err, &pending) {
			t.Errorf("%s, begun by a person: %v", status, err)
		}
	}
	underWay(releasecommon.StatusPendingUpgrade, "2")
	r.upgrade(t, ns, map[string]any{"greeting": "three"})
	same(t, "history", r.statuses(t, ns), []string{"1 superseded", "2 failed", "3 deployed"})
	if got := r.data(t, ns, "app-config"); got["greeting"] != "three" || r.data(t, ns, "app-extra") != nil {
		t.Errorf("got %v", got)
	}
	if err := r.LeavePending(t.Context(), theirs, time.Hour); err != nil {
		t.Fatal(err)
	}
	r.upgrade(t, ns, map[string]any{"greeting": "five"}) // nobody is that slow
	same(t, "history", r.statuses(t, ns), []string{"1 superseded", "2 failed", "3 superseded", "4 failed", "5 deployed"})

	if err := r.LeavePending(t.Context(), r.options(ns, map[string]any{"extra": true}), 0); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Uninstall(t.Context(), uninstall); err != nil {
		t.Fatal(err)
	}
	if err := r.MayUninstall(t.Context(), uninstall); err != nil {
		t.Errorf("whether one may uninstall what is not there: %v", err)
	}
	same(t, "left", r.left(t, ns), nil)
}

func (r *rig) history(t *testing.T) {
	ns := r.namespace(t, "history")
	r.install(t, ns, nil)
	for i := range helm.MaxHistory + 2 {
		r.upgrade(t, ns, map[string]any{"greeting": fmt.Sprint(i)})
	}
	got := r.statuses(t, ns)
	if len(got) != helm.MaxHistory || got[0] != "4 superseded" || got[len(got)-1] != "13 deployed" {
		t.Errorf("got %q", got)
	}
}

// forgotten removes revisions, but neither the one that is deployed nor the latest.
func (r *rig) forgotten(t *testing.T) {
	ns := r.namespace(t, "forgotten")
	r.install(t, ns, map[string]any{"greeting": "one"})
	r.upgrade(t, ns, map[string]any{"greeting": "two"})
	r.upgrade(t, ns, map[string]any{"greeting": "three"})
	first := func(now *helm.Release) bool { return now.Values["greeting"] == "one" }
	for _, doomed := range []func(*helm.Release) bool{first, first, func(now *helm.Release) bool { return now.Revision == 3 }} {
		if err := r.Forget(t.Context(), ns, "app", doomed); err != nil {
			t.Fatal(err)
		}
		same(t, "what is kept", r.statuses(t, ns), []string{"2 superseded", "3 deployed"})
	}
	if err := r.Forget(t.Context(), ns, "nothing", first); err != nil {
		t.Error(err)
	}
	if _, err := r.Rollback(t.Context(), helm.RollbackOptions{Namespace: ns, Name: "app", Revision: 1}); err == nil {
		t.Error("the release went back to a revision that is forgotten")
	}
}

func (r *rig) drift(t *testing.T) {
	ns := r.namespace(t, "drift")
	release := r.install(t, ns, map[string]any{"deployment": true, "extra": true})
	if drift, err := r.Drift(t.Context(), release); err != nil || len(drift) > 0 {
		t.Fatalf("of what was just installed: %q, %v", drift, err)
	}
	patch := func(kind, name, patch string) {
		t.Helper()
		var err error
		switch kind {
		case "Deployment":
			_, err = kube.Patch(t.Context(), r.kube, kube.Deployments, ns, name, types.StrategicMergePatchType, []byte(patch), kube.PatchOptions{})
		case "ConfigMap":
			_, err = kube.Patch(t.Context(), r.kube, kube.ConfigMaps, ns, name, types.MergePatchType, []byte(patch), kube.PatchOptions{})
		default:
			_, err = kube.Patch(t.Context(), r.kube, kube.Secrets, ns, name, types.MergePatchType, []byte(patch), kube.PatchOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	// What others add is theirs.
	patch("Deployment", "app", `{"metadata":{"annotations":{"a":"b"}},"spec":{"template":{"spec":{"containers":[{"name":"sidecar","image":"example.com/sidecar"}]}}}}`)
	if drift, err := r.Drift(t.Context(), release); err != nil || len(drift) > 0 {
		t.Errorf("of what others added: %q, %v", drift, err)
	}
	patch("Deployment", "app", `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"example.com/other","resources":{"requests":{"cpu":"2"}}}]}}}}`)
	patch("ConfigMap", "app-config", `{"data":{"greeting":"edited"}}`)
	patch("ConfigMap", "app-extra", `{"metadata":{"annotations":{"meta.helm.sh/release-name":"another"}}}`)
	patch("Secret", "app-secret", `{"stringData":{"password":"edited"}}`)
	drift, err := r.Drift(t.Context(), release)
	if err != nil {
		t.Fatal(err)
	}
	same(t, "drift", drift, []string{
		"Secret drift/app-secret has another data.password than declared",
		"ConfigMap drift/app-config has another data.greeting than declared",
		"ConfigMap drift/app-extra does not bear the marks of the release any more",
		`Deployment drift/app has spec.template.spec.containers[app].image "example.com/other", declared "example.com/app:hello"`,
		`Deployment drift/app has spec.template.spec.containers[app].resources.requests.cpu "2", declared 0.5`,
	})
	hidden(t, strings.Join(drift, "\n"))

	patch("ConfigMap", "app-extra", `{"metadata":{"annotations":{"meta.helm.sh/release-name":"app"}}}`)
	again := r.upgrade(t, ns, map[string]any{"deployment": true, "extra": true, "roleRef": "edit"})
	if drift, err := r.Drift(t.Context(), again); err != nil || len(drift) > 0 {
		t.Errorf("after the upgrade: %q, %v", drift, err)
	}
}

// driftOfMetadata is all that differs of an object: what a load balancer is stands in annotations.
func (r *rig) driftOfMetadata(t *testing.T) {
	ns := r.namespace(t, "metadata")
	values := map[string]any{"deployment": true}
	release := r.install(t, ns, values)
	for _, edit := range []struct{ patch, sentence string }{
		{`{"labels":{"team":"edited"}}`, `has metadata.labels.team "edited", declared "net"`},
		{`{"labels":{"team":null}}`, "lacks metadata.labels.team"},
		{`{"annotations":{"example.com/reach":"public"}}`, `has metadata.annotations.example.com/reach "public", declared "private"`},
		{`{"annotations":{"example.com/reach":null}}`, "lacks metadata.annotations.example.com/reach"},
	} {
		patch := []byte(`{"metadata":` + edit.patch + `}`)
		if _, err := kube.Patch(t.Context(), r.kube, kube.Deployments, ns, "app", types.MergePatchType, patch, kube.PatchOptions{}); err != nil {
			t.Fatal(err)
		}
		drift, err := r.Drift(t.Context(), release)
		if err != nil {
			t.Fatal(err)
		}
		same(t, edit.patch, drift, []string{"Deployment metadata/app " + edit.sentence})
		release = r.upgrade(t, ns, values)
		if drift, err := r.Drift(t.Context(), release); err != nil || len(drift) > 0 {
			t.Errorf("%s: after the upgrade: %q, %v", edit.patch, drift, err)
		}
	}
}

func (r *rig) hooks(t *testing.T) {
	ns := r.namespace(t, "hooks")
	values := map[string]any{"hooks": map[string]any{"pre-install": 0, "post-install": 0, "pre-delete": 1}}
	r.install(t, ns, values)
	_, err := r.Uninstall(t.Context(), helm.UninstallOptions{Namespace: ns, Name: "app"})
	var failed *helm.FailedError
	if !errors.As(err, &failed) || !strings.Contains(err.Error(), "pre-delete hook app-pre-delete: Job hooks/app-pre-delete failed") {
		t.Fatalf("got %v", err)
	}
	if r.data(t, ns, "app-config") == nil {
		t.Error("objects were removed although the hook before that failed")
	}
	if _, err := r.Uninstall(t.Context(), helm.UninstallOptions{Namespace: ns, Name: "app", SkipHooks: true}); err != nil {
		t.Fatal(err)
	}
	same(t, "left", r.left(t, ns), nil)

	r.install(t, ns, map[string]any{"hooks": map[string]any{"pre-delete": 0}})
	if _, err := r.Uninstall(t.Context(), helm.UninstallOptions{Namespace: ns, Name: "app"}); err != nil {
		t.Fatal(err)
	}
	same(t, "left", r.left(t, ns), nil)
}

func (r *rig) cancelled(t *testing.T) {
	ns := r.namespace(t, "cancelled")
	r.install(t, ns, map[string]any{"greeting": "good"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	o := r.options(ns, map[string]any{"greeting": "bad", "hooks": map[string]any{"post-upgrade": 300}})
	done := make(chan error)
	go func() {
		_, err := r.Upgrade(ctx, o)
		done <- err
	}()
	if err := kube.Wait(t.Context(), kube.WaitOptions{}, func(context.Context) (bool, string, error) {
		return r.data(t, ns, "app-config")["greeting"] == "bad", "", nil
	}); err != nil {
		t.Fatal(err)
	}
	cancel()
	err := <-done
	var failed *helm.FailedError
	if !errors.Is(err, context.Canceled) || !errors.As(err, &failed) || !failed.RolledBack {
		t.Fatalf("got %v", err)
	}
	if got := r.data(t, ns, "app-config"); got["greeting"] != "good" {
		t.Errorf("not rolled back: %v", got)
	}
	same(t, "history", r.statuses(t, ns), []string{"1 superseded", "2 failed", "3 deployed"})
}

// uninstallUnfinished goes on where an uninstall was broken off.
func (r *rig) uninstallUnfinished(t *testing.T) {
	ns := r.namespace(t, "unfinished")
	r.install(t, ns, map[string]any{"extra": true})
	held := `{"metadata":{"finalizers":["example.com/hold"]}}`
	if _, err := kube.Patch(t.Context(), r.kube, kube.ConfigMaps, ns, "app-extra", types.MergePatchType, []byte(held), kube.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	_, err := r.Uninstall(t.Context(), helm.UninstallOptions{Namespace: ns, Name: "app", Timeout: 2 * time.Second})
	if err == nil || !strings.Contains(err.Error(), `ConfigMap unfinished/app-extra is being deleted, held by its finalizers ["example.com/hold"]`) {
		t.Fatalf("got %v", err)
	}
	same(t, "history", r.statuses(t, ns), []string{"1 uninstalling"})
	if _, err := kube.Patch(t.Context(), r.kube, kube.ConfigMaps, ns, "app-extra", types.MergePatchType, []byte(`{"metadata":{"finalizers":null}}`), kube.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Uninstall(t.Context(), helm.UninstallOptions{Namespace: ns, Name: "app"}); err != nil {
		t.Fatal(err)
	}
	same(t, "left", r.left(t, ns), nil)
}
