package fakeiks_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	bluemix "github.com/IBM-Cloud/bluemix-go"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"
	"github.com/IBM-Cloud/bluemix-go/bmxerror"
	"github.com/IBM-Cloud/bluemix-go/session"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const (
	adminKey  = "key-of-an-administrator"
	viewerKey = "key-of-a-viewer"
	nobodyKey = "key-of-nobody"
	profileID = "Profile-11111111-2222-4333-8444-555555555555"
)

// start runs a server with the three keys and the profile.
func start(t *testing.T, o fakeiks.Options) *fakeiks.Server {
	t.Helper()
	if o.Delay == 0 {
		o.Delay = 10 * time.Millisecond
	}
	server, err := fakeiks.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	server.AddAPIKey(adminKey, fakeiks.Administrator)
	server.AddAPIKey(viewerKey, fakeiks.Viewer)
	server.AddAPIKey(nobodyKey, fakeiks.NoRole)
	server.AddTrustedProfile(profileID, fakeiks.Operator)
	return server
}

func access() fakeiks.Access {
	return fakeiks.Access{
		Server: "https://127.0.0.1:6443", CA: []byte("the CA\n"),
		AdminCertificate: []byte("the certificate\n"), AdminKey: []byte("the key\n"),
	}
}

func addClassic(t *testing.T, s *fakeiks.Server) fakeiks.Cluster {
	t.Helper()
	return add(t, s, fakeiks.Cluster{
		Name: "classic-one", Provider: fakeiks.Classic, Kubernetes: access(),
		Zones: []fakeiks.Zone{{ID: "dal10"}, {ID: "dal12"}},
		Pools: []fakeiks.WorkerPool{
			{Name: "default", PerZone: 2},
			{Name: "edge", PerZone: 1, Labels: map[string]string{"team": "net"}},
		},
	})
}

func addVPC(t *testing.T, s *fakeiks.Server) fakeiks.Cluster {
	t.Helper()
	return add(t, s, fakeiks.Cluster{
		Name: "vpc-one", Provider: fakeiks.VPC, Kubernetes: access(), Zones: []fakeiks.Zone{{ID: "us-south-1"}, {ID: "us-south-2"}},
	})
}

func add(t *testing.T, s *fakeiks.Server, spec fakeiks.Cluster) fakeiks.Cluster {
	t.Helper()
	cluster, err := s.AddCluster(spec)
	if err != nil {
		t.Fatal(err)
	}
	return cluster
}

// config is a bluemix-go configuration that does not repeat requests.
func config(s *fakeiks.Server, key string) *bluemix.Config {
	iks, iam, none := s.URL(), s.IAMURL(), 0
	return &bluemix.Config{
		BluemixAPIKey: key, Region: "us-south", Endpoint: &iks, TokenProviderEndpoint: &iam, MaxRetries: &none,
	}
}

func clientV1(t *testing.T, c *bluemix.Config) containerv1.ContainerServiceAPI {
	t.Helper()
	sess, err := session.New(c)
	if err != nil {
		t.Fatal(err)
	}
	api, err := containerv1.New(sess)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func clientV2(t *testing.T, c *bluemix.Config) containerv2.ContainerServiceAPI {
	t.Helper()
	sess, err := session.New(c)
	if err != nil {
		t.Fatal(err)
	}
	api, err := containerv2.New(sess)
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// wantFailure checks status and error code of a bluemix-go error.
func wantFailure(t *testing.T, err error, status int, code string) {
	t.Helper()
	var failure bmxerror.RequestFailure
	if !errors.As(err, &failure) {
		t.Fatalf("got error %v, want a request failure with status %d and code %s", err, status, code)
	}
	if failure.StatusCode() != status || !strings.Contains(failure.Description()+failure.Code(), code) {
		t.Fatalf("got status %d: %s; want %d and code %s", failure.StatusCode(), failure.Description(), status, code)
	}
}

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline.C:
			t.Fatalf("%s: not within 10 s", what)
		case <-tick.C:
		}
	}
}

// tokenFor exchanges a key for an access token, as a client without a name.
func tokenFor(t *testing.T, s *fakeiks.Server, key string) string {
	t.Helper()
	body := postForm(t, s, "", url.Values{
		"grant_type": {"urn:ibm:params:oauth:grant-type:apikey"}, "apikey": {key},
	}, http.StatusOK)
	return text(t, body["access_token"])
}

// postForm sends a token request; client is the name and password of basic authentication.
func postForm(t *testing.T, s *fakeiks.Server, client string, form url.Values, wantStatus int) map[string]any {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.IAMURL()+"/identity/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		request.SetBasicAuth(client, client)
	}
	return object(t, send(t, request, wantStatus))
}

// do sends a request to IKS with a token and returns the body.
func do(t *testing.T, s *fakeiks.Server, token, method, path, body string, wantStatus int) []byte {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	return send(t, request, wantStatus)
}

func send(t *testing.T, request *http.Request, wantStatus int) []byte {
	t.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != wantStatus {
		t.Fatalf("%s %s: status %d, want %d: %s", request.Method, request.URL.Path, response.StatusCode, wantStatus, raw)
	}
	return raw
}

func object(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	var body map[string]any
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&body); err != nil {
		t.Fatalf("body %q: %v", raw, err)
	}
	return body
}

func text(t *testing.T, value any) string {
	t.Helper()
	s, ok := value.(string)
	if !ok {
		t.Fatalf("%v is not a text", value)
	}
	return s
}

func sessionOf(t *testing.T, c *bluemix.Config) *session.Session {
	t.Helper()
	sess, err := session.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return sess
}

// syncBuffer is a buffer that many may write to.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
