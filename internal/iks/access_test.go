package iks

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestEndpointType(t *testing.T) {
	t.Parallel()
	both := Cluster{Infrastructure: VPC, Endpoints: Endpoints{PublicEnabled: true, PrivateEnabled: true, VPEURL: "https://vpe"}}
	private := Cluster{Infrastructure: Classic, Endpoints: Endpoints{PrivateEnabled: true}}
	public := Cluster{Infrastructure: Classic, Endpoints: Endpoints{PublicEnabled: true}}
	satellite := Cluster{Infrastructure: Satellite}
	for name, tt := range map[string]struct {
		cluster            Cluster
		wanted, visibility string
		want, says         string
	}{
		"auto, both":                      {both, "auto", "", "", ""},
		"nothing said, both":              {both, "", "public", "", ""},
		"auto, both, from within":         {both, "auto", "private", "private", ""},
		"auto, public only, from within":  {public, "auto", "private", "", ""},
		"auto, private only":              {private, "auto", "", "private", ""},
		"auto, satellite":                 {satellite, "auto", "", "link", ""},
		"auto, flags unknown":             {Cluster{}, "auto", "", "", ""},
		"public":                          {both, "public", "private", "", ""},
		"public, not enabled":             {private, "public", "", "", "public service endpoint is not enabled"},
		"private":                         {both, "private", "", "private", ""},
		"private, not enabled":            {public, "private", "", "", "private service endpoint is not enabled"},
		"vpe":                             {both, "vpe", "", "vpe", ""},
		"vpe, classic":                    {private, "vpe", "", "", "virtual private endpoint"},
		"link":                            {satellite, "link", "", "link", ""},
		"link, VPC":                       {both, "link", "", "", "Satellite"},
		"something else":                  {both, "tunnel", "", "", "none of auto"},
		"private, flags unknown":          {Cluster{}, "private", "", "private", ""},
		"auto, both, public-and-private":  {both, "auto", "public-and-private", "", ""},
		"auto, public only, from outside": {public, "auto", "public", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := endpointType(tt.cluster, tt.wanted, tt.visibility)
			if got != tt.want || (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %q and %v, want %q and %q", got, err, tt.want, tt.says)
			}
		})
	}
}

// rbacLab answers the kubeconfig, and the RBAC status by rbac.
func rbacLab(t *testing.T, rbac func(ctx context.Context, n int) (*http.Response, error)) (*lab, *Client) {
	t.Helper()
	polls := 0
	return newLab(t, func(ctx context.Context, _ int, r sent) (*http.Response, error) {
		if strings.HasSuffix(r.path, "/v2/getRBACStatus") {
			polls++
			return rbac(ctx, polls)
		}
		return plainAnswer(200, string(archive(t, "kube-config.yaml", tokenConfig("https://c1.example.test:31000", labJWT), "ca-x.pem", labCA)))
	})
}

func TestAccess(t *testing.T) {
	t.Parallel()
	synced := func(v, failed bool) (*http.Response, error) {
		return jsonAnswer(200, map[string]any{"synchronized": v, "error": failed})
	}
	for name, tt := range map[string]struct {
		rbac  func(ctx context.Context, n int) (*http.Response, error)
		polls int
		took  time.Duration
	}{
		"roles are there":       {func(context.Context, int) (*http.Response, error) { return synced(true, false) }, 1, 0},
		"roles come":            {func(_ context.Context, n int) (*http.Response, error) { return synced(n == 4, false) }, 4, 7 * time.Second},
		"roles never come":      {func(context.Context, int) (*http.Response, error) { return synced(false, false) }, 6, rbacPatience},
		"roles fail":            {func(context.Context, int) (*http.Response, error) { return synced(false, true) }, 1, 0},
		"the status is unknown": {func(context.Context, int) (*http.Response, error) { return iksError(404, "E1", "no such path") }, 1, 0},
		"the status is secret":  {func(context.Context, int) (*http.Response, error) { return iksError(403, "E1", "no") }, 1, 0},
		"the status hangs":      {func(ctx context.Context, _ int) (*http.Response, error) { return hang(ctx) }, 1, rbacPatience},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, client := rbacLab(t, tt.rbac)
				start := time.Now()
				got, err := client.Access(t.Context(), Cluster{ID: labCluster, Name: "prod"}, AccessOptions{})
				mustNot(t, err)
				sameAccess(t, got, Access{
					Server: "https://c1.example.test:31000", CACertificate: []byte(labCA),
					Token: labJWT, TokenExpiry: time.Unix(1767225600, 0),
				})
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %s, want %s", took, tt.took)
				}
				count(t, "polls", len(l.requests())-1, tt.polls)
			})
		})
	}
}

