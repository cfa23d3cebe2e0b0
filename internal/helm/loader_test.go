package helm_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charts"
)

func credentials(password string) func() (string, string, error) {
	return func() (string, string, error) { return user, password, nil }
}

// TestLogins tells which login is taken for which address: nothing is sent where none fits.
func TestLogins(t *testing.T) {
	t.Parallel()
	s := serve(t, charts.Options{Username: user, Password: password})
	right, wrong := credentials(password), credentials("another")
	for name, c := range map[string]struct {
		logins []helm.Login
		source helm.Source
		want   error
	}{
		"repository":       {logins: []helm.Login{{Prefix: s.Repository(), Credentials: right}}, source: helm.Source{Repository: s.Repository(), Chart: "app"}},
		"its host":         {logins: []helm.Login{{Prefix: strings.TrimSuffix(s.Repository(), "/charts") + "/", Credentials: right}}, source: helm.Source{Repository: s.Repository(), Chart: "app"}},
		"registry":         {logins: []helm.Login{{Prefix: s.Registry(), Credentials: right}}, source: helm.Source{Chart: s.Registry() + "/app"}},
		"tag":              {logins: []helm.Login{{Prefix: s.Registry() + "/app", Credentials: right}}, source: helm.Source{Chart: s.Registry() + "/app:1.0.0"}},
		"archive":          {logins: []helm.Login{{Prefix: s.Repository(), Credentials: right}}, source: helm.Source{Chart: s.Repository() + "/app-1.0.0.tgz"}},
		"longest":          {logins: []helm.Login{{Prefix: s.Repository(), Credentials: right}, {Prefix: strings.TrimSuffix(s.Repository(), "/charts"), Credentials: wrong}}, source: helm.Source{Repository: s.Repository(), Chart: "app"}},
		"source's own":     {logins: []helm.Login{{Prefix: s.Repository(), Credentials: wrong}}, source: helm.Source{Repository: s.Repository(), Chart: "app", Username: user, Password: password}},
		"every address":    {logins: []helm.Login{{Credentials: right}}, source: helm.Source{Repository: s.Repository(), Chart: "app"}},
		"a path has none":  {logins: []helm.Login{{Credentials: func() (string, string, error) { return "", "", errUnknown }}}, source: helm.Source{Chart: "testdata/app"}},
		"none":             {source: helm.Source{Repository: s.Repository(), Chart: "app"}, want: helm.ErrUnauthorized},
		"half of a name":   {logins: []helm.Login{{Prefix: strings.TrimSuffix(s.Repository(), "rts"), Credentials: right}}, source: helm.Source{Repository: s.Repository(), Chart: "app"}, want: helm.ErrUnauthorized},
		"another scheme":   {logins: []helm.Login{{Prefix: s.Registry(), Credentials: right}}, source: helm.Source{Repository: s.Repository(), Chart: "app"}, want: helm.ErrUnauthorized},
		"another host":     {logins: []helm.Login{{Prefix: "https://charts.example.com", Credentials: right}}, source: helm.Source{Repository: s.Repository(), Chart: "app"}, want: helm.ErrUnauthorized},
		"another port":     {logins: []helm.Login{{Prefix: "https://127.0.0.1/charts", Credentials: right}}, source: helm.Source{Repository: s.Repository(), Chart: "app"}, want: helm.ErrUnauthorized},
		"wrong password":   {logins: []helm.Login{{Prefix: s.Repository(), Credentials: wrong}}, source: helm.Source{Repository: s.Repository(), Chart: "app"}, want: helm.ErrUnauthorized},
		"not known so far": {logins: []helm.Login{{Prefix: s.Repository(), Credentials: func() (string, string, error) { return "", "", errUnknown }}}, source: helm.Source{Repository: s.Repository(), Chart: "app"}, want: errUnknown},
		"not asked for":    {logins: []helm.Login{{Prefix: "https://charts.example.com", Credentials: func() (string, string, error) { return "", "", errUnknown }}}, source: helm.Source{Chart: "testdata/app"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			chart, err := helm.Loader{Client: s.Client(), Logins: c.logins}.Load(t.Context(), c.source)
			if !errors.Is(err, c.want) || c.want == nil && chart.Name() != "app" {
				t.Errorf("got %v, want %v", err, c.want)
			}
			if err != nil && (strings.Contains(err.Error(), password) || strings.Contains(err.Error(), user)) {
				t.Errorf("the credentials are shown: %v", err)
			}
		})
	}
}

