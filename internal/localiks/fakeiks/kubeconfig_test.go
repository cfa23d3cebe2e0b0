package fakeiks_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"
	authentication "k8s.io/api/authentication/v1"
	_ "k8s.io/client-go/plugin/pkg/client/auth/oidc" // the auth-provider of the kubeconfigs
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestBluemixFetchesKubeconfigs(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	for _, cluster := range []fakeiks.Cluster{addClassic(t, s), addVPC(t, s)} {
		for _, admin := range []bool{false, true} {
			name := map[bool]string{true: "administrator", false: "user"}[admin]
			t.Run(string(cluster.Provider)+" "+name, func(t *testing.T) {
				t.Parallel()
				v1, v2 := clientV1(t, config(s, adminKey)), clientV2(t, config(s, adminKey))
				from1, err := v1.Clusters().GetClusterConfigDetail(cluster.ID, t.TempDir(), admin, containerv1.ClusterTargetHeader{})
				if err != nil {
					t.Fatal("v1:", err)
				}
				from2, err := v2.Clusters().GetClusterConfigDetail(cluster.Name, t.TempDir(), admin, containerv2.ClusterTargetHeader{}, "private")
				if err != nil {
					t.Fatal("v2:", err)
				}
				calico, from3, err := v2.Clusters().StoreConfigDetail(cluster.ID, t.TempDir(), admin, true, containerv2.ClusterTargetHeader{}, "")
				if err != nil {
					t.Fatal("v2 with network:", err)
				}
				for _, got := range []containerv1.ClusterKeyInfo{from1, from2, from3} {
					if got.Host != "https://127.0.0.1:6443" || got.ClusterCACertificate != "the CA\n" || (got.Token == "") != admin {
						t.Errorf("got %+v", got)
					}
					if (got.Admin == "the certificate\n") != admin || (got.AdminKey == "the key\n") != admin {
						t.Errorf("administrator's certificate %q, key %q", got.Admin, got.AdminKey)
					}
				}
				rendered, err := os.ReadFile(calico)
				if err != nil || !strings.Contains(string(rendered), filepath.Dir(calico)+"/admin.pem") {
					t.Errorf("calicoctl configuration: %q, %v", rendered, err)
				}
			})
		}
	}
}

func TestArchiveLayouts(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	token := tokenFor(t, s, adminKey)
	tests := map[string]struct {
		raw  []byte
		want []string
	}{
		"v2, user":          {raw: do(t, s, token, http.MethodPost, "/v2/applyRBACAndGetKubeconfig", `{"cluster":"`+cluster.ID+`"}`, 200), want: []string{"ca-dal10-classic-one.pem", "kube-config-dal10-classic-one.yaml"}},
		"v2, administrator": {raw: do(t, s, token, http.MethodGet, "/v2/getKubeconfig?format=zip&admin=true&network=true&cluster="+cluster.ID, "", 200), want: []string{"admin-key.pem", "admin.pem", "ca-dal10-classic-one.pem", "calicoctl.cfg.template", "kube-config-dal10-classic-one.yaml"}},
		"v1, administrator": {raw: do(t, s, token, http.MethodGet, "/v1/clusters/"+cluster.ID+"/config/admin", "", 200), want: []string{"admin-key.pem", "admin.pem", "ca-dal10-classic-one.pem", "kube-config-dal10-classic-one.yml"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			archive, err := zip.NewReader(bytes.NewReader(test.raw), int64(len(test.raw)))
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, member := range archive.File {
				names = append(names, filepath.Base(member.Name))
				if inDirectory := strings.HasPrefix(member.Name, "kubeConfig"); inDirectory != strings.HasPrefix(name, "v1") {
					t.Errorf("member %q", member.Name)
				}
			}
			slices.Sort(names)
			if !slices.Equal(names, test.want) {
				t.Errorf("members %v, want %v", names, test.want)
			}
		})
	}
}

func TestKubeconfigFormatsAndEndpoints(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	spec := fakeiks.Cluster{Name: "private-only", Kubernetes: access()}
	spec.Endpoints.Private = fakeiks.Endpoint{Enabled: true, Server: "https://10.0.0.9:30000"}
	cluster := add(t, s, spec)
	add(t, s, fakeiks.Cluster{Name: "no-master"})
	token := tokenFor(t, s, adminKey)
	tests := map[string]struct {
		body       string
		wantStatus int
		wantServer string
	}{
		"yaml":            {body: `{"cluster":"private-only","format":"yaml"}`, wantStatus: 200, wantServer: "https://10.0.0.9:30000"},
		"json":            {body: `{"cluster":"private-only","format":"json","endpointType":"private"}`, wantStatus: 200, wantServer: "https://10.0.0.9:30000"},
		"admin":           {body: `{"cluster":"private-only","format":"yaml","admin":true}`, wantStatus: 200, wantServer: "https://10.0.0.9:30000"},
		"no public":       {body: `{"cluster":"private-only","endpointType":"public"}`, wantStatus: 400},
		"no VPE":          {body: `{"cluster":"private-only","endpointType":"vpe"}`, wantStatus: 400},
		"no link":         {body: `{"cluster":"private-only","endpointType":"link"}`, wantStatus: 400},
		"no such type":    {body: `{"cluster":"private-only","endpointType":"x"}`, wantStatus: 400},
		"no such format":  {body: `{"cluster":"private-only","format":"x"}`, wantStatus: 400},
		"network in yaml": {body: `{"cluster":"private-only","format":"yaml","network":true}`, wantStatus: 400},
		"no such cluster": {body: `{"cluster":"x"}`, wantStatus: 404},
		"no cluster":      {body: `{}`, wantStatus: 400},
		"no master yet":   {body: `{"cluster":"no-master"}`, wantStatus: 409},
		"not JSON":        {body: `{`, wantStatus: 400},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			raw := do(t, s, token, http.MethodPost, "/v2/applyRBACAndGetKubeconfig", test.body, test.wantStatus)
			if test.wantServer == "" {
				return
			}
			parsed, err := clientcmd.Load(raw)
			if err != nil {
				t.Fatal(err)
			}
			got := parsed.Clusters[parsed.Contexts[parsed.CurrentContext].Cluster]
			if got == nil || got.Server != test.wantServer || string(got.CertificateAuthorityData) != "the CA\n" {
				t.Errorf("cluster %+v", got)
			}
		})
	}
	t.Run("json is the default of GET", func(t *testing.T) {
		t.Parallel()
		object(t, do(t, s, token, http.MethodGet, "/v2/getKubeconfig?cluster="+cluster.ID, "", http.StatusOK))
	})
}

