package strongswan_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

const address = "iks_strongswan_vpn.it"

// tunnel is a resource on a cluster, with these arguments.
func tunnel(cluster, arguments string) string {
	return fmt.Sprintf("resource \"iks_strongswan_vpn\" \"it\" {\n  cluster = %q\n%s\n}\n", cluster, arguments)
}

// built is a tunnel of the builtin chart to which these arguments are added.
func built(cluster, arguments string) string {
	return tunnel(cluster, ends+key(firstKey, "1")+arguments)
}

// releases works on a cluster's releases as somebody else.
func releases(t *testing.T, c *localiks.Cluster) *helm.Client {
	t.Helper()
	certificate, private := c.AdminCertificate()
	conn, err := kube.New(kube.Access{
		Host: c.RESTConfig().Host, CACertificate: c.RESTConfig().CAData, ClientCertificate: certificate, ClientKey: private,
	}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return helm.New(conn)
}

// fails wants a run to fail, and its errors to say something.
func fails(t *testing.T, r acctest.Result, says ...string) {
	t.Helper()
	text := strings.Join(r.Errors(), "\n")
	for _, part := range says {
		if r.ExitCode == 0 || !strings.Contains(strings.Join(strings.Fields(text), " "), part) {
			t.Errorf("exit code %d; the errors do not say %q: %s", r.ExitCode, part, text)
		}
	}
}

// gone wants neither a Secret nor anything else of the release in the cluster.
func gone(t *testing.T, c *localiks.Cluster) {
	t.Helper()
	secrets, err := in(c).CoreV1().Secrets("default").List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range secrets.Items {
		if strings.Contains(s.Name, "vpn") {
			t.Errorf("Secret %s is left", s.Name)
		}
	}
	_, err = in(c).AppsV1().Deployments("default").Get(t.Context(), "vpn-strongswan", metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		t.Errorf("Deployment vpn-strongswan: %v", err)
	}
}

// Every group of arguments updates the release in place, and imports as it was
// declared.
func TestAccEveryGroupOfArguments(t *testing.T) {
	e := acctest.Environment(t)
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+built(acctest.Classic, ""))
	w.MustApply()
	var last string
	for _, group := range []struct{ name, arguments string }{
		{"terms", `
  name     = "vpn"
  chart    = { source = "builtin" }
  image    = "registry.example.com/strongswan@sha256:1111"
  initiate = true
  remote   = { gateway = "gw.example.com", subnets = ["10.91.152.128/26"], id = "gw.example.com", ping_address = "10.91.152.130" }
  local    = { subnets = ["172.30.0.0/16", "172.21.0.0/16", "10.5.0.0/24"], id = "cluster.example.com", non_cluster_subnets = ["10.5.0.0/24"] }
  ike      = { version = "ike", proposals = ["aes256-sha256-modp2048", "aes128-sha256-ecp256"], lifetime = "2h" }
  esp      = { proposals = ["aes256gcm128-modp2048"], lifetime = "30m", margin = "2m" }
  dpd_action    = "clear"
  close_action  = "none"
  keying_tries  = "3"
  extra_options = ["fragmentation = yes"]
`},
		{"networks", `
  name     = "vpn"
  chart    = { source = "builtin" }
  image    = "registry.example.com/strongswan:1"
  remote   = { subnets = ["10.91.152.128/26", "10.92.0.0/16"] }
  local    = { subnets = ["10.50.0.0/16"] }
  local_subnet_nat  = { "172.30.0.0/16" = "10.50.0.0/16" }
  remote_subnet_nat = { "10.91.152.128/26" = "10.191.0.0/26" }
  pod_snat          = "false"
  service_type      = "private"
  service_source_ip = true
`},
		{"pods", `
  name     = "vpn"
  chart    = { source = "builtin" }
  image    = "registry.example.com/strongswan:1"
  initiate = true
  remote   = { gateway = "198.51.100.2", subnets = ["10.91.152.128/26"] }
  local    = { subnets = ["172.30.0.0/16"] }
  service_type  = "none"
  node_selector = { "ibm-cloud.kubernetes.io/worker-pool-name" = "edge" }
  zone          = "dal10"
  zone_specific_routes = true
  tolerations  = [{ key = "team", value = "net", effect = "NoSchedule" }, { operator = "Exists" }]
  logging      = { default = 0, ike = 2 }
  privileged   = true
  extra_values = jsonencode({ retransmit = { tries = 3 } })
`},
	} {
		last = tunnel(acctest.Classic, group.arguments+key(firstKey, "1"))
		w.Write(acctest.ProviderBlock(e) + last)
		w.MustApply()
		w.MustPlanEmpty()
		second := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+last)
		if r := second.Run("import", "-no-color", address, "classic,vpn"); r.ExitCode != 0 {
			t.Fatalf("%s: import: %s", group.name, r.Output)
		}
		second.MustPlanEmpty()
	}
	noKeyElsewhere(t, e.Cluster(acctest.Classic))
	w.MustDestroy()
	gone(t, e.Cluster(acctest.Classic))
}

