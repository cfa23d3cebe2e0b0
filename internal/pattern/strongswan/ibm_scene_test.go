package strongswan_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charts"
)

const (
	ibmAddress = "iks_strongswan_vpn.it"

	ibmEnds = `
  name     = "office"
  initiate = true
  remote   = { gateway = "198.51.100.2", subnets = ["10.91.152.128/26"] }
  local    = { subnets = ["172.30.0.0/16", "172.21.0.0/16"] }
`
)

// ibmScene is the classic cluster, and a world in which IBM's repository has the
// chart that stands in for IBM's.
type ibmScene struct {
	*testing.T
	e      *localiks.Environment
	c      *localiks.Cluster
	charts *charts.Server
	world  *charts.World
	trust  string
	kube   *kube.Client
	helm   *helm.Client
}

func newIBMScene(t *testing.T, o charts.Options) *ibmScene {
	t.Helper()
	s := &ibmScene{T: t, e: acctest.Environment(t)}
	s.c = s.e.Cluster(acctest.Classic)
	versions, err := charts.StrongSwanVersions()
	if err != nil {
		t.Fatal(err)
	}
	s.charts = charts.Start(o, versions...)
	t.Cleanup(s.charts.Close)
	if s.world, err = charts.StartWorld("https://icr.io/helm/iks-charts", s.charts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.world.Close)
	s.trust = filepath.Join(t.TempDir(), "trust.pem")
	if err := os.WriteFile(s.trust, s.world.CACertificates(), 0o600); err != nil {
		t.Fatal(err)
	}
	certificate, private := s.c.AdminCertificate()
	s.kube, err = kube.New(kube.Access{
		Host: s.c.RESTConfig().Host, CACertificate: s.c.RESTConfig().CAData, ClientCertificate: certificate, ClientKey: private,
	}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kube.CloseIdleConnections)
	s.helm = helm.New(s.kube)
	return s
}

// workspace has a configuration, and logs everything that there is to log.
func (s *ibmScene) workspace(config string) *acctest.Workspace {
	s.Helper()
	w := acctest.NewWorkspace(s, config)
	w.Env = append(s.world.Env(s.trust), "TF_LOG=TRACE", "TF_LOG_PATH="+filepath.Join(w.Dir(), "trace.log"))
	return w
}

// config is a tunnel, with what else the provider block is to have.
func (s *ibmScene) config(arguments string, provider ...string) string {
	return acctest.ProviderBlock(s.e, provider...) +
		fmt.Sprintf("resource \"iks_strongswan_vpn\" \"it\" {\n  cluster = %q\n%s\n}\n", acctest.Classic, arguments)
}

// drift refreshes and wants sentences to have these parts.
func (s *ibmScene) drift(w *acctest.Workspace, parts ...string) {
	s.Helper()
	if r := w.Run("refresh"); r.ExitCode != 0 {
		s.Fatal(r.Errors())
	}
	sentences := fmt.Sprint(w.Attributes(ibmAddress)["drift"])
	for _, part := range parts {
		if !strings.Contains(sentences, part) {
			s.Errorf("drift says %s, not %q", sentences, part)
		}
	}
}

// heals applies, and wants nothing to be left to do.
func (s *ibmScene) heals(w *acctest.Workspace) {
	s.Helper()
	w.MustApply()
	w.MustPlanEmpty()
}

// attribute wants a computed attribute to have a value.
func (s *ibmScene) attribute(w *acctest.Workspace, name string, want any) {
	s.Helper()
	if got := w.Attributes(ibmAddress)[name]; fmt.Sprint(got) != fmt.Sprint(want) {
		s.Errorf("%s is %v, want %v", name, got, want)
	}
}

// pod is the VPN pod's name, once there is one alone.
func (s *ibmScene) pod() string {
	s.Helper()
	var name string
	acctest.Eventually(s.T, "there is one VPN pod", func() error {
		pods, err := in(s.c).CoreV1().Pods("default").List(context.Background(), metav1.ListOptions{LabelSelector: "app=strongswan,release=office"})
		if err != nil {
			return err
		}
		if len(pods.Items) != 1 || pods.Items[0].DeletionTimestamp != nil {
			return fmt.Errorf("there are %d", len(pods.Items))
		}
		name = pods.Items[0].Name
		return nil
	})
	return name
}