func TestRBACStatus(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addVPC(t, s)
	token := tokenFor(t, s, viewerKey)
	path := "/v2/getRBACStatus?cluster=" + cluster.ID
	if got := object(t, do(t, s, token, http.MethodGet, path, "", http.StatusOK)); got["synchronized"] != false || got["error"] != false {
		t.Errorf("before anything was asked for: %v", got)
	}
	do(t, s, token, http.MethodPost, "/v2/applyRBACAndGetKubeconfig", `{"cluster":"`+cluster.ID+`"}`, http.StatusOK)
	eventually(t, "RBAC is synchronised", func() bool {
		return object(t, do(t, s, token, http.MethodGet, path, "", http.StatusOK))["synchronized"] == true
	})
}

// kubeUser fetches a kubeconfig and returns its id-token and how to use it.
func kubeUser(t *testing.T, s *fakeiks.Server, cluster, key string) (string, *rest.Config) {
	t.Helper()
	body := `{"cluster":"` + cluster + `","format":"yaml"}`
	raw := do(t, s, tokenFor(t, s, key), http.MethodPost, "/v2/applyRBACAndGetKubeconfig", body, http.StatusOK)
	parsed, err := clientcmd.Load(raw)
	if err != nil {
		t.Fatal(err)
	}
	user := parsed.AuthInfos[parsed.Contexts[parsed.CurrentContext].AuthInfo]
	rest, err := clientcmd.NewDefaultClientConfig(*parsed, &clientcmd.ConfigOverrides{}).ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	return user.AuthProvider.Config["id-token"], rest
}

func review(t *testing.T, s *fakeiks.Server, token string) authentication.TokenReviewStatus {
	t.Helper()
	ask, err := json.Marshal(authentication.TokenReview{Spec: authentication.TokenReviewSpec{Token: token}})
	if err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.TokenReviewURL(), bytes.NewReader(ask))
	if err != nil {
		t.Fatal(err)
	}
	var answer authentication.TokenReview
	if err := json.Unmarshal(send(t, request, http.StatusOK), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.APIVersion != "authentication.k8s.io/v1" || answer.Kind != "TokenReview" {
		t.Errorf("type %v", answer.TypeMeta)
	}
	return answer.Status
}

func TestTokenReview(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addVPC(t, s)
	identity := s.AddAPIKey("an-operator", fakeiks.Operator)
	idToken, _ := kubeUser(t, s, cluster.ID, "an-operator")

	status := review(t, s, idToken)
	if !status.Authenticated || status.User.Username != "IAM#"+identity.Email || !slices.Contains(status.User.Groups, fakeiks.GroupOperate) {
		t.Errorf("status %+v", status)
	}
	refused := map[string]string{"an access token": tokenFor(t, s, adminKey), "rubbish": "x", "nothing": ""}
	other := start(t, fakeiks.Options{})
	refused["another server's id-token"], _ = kubeUser(t, other, addVPC(t, other).ID, adminKey)
	for name, token := range refused {
		if status := review(t, s, token); status.Authenticated || status.Error == "" {
			t.Errorf("%s is accepted: %+v", name, status)
		}
	}
	s.ExpireTokens()
	if review(t, s, idToken).Authenticated {
		t.Error("an expired id-token is accepted")
	}
}

// TestClientGoRefreshesTheIDToken lets client-go's oidc user, as kubectl has
// it, work with the kubeconfig while its id-token expires.
func TestClientGoRefreshesTheIDToken(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{KubeTokenLifetime: 1})
	cluster := addVPC(t, s)
	_, config := kubeUser(t, s, cluster.ID, adminKey)
	tokens := make(chan string, 1)
	apiServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens <- strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if _, err := io.WriteString(w, "{}"); err != nil {
			t.Error(err)
		}
	}))
	defer apiServer.Close()
	config.Host, config.CAData = apiServer.URL, nil
	client, err := rest.HTTPClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Get(apiServer.URL)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Fatal(err)
	}
	if s.Count("GET", "/identity/.well-known/openid-configuration") != 1 || <-tokens == "" {
		t.Errorf("the id-token was not refreshed; requests: %v", s.Requests())
	}
}
