package provider_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern"
)

func TestMain(m *testing.M) {
	os.Exit(acctest.Main(m, acctest.Package{Resources: pattern.Resources(), DataSources: pattern.DataSources()}))
}

const guard = `
resource "iks_nodeport_guard" "it" {
  cluster = "classic"
}
`

// What a wrong key, missing rights, an unknown cluster and an unreachable API
// look like: one clear error, no storm of retries, no state.
func TestAccClearErrors(t *testing.T) {
	e := acctest.Environment(t)
	e.IKS.AddAPIKey("nobody's key", fakeiks.NoRole)
	for name, test := range map[string]struct {
		provider, cluster string
		says              string
		requests          int // to IKS and IAM, at most, for the apply
	}{
		"wrong key":           {acctest.ProviderBlockFor(e, "not-a-key"), "classic", "API key could not be found", 4},
		"no permission":       {acctest.ProviderBlockFor(e, "nobody's key"), "classic", "not authorized to perform this operation", 12},
		"unknown cluster":     {acctest.ProviderBlock(e), "nowhere", "ibmcloud ks cluster ls", 8},
		"unreachable API":     {unreachable(e), "classic", "no answer from 127.0.0.1:1", 4},
		"nothing configured":  {"provider \"iks\" {}\n", "classic", "IC_API_KEY", 0},
		"unknown data source": {acctest.ProviderBlock(e) + "data \"iks_cluster\" \"it\" {\n  cluster = \"nowhere\"\n}\n", "classic", "does not exist", 8},
	} {
		t.Run(name, func(t *testing.T) {
			w := acctest.NewWorkspace(t, test.provider+strings.ReplaceAll(guard, "classic", test.cluster))
			w.Env = []string{"IC_API_KEY=", "IBMCLOUD_API_KEY="}
			e.IKS.ResetRequests()
			r := w.Apply()
			if r.ExitCode != 1 {
				t.Fatalf("exit code %d:\n%s", r.ExitCode, r.Output)
			}
			if errs := r.Errors(); len(errs) != 1 || !strings.Contains(errs[0], test.says) {
				t.Errorf("want one error with %q, got %q", test.says, errs)
			}
			if sent := len(e.IKS.Requests()); sent > test.requests {
				t.Errorf("%d requests were sent, want at most %d", sent, test.requests)
			}
			if w.Attributes("iks_nodeport_guard.it") != nil {
				t.Error("something stands in the state")
			}
		})
	}
}

func unreachable(e *localiks.Environment) string {
	return strings.Replace(acctest.ProviderBlock(e), e.IKS.URL(), "http://127.0.0.1:1", 1)
}

// An outage of any kind leaves the state as it was.
func TestAccOutageKeepsTheState(t *testing.T) {
	e := acctest.Environment(t)
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+guard)
	w.MustApply()
	before := w.Attributes("iks_nodeport_guard.it")
	remove := e.IKS.Fail(fakeiks.Fault{Path: "/v2/getCluster", Status: 403})
	r := w.Plan()
	remove()
	if r.ExitCode != 1 || len(r.Errors()) != 1 || !strings.Contains(r.Errors()[0], "Cluster classic") {
		t.Errorf("exit code %d, errors %q", r.ExitCode, r.Errors())
	}
	if after := w.Attributes("iks_nodeport_guard.it"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("the state changed from %v to %v", before, after)
	}
	w.MustPlanEmpty()
	w.MustDestroy()
}

// IKS answers a key of another account as if the cluster did not exist. That is
// no proof: neither plan nor destroy forgets what is there.
func TestAccAnotherAccountProvesNothing(t *testing.T) {
	e := acctest.Environment(t)
	account := strings.Repeat("b", 32)
	for name, clusters := range map[string][]fakeiks.Cluster{
		"without the name":        nil,
		"with a cluster so named": {{Name: acctest.Classic}},
	} {
		t.Run(name, func(t *testing.T) {
			w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+guard)
			w.MustApply()
			w.Write(ask(t, e, fakeiks.Options{Account: account}, clusters...) + guard)
			for verb, args := range map[string][]string{"plan": nil, "destroy": {"-auto-approve", "-refresh=false"}} {
				keeps(t, w, w.Run(verb, args...), "act in account "+account)
			}
			w.Write(acctest.ProviderBlock(e) + guard)
			w.MustPlanEmpty()
			w.MustDestroy()
		})
	}
}

