package kube

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kubeconfigOf writes a kubeconfig with one context "c".
func kubeconfigOf(t *testing.T, cluster, user string) string {
	t.Helper()
	return writeFile(t, t.TempDir(), "config", `
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: k, user: u}}, {name: lost, context: {cluster: gone, user: u}}, {name: nobody, context: {cluster: k, user: gone}}]
clusters: [{name: k, cluster: {`+cluster+`}}]
users: [{name: u, user: {`+user+`}}]
`)
}

func writeFile(t *testing.T, dir, name, content string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadKubeconfig(t *testing.T) {
	t.Parallel()
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	file := kubeconfigOf(t, `server: "https://c1", tls-server-name: api, proxy-url: "http://p", certificate-authority-data: `+b64("ca"),
		`client-certificate: cert.pem, client-key: cert.key, tokenFile: token, token: old`)
	writeFile(t, filepath.Dir(file), "cert.pem", "cert")
	writeFile(t, filepath.Dir(file), "cert.key", "key")
	writeFile(t, filepath.Dir(file), "token", "first\n")
	access, err := ReadKubeconfig(file, "")
	if err != nil {
		t.Fatal(err)
	}
	if access.Host != "https://c1" || access.TLSServerName != "api" || access.ProxyURL != "http://p" ||
		string(access.CACertificate) != "ca" || string(access.ClientCertificate) != "cert" || string(access.ClientKey) != "key" {
		t.Error("a part is missing")
	}
	for _, want := range []string{"first", "second"} {
		writeFile(t, filepath.Dir(file), "token", want+"\n")
		if token, err := access.Token(t.Context(), false); token != want || err != nil {
			t.Errorf("got %q, %v, want %q", token, err, want)
		}
	}
}

func TestReadKubeconfigTakesATokenAsItIs(t *testing.T) {
	t.Parallel()
	access, err := ReadKubeconfig(kubeconfigOf(t, `server: "https://c1"`, `token: abc`), "c")
	if err != nil {
		t.Fatal(err)
	}
	if token, err := access.Token(t.Context(), true); token != "abc" || err != nil {
		t.Errorf("got %q, %v", token, err)
	}
}

func TestReadKubeconfigRefuses(t *testing.T) {
	t.Parallel()
	const server = `server: "https://c1"`
	for name, test := range map[string]struct{ cluster, user, context, want string }{
		"insecure":           {server + `, insecure-skip-tls-verify: true`, `token: secret-x`, "", "insecure-skip-tls-verify"},
		"exec":               {server, `exec: {command: aws}`, "", "program or plug-in"},
		"auth provider":      {server, `auth-provider: {name: oidc}`, "", "program or plug-in"},
		"password":           {server, `username: me, password: secret-x`, "", "user name and password"},
		"impersonation":      {server, `as: root, token: secret-x`, "", "somebody else"},
		"missing file":       {server, `client-certificate: nowhere.pem`, "", "nowhere.pem"},
		"unknown context":    {server, `token: secret-x`, "other", `no context "other"`},
		"lost cluster":       {server, `token: secret-x`, "lost", `cluster "gone"`},
		"lost user":          {server, `token: secret-x`, "nobody", `user "gone"`},
		"not base64":         {server + `, certificate-authority-data: "?secret-x"`, ``, "", "not a kubeconfig"},
		"a list for a token": {server, `token: [secret-x]`, "", "not a kubeconfig"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadKubeconfig(kubeconfigOf(t, test.cluster, test.user), test.context)
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret-x") {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, err := ReadKubeconfig(filepath.Join(t.TempDir(), "gone"), ""); err == nil {
		t.Error("a file that is not there was read")
	}
	if _, err := ReadKubeconfig(writeFile(t, t.TempDir(), "empty", ""), ""); err == nil || !strings.Contains(err.Error(), "no current context") {
		t.Errorf("got %v", err)
	}
}
