package strongswan_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// A release that is refused because an object of the chart is somebody else's
// leaves neither a state nor the key.
func TestAccObjectOfAnother(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	theirs := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "vpn-strongswan-config"}}
	if _, err := in(c).CoreV1().ConfigMaps("default").Create(t.Context(), theirs, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+built(acctest.Classic, ""))
	fails(t, w.Apply(), "ConfigMap default/vpn-strongswan-config is there already and belongs to no Helm release")
	if w.Attributes(address) != nil {
		t.Error("a release that was not begun is in the state")
	}
	gone(t, c)
	if err := in(c).CoreV1().ConfigMaps("default").Delete(t.Context(), theirs.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.MustApply()
	w.MustDestroy()
}

// A Secret that is somebody else's, or was left by an apply that was killed, is
// refused with a way out that there is.
func TestAccKeyOfAnother(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	theirs := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "vpn-strongswan-key", Annotations: map[string]string{"terraform-provider-iks/owner": "whoever was killed"}},
		Data:       map[string][]byte{"key": []byte(secondKey)},
	}
	if _, err := in(c).CoreV1().Secrets("default").Create(t.Context(), theirs, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+built(acctest.Classic, ""))
	r := w.Apply()
	fails(t, r, "Secret default/vpn-strongswan-key already", "delete it and apply again")
	for _, nowhere := range []string{"force_conflicts", "Import it"} {
		if text := strings.Join(r.Errors(), "\n"); strings.Contains(text, nowhere) {
			t.Errorf("%q leads nowhere: %s", nowhere, text)
		}
	}
	if w.Attributes(address) != nil {
		t.Error("a tunnel that was refused is in the state")
	}
	if err := in(c).CoreV1().Secrets("default").Delete(t.Context(), theirs.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.MustApply()
	w.MustDestroy()
	gone(t, c)
}

// A release that was to be taken over, and could not be, stays the one of whom it
// was, its Secret as well.
func TestAccNotTakenOver(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	var broken atomic.Bool
	front := acctest.Interpose(t, c, func(w http.ResponseWriter, r *http.Request) bool {
		failing := r.URL.Path == "/version" && broken.Load()
		if failing {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"InternalError","code":500,"message":"etcd has no leader"}`)
		}
		return failing
	})
	config := acctest.ProviderBlock(e, fmt.Sprintf("cluster_access = { mine = { host = %q } }", front)) + built("mine", "")
	first := acctest.NewWorkspace(t, config)
	first.MustApply()
	second := acctest.NewWorkspace(t, config)
	broken.Store(true)
	fails(t, second.Apply(), "etcd has no leader")
	broken.Store(false)
	if second.Attributes(address) != nil {
		t.Error("a tunnel that was not taken over is in the state")
	}
	first.MustPlanEmpty()
	first.MustDestroy()
	gone(t, c)
}

// An object that another release has taken over stays, and a destroy says so.
func TestAccObjectTakenOver(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+built(acctest.Classic, ""))
	w.MustApply()
	services := in(c).CoreV1().Services("default")
	taken := []byte(`{"metadata":{"annotations":{"meta.helm.sh/release-name":"other"}}}`)
	if _, err := services.Patch(t.Context(), "vpn-strongswan-pod", types.MergePatchType, taken, metav1.PatchOptions{FieldManager: "helm"}); err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(w.MustDestroy().Warnings(), "\n"); !strings.Contains(said, "Service default/vpn-strongswan-pod is left: ") {
		t.Errorf("the destroy says %q", said)
	}
	if err := services.Delete(t.Context(), "vpn-strongswan-pod", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	gone(t, c)
}

// A new key that the release cannot take, because somebody else is at it, is
// not in the Secret either.
func TestAccKeyBesidePendingUpgrade(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	stored := func(want, version string) {
		t.Helper()
		s, err := in(c).CoreV1().Secrets("default").Get(t.Context(), "vpn-strongswan-key", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if is := s.Annotations["terraform-provider-iks/key-version"]; string(s.Data["key"]) != want || is != version {
			t.Errorf("the Secret says that its key has version %s, want %s; the key is the one that is wanted: %v", is, version, string(s.Data["key"]) == want)
		}
	}
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+built(acctest.Classic, ""))
	w.MustApply()
	pending := beginUpgrade(t, c, "vpn")
	w.Write(acctest.ProviderBlock(e) + tunnel(acctest.Classic, ends+key(secondKey, "2")))
	fails(t, w.Apply(), "revision 2 is pending-upgrade: another operation is under way")
	stored(firstKey, "1")
	if is := w.Attributes(address)["revision"]; fmt.Sprint(is) != "1" {
		t.Errorf("the state takes revision %v for its own", is)
	}
	if err := in(c).CoreV1().Secrets("default").Delete(t.Context(), pending, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	w.MustApply()
	w.MustPlanEmpty()
	stored(secondKey, "2")
	w.MustDestroy()
	gone(t, c)
}

// beginUpgrade records what somebody's upgrade with helm does first, which has the
// labels of the revision before, and gives the record's name.
func beginUpgrade(t *testing.T, c *localiks.Cluster, release string) string {
	t.Helper()
	secrets := in(c).CoreV1().Secrets("default")
	first, err := secrets.Get(t.Context(), "sh.helm.release.v1."+release+".v1", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var stored map[string]any
	if err := json.Unmarshal(record(t, first.Data["release"]), &stored); err != nil {
		t.Fatal(err)
	}
	info, ok := stored["info"].(map[string]any)
	if !ok {
		t.Fatal("the record has no state")
	}
	stored["version"], info["status"], info["last_deployed"] = 2, "pending-upgrade", time.Now()
	text, err := json.Marshal(stored)
	if err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := writer.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	labels := maps.Clone(first.Labels)
	labels["status"], labels["version"] = "pending-upgrade", "2"
	second := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "sh.helm.release.v1." + release + ".v2", Labels: labels}, Type: first.Type,
		Data: map[string][]byte{"release": []byte(base64.StdEncoding.EncodeToString(packed.Bytes()))},
	}
	if _, err := secrets.Create(t.Context(), second, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	return second.Name
}