// A name that leads to another cluster, in another resource group or region, says
// nothing of the one that the state belongs to.
func TestAccNameLeadsElsewhere(t *testing.T) {
	e := acctest.Environment(t)
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+guard)
	w.MustApply()
	id, _ := w.Attributes("iks_nodeport_guard.it")["cluster_id"].(string)
	w.Write(ask(t, e, fakeiks.Options{}, fakeiks.Cluster{Name: acctest.Classic}, fakeiks.Cluster{ID: id, Name: "namesake"}) + guard)
	keeps(t, w, w.Plan(), "the one of the state, with ID "+id+", is there as well")
	w.Write(acctest.ProviderBlock(e) + guard)
	w.MustPlanEmpty()
	w.MustDestroy()
}

// A resource group that the cluster is not in is not a cluster that is gone.
func TestAccResourceGroupOfOthers(t *testing.T) {
	e := acctest.Environment(t)
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+guard)
	w.MustApply()
	w.Write(strings.Replace(acctest.ProviderBlock(e), "{\n", "{\n  resource_group_id = \""+strings.Repeat("9", 32)+"\"\n", 1) + guard)
	w.MustPlanEmpty()
	w.MustDestroy()
}

// ask gives a provider block that asks another IKS than e's, with the same key.
func ask(t *testing.T, e *localiks.Environment, o fakeiks.Options, clusters ...fakeiks.Cluster) string {
	t.Helper()
	other, err := fakeiks.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	})
	other.AddAPIKey(localiks.APIKey, fakeiks.Administrator)
	for _, c := range clusters {
		if _, err := other.AddCluster(c); err != nil {
			t.Fatal(err)
		}
	}
	return strings.ReplaceAll(acctest.ProviderBlock(e), e.IKS.URL(), other.URL())
}

// keeps holds a run to one error that says that, and to the guard's state.
func keeps(t *testing.T, w *acctest.Workspace, r acctest.Result, says string) {
	t.Helper()
	if errs := r.Errors(); r.ExitCode != 1 || len(errs) != 1 || !strings.Contains(errs[0], says) {
		t.Errorf("exit code %d, errors %q", r.ExitCode, errs)
	}
	if w.Attributes("iks_nodeport_guard.it") == nil {
		t.Fatal("the guard is forgotten")
	}
}

// Faults that pass by themselves do not show.
func TestAccPassingFaults(t *testing.T) {
	e := acctest.Environment(t)
	for name, fault := range map[string]fakeiks.Fault{
		"too many requests": {Path: "/v2/getCluster", Status: 429, RetryAfter: time.Second, Times: 1},
		"unavailable":       {Path: "/v2/applyRBACAndGetKubeconfig", Status: 503, Times: 1},
		"reset":             {Path: "/v2/getCluster", Reset: true, Times: 1},
		"truncated":         {Path: "/v2/applyRBACAndGetKubeconfig", Truncate: true, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+guard)
			defer e.IKS.Fail(fault)()
			e.IKS.ResetRequests()
			w.MustApply()
			if !slices.ContainsFunc(e.IKS.Requests(), func(r fakeiks.Request) bool { return r.Faulty }) {
				t.Error("nothing met the fault")
			}
			w.MustPlanEmpty()
			w.MustDestroy()
		})
	}
}

// No API key, token or kubeconfig stands in state, plan or logs at TRACE.
func TestAccNoSecretAtRest(t *testing.T) { acctest.UnderEachCLI(t, noSecretAtRest) }

func noSecretAtRest(t *testing.T) {
	e := acctest.Environment(t)
	// The key comes from the environment: what stands in a configuration is
	// Terraform's own to keep.
	w := acctest.NewWorkspace(t, `
resource "iks_edge_pool" "it" {
  cluster     = "classic"
  worker_pool = "edge"
}
`+guard+`
resource "iks_alb_state" "it" {
  cluster = "classic"
  type    = "private"
  enabled = true
}
data "iks_cluster" "it" {
  cluster = "classic"
}
`)
	logs := filepath.Join(w.Dir(), "trace.log")
	w.Env = append(e.Env(), "TF_LOG=TRACE", "TF_LOG_PATH="+logs)
	if r := w.Plan("-out", filepath.Join(w.Dir(), "saved.plan")); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	w.MustApply()
	shown := w.Run("show", "-json", filepath.Join(w.Dir(), "saved.plan"))
	if err := os.WriteFile(filepath.Join(w.Dir(), "plan.json"), []byte(shown.Output), 0o600); err != nil {
		t.Fatal(err)
	}
	w.MustDestroy()
	_, adminKey := e.Cluster(acctest.Classic).AdminCertificate()
	for _, file := range []string{"terraform.tfstate", "terraform.tfstate.backup", "plan.json", "trace.log"} {
		raw, err := os.ReadFile(filepath.Join(w.Dir(), file))
		if err != nil {
			t.Fatal(err)
		}
		for what, secret := range map[string]string{
			"the API key":           regexp.QuoteMeta(localiks.APIKey),
			"an IAM or kube token":  `eyJ[\w-]+\.eyJ[\w-]+\.`,
			"a private key":         "PRIVATE KEY-----",
			"the administrator key": regexp.QuoteMeta(strings.SplitN(string(adminKey), "\n", 3)[1]),
		} {
			if at := regexp.MustCompile(secret).FindIndex(raw); at != nil {
				t.Errorf("%s holds %s behind …%.120q", file, what, raw[max(0, at[0]-120):at[0]])
			}
		}
	}
}

