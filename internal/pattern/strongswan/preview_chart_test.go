package strongswan

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// discovered is an API server as far as a chart sees of it: its version, and no kinds.
func discovered(t *testing.T) ground {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Path == "/version" {
			fmt.Fprint(w, `{"major":"1","minor":"33","gitVersion":"v1.33.4+IKS"}`)
			return
		}
		fmt.Fprint(w, `{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[]}`)
	}))
	t.Cleanup(server.Close)
	conn, err := kube.New(kube.Access{Host: server.URL}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return ground{conn: conn, releases: helm.New(conn)}
}

// TestChartIsJudged tells what a plan says about a chart that it could get.
func TestChartIsJudged(t *testing.T) {
	t.Parallel()
	const (
		about  = "apiVersion: v1\nname: strongswan\nversion: 3.0.0\n"
		config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config}\ndata:\n  ipsec.secrets: |\n    {{ .Values.local.id }} {{ .Values.remote.id }} : PSK \"{{ .Values.preshared.secret }}\"\n"
		pods   = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: vpn}\nspec: {template: {spec: {volumes: [{name: files, configMap: {name: config}}]}}}\n"
	)
	for name, c := range map[string]struct {
		about, objects string
		now            *helm.Release
		unknown        bool
		warns          string
		at, summary    string
	}{
		"fits":             {about: about, objects: config + pods},
		"old cluster":      {about: about + "kubeVersion: \">=1.34.0-0\"\n", objects: config + pods, at: "chart.version", summary: "The chart does not suit the cluster"},
		"fitting cluster":  {about: about + "kubeVersion: \">=1.30.0-0\"\n", objects: config + pods},
		"deprecated":       {about: about + "deprecated: true\n", objects: config + pods, warns: "is deprecated"},
		"another version":  {about: about, objects: config + pods, now: &helm.Release{ChartVersion: "2.10.7"}, warns: "from version 2.10.7 of its chart to 3.0.0"},
		"same version":     {about: about, objects: config + pods, now: &helm.Release{ChartVersion: "3.0.0"}},
		"keeps the key":    {about: about, objects: config, at: "chart.source", summary: "The chart would keep the key in a ConfigMap"},
		"fails":            {about: about, objects: `{{ fail "no" }}`, at: "chart.source", summary: "The chart cannot be installed like this"},
		"not known so far": {about: about, objects: config, unknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chart, err := helm.LoadFS(fstest.MapFS{
				"Chart.yaml": {Data: []byte(c.about)}, "values.yaml": {Data: []byte("preshared: {secret: x}\n")}, "templates/all.yaml": {Data: []byte(c.objects)},
			})
			if err != nil {
				t.Fatal(err)
			}
			of := onPrem()
			ofIBM(func(*tunnel) {})(&of)
			if c.unknown {
				of.unknown["remote.id"] = true
			}
			warnings, err := discovered(t).judge(t.Context(), of, c.now, chart)
			if got := strings.Join(warnings, "; "); !strings.Contains(got, c.warns) || (c.warns == "") != (got == "") {
				t.Errorf("warnings %q, want %q", got, c.warns)
			}
			var refusal *framework.Refusal
			switch {
			case c.at == "" && err == nil:
			case !errors.As(err, &refusal) || refusal.Problems[0].Path.String() != c.at || refusal.Problems[0].Summary != c.summary:
				t.Errorf("got %v", err)
			}
		})
	}
}