// A key that gets a new version is a new Secret and a new pod.
func TestAccKeyRotation(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	pod := func() string {
		t.Helper()
		d, err := in(c).AppsV1().Deployments("default").Get(t.Context(), "vpn-strongswan", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(d.Generation, d.Spec.Template.Annotations)
	}
	stored := func() string {
		t.Helper()
		s, err := in(c).CoreV1().Secrets("default").Get(t.Context(), "vpn-strongswan-key", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return string(s.Data["key"])
	}
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+tunnel(acctest.Classic, ends+key(firstKey, "1")))
	w.MustApply()
	before := pod()
	if stored() != firstKey {
		t.Error("the Secret does not hold the key")
	}
	// Without a version nobody can see it, so nothing happens.
	w.Write(acctest.ProviderBlock(e) + tunnel(acctest.Classic, ends+key(secondKey, "1")))
	w.MustPlanEmpty()
	// The version may be known in the apply alone.
	w.Write(acctest.ProviderBlock(e) + "resource \"terraform_data\" \"rotation\" {\n  input = 2\n}\n" +
		tunnel(acctest.Classic, ends+key(secondKey, "terraform_data.rotation.output")+"  wait_for = \"established\"\n"))
	w.MustApply()
	w.MustPlanEmpty()
	if stored() != secondKey {
		t.Error("the Secret does not hold the new key")
	}
	if pod() == before {
		t.Error("the pod was not started anew")
	}
	w.MustDestroy()
}

// The user's own Secret is used and never touched.
func TestAccKeyFromSecret(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+tunnel(acctest.Classic, ends+`  preshared_key_secret = { name = "mine", key = "psk" }`))
	fails(t, w.Apply(), `Secret default/mine has no entry "psk"`)
	if w.Attributes(address) != nil {
		t.Error("a tunnel without a key is in the state")
	}
	gone(t, c)
	mine := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: "mine"}, Data: map[string][]byte{"psk": []byte(firstKey)}}
	made, err := in(c).CoreV1().Secrets("default").Create(t.Context(), mine, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.MustApply()
	w.MustPlanEmpty()
	w.MustDestroy()
	left, err := in(c).CoreV1().Secrets("default").Get(t.Context(), "mine", metav1.GetOptions{})
	if err != nil || left.ResourceVersion != made.ResourceVersion {
		t.Errorf("the user's Secret was touched: %v", err)
	}
	gone(t, c)
	if err := in(c).CoreV1().Secrets("default").Delete(t.Context(), "mine", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
}

// What somebody does with helm shows, and is put right.
func TestAccReleaseChangedByHand(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+built(acctest.Classic, ""))
	w.MustApply()
	w.Write(acctest.ProviderBlock(e) + built(acctest.Classic, "  keying_tries = \"3\"\n"))
	w.MustApply()
	for _, by := range []struct { // in this order: one that is installed anew has nothing to go back to
		what string
		do   func(*helm.Client) error
	}{
		{"is at revision", func(h *helm.Client) error {
			_, err := h.Rollback(context.WithoutCancel(t.Context()), helm.RollbackOptions{Namespace: "default", Name: "vpn"})
			return err
		}},
		{"the Helm release is gone", func(h *helm.Client) error {
			_, err := h.Uninstall(context.WithoutCancel(t.Context()), helm.UninstallOptions{Namespace: "default", Name: "vpn"})
			return err
		}},
	} {
		if err := by.do(releases(t, c)); err != nil {
			t.Fatal(err)
		}
		if r := w.Run("refresh"); r.ExitCode != 0 {
			t.Fatal(r.Output)
		}
		if drift := fmt.Sprint(w.Attributes(address)["drift"]); !strings.Contains(drift, by.what) {
			t.Errorf("drift says %s, want %q", drift, by.what)
		}
		w.MustApply()
		w.MustPlanEmpty()
		config, err := in(c).CoreV1().ConfigMaps("default").Get(t.Context(), "vpn-strongswan-config", metav1.GetOptions{})
		if err != nil || !strings.Contains(config.Data["swanctl.conf"], "keyingtries = 3") {
			t.Errorf("the release was not put right: %v", err)
		}
	}
	w.MustDestroy()
	gone(t, c)
}

