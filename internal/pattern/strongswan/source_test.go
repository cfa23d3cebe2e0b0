package strongswan

import (
	"errors"
	"net/http"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charts"
)

// TestChartVersions tells which version of which chart is asked for, without a release and with one.
func TestChartVersions(t *testing.T) {
	t.Parallel()
	release := func(version string) *helm.Release {
		return &helm.Release{ChartVersion: version, Values: map[string]any{"preshared": map[string]any{"secret": "x"}}}
	}
	builtin := &helm.Release{ChartVersion: "1.0.0", Values: map[string]any{builtinKeyValue: map[string]any{"version": "1"}}}
	for name, c := range map[string]struct {
		source, version string
		now             *helm.Release
		want            helm.Source
	}{
		"IBM's":                       {source: sourceIBM, want: helm.Source{Repository: "https://icr.io/helm/iks-charts", Chart: "strongswan", Version: "2.10.7"}},
		"IBM's, an older release":     {source: sourceIBM, now: release("2.10.6"), want: helm.Source{Repository: ibmRepository, Chart: "strongswan", Version: "2.10.7"}},
		"IBM's, another one":          {source: sourceIBM, version: "2.10.6", want: helm.Source{Repository: ibmRepository, Chart: "strongswan", Version: "2.10.6"}},
		"repository":                  {source: "https://a/b", want: helm.Source{Repository: "https://a/b", Chart: "strongswan"}},
		"repository, with a release":  {source: "https://a/b", now: release("2.10.6"), want: helm.Source{Repository: "https://a/b", Chart: "strongswan", Version: "2.10.6"}},
		"repository, after builtin":   {source: "https://a/b", now: builtin, want: helm.Source{Repository: "https://a/b", Chart: "strongswan"}},
		"constraint":                  {source: "https://a/b", version: "~2.10", now: release("2.10.6"), want: helm.Source{Repository: "https://a/b", Chart: "strongswan", Version: "2.10.6"}},
		"constraint that has moved":   {source: "https://a/b", version: "~2.11", now: release("2.10.6"), want: helm.Source{Repository: "https://a/b", Chart: "strongswan", Version: "~2.11"}},
		"registry":                    {source: "oci://a/b", now: release("2.10.6"), want: helm.Source{Chart: "oci://a/b", Version: "2.10.6"}},
		"tag":                         {source: "oci://a/b:2.10.7", now: release("2.10.6"), want: helm.Source{Chart: "oci://a/b:2.10.7"}},
		"digest":                      {source: "oci://a/b@sha256:0", now: release("2.10.6"), want: helm.Source{Chart: "oci://a/b@sha256:0"}},
		"port of a registry":          {source: "oci://a:5000/b", now: release("2.10.6"), want: helm.Source{Chart: "oci://a:5000/b", Version: "2.10.6"}},
		"archive":                     {source: "https://a/b-2.10.7.tgz", now: release("2.10.6"), want: helm.Source{Chart: "https://a/b-2.10.7.tgz"}},
		"archive of a wanted version": {source: "https://a/b.tgz", version: "2.10.7", want: helm.Source{Chart: "https://a/b.tgz", Version: "2.10.7"}},
		"path":                        {source: "./charts", now: release("2.10.6"), want: helm.Source{Chart: "./charts"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := (tunnel{source: c.source, version: c.version}).chartSource(c.now); got != c.want {
				t.Errorf("got %+q, want %+q", []string{got.Repository, got.Chart, got.Version}, []string{c.want.Repository, c.want.Chart, c.want.Version})
			}
		})
	}
}

// TestChartsThatCannotBeHad tells at which attribute it is said.
func TestChartsThatCannotBeHad(t *testing.T) {
	t.Parallel()
	versions, err := charts.StrongSwanVersions()
	if err != nil {
		t.Fatal(err)
	}
	open, locked := charts.Start(charts.Options{}, versions...), charts.Start(charts.Options{Username: "a", Password: "b"}, versions...)
	t.Cleanup(open.Close)
	t.Cleanup(locked.Close)
	gone := charts.Start(charts.Options{})
	gone.Close()
	trust := http.Client{Transport: open.Client().Transport}
	for name, c := range map[string]struct {
		source, version string
		client          *http.Client
		at, summary     string
	}{
		"there":        {source: open.Repository(), client: &trust},
		"no version":   {source: open.Repository(), version: "2.10.8", client: &trust, at: "chart.version", summary: "There is no such version of the chart"},
		"no chart":     {source: open.Registry() + "/strongswann", client: &trust, at: "chart.source", summary: "There is no such chart"},
		"another one":  {source: "../../helm/testdata/app", at: "chart.source", summary: "The chart is another one"},
		"builtin":      {source: "chart", at: "chart.source", summary: "The chart is a copy of the builtin one"},
		"no chart yet": {source: "source_test.go", at: "chart.source", summary: "The chart cannot be used"},
		"unauthorized": {source: locked.Repository(), client: locked.Client(), at: "chart.source", summary: "The chart's repository wants other credentials"},
		"unreachable":  {source: gone.Repository(), client: &trust, at: "chart.source", summary: "The chart's repository cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chart, err := tunnel{source: c.source, version: c.version}.loadChart(t.Context(), helm.Loader{Client: c.client}, nil)
			if c.at == "" {
				if err != nil || chart.Version() != "2.10.7" {
					t.Errorf("got %v, %v", chart, err)
				}
				return
			}
			var refusal *framework.Refusal
			if !errors.As(err, &refusal) || refusal.Problems[0].Path.String() != c.at || refusal.Problems[0].Summary != c.summary {
				t.Errorf("got %v", err)
			}
		})
	}
}
