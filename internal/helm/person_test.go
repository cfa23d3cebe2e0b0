package helm_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// program is the helm program, in the hands of a person.
type program struct {
	path, config, home, namespace string
}

func (p program) run(t *testing.T, arguments ...string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), p.path, append(arguments, "--kubeconfig", p.config, "--namespace", p.namespace)...)
	command.Env = []string{"HOME=" + p.home}
	var said strings.Builder
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		t.Fatalf("helm %q: %v\n%s%s", arguments, err, out, said.String())
	}
	return string(out)
}

// changedByPerson has the helm program read, roll back, upgrade and remove what was made here, and the other way round.
func (r *rig) changedByPerson(t *testing.T) {
	ns := r.namespace(t, "person")
	// A folder beside the one that must stay empty.
	home := t.TempDir()
	person := program{path: r.program, home: home, namespace: ns, config: filepath.Join(home, "config")}
	if err := os.WriteFile(person.config, r.plane.Kubeconfig(), 0o600); err != nil {
		t.Fatal(err)
	}

	values := map[string]any{"deployment": true}
	first := r.install(t, ns, values)
	values["greeting"] = "two"
	second := r.upgrade(t, ns, values)

	var list []struct{ Name, Revision, Status, Chart string }
	decode(t, person.run(t, "list", "--output", "json"), &list)
	if len(list) != 1 || list[0].Name != "app" || list[0].Revision != "2" || list[0].Status != "deployed" || list[0].Chart != "app-1.0.0" {
		t.Errorf("helm list: %+v", list)
	}
	var history []struct {
		Revision            int
		Status, Description string
	}
	decode(t, person.run(t, "history", "app", "--output", "json"), &history)
	if len(history) != 2 || history[0].Status != "superseded" || history[1].Description != "Upgrade complete" {
		t.Errorf("helm history: %+v", history)
	}
	if text := person.run(t, "get", "manifest", "app"); !strings.Contains(text, "example.com/app:two") {
		t.Errorf("helm get manifest: %s", text)
	}
	if text := person.run(t, "get", "notes", "app"); !strings.Contains(text, "app says two.") {
		t.Errorf("helm get notes: %s", text)
	}

	person.run(t, "rollback", "app", "1")
	now, err := r.Release(t.Context(), ns, "app")
	if err != nil {
		t.Fatal(err)
	}
	if now.Revision != 3 || now.Digest != first.Digest || !maps.Equal(now.Labels, ours) {
		t.Errorf("after helm rollback: %+v, labels %v", now.Mark(), now.Labels)
	}
	record, err := kube.Get(t.Context(), r.kube, kube.Secrets, ns, "sh.helm.release.v1.app.v3")
	if err != nil {
		t.Fatal(err)
	}
	if begun := record.Labels["terraform-provider-iks/begun"]; begun != "1" {
		t.Errorf("revision 3, which helm made of revision 1, was begun as %q", begun)
	}
	same(t, "changed", second.Mark().Changed(now), []string{`the Helm release is at revision 3, which somebody else made, instead of 2 (deployed: "Rollback to 1")`})
	drift, err := r.Drift(t.Context(), second)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(drift, `Deployment person/app has spec.template.spec.containers[app].image "example.com/app:hello", declared "example.com/app:two"`) {
		t.Errorf("drift from what was declared: %q", drift)
	}
	if drift, err := r.Drift(t.Context(), now); err != nil || len(drift) > 0 {
		t.Errorf("drift from what helm made of it: %q, %v", drift, err)
	}

	third := r.upgrade(t, ns, values)
	same(t, "history", r.statuses(t, ns), []string{"1 superseded", "2 superseded", "3 superseded", "4 deployed"})
	if got := r.data(t, ns, "app-config"); third.Revision != 4 || got["greeting"] != "two" {
		t.Errorf("after our upgrade: %+v, %v", third.Mark(), got)
	}
	person.run(t, "upgrade", "app", "testdata/app", "--reuse-values", "--set", "greeting=theirs")
	if _, err := r.Rollback(t.Context(), helm.RollbackOptions{Namespace: ns, Name: "app"}); err != nil {
		t.Fatal(err)
	}
	if got := r.data(t, ns, "app-config"); got["greeting"] != "two" {
		t.Errorf("after our rollback: %v", got)
	}
	person.run(t, "uninstall", "app")
	same(t, "left", r.left(t, ns), nil)

	person.run(t, "install", "app", "testdata/app", "--set", "greeting=theirs", "--skip-crds")
	if _, err := r.Uninstall(t.Context(), helm.UninstallOptions{Namespace: ns, Name: "app"}); err != nil {
		t.Fatal(err)
	}
	same(t, "left of helm's", r.left(t, ns), nil)
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
}