// What the API server does not take leaves nothing behind when it is new, and
// what was there before when it is a change.
func TestAccRefusedRelease(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	const refused = "  extra_values = jsonencode({ image = \"\" })\n"
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+built(acctest.Classic, refused))
	fails(t, w.Apply(), "Install of release default/vpn", "image: Required value")
	if w.Attributes(address) != nil {
		t.Error("a release that was taken back is in the state")
	}
	gone(t, c)

	w.Write(acctest.ProviderBlock(e) + built(acctest.Classic, ""))
	w.MustApply()
	before := w.Attributes(address)
	w.Write(acctest.ProviderBlock(e) + built(acctest.Classic, refused))
	fails(t, w.Apply(), "upgrade of release default/vpn", "The release is back at what it was before")
	after := w.Attributes(address)
	if after["extra_values"] != nil || after["ready"] != false || fmt.Sprint(after["revision"]) == fmt.Sprint(before["revision"]) {
		t.Errorf("the state after an upgrade that was rolled back: extra_values %v, ready %v, revision %v", after["extra_values"], after["ready"], after["revision"])
	}
	now, err := releases(t, c).Release(t.Context(), "default", "vpn")
	if err != nil || now.Status != helm.StatusDeployed || fmt.Sprint(now.Revision) != fmt.Sprint(after["revision"]) {
		t.Errorf("the release is %v (%v), the state has revision %v", now, err, after["revision"])
	}
	w.Write(acctest.ProviderBlock(e) + built(acctest.Classic, "  keying_tries = \"3\"\n"))
	w.MustApply()
	w.MustPlanEmpty()
	// It starts from what failed and from what was there before, and is one change all the same.
	if is := w.Attributes(address)["revision"]; fmt.Sprint(is) != fmt.Sprint(now.Revision+1) {
		t.Errorf("the update after revision %d made revision %v", now.Revision, is)
	}
	w.MustDestroy()
}

// Somebody else's release is left alone, until it is imported.
func TestAccReleaseOfAnother(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	first := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+built(acctest.Classic, ""))
	first.MustApply()
	second := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+built(acctest.Classic, "  keying_tries = \"3\"\n"))
	if r := second.Plan(); !slices.ContainsFunc(r.Warnings(), func(s string) bool { return strings.Contains(s, "is there already (revision 1") }) {
		t.Errorf("the plan does not warn of the release that is there: %q", r.Warnings())
	}
	fails(t, second.Apply(), "exists and is not ours", "revision 1 of chart strongswan", "Import it")
	first.MustPlanEmpty()
	if r := second.Run("import", "-no-color", address, "classic,default/vpn"); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	second.MustApply()
	second.MustPlanEmpty()
	second.MustDestroy()
	gone(t, c)
	first.MustDestroy()
}

// On VPC the load balancer is a network load balancer with a host name.
func TestAccOnVPC(t *testing.T) {
	e := acctest.Environment(t)
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+built(acctest.VPC, "  load_balancer_ip = \"192.0.2.1\"\n"))
	fails(t, w.Plan(), "On VPC a load balancer gets its address from the VPC")
	ibms := strings.NewReplacer(`chart    = { source = "builtin" }`, "", `image    = "registry.example.com/strongswan:1"`, "").Replace(built(acctest.VPC, ""))
	w.Write(acctest.ProviderBlock(e) + ibms)
	fails(t, w.Plan(), "IBM's chart is for classic clusters")
	w.Write(acctest.ProviderBlock(e) + built(acctest.VPC, "  service_type = \"private\"\n"))
	w.MustApply()
	w.MustPlanEmpty()
	if ips := fmt.Sprint(w.Attributes(address)["load_balancer_ips"]); !strings.Contains(ips, ".") {
		t.Errorf("load_balancer_ips is %s", ips)
	}
	w.MustDestroy()
}

