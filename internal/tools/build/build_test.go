package build

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/modfile"
)

// fixture is a Builder whose module etcd is a small program of its own: the
// real one takes half a minute to build.
func fixture(t *testing.T, progress io.Writer) *Builder {
	t.Helper()
	source := t.TempDir()
	folder := filepath.Join(source, "etcd")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		// Nothing imports what is required, so nothing is downloaded.
		"go.mod":  "module example.com/etcd\n\ngo 1.26.0\n\nrequire go.etcd.io/etcd/server/v3 v3.7.3\n",
		"go.sum":  "",
		"main.go": "package main\n\nfunc main() {}\n",
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return &Builder{Source: source, Cache: filepath.Join(t.TempDir(), "bin"), Progress: progress, Interval: time.Hour}
}

func change(t *testing.T, b *Builder, file, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.Source, "etcd", file), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestPathBuildsOnce(t *testing.T) {
	t.Parallel()
	var progress bytes.Buffer
	b := fixture(t, &progress)
	var wg sync.WaitGroup
	paths := make([]string, 4)
	for i := range paths {
		wg.Go(func() {
			path, err := b.Path(t.Context(), "etcd")
			if err != nil {
				t.Error(err)
			}
			paths[i] = path
		})
	}
	wg.Wait()
	if paths = slices.Compact(paths); len(paths) != 1 {
		t.Fatalf("paths are %v", paths)
	}
	if info, err := os.Stat(paths[0]); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("program is %v, %v", info, err)
	}
	if built := strings.Count(progress.String(), "building etcd: done"); built != 1 {
		t.Errorf("built %d times:\n%s", built, progress.String())
	}

	change(t, b, "main.go", "package main\n\nfunc main() { println() }\n")
	other, err := b.Path(t.Context(), "etcd")
	if err != nil || other == paths[0] {
		t.Errorf("after a change: %s, %v", other, err)
	}
	if _, err := os.Stat(paths[0]); err != nil {
		t.Errorf("the build before, which others may use: %v", err)
	}
}