// secret reads our Secret.
func (s *ibmScene) secret() *corev1.Secret {
	s.Helper()
	secret, err := in(s.c).CoreV1().Secrets("default").Get(context.Background(), "office-strongswan-key", metav1.GetOptions{})
	if err != nil {
		s.Fatal(err)
	}
	return secret
}

// holds wants our Secret to have the file with this key and nothing else.
func (s *ibmScene) holds(key string) {
	s.Helper()
	want := "ibm-cloud on-prem : PSK 0s" + base64.StdEncoding.EncodeToString([]byte(key)) + "\n"
	if data := s.secret().Data; len(data) != 1 || string(data["ipsec.secrets"]) != want {
		s.Errorf("the Secret has %d entries, its file is %q", len(data), data["ipsec.secrets"])
	}
}

// chart of the stand-in, as somebody has it who works with helm.
func (s *ibmScene) chart(version string) *helm.Chart {
	s.Helper()
	chart, err := helm.Load(s.Context(), s.charts.Client(), helm.Source{Repository: s.charts.Repository(), Chart: "strongswan", Version: version})
	if err != nil {
		s.Fatal(err)
	}
	return chart
}

// nothingLeft wants neither the release nor our Secret.
func (s *ibmScene) nothingLeft(before acctest.Snapshot) {
	s.Helper()
	stored, err := s.c.Stored(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	for name := range stored {
		if strings.Contains(name, "office") && !strings.Contains(name, "/events/") {
			s.Errorf("%s is left", name)
		}
	}
	after := acctest.TakeSnapshot(s, s.c)
	for name, object := range after {
		if before[name] != object {
			s.Errorf("%s is not what it was", name)
		}
	}
	if len(before) != len(after) {
		s.Errorf("there were %d objects, and there are %d", len(before), len(after))
	}
}

// secrecy looks for keys, in any form, in all that the cluster stores but our
// Secret, in Helm's records, and in what a workspace has on disk. It says how
// many records of Helm's there were.
func (s *ibmScene) secrecy(w *acctest.Workspace, keys ...string) (records int) {
	s.Helper()
	var forms [][]byte
	for _, key := range keys {
		sum := sha256.Sum256([]byte(key))
		forms = append(forms, []byte(key), []byte(base64.StdEncoding.EncodeToString([]byte(key))), []byte(hex.EncodeToString(sum[:])))
	}
	look := func(where string, data []byte) {
		for i, form := range forms {
			if at := bytes.Index(data, form); at >= 0 {
				s.Errorf("%s holds key %d, form %d, behind %q", where, i/3, i%3, data[max(0, at-80):at])
			}
		}
	}
	stored, err := s.c.Stored(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	const ours = "/registry/secrets/default/office-strongswan-key"
	if !bytes.Contains([]byte(stored[ours]), forms[1]) {
		s.Error("what is stored is not in a form in which a key could be found")
	}
	for name, value := range stored {
		if name != ours {
			look(name, []byte(value))
		}
	}
	secrets, err := in(s.c).CoreV1().Secrets("default").List(context.Background(), metav1.ListOptions{LabelSelector: "owner=helm,name=office"})
	if err != nil {
		s.Fatal(err)
	}
	for _, one := range secrets.Items {
		look("Helm's record "+one.Name, record(s.T, one.Data["release"]))
	}
	s.onDisk(w, look)
	return len(secrets.Items)
}

// onDisk looks at what a workspace has on disk beside its configuration.
func (s *ibmScene) onDisk(w *acctest.Workspace, look func(where string, data []byte)) {
	s.Helper()
	files, err := filepath.Glob(filepath.Join(w.Dir(), "*"))
	if err != nil {
		s.Fatal(err)
	}
	looked := 0
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil || filepath.Base(file) == "main.tf" {
			continue
		}
		looked++
		look(filepath.Base(file), data)
	}
	if looked < 3 {
		s.Errorf("there were %d files to look into", looked)
	}
}

// refused wants a run to fail, and its errors to say something.
func (s *ibmScene) refused(r acctest.Result, says ...string) {
	s.Helper()
	text := strings.Join(strings.Fields(strings.Join(r.Errors(), " ")), " ")
	for _, part := range says {
		if r.ExitCode == 0 || !strings.Contains(text, part) {
			s.Errorf("exit code %d; the errors do not say %q: %s", r.ExitCode, part, text)
		}
	}
}

func (s *ibmScene) file(files fs.FS, name string) []byte {
	s.Helper()
	data, err := fs.ReadFile(files, name)
	if err != nil {
		s.Fatal(err)
	}
	return data
}