// The workers' own addresses are refused as remote networks.
func TestAccHijackedWorkers(t *testing.T) {
	e := acctest.Environment(t)
	nodes, err := in(e.Cluster(acctest.Classic)).CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	worker := nodes.Items[0].Status.Addresses[0].Address
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+strings.Replace(built(acctest.Classic, ""), `["10.91.152.128/26"]`, fmt.Sprintf("[%q]", worker), 1))
	fails(t, w.Plan(), "worker "+nodes.Items[0].Name, "remote")
}

// Where the workers' addresses cannot be seen, a plan says so and an apply does
// not go on.
func TestAccUnseenWorkers(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	front := acctest.Interpose(t, c, func(w http.ResponseWriter, r *http.Request) bool {
		hidden := r.Method == http.MethodGet && r.URL.Path == "/api/v1/nodes"
		if hidden {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, `{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Forbidden","code":403,"message":"nodes is forbidden: User \"reader\" cannot list resource \"nodes\""}`)
		}
		return hidden
	})
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e, fmt.Sprintf("cluster_access = { mine = { host = %q } }", front))+built("mine", ""))
	r := w.Plan()
	if said := strings.Join(strings.Fields(strings.Join(r.Warnings(), "\n")), " "); r.ExitCode != 0 || !strings.Contains(said, "this identity may not list nodes") {
		t.Errorf("the plan ends with %d and does not warn: %s", r.ExitCode, r.Output)
	}
	fails(t, w.Apply(), "whether the workers have addresses in the remote subnets", `cannot list resource "nodes"`, "needs more rights in the cluster")
	if w.Attributes(address) != nil {
		t.Error("a tunnel that was refused is in the state")
	}
	gone(t, c)
}

// The key stands in no state, no plan and no log.
func TestAccNoSecretAtRest(t *testing.T) {
	e := acctest.Environment(t)
	const variable = "variable \"psk\" {\n  type      = string\n  ephemeral = true\n}\n"
	w := acctest.NewWorkspace(t, variable+strings.Replace(built(acctest.Classic, ""), fmt.Sprintf("%q", firstKey), "var.psk", 1))
	logs := filepath.Join(w.Dir(), "trace.log")
	w.Env = append(e.Env(), "TF_LOG=TRACE", "TF_LOG_PATH="+logs, "TF_VAR_psk="+firstKey)
	saved := filepath.Join(w.Dir(), "saved.plan")
	if r := w.Plan("-out", saved); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	shown := w.Run("show", "-json", saved)
	w.MustApply()
	w.MustPlanEmpty()
	noKeyElsewhere(t, e.Cluster(acctest.Classic))
	w.MustDestroy()
	texts := map[string][]byte{"the plan": []byte(shown.Output)}
	for _, file := range []string{"terraform.tfstate", "terraform.tfstate.backup", "trace.log"} {
		raw, err := os.ReadFile(filepath.Join(w.Dir(), file))
		if err != nil {
			t.Fatal(err)
		}
		texts[file] = raw
	}
	for what, text := range texts {
		if len(text) == 0 {
			t.Errorf("%s is empty", what)
		}
		if at := bytes.Index(text, []byte(firstKey)); at >= 0 {
			t.Errorf("%s holds the pre-shared key behind …%.120q", what, text[max(0, at-120):at])
		}
	}
}

