package helm_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charts"
)

const (
	user     = "iamapikey"
	password = "a-key-that-nobody-may-see"
)

// serve publishes the chart of these tests in some versions.
func serve(t *testing.T, o charts.Options, versions ...string) *charts.Server {
	t.Helper()
	if len(versions) == 0 {
		versions = []string{"1.0.0", "1.1.0", "1.1.1+build.7", "2.0.0", "2.1.0-beta.1"}
	}
	var archives []charts.Archive
	for _, version := range versions {
		packed, err := charts.Pack(os.DirFS("testdata/app"), version)
		if err != nil {
			t.Fatal(err)
		}
		archives = append(archives, packed)
	}
	s := charts.Start(o, archives...)
	t.Cleanup(s.Close)
	return s
}

// doors are the two ways to the same charts.
func doors(s *charts.Server) map[string]helm.Source {
	return map[string]helm.Source{
		"repository":         {Repository: s.Repository(), Chart: "app"},
		"registry":           {Repository: s.Registry(), Chart: "app"},
		"registry reference": {Chart: s.Registry() + "/app"},
	}
}

func TestLoadVersions(t *testing.T) {
	t.Parallel()
	s := serve(t, charts.Options{})
	for door, source := range doors(s) {
		for wanted, got := range map[string]string{
			"": "2.0.0", "1.0.0": "1.0.0", "~1.1": "1.1.1+build.7", "<2": "1.1.1+build.7", "1.1.1+build.7": "1.1.1+build.7", "2.1.0-beta.1": "2.1.0-beta.1", "1.x": "1.1.1+build.7",
		} {
			t.Run(door+" "+wanted, func(t *testing.T) {
				t.Parallel()
				source := source
				source.Version = wanted
				chart, err := helm.Load(t.Context(), s.Client(), source)
				if err != nil {
					t.Fatal(err)
				}
				if chart.Name() != "app" || chart.Version() != got || chart.AppVersion() != "7" || chart.Values()["greeting"] != "hello" {
					t.Errorf("got %s %s", chart.Name(), chart.Version())
				}
			})
		}
	}
}

func TestLoadTagged(t *testing.T) {
	t.Parallel()
	s := serve(t, charts.Options{})
	chart, err := helm.Load(t.Context(), s.Client(), helm.Source{Chart: s.Registry() + "/app:1.1.1_build.7"})
	if err != nil || chart.Version() != "1.1.1+build.7" {
		t.Errorf("got %v, %v", chart, err)
	}
	chart, err = helm.Load(t.Context(), s.Client(), helm.Source{Chart: s.Repository() + "/app-1.0.0.tgz"})
	if err != nil || chart.Version() != "1.0.0" {
		t.Errorf("got %v, %v", chart, err)
	}
}