// Validating sends no request, whatever the provider block says.
func TestAccValidateSendsNothing(t *testing.T) {
	e := acctest.Environment(t)
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+guard)
	e.IKS.ResetRequests()
	if r := w.Run("validate", "-no-color"); r.ExitCode != 0 {
		t.Fatal(r.Output)
	}
	if requests := e.IKS.Requests(); len(requests) > 0 {
		t.Errorf("validate sent %s %s", requests[0].Method, requests[0].Path)
	}
}

// A provider block that is not known yet does not fail the plan of something
// new, and works once it is known.
func TestAccUnknownProviderBlock(t *testing.T) { acctest.UnderEachCLI(t, unknownProviderBlock) }

func unknownProviderBlock(t *testing.T) {
	e := acctest.Environment(t)
	config := strings.Replace(acctest.ProviderBlock(e), fmt.Sprintf("%q", localiks.APIKey), "terraform_data.key.output", 1)
	w := acctest.NewWorkspace(t, `
resource "terraform_data" "key" {
  input = "`+localiks.APIKey+`"
}
`+config+guard)
	r := w.MustApply()
	if !slices.ContainsFunc(r.Warnings(), func(s string) bool { return strings.Contains(s, "ibmcloud_api_key is not known yet") }) {
		t.Errorf("no warning names the attribute; there are %q", r.Warnings())
	}
	w.MustPlanEmpty()
	w.MustDestroy()
}

// A cluster that IKS does not know is reached by cluster_access.
func TestAccClusterAccess(t *testing.T) {
	e := acctest.Environment(t)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(file, e.Cluster(acctest.Classic).Kubeconfig(), 0o600); err != nil {
		t.Fatal(err)
	}
	w := acctest.NewWorkspace(t, fmt.Sprintf(`
provider "iks" {
  cluster_access = {
    mine = { config_path = %q }
  }
  default_labels = { team = "network" }
}
resource "iks_nodeport_guard" "it" {
  cluster = "mine"
}
resource "iks_edge_pool" "it" {
  cluster       = "mine"
  node_selector = { "ibm-cloud.kubernetes.io/worker-pool-name" = "edge" }
}
`, file))
	e.IKS.ResetRequests()
	w.MustApply()
	w.MustPlanEmpty()
	for _, r := range e.IKS.Requests() {
		if r.Path != "/tokenreview" {
			t.Errorf("IKS was asked: %s %s", r.Method, r.Path)
		}
	}
	w.MustDestroy()
}

// A kubeconfig whose current context was switched leads to another cluster. A
// destroy touches nothing there, and says that the first one keeps what it has.
func TestAccAnotherContext(t *testing.T) {
	e := acctest.Environment(t)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	lead := func(to string) {
		t.Helper()
		if err := os.WriteFile(file, e.Cluster(to).Kubeconfig(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config := fmt.Sprintf("provider \"iks\" {\n  cluster_access = {\n    mine = { config_path = %q }\n  }\n}\n", file) + strings.ReplaceAll(guard, "classic", "mine")
	lead(acctest.Classic)
	w := acctest.NewWorkspace(t, config)
	w.MustApply()
	id, _ := w.Attributes("iks_nodeport_guard.it")["cluster_id"].(string)
	with, other := acctest.TakeSnapshot(t, e.Cluster(acctest.Classic)), acctest.TakeSnapshot(t, e.Cluster(acctest.VPC))

	lead(acctest.VPC)
	r := w.MustDestroy("-refresh=false")
	if !slices.ContainsFunc(r.Warnings(), func(s string) bool {
		return strings.Contains(s, "Nothing of iks_nodeport_guard was removed") && strings.Contains(s, id)
	}) {
		t.Errorf("no warning says that nothing was removed; there are %q", r.Warnings())
	}
	if diff := cmp.Diff(with, acctest.TakeSnapshot(t, e.Cluster(acctest.Classic))) + cmp.Diff(other, acctest.TakeSnapshot(t, e.Cluster(acctest.VPC))); diff != "" {
		t.Errorf("a cluster was touched (-before +after):\n%s", diff)
	}

	lead(acctest.Classic)
	w.MustApply()
	w.MustDestroy()
}
