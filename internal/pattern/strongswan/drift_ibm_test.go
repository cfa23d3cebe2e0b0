package strongswan

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// The user's Secret, the copy of its key and the pods that read that are three,
// and an apply may be killed between any two of them.
func TestKeyOfTheUsersSecret(t *testing.T) {
	t.Parallel()
	const before, after = "first-horse-battery-staple", "second-horse-battery-staple"
	for name, test := range map[string]struct {
		// theirs and copied are keys, copy and started versions.
		theirs, copied, copy, started, drift string
	}{
		"as it should be":          {theirs: before, copied: before, copy: "1", started: "1"},
		"another key":              {theirs: after, copied: before, copy: "1", started: "1", drift: "Secret mine has another pre-shared key than the tunnel"},
		"killed before the pods":   {theirs: after, copied: after, copy: "2", started: "1", drift: "the VPN pod was started with another pre-shared key than Secret vpn-strongswan-key has now"},
		"no entry":                 {copied: before, copy: "1", started: "1", drift: `Secret mine has no entry "psk" any more`},
		"made by helm":             {theirs: before, copied: before, copy: "1"},
		"marks of the copy edited": {theirs: before, copied: before, started: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				answerJSON(w, http.StatusOK, corev1.Secret{
					TypeMeta: metav1.TypeMeta{Kind: "Secret", APIVersion: "v1"}, ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "mine"},
					Data: map[string][]byte{"psk": []byte(test.theirs)},
				})
			}))
			t.Cleanup(server.Close)
			conn, err := kube.New(kube.Access{Host: server.URL}, kube.Options{})
			if err != nil {
				t.Fatal(err)
			}
			secret := &corev1.Secret{
				ObjectMeta: metav1.ObjectMeta{Name: "vpn-strongswan-key", Annotations: map[string]string{versionAnnotation: test.copy}},
				Data:       map[string][]byte{secretsFile: []byte("a b : PSK 0s" + base64.StdEncoding.EncodeToString([]byte(test.copied)) + "\n")},
			}
			now := &helm.Release{Values: map[string]any{"preshared": map[string]any{"version": test.started}}}
			g := ground{conn: conn, secrets: ownership.Object[corev1.Secret]{Kind: kube.Secrets}}
			drift, err := g.userKeyDrift(t.Context(), tunnel{namespace: "default", keySecret: "mine", keyKey: "psk"}, now, secret)
			if got := strings.Join(drift, "; "); err != nil || !strings.HasPrefix(got, test.drift) || (got == "") != (test.drift == "") {
				t.Errorf("drift %q, %v", got, err)
			}
		})
	}
}