func TestLoadFromDisk(t *testing.T) {
	t.Parallel()
	packed, err := charts.Pack(os.DirFS("testdata/app"), "")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "app.tgz")
	if err := os.WriteFile(file, packed.Data, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"testdata/app", file} {
		chart, err := helm.Load(t.Context(), nil, helm.Source{Chart: path, Version: "~1.0"})
		if err != nil || chart.Version() != "1.0.0" {
			t.Errorf("%s: %v, %v", path, chart, err)
		}
		if _, err := helm.Load(t.Context(), nil, helm.Source{Chart: path, Version: "2"}); !errors.Is(err, helm.ErrVersionNotFound) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := helm.Load(t.Context(), nil, helm.Source{Chart: "testdata/none"}); !errors.Is(err, helm.ErrChartNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := helm.Load(t.Context(), nil, helm.Source{Chart: "load_test.go"}); !errors.Is(err, helm.ErrBadChart) {
		t.Errorf("got %v", err)
	}
}

func TestLoadFailures(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		change   func(*helm.Source)
		fault    charts.Fault
		want     error
		text     string
		versions []string
		only     string
	}{
		"no such chart": {
			change: func(s *helm.Source) {
				s.Chart = strings.Replace(s.Chart, "app", "apq", 1)
			},
			want: helm.ErrChartNotFound,
		},
		"no such version": {
			change: func(s *helm.Source) { s.Version = "1.0.9" }, want: helm.ErrVersionNotFound,
			versions: []string{"2.1.0-beta.1", "2.0.0", "1.1.1+build.7", "1.1.0", "1.0.0"},
		},
		"no such range":   {change: func(s *helm.Source) { s.Version = ">3" }, want: helm.ErrVersionNotFound, text: "it has 2.1.0-beta.1, 2.0.0"},
		"no version":      {change: func(s *helm.Source) { s.Version = "newest" }, want: helm.ErrVersionNotFound, text: "neither a version nor a constraint"},
		"broken off":      {fault: charts.Fault{Truncate: true}, want: helm.ErrBadChart},
		"archive broken":  {fault: charts.Fault{Suffix: ".tgz", Truncate: true}, want: helm.ErrBadChart, only: "repository", text: "broke off in the middle of app-2.0.0.tgz"},
		"archive corrupt": {fault: charts.Fault{Suffix: ".tgz", Corrupt: true}, want: helm.ErrBadChart, only: "repository", text: "another digest than the index promises"},
		"archive gone":    {fault: charts.Fault{Suffix: ".tgz", Status: http.StatusNotFound}, want: helm.ErrChartNotFound, only: "repository"},
		"server error":    {fault: charts.Fault{Status: http.StatusBadGateway}, want: helm.ErrUnreachable, text: "502 Bad Gateway"},
		"forbidden":       {fault: charts.Fault{Status: http.StatusForbidden}, want: helm.ErrUnauthorized},
		"reset":           {fault: charts.Fault{Reset: true}, want: helm.ErrUnreachable},
	}
	for name, c := range cases {
		s := serve(t, charts.Options{})
		if c.fault != (charts.Fault{}) {
			s.Fail(c.fault)
		}
		for door, source := range doors(s) {
			if c.only != "" && c.only != door {
				continue
			}
			if c.change != nil {
				c.change(&source)
			}
			t.Run(name+" "+door, func(t *testing.T) {
				t.Parallel()
				_, err := helm.Load(t.Context(), s.Client(), source)
				var failed *helm.SourceError
				if !errors.As(err, &failed) || c.want != nil && !errors.Is(err, c.want) {
					t.Fatalf("got %v", err)
				}
				if !strings.Contains(err.Error(), c.text) {
					t.Errorf("got %v", err)
				}
				if c.versions != nil && !slices.Equal(failed.Versions, c.versions) {
					t.Errorf("versions %q", failed.Versions)
				}
			})
		}
	}
}

// TestLoadDamagedBlob has a registry give something else than its manifest promises.
func TestLoadDamagedBlob(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]charts.Fault{"corrupt": {Corrupt: true}, "truncated": {Truncate: true}} {
		s := serve(t, charts.Options{}, "1.0.0")
		source := helm.Source{Repository: s.Registry(), Chart: "app", Version: "1.0.0"}
		if _, err := helm.Load(t.Context(), s.Client(), source); err != nil {
			t.Fatal(err)
		}
		requests := s.Requests()
		fault.Suffix = requests[len(requests)-1].Path
		if !strings.Contains(fault.Suffix, "/blobs/") {
			t.Fatalf("the last request was for %s", fault.Suffix)
		}
		s.Fail(fault)
		if _, err := helm.Load(t.Context(), s.Client(), source); !errors.Is(err, helm.ErrBadChart) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestLoadCredentials(t *testing.T) {
	t.Parallel()
	for _, tokens := range []bool{false, true} {
		s := serve(t, charts.Options{Username: user, Password: password, Tokens: tokens}, "1.0.0")
		for door, source := range doors(s) {
			for name, c := range map[string]struct {
				user, password string
				want           error
			}{
				"right": {user, password, nil},
				"wrong": {user, "wrong-" + password, helm.ErrUnauthorized},
				"none":  {"", "", helm.ErrUnauthorized},
			} {
				t.Run(fmt.Sprintf("tokens %t %s %s", tokens, door, name), func(t *testing.T) {
					t.Parallel()
					source := source
					source.Username, source.Password = c.user, c.password
					_, err := helm.Load(t.Context(), s.Client(), source)
					if c.want == nil && err != nil || !errors.Is(err, c.want) {
						t.Fatalf("got %v", err)
					}
					text := fmt.Sprintf("%v %+v %#v %s %q", source, source, source, source, source)
					if err != nil {
						text += err.Error()
					}
					if strings.Contains(text, password) {
						t.Errorf("the password is shown: %s", text)
					}
				})
			}
		}
	}
}

// TestLoadAnonymously has a registry that wants a token of everybody and gives one to everybody.
func TestLoadAnonymously(t *testing.T) {
	t.Parallel()
	s := serve(t, charts.Options{Tokens: true}, "1.0.0")
	if _, err := helm.Load(t.Context(), s.Client(), helm.Source{Repository: s.Registry(), Chart: "app"}); err != nil {
		t.Fatal(err)
	}
	last := s.Requests()
	if got := last[len(last)-1]; got.User != "token" || got.Status != http.StatusOK {
		t.Errorf("got %+v", got)
	}
}

// TestLoadElsewhere sees that credentials do not follow an index to another host.
func TestLoadElsewhere(t *testing.T) {
	t.Parallel()
	other := serve(t, charts.Options{}, "1.0.0")
	index := fmt.Sprintf("entries: {app: [{version: 1.0.0, urls: [%s/app-1.0.0.tgz]}]}", other.Repository())
	first := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, _, _ := r.BasicAuth(); name != user {
			t.Errorf("user %q", name)
		}
		_, _ = w.Write([]byte(index))
	}))
	t.Cleanup(first.Close)
	source := helm.Source{Repository: first.URL, Chart: "app", Username: user, Password: password}
	if _, err := helm.Load(t.Context(), trusting(first.Certificate(), other.Certificate()), source); err != nil {
		t.Fatal(err)
	}
	for _, request := range other.Requests() {
		if request.User != "" {
			t.Errorf("%s was sent credentials", request.Path)
		}
	}
}

