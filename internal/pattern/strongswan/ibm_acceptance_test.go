package strongswan_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charts"
)

// everyGroup changes every group of values of IBM's chart.
const everyGroup = `
  name     = "office"
  initiate = true
  remote   = { gateway = "198.51.100.2", subnets = ["10.91.152.128/26", "10.92.0.0/16"], ping_address = "10.91.152.130" }
  local    = { subnets = ["172.30.0.0/16", "10.5.0.0/24"], non_cluster_subnets = ["10.5.0.0/24"] }
  ike      = { proposals = ["aes256-sha256-modp2048"], lifetime = "4h" }
  esp      = { proposals = ["aes256-sha256-modp2048"], lifetime = "2h", margin = "5m" }
  dpd_action    = "hold"
  close_action  = "none"
  keying_tries  = "5"
  extra_options = ["rekey = no"]
  local_subnet_nat  = { "172.30.0.0/24" = "10.5.0.0/24" }
  remote_subnet_nat = { "10.92.0.0/16" = "10.93.0.0/16" }
  pod_snat             = "true"
  service_source_ip    = true
  connect_using_load_balancer_ip = "false"
  node_selector        = { "ibm-cloud.kubernetes.io/os" = "UBUNTU_24_64" }
  tolerations          = [{ key = "gpu", operator = "Exists", effect = "NoSchedule" }]
  validate             = "off"
  privileged           = true
  monitoring           = { cluster_name = "prod", private_ips = ["10.91.152.130"], http_endpoints = ["http://10.91.152.130/up"], delay = 60 }
  logging              = { default = 0, cfg = 1, ike = 2 }
  extra_values         = jsonencode({ helmTestsToRun = "check-config", overRideIpsecConf = "" })
  wait_for             = "none"
`

func keyOfVariable(version string) string {
	return "  preshared_key_wo = var.key\n  preshared_key_wo_version = " + version + "\n"
}

// TestAccIBMChart goes through the life of a tunnel of IBM's chart, from the
// repository that nobody has to name.
func TestAccIBMChart(t *testing.T) {
	s := newIBMScene(t, charts.Options{})
	before := acctest.TakeSnapshot(t, s.c)
	// A configuration is kept in a plan as it is written, so the key is not in it.
	const ephemeral = "variable \"key\" {\n  type      = string\n  ephemeral = true\n}\n"
	w := s.workspace(ephemeral + s.config(ibmEnds+keyOfVariable("1")))
	w.Env = append(w.Env, "TF_VAR_key="+firstKey)
	saved := filepath.Join(w.Dir(), "saved.plan")
	if r := w.Plan("-out", saved); r.ExitCode != 0 {
		t.Fatal(r.Errors())
	}
	shown := w.Run("show", "-json", saved)
	if err := os.WriteFile(filepath.Join(w.Dir(), "plan.json"), []byte(shown.Output), 0o600); err != nil {
		t.Fatal(err)
	}
	if r := w.Run("apply", saved); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	w.MustPlanEmpty()
	if asked := s.world.Asked(); !slices.Equal(asked, []string{"icr.io:443"}) {
		t.Errorf("asked for %q", asked)
	}
	for _, request := range s.charts.Requests() {
		if !slices.Contains([]string{"/charts/index.yaml", "/charts/strongswan-2.10.7.tgz"}, request.Path) || request.User != "" || request.Status != 200 {
			t.Errorf("request %+v", request)
		}
	}
	for name, want := range map[string]any{"chart_version": "2.10.7", "app_version": "25.08.20", "revision": 1, "ready": true} {
		s.attribute(w, name, want)
	}
	s.holds(firstKey)
	pod := s.pod()

	// Another version of the key, and nothing else.
	w.Env = append(w.Env, "TF_VAR_key="+secondKey)
	w.Write(ephemeral + s.config(ibmEnds+keyOfVariable("2")))
	s.heals(w)
	s.holds(secondKey)
	if s.pod() == pod {
		t.Error("the pod goes on with the old key")
	}

	w.Write(ephemeral + s.config(everyGroup+keyOfVariable("2")))
	s.heals(w)
	s.attribute(w, "revision", 3)
	s.secrecy(w, secondKey, firstKey)

	second := s.workspace(s.config(everyGroup + key(secondKey, "2")))
	if r := second.Run("import", "-no-color", ibmAddress, "classic,office"); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	if r := second.MustApply(); strings.Contains(r.Output, `"action":"replace"`) {
		t.Errorf("planned after the import: %+v", r.Planned)
	}
	second.MustPlanEmpty()
	s.attribute(second, "revision", 3) // what an import cannot know is not in the release

	s.byHand(second)
	second.MustDestroy()
	s.nothingLeft(before)
}