// The administrator's certificate is used by those only who ask for it.
func TestAccessWithoutTheAdministrator(t *testing.T) {
	t.Parallel()
	const server = "https://c1.example.test:31000"
	for name, tt := range map[string]struct {
		config string
		admin  bool
		want   Access
		says   string
	}{
		"a certificate beside the token": {tokenConfig(server, labJWT), false, Access{Server: server, Token: labJWT, TokenExpiry: time.Unix(1767225600, 0)}, ""},
		"a certificate alone":            {adminConfig, false, Access{}, "no token"},
		"asked for": {
			tokenConfig(server, labJWT), true,
			Access{Server: server, Token: labJWT, TokenExpiry: time.Unix(1767225600, 0), ClientCertificate: []byte(labCert), ClientKey: []byte(labKeyPEM)},
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := newLab(t, func(_ context.Context, _ int, r sent) (*http.Response, error) {
				if strings.HasSuffix(r.path, "/v2/getRBACStatus") {
					return jsonAnswer(200, map[string]any{"synchronized": true})
				}
				return plainAnswer(200, string(archive(t, "kube-config.yaml", tt.config, "admin.pem", labCert, "admin-key.pem", labKeyPEM)))
			})
			got, err := client.Access(t.Context(), Cluster{ID: labCluster}, AccessOptions{Admin: tt.admin})
			if (err == nil) != (tt.says == "") || err != nil && !strings.Contains(err.Error(), tt.says) {
				t.Fatalf("got %v, want %q", err, tt.says)
			}
			sameAccess(t, got, tt.want)
		})
	}
}

func TestAccessIsCancelledWhileItWaitsForRoles(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := rbacLab(t, func(context.Context, int) (*http.Response, error) {
			return jsonAnswer(200, map[string]any{"synchronized": false})
		})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(4*time.Second, cancel)
		start := time.Now()
		_, err := client.Access(ctx, Cluster{ID: labCluster}, AccessOptions{})
		if took := time.Since(start); took != 4*time.Second || !errors.Is(err, context.Canceled) {
			t.Errorf("after %s: %v", took, err)
		}
	})
}

func TestAccessRequests(t *testing.T) {
	t.Parallel()
	admin := archive(t, "kube-config.yaml", adminConfig, "admin.pem", labCert, "admin-key.pem", labKeyPEM, "ca-x.pem", labCA)
	vpc := Cluster{ID: labCluster, Infrastructure: VPC, Endpoints: Endpoints{PrivateEnabled: true, VPEURL: "https://vpe"}}
	for name, tt := range map[string]struct {
		cluster Cluster
		options AccessOptions
		sends   map[string]any
		says    string
	}{
		"administrator":            {Cluster{ID: labCluster}, AccessOptions{Admin: true}, map[string]any{"cluster": labCluster, "format": "zip", "admin": true}, ""},
		"administrator by vpe":     {vpc, AccessOptions{Admin: true, EndpointType: "vpe"}, map[string]any{"cluster": labCluster, "format": "zip", "admin": true, "endpointType": "vpe"}, ""},
		"administrator, automatic": {vpc, AccessOptions{Admin: true, EndpointType: "auto"}, map[string]any{"cluster": labCluster, "format": "zip", "admin": true, "endpointType": "private"}, ""},
		"satellite":                {Cluster{ID: labCluster, Infrastructure: Satellite}, AccessOptions{Admin: true}, map[string]any{"cluster": labCluster, "format": "zip", "admin": true, "endpointType": "link"}, ""},
		"satellite, no admin":      {Cluster{ID: labCluster, Infrastructure: Satellite}, AccessOptions{}, nil, "kubeconfig_admin"},
		"OpenShift, no admin":      {Cluster{ID: labCluster, Type: TypeOpenShift}, AccessOptions{}, nil, "kubeconfig_admin"},
		"an endpoint it lacks":     {vpc, AccessOptions{Admin: true, EndpointType: "public"}, nil, "not enabled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return plainAnswer(200, string(admin)) })
			got, err := client.Access(t.Context(), tt.cluster, tt.options)
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("error %v, want one that says %q", err, tt.says)
				}
				count(t, "requests", len(l.requests()), 0)
				return
			}
			mustNot(t, err)
			requests := l.requests()
			count(t, "requests", len(requests), 1) // no wait for roles that the administrator does not need
			var body map[string]any
			mustNot(t, json.Unmarshal([]byte(requests[0].body), &body))
			if len(body) != len(tt.sends) {
				t.Errorf("sent %v, want %v", body, tt.sends)
			}
			for key, want := range tt.sends {
				if body[key] != want {
					t.Errorf("sent %s %v, want %v", key, body[key], want)
				}
			}
			if requests[0].path != "/global/v2/applyRBACAndGetKubeconfig" || string(got.ClientKey) != labKeyPEM || got.Token != "" {
				t.Errorf("%s gave %v", requests[0].path, got)
			}
		})
	}
}

func TestAccessFailures(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer func() (*http.Response, error)
		is     func(error) bool
		says   string
	}{
		"no such cluster": {func() (*http.Response, error) { return iksError(404, "E0008", "no cluster") }, IsNotFound, "no cluster"},
		"no permission":   {func() (*http.Response, error) { return iksError(403, "E0003", "no permission") }, IsForbidden, "no permission"},
		"no archive":      {func() (*http.Response, error) { return plainAnswer(200, "{}") }, func(error) bool { return true }, "zip"},
		"too large":       {func() (*http.Response, error) { return plainAnswer(200, strings.Repeat("x", maxArchive+1)) }, func(error) bool { return true }, "larger"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return tt.answer() })
			_, err := client.Access(t.Context(), Cluster{ID: labCluster, Name: "prod"}, AccessOptions{})
			if err == nil || !tt.is(err) || !strings.Contains(err.Error(), tt.says) || !strings.Contains(err.Error(), `cluster "prod"`) {
				t.Errorf("error: %v", err)
			}
		})
	}
}