// An apply that runs out of time before the pods are ready goes on later.
func TestAccSlowWait(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	hold := func(unschedulable bool) {
		t.Helper()
		nodes, err := in(c).CoreV1().Nodes().List(context.Background(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range nodes.Items {
			patch := fmt.Sprintf(`{"spec":{"unschedulable":%v}}`, unschedulable)
			if _, err := in(c).CoreV1().Nodes().Patch(context.Background(), n.Name, "application/merge-patch+json", []byte(patch), metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	hold(true)
	t.Cleanup(func() { hold(false) })
	arguments := ends + key(firstKey, "1")
	acctest.SlowWait(t, acctest.Slow{
		Provider: acctest.ProviderBlock(e), Type: "iks_strongswan_vpn", Cluster: acctest.Classic,
		Arguments: arguments + fmt.Sprintf("  timeouts = { create = %q, update = %q }\n", 3*time.Second, 3*time.Second),
		Release:   func() { hold(false) },
		Later:     arguments,
	})
}

func TestAccBadInput(t *testing.T) {
	with := func(arguments string) string { return ends + key(firstKey, "1") + arguments }
	without := func(line, instead string) string {
		return strings.Replace(ends, line, instead, 1) + key(firstKey, "1")
	}
	const remote, local, image = `remote   = { gateway = "198.51.100.2", subnets = ["10.91.152.128/26"] }`, `local    = { subnets = ["172.30.0.0/16", "172.21.0.0/16"] }`, `image    = "registry.example.com/strongswan:1"`
	acctest.BadInputs(t, "iks_strongswan_vpn", map[string]acctest.BadInput{
		"name":             acctest.Bad(without(`"vpn"`, `"Vpn"`), "name", "cannot be the name of a release"),
		"no image":         acctest.Bad(without(image, ""), "", "runs strongSwan from an image of your choice"),
		"no gateway":       acctest.Bad(without(remote, `remote = { subnets = ["10.91.152.128/26"] }`), "remote", "must know whom to call"),
		"no subnets":       acctest.Bad(without(remote, `remote = { gateway = "198.51.100.2", subnets = [] }`), "remote", "nothing would go through"),
		"not a network":    acctest.Bad(without(remote, `remote = { gateway = "198.51.100.2", subnets = ["10.91.152.129/26"] }`), "remote", "the network is 10.91.152.128/26"),
		"everything":       acctest.Bad(without(remote, `remote = { gateway = "198.51.100.2", subnets = ["0.0.0.0/0"] }`), "remote", "their own master included"),
		"IBM's own":        acctest.Bad(without(remote, `remote = { gateway = "198.51.100.2", subnets = ["166.8.0.0/16"] }`), "remote", "service endpoints"),
		"overlap":          acctest.Bad(without(local, `local = { subnets = ["10.91.152.0/24"] }`), "remote", "overlaps"),
		"no key":           acctest.Bad(ends, "", "pre-shared key is empty"),
		"default key":      acctest.Bad(ends+key("strongswan-preshared-secret", "1"), "preshared_key_wo", "well-known default"),
		"no version":       acctest.Bad(ends+"  preshared_key_wo = \"first-horse-battery\"\n", "", "give it a version"),
		"two keys":         acctest.Bad(with(`  preshared_key_secret = { name = "mine" }`), "preshared_key_secret", "leave one of them out"),
		"IKEv1":            acctest.Bad(with(`  ike = { version = "ikev1" }`), "ike", "IKEv1 needs the ciphers"),
		"proposal":         acctest.Bad(with(`  esp = { proposals = ["AES256!"] }`), "esp", "is not a proposal"),
		"lifetime":         acctest.Bad(with(`  esp = { lifetime = "soon" }`), "esp", "is not a duration"),
		"dead peer":        acctest.Bad(with(`  dpd_action = "ignore"`), "dpd_action", "one of"),
		"address and NAT":  acctest.Bad(with("  single_source_ip = true\n  local_subnet_nat = { \"172.30.0.0/16\" = \"10.1.0.0/16\" }"), "local_subnet_nat", "translates already"),
		"uneven NAT":       acctest.Bad(with(`  remote_subnet_nat = { "10.91.152.128/26" = "10.60.0.0/24" }`), "remote_subnet_nat", "size"),
		"two labels":       acctest.Bad(with(`  node_selector = { a = "1", b = "2" }`), "node_selector", "one"),
		"routes of a zone": acctest.Bad(with("  zone_specific_routes = true"), "zone_specific_routes", "zone"),
		"log of keys":      acctest.Bad(with(`  logging = { default = 4 }`), "logging", "keys into the log"),
		"not JSON":         acctest.Bad(with(`  extra_values = "kernel"`), "extra_values", "jsonencode"),
		"empty image":      acctest.Bad(without(image, `image = ""`), "image", "at least 1"),
	})
}