// byHand has somebody upgrade and roll back the release with helm, with a key of
// their own in the values, as the chart's documentation has it.
func (s *ibmScene) byHand(w *acctest.Workspace) {
	const theirs = "a-key-that-somebody-typed-into-values"
	values := map[string]any{"preshared": map[string]any{"secret": theirs}, "remote": map[string]any{"subnet": "10.91.152.128/26"}}
	ctx := context.Background()
	if _, err := s.helm.Upgrade(ctx, helm.ApplyOptions{Namespace: "default", Name: "office", Chart: s.chart("2.10.7"), Values: values}); err != nil {
		s.Fatal(err)
	}
	s.drift(w, "which somebody else made", "ConfigMap office-strongswan-config holds the pre-shared key in clear text", "Helm's record of the release holds a pre-shared key, in revision 4")
	s.heals(w)
	if records := s.secrecy(w, secondKey, firstKey, theirs); records < 2 {
		s.Errorf("%d records of Helm's", records)
	}
	if _, err := s.helm.Rollback(ctx, helm.RollbackOptions{Namespace: "default", Name: "office", Revision: 2}); err != nil {
		s.Fatal(err)
	}
	s.drift(w, "which somebody else made", "Rollback to 2")
	s.heals(w)
}

// broken is a version of the chart that the API server does not take as a whole.
func (s *ibmScene) broken(version string) charts.Archive {
	s.Helper()
	chart, err := charts.StrongSwan()
	if err != nil {
		s.Fatal(err)
	}
	files := fstest.MapFS{"templates/broken.yaml": &fstest.MapFile{Data: []byte("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {{ .Release.Name }}-broken\nspec: {}\n")}}
	for _, name := range []string{"Chart.yaml", "values.yaml"} {
		files[name] = &fstest.MapFile{Data: s.file(chart, name)}
	}
	for _, name := range []string{"_names.tpl", "cleanup.yaml", "config.yaml", "deployment.yaml", "rbac.yaml", "routes.yaml", "service.yaml"} {
		files["templates/"+name] = &fstest.MapFile{Data: s.file(chart, "templates/"+name)}
	}
	packed, err := charts.Pack(files, version)
	if err != nil {
		s.Fatal(err)
	}
	return packed
}

