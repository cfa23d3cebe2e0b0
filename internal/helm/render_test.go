package helm_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// files makes a chart of texts, with a Chart.yaml if there is none among them.
func files(t *testing.T, texts map[string]string) *helm.Chart {
	t.Helper()
	tree := fstest.MapFS{"Chart.yaml": {Data: []byte("apiVersion: v2\nname: app\nversion: 1.0.0\n")}}
	for name, text := range texts {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	chart, err := helm.LoadFS(tree)
	if err != nil {
		t.Fatal(err)
	}
	return chart
}

const aMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"

func TestRender(t *testing.T) {
	t.Parallel()
	caps := helm.Capabilities{KubernetesVersion: "v1.33.4+IKS", APIVersions: []string{"v1", "crd.projectcalico.org/v1"}}
	for name, c := range map[string]struct {
		texts  map[string]string
		values map[string]any
		post   helm.PostRender
		// has are parts of the manifest, in this order; wrong is a part of the error.
		has   []string
		wrong string
	}{
		"capabilities": {
			texts: map[string]string{"templates/a.yaml": aMap + `data: {calico: '{{ .Capabilities.APIVersions.Has "crd.projectcalico.org/v1" }}', other: '{{ .Capabilities.APIVersions.Has "apps/v1" }}', version: '{{ .Capabilities.KubeVersion.GitVersion }}', minor: '{{ .Capabilities.KubeVersion.Minor }}'}`},
			has:   []string{"calico: 'true'", "other: 'false'", "version: 'v1.33.4+IKS'", "minor: '33'"},
		},
		"nothing is looked up or resolved": {
			texts: map[string]string{"templates/a.yaml": aMap + `data: {found: '{{ lookup "v1" "Secret" "a" "b" }}', host: '{{ getHostByName "localhost" }}'}`},
			has:   []string{"found: 'map[]'", "host: ''"},
		},
		"order of kinds": {
			texts: map[string]string{"templates/a.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\n---\n" + aMap + "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n"},
			has:   []string{"kind: Namespace", "kind: ConfigMap", "kind: Deployment"},
		},
		"values over defaults": {
			texts:  map[string]string{"values.yaml": "a: {b: 1, c: 2}\nd: {}\ne: text", "templates/a.yaml": aMap + `data: {all: '{{ .Values.a.b }} {{ .Values.a.c }} {{ .Values.d }} {{ .Values.e.f }}'}`},
			values: map[string]any{"a": map[string]any{"b": 3}, "d": "text over table", "e": map[string]any{"f": "table over text"}},
			has:    []string{"all: '3 2 text over table table over text'"},
		},
		"a value of null takes the default away": {
			texts:  map[string]string{"values.yaml": "a: 1", "templates/a.yaml": aMap + `data: {all: '{{ hasKey .Values "a" }}'}`},
			values: map[string]any{"a": nil},
			has:    []string{"all: 'false'"},
		},
		"post-renderer": {
			texts: map[string]string{"templates/a.yaml": aMap},
			post: func(manifest []byte) ([]byte, error) {
				return append(manifest, []byte("---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n")...), nil
			},
			has: []string{"kind: Secret", "kind: ConfigMap"},
		},
		"post-renderer that refuses": {
			texts: map[string]string{"templates/a.yaml": aMap},
			post:  func([]byte) ([]byte, error) { return nil, errors.New("not this chart") },
			wrong: "chart app 1.0.0: not this chart",
		},
		"version of the cluster": {
			texts: map[string]string{"Chart.yaml": "apiVersion: v2\nname: app\nversion: 1.0.0\nkubeVersion: '>=1.40'\n", "templates/a.yaml": aMap},
			wrong: "it wants Kubernetes >=1.40 and the cluster has v1.33.4+IKS",
		},
		"template that fails": {
			texts: map[string]string{"templates/a.yaml": `{{ fail "no such thing" }}`}, wrong: "no such thing",
		},
		"template that does not parse": {texts: map[string]string{"templates/a.yaml": "{{ if }}"}, wrong: "cannot be rendered"},
		"schema": {
			texts:  map[string]string{"templates/a.yaml": aMap, "values.schema.json": `{"properties":{"a":{"type":"integer"}}}`},
			values: map[string]any{"a": "text"}, wrong: "/a",
		},
		"values that are none": {texts: map[string]string{"templates/a.yaml": aMap}, values: map[string]any{"a": func() {}}, wrong: "not what YAML can say"},
		"subcharts": {
			texts: map[string]string{
				"Chart.yaml":                  "apiVersion: v2\nname: app\nversion: 1.0.0\ndependencies:\n- {name: near, version: 1.0.0, condition: near.enabled}\n- {name: far, version: 1.0.0, condition: far.enabled}\n",
				"values.yaml":                 "near: {enabled: true}\nfar: {enabled: false}",
				"charts/near/Chart.yaml":      "apiVersion: v2\nname: near\nversion: 1.0.0\n",
				"charts/near/values.yaml":     "table: {}",
				"charts/near/templates/a.yml": aMap + "data: {near: '{{ .Values.table }}'}",
				"charts/far/Chart.yaml":       "apiVersion: v2\nname: far\nversion: 1.0.0\n",
				"charts/far/templates/a.ym":   aMap + "data: {far: yes}",
			},
			values: map[string]any{"near": map[string]any{"table": "from above"}},
			has:    []string{"near: 'from above'"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chart := files(t, c.texts)
			for range 2 { // rendering changes neither the chart nor the values
				got, err := helm.Render(t.Context(), chart, helm.RenderOptions{
					Namespace: "ns", Name: "r", Values: c.values, Capabilities: caps, PostRender: c.post,
				})
				if c.wrong != "" {
					if err == nil || !strings.Contains(err.Error(), c.wrong) {
						t.Fatalf("got %v", err)
					}
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				rest := got.Manifest
				for _, part := range c.has {
					_, after, found := strings.Cut(rest, part)
					if !found {
						t.Fatalf("%q is not there, or not in its place:\n%s", part, got.Manifest)
					}
					rest = after
				}
				if strings.Contains(got.Manifest, "far: yes") {
					t.Error("a subchart that is off was rendered")
				}
			}
		})
	}
}

func TestRenderParts(t *testing.T) {
	t.Parallel()
	chart := files(t, map[string]string{
		"templates/a.yaml":    aMap + "data: {upgrade: '{{ .Release.IsUpgrade }}', revision: '{{ .Release.Revision }}'}",
		"templates/hook.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: h, annotations: {helm.sh/hook: test}}\n",
		"templates/NOTES.txt": "{{ .Release.Name }} in {{ .Release.Namespace }}",
		"templates/_part.tpl": "nothing",
	})
	values := map[string]any{"list": []string{"a"}, "number": 1}
	got, err := helm.Render(t.Context(), chart, helm.RenderOptions{Namespace: "ns", Name: "r", Revision: 3, Values: values})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Hooks) != 1 || !strings.Contains(got.Hooks[0], "kind: Pod") || strings.Contains(got.Manifest, "kind: Pod") {
		t.Errorf("hooks %q", got.Hooks)
	}
	if got.Notes != "r in ns" || !strings.Contains(got.Manifest, "upgrade: 'true', revision: '3'") || len(helm.Documents(got.Manifest)) != 1 {
		t.Errorf("got %+v", got)
	}
	if !reflect.DeepEqual(values, map[string]any{"list": []string{"a"}, "number": 1}) {
		t.Errorf("the values were changed: %v", values)
	}
	for _, name := range []string{"", "Upper", strings.Repeat("x", 54)} {
		if _, err := helm.Render(t.Context(), chart, helm.RenderOptions{Namespace: "ns", Name: name}); err == nil {
			t.Errorf("%q was taken for a name", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := helm.Render(ctx, chart, helm.RenderOptions{Namespace: "ns", Name: "r"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestLoadFS(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tree  fstest.MapFS
		wrong string
	}{
		"no chart": {fstest.MapFS{"a": {Data: []byte("b")}}, "Chart.yaml file is missing"},
		"library":  {fstest.MapFS{"Chart.yaml": {Data: []byte("apiVersion: v2\nname: l\nversion: 1.0.0\ntype: library\n")}}, "is of type library"},
		"no name":  {fstest.MapFS{"Chart.yaml": {Data: []byte("apiVersion: v2\nversion: 1.0.0\n")}}, "name"},
		"too large": {fstest.MapFS{
			"Chart.yaml": {Data: []byte("apiVersion: v2\nname: l\nversion: 1.0.0\n")}, "large": {Data: make([]byte, 21<<20)},
		}, "larger than 20 MiB"},
	} {
		if _, err := helm.LoadFS(c.tree); err == nil || !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	chart := files(t, map[string]string{".helmignore": "templates/b.yaml\nlarge\n", "large/file": strings.Repeat("x", 21<<20), "templates/a.yaml": aMap, "templates/b.yaml": "kind: B"})
	got, err := helm.Render(t.Context(), chart, helm.RenderOptions{Namespace: "ns", Name: "r"})
	if err != nil || strings.Contains(got.Manifest, "kind: B") {
		t.Errorf("got %s, %v", got.Manifest, err)
	}
}

func TestMarkChanged(t *testing.T) {
	t.Parallel()
	mark := helm.Mark{Revision: 3, Digest: "d"}
	for name, c := range map[string]struct {
		now  *helm.Release
		want []string
	}{
		"as it was":   {&helm.Release{Revision: 3, Digest: "d", Status: "deployed"}, nil},
		"gone":        {nil, []string{"the Helm release is gone"}},
		"upgraded":    {&helm.Release{Revision: 4, Digest: "e", Status: "deployed", Description: "Upgrade complete"}, []string{`the Helm release is at revision 4, which somebody else made, instead of 3 (deployed: "Upgrade complete")`}},
		"same again":  {&helm.Release{Revision: 4, Digest: "d", Status: "deployed"}, []string{`the Helm release is at revision 4, which somebody else made, instead of 3`}},
		"failed":      {&helm.Release{Revision: 3, Digest: "d", Status: "failed", Description: "Why"}, []string{`revision 3 of the Helm release is failed: "Why"`}},
		"made anew":   {&helm.Release{Revision: 3, Digest: "e", Status: "deployed"}, []string{`revision 3 of the Helm release is not the one that was made: the release was removed and made anew by somebody else`}},
		"uninstalled": {&helm.Release{Revision: 3, Digest: "d", Status: "uninstalled"}, []string{`revision 3 of the Helm release is uninstalled: ""`}},
	} {
		if got := mark.Changed(c.now); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q", name, got)
		}
	}
}
