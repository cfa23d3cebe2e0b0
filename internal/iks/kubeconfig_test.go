package iks

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	labCA     = "-----BEGIN CERTIFICATE-----\nY2E=\n-----END CERTIFICATE-----\n"
	labCert   = "-----BEGIN CERTIFICATE-----\nYWRtaW4=\n-----END CERTIFICATE-----\n"
	labKeyPEM = "-----BEGIN PRIVATE KEY-----\na2V5\n-----END PRIVATE KEY-----\n"
)

// archive makes a zip of names and contents by turns.
func archive(t testing.TB, entries ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i+1 < len(entries); i += 2 {
		f, err := w.Create(entries[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(entries[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tokenConfig(server, token string) string {
	return fmt.Sprintf(`apiVersion: v1
kind: Config
clusters:
- name: other
  cluster: {server: "https://other.example.test"}
- name: prod
  cluster:
    certificate-authority: ca-us-south-prod.pem
    server: %s
contexts:
- name: prod/me
  context: {cluster: prod, user: me, namespace: default}
current-context: prod/me
users:
- name: somebody
  user: {token: nobodys}
- name: me
  user:
    auth-provider:
      name: oidc
      config: {client-id: kube, client-secret: kube, id-token: %s, idp-issuer-url: "https://iam.cloud.ibm.com/identity"}
`, server, token)
}

const adminConfig = `
clusters: [{name: prod, cluster: {certificate-authority: ca-x.pem, server: "https://c1.example.test:31000"}}]
users: [{name: admin, user: {client-certificate: admin.pem, client-key: admin-key.pem}}]
`

func TestKubeconfigArchive(t *testing.T) {
	t.Parallel()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	const server = "https://c1.example.test:31000"
	for name, tt := range map[string]struct {
		archive []byte
		want    Access
		says    string
	}{
		"flat, with a token": {
			archive: archive(t, "kube-config.yaml", tokenConfig(server, labJWT), "ca-us-south-prod.pem", labCA),
			want:    Access{Server: server, CACertificate: []byte(labCA), Token: labJWT, TokenExpiry: time.Unix(1767225600, 0)},
		},
		"in a directory, administrator": {
			archive: archive(t, "kubeConfig123/", "", "kubeConfig123/kube-config.yml", adminConfig, "kubeConfig123/admin.pem", labCert,
				"kubeConfig123/admin-key.pem", labKeyPEM, "kubeConfig123/ca-x.pem", labCA, "kubeConfig123/calicoctl.cfg.template", "{{x}}"),
			want: Access{Server: server, CACertificate: []byte(labCA), ClientCertificate: []byte(labCert), ClientKey: []byte(labKeyPEM)},
		},
		"data within": {
			archive: archive(t, "a.yaml", fmt.Sprintf(`{"clusters":[{"cluster":{"server":%q,"certificate-authority-data":%q}}],"users":[{"user":{"client-certificate-data":%q,"client-key-data":%q}}]}`,
				server, b64(labCA), b64(labCert), b64(labKeyPEM))),
			want: Access{Server: server, CACertificate: []byte(labCA), ClientCertificate: []byte(labCert), ClientKey: []byte(labKeyPEM)},
		},
		"authority by its usual name": {
			archive: archive(t, "a.yaml", strings.ReplaceAll(tokenConfig(server, "opaque"), "ca-us-south-prod.pem", "/else/where.pem"), "ca.pem", labCA),
			want:    Access{Server: server, CACertificate: []byte(labCA), Token: "opaque"},
		},
		"no authority": {
			archive: archive(t, "a.yaml", tokenConfig(server, "opaque")),
			want:    Access{Server: server, Token: "opaque"},
		},
		"no zip":              {archive: []byte("<html>"), says: "not a zip"},
		"nothing":             {archive: nil, says: "not a zip"},
		"empty zip":           {archive: archive(t), says: "no kubeconfig"},
		"no kubeconfig":       {archive: archive(t, "ca.pem", labCA), says: "no kubeconfig"},
		"no YAML":             {archive: archive(t, "a.yaml", "users: [{user: {token: \""+labJWT), says: "cannot be read"},
		"wrong types":         {archive: archive(t, "a.yaml", "clusters: "+labJWT), says: "cannot be read"},
		"no cluster":          {archive: archive(t, "a.yaml", "users: []"), says: "cannot be read"},
		"no credentials":      {archive: archive(t, "a.yaml", `clusters: [{cluster: {server: "https://a"}}]`), says: "neither a token"},
		"certificate, no key": {archive: archive(t, "a.yaml", adminConfig, "admin.pem", labCert), says: "neither a token"},
		"exec plugin":         {archive: archive(t, "a.yaml", `{clusters: [{cluster: {server: "https://a"}}], users: [{user: {exec: {command: "rm"}}}]}`), says: "neither a token"},
		"plain HTTP":          {archive: archive(t, "a.yaml", tokenConfig("http://a.example.test", "x")), says: "https"},
		"no server":           {archive: archive(t, "a.yaml", tokenConfig(`""`, "x")), says: "https"},
		"authority no PEM":    {archive: archive(t, "a.yaml", tokenConfig(server, "x"), "ca.pem", "x"), says: "not PEM"},
		"too many entries":    {archive: archive(t, manyEntries(maxArchiveEntries+1)...), says: "entries"},
		"a bomb in one file":  {archive: archive(t, "a.yaml", strings.Repeat("\x00", maxArchiveFile+1)), says: "unpacks to more"},
		"a bomb in several":   {archive: archive(t, "1", zeros(), "2", zeros(), "3", zeros(), "4", zeros(), "5", zeros()), says: "unpacks to more"},
		"damaged":             {archive: damaged(archive(t, "a.yaml", tokenConfig(server, strings.Repeat("abc", 300)))), says: "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseKubeconfigArchive(tt.archive)
			if tt.says != "" {
				if err == nil || !strings.Contains(err.Error(), tt.says) || strings.Contains(err.Error(), labJWT) {
					t.Errorf("error %v, want one that says %q", err, tt.says)
				}
				return
			}
			mustNot(t, err)
			sameAccess(t, got, tt.want)
		})
	}
}

func sameAccess(t *testing.T, got, want Access) {
	t.Helper()
	if got.Server != want.Server || got.Token != want.Token || !got.TokenExpiry.Equal(want.TokenExpiry) ||
		!bytes.Equal(got.CACertificate, want.CACertificate) || !bytes.Equal(got.ClientCertificate, want.ClientCertificate) ||
		!bytes.Equal(got.ClientKey, want.ClientKey) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func zeros() string { return strings.Repeat("\x00", maxArchiveFile) }

func manyEntries(n int) []string {
	var entries []string
	for i := range n {
		entries = append(entries, fmt.Sprintf("%d.txt", i), "")
	}
	return entries
}

// damaged flips a byte of the content, so that the checksum is wrong.
func damaged(archive []byte) []byte {
	archive[len("PK")+60] ^= 0x55
	return archive
}

func FuzzKubeconfigArchive(f *testing.F) {
	f.Add(archive(f, "kube-config.yaml", tokenConfig("https://c1.example.test", labJWT), "ca-x.pem", labCA))
	f.Add(archive(f, "d/kube-config.yml", adminConfig, "d/admin.pem", labCert, "d/admin-key.pem", labKeyPEM))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, content []byte) {
		access, err := parseKubeconfigArchive(content)
		checkParsed(t, access, err)
	})
}

// FuzzKubeconfig fuzzes what stands within a sound archive.
func FuzzKubeconfig(f *testing.F) {
	f.Add([]byte(tokenConfig("https://c1.example.test", labJWT)), []byte(labCA))
	f.Add([]byte(adminConfig), []byte(labCert))
	f.Add([]byte("a: &a [*a, *a]"), []byte{})
	f.Fuzz(func(t *testing.T, config, certificate []byte) {
		if len(config) > maxArchiveFile || len(certificate) > maxArchiveFile {
			return
		}
		access, err := parseKubeconfigArchive(archive(t, "c.yaml", string(config), "ca.pem", string(certificate), "admin.pem", string(certificate)))
		checkParsed(t, access, err)
	})
}

func checkParsed(t *testing.T, access Access, err error) {
	t.Helper()
	if err != nil {
		return
	}
	hasCertificate := len(access.ClientCertificate) > 0 && len(access.ClientKey) > 0
	if access.Server == "" || access.Token == "" && !hasCertificate {
		t.Fatalf("accepted without server or credentials: %v", access)
	}
}