// TestAccIBMChartVersions upgrades from a private mirror, with the key in a
// Secret of the user's own.
func TestAccIBMChartVersions(t *testing.T) {
	const user, password = "iamapikey", "an-api-key-that-nobody-may-see"
	s := newIBMScene(t, charts.Options{Username: user, Password: password})
	before := acctest.TakeSnapshot(t, s.c)
	secrets := in(s.c).CoreV1().Secrets("default")
	mine := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "mine"}, StringData: map[string]string{"psk": firstKey}}
	if _, err := secrets.Create(t.Context(), mine, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	login := `chart_registries = { "` + s.charts.Repository() + `" = { username = "` + user + `", password = "` + password + `" } }`
	version := func(version string) string {
		return ibmEnds + "  chart = { source = \"" + s.charts.Repository() + "\", version = \"" + version + "\" }\n  preshared_key_secret = { name = \"mine\", key = \"psk\" }\n"
	}
	w := s.workspace(s.config(version("2.10.6")))
	s.refused(w.Plan(), "wants other credentials", "chart_registries")
	w.Write(s.config(version("2.10.99"), login))
	s.refused(w.Plan(), "There is no such version of the chart", "it has 2.10.7, 2.10.6")

	w.Write(s.config(version("2.10.6"), login))
	s.heals(w)
	s.attribute(w, "chart_version", "2.10.6")
	s.holds(firstKey)
	pod := s.pod()

	if _, err := secrets.Patch(t.Context(), "mine", types.MergePatchType, []byte(`{"stringData":{"psk":"`+secondKey+`"}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	s.drift(w, "Secret mine has another pre-shared key than the tunnel")
	s.heals(w)
	s.holds(secondKey)
	if s.pod() == pod {
		t.Error("the pod goes on with the old key")
	}

	// A failed upgrade leaves everything as it was, the key as well.
	if _, err := secrets.Patch(t.Context(), "mine", types.MergePatchType, []byte(`{"stringData":{"psk":"`+firstKey+`"}}`), metav1.PatchOptions{}); err != nil {
		t.Fatal(err)
	}
	s.charts.Publish(s.broken("2.10.8"))
	w.Write(s.config(version("2.10.8"), login))
	s.refused(w.Apply(), "release is back at what it was before, as revision 4")
	for name, want := range map[string]any{"chart_version": "2.10.6", "revision": 4, "ready": false} {
		s.attribute(w, name, want)
	}
	s.holds(secondKey)

	w.Write(s.config(version("~2.10, <2.10.8"), login))
	s.heals(w)
	s.holds(firstKey)
	s.attribute(w, "chart_version", "2.10.6") // it is one that is asked for, so it stays
	w.Write(s.config(version("2.10.7"), login))
	if r := w.Plan(); !slices.ContainsFunc(r.Warnings(), func(s string) bool {
		return strings.Contains(s, "goes from version 2.10.6 of its chart to 2.10.7")
	}) {
		t.Errorf("warnings %q", r.Warnings())
	}
	repair := s.charts.Fail(charts.Fault{Status: 503})
	if r := w.Plan(); r.ExitCode != 0 || !slices.ContainsFunc(r.Warnings(), func(s string) bool { return strings.Contains(s, "could not be looked at") }) {
		t.Errorf("an unreachable repository: exit code %d, %q, %q", r.ExitCode, r.Errors(), r.Warnings())
	}
	repair()
	s.heals(w)
	s.attribute(w, "chart_version", "2.10.7")
	s.onDisk(w, func(where string, data []byte) {
		if bytes.Contains(data, []byte(password)) {
			t.Errorf("%s holds the password of the repository", where)
		}
	})

	w.MustDestroy()
	if err := secrets.Delete(t.Context(), "mine", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	s.nothingLeft(before)
}

// TestAccIBMChartOfAPerson imports a release that somebody made with helm, the
// key in its values.
func TestAccIBMChartOfAPerson(t *testing.T) {
	s := newIBMScene(t, charts.Options{})
	before := acctest.TakeSnapshot(t, s.c)
	values := map[string]any{
		"preshared": map[string]any{"secret": firstKey}, "ipsec": map[string]any{"auto": "start"},
		"remote": map[string]any{"gateway": "198.51.100.2", "subnet": "10.91.152.128/26"},
	}
	if _, err := s.helm.Install(t.Context(), helm.ApplyOptions{Namespace: "default", Name: "office", Chart: s.chart("2.10.7"), Values: values}); err != nil {
		t.Fatal(err)
	}
	w := s.workspace(s.config(ibmEnds + key(secondKey, "1")))
	if r := w.Run("import", "-no-color", ibmAddress, "classic,office"); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	s.drift(w, "ConfigMap office-strongswan-config holds the pre-shared key in clear text", "in revision 1")
	s.heals(w)
	s.holds(secondKey)
	if records := s.secrecy(w, secondKey, firstKey); records != 1 {
		t.Errorf("%d records of Helm's, want the one without a key", records)
	}
	// The builtin chart takes its place, Secret and all.
	w.Write(s.config(ibmEnds + "  chart = { source = \"builtin\" }\n  image = \"registry.example.com/strongswan:1\"\n" + key(secondKey, "1")))
	s.heals(w)
	if data := s.secret().Data; len(data) != 1 || string(data["key"]) != secondKey {
		t.Errorf("the Secret has %d entries", len(data))
	}
	w.MustDestroy()
	s.nothingLeft(before)
}

// A release that somebody is upgrading is not removed, and its VPN stays up.
func TestAccIBMChartBesidePendingUpgrade(t *testing.T) {
	s := newIBMScene(t, charts.Options{})
	before := acctest.TakeSnapshot(t, s.c)
	w := s.workspace(s.config(ibmEnds + key(firstKey, "1")))
	s.heals(w)
	pod := s.pod()
	pending := beginUpgrade(t, s.c, "office")
	s.refused(w.Destroy(), "another operation is under way")
	live, err := in(s.c).AppsV1().Deployments("default").Get(t.Context(), "office-strongswan", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if *live.Spec.Replicas != 1 || s.pod() != pod {
		t.Errorf("%d pods are wanted of the VPN", *live.Spec.Replicas)
	}
	if err := in(s.c).CoreV1().Secrets("default").Delete(t.Context(), pending, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.MustDestroy()
	s.nothingLeft(before)
}