var errUnknown = errors.New("not known yet")

// TestVersionOfOneArchive sees that a reference which leads to one archive does not pass for another version.
func TestVersionOfOneArchive(t *testing.T) {
	t.Parallel()
	s := serve(t, charts.Options{})
	for _, chart := range []string{s.Registry() + "/app:1.0.0", s.Repository() + "/app-1.0.0.tgz"} {
		if _, err := helm.Load(t.Context(), s.Client(), helm.Source{Chart: chart, Version: "~1.0"}); err != nil {
			t.Error(err)
		}
		var wrong *helm.SourceError
		_, err := helm.Load(t.Context(), s.Client(), helm.Source{Chart: chart, Version: "2.0.0"})
		if !errors.As(err, &wrong) || !errors.Is(err, helm.ErrVersionNotFound) || !slices.Equal(wrong.Versions, []string{"1.0.0"}) {
			t.Errorf("got %v", err)
		}
	}
}

// TestCredentialsKeepToTheirHost follows a redirect to another port, where Go itself would send them along.
func TestCredentialsKeepToTheirHost(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, charts.Options{})
	var met string
	home := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		met, _, _ = r.BasicAuth()
		http.Redirect(w, r, elsewhere.Repository()+"/index.yaml", http.StatusFound)
	}))
	t.Cleanup(home.Close)
	client := helm.NewHTTPClient()
	client.Transport = elsewhere.Client().Transport
	transport, ok := home.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatal("the client has another transport")
	}
	pool := transport.TLSClientConfig.RootCAs.Clone()
	pool.AddCert(elsewhere.Certificate())
	transport.TLSClientConfig.RootCAs = pool
	client.Transport = transport

	loader := helm.Loader{Client: client, Logins: []helm.Login{{Prefix: home.URL, Credentials: credentials(password)}}}
	if _, err := loader.Load(t.Context(), helm.Source{Repository: home.URL, Chart: "none"}); !errors.Is(err, helm.ErrChartNotFound) {
		t.Errorf("got %v", err)
	}
	requests := elsewhere.Requests()
	if met != user || len(requests) != 1 || requests[0].User != "" {
		t.Errorf("%q came to its own host, elsewhere %+v", met, requests)
	}
}

// TestCredentialsAreEncrypted sees that none are sent in the clear, and that what needs none is got.
func TestCredentialsAreEncrypted(t *testing.T) {
	t.Parallel()
	var met []string
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		met = append(met, r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(plain.Close)
	loader := helm.Loader{Client: helm.NewHTTPClient(), Logins: []helm.Login{{Credentials: credentials(password)}}}
	source := helm.Source{Repository: plain.URL, Chart: "app"}
	if _, err := loader.Load(t.Context(), source); !errors.Is(err, helm.ErrUnreachable) || !strings.Contains(err.Error(), "over https alone") {
		t.Errorf("with credentials: %v", err)
	}
	loader.Logins = nil
	if _, err := loader.Load(t.Context(), source); !errors.Is(err, helm.ErrChartNotFound) {
		t.Errorf("without: %v", err)
	}
	if !slices.Equal(met, []string{""}) {
		t.Errorf("it was asked %d times", len(met))
	}
}

func TestAdmits(t *testing.T) {
	t.Parallel()
	for wanted, admitted := range map[string]bool{"": true, "2.10.7": true, "~2.10": true, "2.x": true, "2.10.6": false, "<2": false, "nonsense": false} {
		if got := helm.Admits(wanted, "2.10.7"); got != admitted {
			t.Errorf("%q admits 2.10.7: %v", wanted, got)
		}
		if err := helm.CheckVersion(wanted); wanted != "" && (err == nil) == (wanted == "nonsense") {
			t.Errorf("%q: %v", wanted, err)
		}
	}
}