// TestOneModuleAtOnce sees that what is missing of a module is built by one call,
// and that each program comes to its own place.
func TestOneModuleAtOnce(t *testing.T) {
	t.Parallel()
	var progress bytes.Buffer
	b := fixture(t, &progress)
	folder := filepath.Join(b.Source, "kubernetes")
	files := map[string]string{
		"go.mod":        "module example.com/kubernetes\n\ngo 1.26.0\n\nrequire k8s.io/kubernetes v1.37.2\n\nreplace k8s.io/kubernetes => ./source\n",
		"go.sum":        "",
		"source/go.mod": "module k8s.io/kubernetes\n\ngo 1.26.0\n",
	}
	programs := []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler"}
	for _, name := range programs {
		files["source/cmd/"+name+"/main.go"] = "package main\n\nfunc main() { print(\"I am " + name + "\") }\n"
	}
	for name, content := range files {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Path(t.Context(), programs[1]); err != nil {
		t.Fatal(err)
	}
	if err := b.Ensure(t.Context(), append(programs, "etcd")...); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"building kube-controller-manager: done", "building kube-apiserver, kube-scheduler: done", "building etcd: done",
	} {
		if strings.Count(progress.String(), line) != 1 {
			t.Errorf("%q is not there once:\n%s", line, progress.String())
		}
	}
	for _, name := range programs {
		path, err := b.Path(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		said, err := exec.CommandContext(t.Context(), path).CombinedOutput()
		if err != nil || string(said) != "I am "+name {
			t.Errorf("%s says %q, %v", path, said, err)
		}
	}
	if left, err := filepath.Glob(filepath.Join(b.Cache, "*.partial")); err != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestOldBuildsGo(t *testing.T) {
	t.Parallel()
	b := fixture(t, io.Discard)
	old, fresh, foreign := "etcd-0123456789ab", "etcd-ba9876543210", "etcd-tools-0123456789ab"
	longAgo := time.Now().Add(-2 * keep)
	for name, used := range map[string]time.Time{old: longAgo, fresh: time.Now(), foreign: longAgo} {
		folder := filepath.Join(b.Cache, name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(folder, used, used); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Path(t.Context(), "etcd"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{old: false, fresh: true, foreign: true} {
		_, err := os.Stat(filepath.Join(b.Cache, name))
		if there := err == nil; there != want {
			t.Errorf("%s is there: %t, want %t", name, there, want)
		}
	}
}

func TestFailureLeavesNothing(t *testing.T) {
	t.Parallel()
	b := fixture(t, io.Discard)
	change(t, b, "main.go", "package main\n\nfunc main() { nonsense }\n")
	_, err := b.Path(t.Context(), "etcd")
	if err == nil || !strings.Contains(err.Error(), "undefined: nonsense") || !strings.Contains(err.Error(), "etcd v3.7.3") {
		t.Errorf("error is %v", err)
	}
	left, globErr := filepath.Glob(filepath.Join(b.Cache, "etcd*"))
	if globErr != nil || len(left) != 0 {
		t.Errorf("left: %v, %v", left, globErr)
	}
}

func TestWaitingCanBeGivenUp(t *testing.T) {
	t.Parallel()
	var progress bytes.Buffer
	b := fixture(t, &progress)
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock, err := b.lock(t.Context(), "etcd")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := b.Path(ctx, "etcd"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v", err)
	}
	if !strings.Contains(progress.String(), "waiting for etcd (another process builds it)") {
		t.Errorf("progress is %s", progress.String())
	}
	unlock()
	if _, err := b.Path(t.Context(), "etcd"); err != nil {
		t.Errorf("after the other build: %v", err)
	}
}

func TestSelect(t *testing.T) {
	t.Parallel()
	names := func(programs []Program) string {
		var all []string
		for _, p := range programs {
			all = append(all, p.Name)
		}
		return strings.Join(all, " ")
	}
	const (
		cluster   = "kube-apiserver kube-controller-manager kube-scheduler calico-files calico-apiserver etcd kwok"
		developer = "golangci-lint tfplugindocs gotestsum"
	)
	cases := map[string]struct {
		names []string
		want  string
		wrong string
	}{
		"one":               {names: []string{"kwok"}, want: "kwok"},
		"each once":         {names: []string{"kwok", "kwok", GroupCluster}, want: cluster},
		"cluster":           {names: []string{GroupCluster}, want: cluster},
		"developer":         {names: []string{GroupDeveloper}, want: developer},
		"packets":           {names: []string{GroupPackets}, want: "kube-proxy calico-felix coredns"},
		"tests":             {names: []string{GroupTests}, want: "calicoctl"},
		"all":               {names: []string{GroupAll}, want: strings.Replace(cluster, " etcd", " calicoctl etcd", 1) + " " + developer + " tofu"},
		"unknown":           {names: []string{"kwok", "kwik"}, wrong: "no such program: kwik (known: all, "},
		"group and program": {names: []string{"goreleaser-config", GroupPackets}, want: "kube-proxy calico-felix coredns goreleaser-config"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			selected, err := Select(c.names...)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("error is %v", err)
				}
				return
			}
			if got := names(selected); err != nil || got != c.want {
				t.Errorf("selected %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// TestModules sees that each program's module is there and names a version.
func TestModules(t *testing.T) {
	t.Parallel()
	b, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	places := map[string]string{}
	for _, p := range Programs() {
		path, _, err := b.Built(p)
		if err != nil {
			t.Error(err)
		}
		if other, taken := places[path]; taken {
			t.Errorf("%s and %s have one place", p.Name, other)
		}
		places[path] = p.Name
		if !strings.HasPrefix(path, b.Cache) {
			t.Errorf("%s lies in %s", p.Name, path)
		}
	}
	if _, err := b.Path(t.Context(), GroupPackets); err == nil {
		t.Error("a group has a path")
	}
}

func TestLinkerFlags(t *testing.T) {
	t.Parallel()
	selected, err := Select("kube-apiserver")
	if err != nil {
		t.Fatal(err)
	}
	flags := selected[0].ldflags("v1.37.2")
	for _, want := range []string{"-s -w ", "component-base/version.gitVersion=v1.37.2 ", "component-base/version.gitMajor=1 ", "component-base/version.gitMinor=37 "} {
		if !strings.Contains(flags, want) {
			t.Errorf("%q is not in %s", want, flags)
		}
	}
}

func TestEnvironmentKeepsTheOutsideOut(t *testing.T) {
	t.Parallel()
	got := environment([]string{
		"PATH=/bin", "GOFLAGS=-mod=mod -race", "GOWORK=/x/go.work", "CGO_ENABLED=1", "GOOS=plan9",
		"GOEXPERIMENT=x", "GODEBUG=y", "GOPROXY=https://proxy.example.com",
	})
	for _, want := range []string{"PATH=/bin", "GOWORK=off", "CGO_ENABLED=0", "GOPROXY=https://proxy.example.com"} {
		if !slices.Contains(got, want) {
			t.Errorf("%s is not in %v", want, got)
		}
	}
	const flags = "GOFLAGS=-mod=readonly -gcflags=all=-dwarf=false '-gcflags=github.com/aws/...=-dwarf=false -l' "
	if !slices.ContainsFunc(got, func(entry string) bool { return strings.HasPrefix(entry, flags) }) {
		t.Errorf("%s is not in %v", flags, got)
	}
	for _, entry := range got {
		for _, unwanted := range []string{"race", "go.work", "=1", "plan9", "GOEXPERIMENT", "GODEBUG"} {
			if strings.Contains(entry, unwanted) {
				t.Errorf("%s is left", entry)
			}
		}
	}
}

func TestCacheFolder(t *testing.T) {
	cases := map[string]struct{ localiks, xdg, home, want string }{
		"own":  {localiks: "/own", xdg: "/xdg", home: "/home/me", want: "/own/terraform-provider-iks/bin"},
		"xdg":  {xdg: "/xdg", home: "/home/me", want: "/xdg/terraform-provider-iks/bin"},
		"home": {home: "/home/me", want: "/home/me/.cache/terraform-provider-iks/bin"},
		"none": {},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv("LOCALIKS_CACHE", c.localiks)
			t.Setenv("XDG_CACHE_HOME", c.xdg)
			t.Setenv("HOME", c.home)
			got, err := cacheFolder()
			if got != c.want || (err == nil) != (c.want != "") {
				t.Errorf("folder is %q, %v; want %q", got, err, c.want)
			}
		})
	}
}

func TestCopyFiles(t *testing.T) {
	t.Parallel()
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "to")
	for _, name := range []string{"a.yaml", "b.yaml", "c.txt"} {
		if err := os.WriteFile(filepath.Join(from, name), []byte(name), 0o444); err != nil {
			t.Fatal(err)
		}
	}
	if err := copyFiles(filepath.Join(from, "*.yaml"), to); err != nil {
		t.Fatal(err)
	}
	copies, err := filepath.Glob(filepath.Join(to, "*"))
	if err != nil || len(copies) != 2 {
		t.Errorf("copies are %v, %v", copies, err)
	}
	if err := copyFiles(filepath.Join(from, "*.json"), to); err == nil {
		t.Error("no files, no error")
	}
}

// The programs whose versions of what they share with the provider are of no
// matter have the provider's, so that Kubernetes' client libraries, which take
// longer than the programs themselves, are compiled once for all.
func TestSharedVersions(t *testing.T) {
	t.Parallel()
	source, err := sourceFolder()
	if err != nil {
		t.Fatal(err)
	}
	requires := func(folder string) map[string]string {
		t.Helper()
		file := filepath.Join(folder, "go.mod")
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := modfile.Parse(file, content, nil)
		if err != nil {
			t.Fatal(err)
		}
		versions := map[string]string{}
		for _, r := range parsed.Require {
			versions[r.Mod.Path] = r.Mod.Version
		}
		return versions
	}
	provider := requires(filepath.Join(source, "..", ".."))
	everything := []string{""}
	// OpenTofu keeps what its language is made of.
	kubernetes := []string{"k8s.io/", "sigs.k8s.io/", "golang.org/x/", "google.golang.org/", "github.com/google/gnostic-models", "github.com/go-logr/", "go.yaml.in/"}
	for folder, prefixes := range map[string][]string{"kwok": everything, "coredns": everything, "helm": everything, "opentofu": kubernetes} {
		for path, version := range requires(filepath.Join(source, folder)) {
			held := slices.ContainsFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
			if want, shared := provider[path]; shared && held && version != want {
				t.Errorf("internal/tools/%s has %s %s, the provider %s; set it with go get", folder, path, version, want)
			}
		}
	}
}