// TestLoadFromRegistryElsewhere sees that they do not follow it to another registry either, which says that it wants
// some: that is asked with its own.
func TestLoadFromRegistryElsewhere(t *testing.T) {
	t.Parallel()
	for _, tokens := range []bool{false, true} {
		other := serve(t, charts.Options{Username: user, Password: password, Tokens: tokens}, "1.0.0")
		index := fmt.Sprintf("entries: {app: [{version: 1.0.0, urls: [%s/app:1.0.0]}]}", other.Registry())
		first := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(index))
		}))
		t.Cleanup(first.Close)
		loader := helm.Loader{Client: trusting(first.Certificate(), other.Certificate()), Logins: []helm.Login{
			{Credentials: credentials(password)}, {Prefix: first.URL, Credentials: credentials(password)},
		}}
		source := helm.Source{Repository: first.URL, Chart: "app"}
		_, err := loader.Load(t.Context(), source)
		if host := strings.Split(other.Registry(), "/")[2]; !errors.Is(err, helm.ErrUnauthorized) || !strings.Contains(err.Error(), host) {
			t.Errorf("got %v", err)
		}
		for _, request := range other.Requests() {
			if request.User != "" {
				t.Errorf("%s was sent credentials", request.Path)
			}
		}
		loader.Logins = append(loader.Logins, helm.Login{Prefix: other.Registry(), Credentials: credentials(password)})
		if _, err := loader.Load(t.Context(), source); err != nil {
			t.Errorf("with a login for the registry: %v", err)
		}
	}
}

func TestLoadCancelled(t *testing.T) {
	t.Parallel()
	s := serve(t, charts.Options{}, "1.0.0")
	s.Fail(charts.Fault{Delay: 1 << 40})
	for door, source := range doors(s) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := helm.Load(ctx, s.Client(), source); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: got %v", door, err)
		}
	}
}

// TestLoadProxy goes by the environment's proxy, which sees the names that are connected to. The environment is read
// once in a process, so it is another one.
func TestLoadProxy(t *testing.T) {
	t.Parallel()
	const inside = "HELM_TEST_BEHIND_PROXY"
	if os.Getenv(inside) != "" {
		for _, source := range []helm.Source{
			{Repository: "https://charts.example.com/stable", Chart: "app"},
			{Repository: "oci://registry.example.com/charts", Chart: "app"},
		} {
			_, err := helm.Load(t.Context(), nil, source)
			if !errors.Is(err, helm.ErrUnreachable) || !strings.Contains(err.Error(), "I'm a teapot") {
				t.Errorf("%s: got %v", source, err)
			}
		}
		return
	}
	var mu sync.Mutex
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		asked = append(asked, r.Method+" "+r.Host)
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(proxy.Close)
	again := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLoadProxy$", "-test.v")
	again.Env = append(os.Environ(), inside+"=1", "HTTPS_PROXY="+proxy.URL, "NO_PROXY=")
	if out, err := again.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	mu.Lock()
	defer mu.Unlock()
	same(t, "asked of the proxy", asked, []string{"CONNECT charts.example.com:443", "CONNECT registry.example.com:443"})
}

func trusting(certificates ...*x509.Certificate) *http.Client {
	pool := x509.NewCertPool()
	for _, certificate := range certificates {
		pool.AddCert(certificate)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}}
}
