package albstate_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/albstate"
)

func TestMain(m *testing.M) {
	os.Exit(acctest.Main(m, acctest.Package{
		Resources:   framework.Resources{albstate.NewResource},
		DataSources: framework.DataSources{albstate.NewDataSource},
	}))
}

// byHand is the IKS API as a person with an API key uses it.
func byHand(t *testing.T, e *localiks.Environment) *iks.Client {
	t.Helper()
	client, err := iks.New(iks.Config{APIKey: localiks.APIKey, Region: "us-south", Endpoint: e.IKS.URL(), IAMEndpoint: e.IKS.IAMURL()})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// disable turns the first ALB of a type off behind Terraform's back.
func disable(kind string) func(*testing.T, *localiks.Environment, *localiks.Cluster) {
	return func(t *testing.T, e *localiks.Environment, c *localiks.Cluster) {
		t.Helper()
		turnOff(t, e, c, kind, 1)
	}
}

// turnOff turns up to most ALBs of a type off that are on, by hand.
func turnOff(t *testing.T, e *localiks.Environment, c *localiks.Cluster, kind string, most int) {
	t.Helper()
	client := byHand(t, e)
	facts, err := client.Cluster(t.Context(), c.ID)
	if err != nil {
		t.Fatal(err)
	}
	albs, err := client.ALBs(t.Context(), facts)
	if err != nil {
		t.Fatal(err)
	}
	for _, alb := range albs {
		if alb.Type != kind || !alb.Enabled || most == 0 {
			continue
		}
		most--
		if err := client.DisableALB(t.Context(), facts, alb); err != nil {
			t.Fatal(err)
		}
	}
}

// begin brings a cluster to where IKS begins: its private ALBs are off. Another
// test may have left them on, as a destroy after an import does.
func begin(t *testing.T, e *localiks.Environment, c *localiks.Cluster) {
	t.Helper()
	turnOff(t, e, c, "private", len(e.IKS.ALBs(c.Name)))
	acctest.Eventually(t, "the private ALBs are off", func() error {
		for _, alb := range e.IKS.ALBs(c.Name) {
			if alb.Type == "private" && alb.State != "disabled" {
				return fmt.Errorf("%s is %s", alb.ID, alb.State)
			}
		}
		return nil
	})
}

func TestAccLifecycle(t *testing.T) {
	var variants []acctest.Resource
	for _, cluster := range []string{acctest.Classic, acctest.VPC} {
		variants = append(variants, acctest.Resource{
			Variant:   cluster,
			Type:      "iks_alb_state",
			Cluster:   cluster,
			Arguments: "  type = \"private\"\n  enabled = true\n  on_destroy = \"restore\"",
			Changed:   "  type = \"private\"\n  enabled = false\n  on_destroy = \"restore\"",
			Key:       "private",
			Identity:  `type = "private"`,
			Breaks: []acctest.Break{
				{Name: "disabled by hand", Do: disable("private"), Sentence: "disabled"},
			},
			RestoresOnDestroy: true,
			ImportUpdates:     true, // on_destroy
			ImportStays:       true, // what they were before is not known
		})
	}
	acctest.Lifecycle(t, variants...)
}

func TestAccBadInput(t *testing.T) {
	const enabled = "\n  enabled = true"
	acctest.BadInputs(t, "iks_alb_state", map[string]acctest.BadInput{
		"no selector":        acctest.Bad(enabled, "", "alb_id"),
		"two selectors":      acctest.Bad(`  type = "private"`+"\n"+`  alb_id = "private-crc1gs2dr8580crbpflhp1-alb1"`+enabled, "alb_id", "[alb_id,type]"),
		"malformed ID":       acctest.Bad(`  alb_id = "private-alb1"`+enabled, "alb_id", "private-alb1"),
		"empty ID":           acctest.Bad(`  alb_id = ""`+enabled, "alb_id", ""),
		"unknown type":       acctest.Bad(`  type = "internal"`+enabled, "type", "internal"),
		"zone without type":  acctest.Bad(`  alb_id = "private-crc1gs2dr8580crbpflhp1-alb1"`+"\n"+`  zone = "dal10"`+enabled, "zone", "type"),
		"empty zone":         acctest.Bad(`  type = "private"`+"\n"+`  zone = ""`+enabled, "zone", ""),
		"unknown on_destroy": acctest.Bad(`  type = "private"`+"\n"+`  on_destroy = "delete"`+enabled, "on_destroy", "delete"),
	})
}

// An ALB whose pods find no node is not ready until they do.
func TestAccSlowALB(t *testing.T) { acctest.UnderEachCLI(t, slowALB) }

func slowALB(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	begin(t, e, c)
	acctest.SlowWait(t, acctest.Slow{
		Provider: acctest.ProviderBlock(e),
		Type:     "iks_alb_state", Cluster: acctest.Classic,
		Arguments: "  type = \"private\"\n  enabled = true\n  on_destroy = \"restore\"\n  timeouts = { create = \"8s\" }",
		Release:   cordon(t, c),
	})
}

// cordon closes all nodes to new pods until release opens them again.
func cordon(t *testing.T, c *localiks.Cluster) (release func()) {
	t.Helper()
	client, err := kubernetes.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	set := func(closed bool) {
		nodes, err := client.CoreV1().Nodes().List(context.WithoutCancel(t.Context()), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		patch := fmt.Appendf(nil, `{"spec":{"unschedulable":%t}}`, closed)
		for _, n := range nodes.Items {
			if _, err := client.CoreV1().Nodes().Patch(context.WithoutCancel(t.Context()), n.Name, types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
				t.Fatal(err)
			}
		}
	}
	set(true)
	open := sync.OnceFunc(func() { set(false) })
	t.Cleanup(open)
	return open
}

// The public ALBs are switched off only when the private ones serve: refused
// alone, carried out in the order of their dependency, and taken back.
func TestAccCutOver(t *testing.T) {
	e := acctest.Environment(t)
	for _, name := range []string{acctest.Classic, acctest.VPC} {
		t.Run(name, func(t *testing.T) {
			c := e.Cluster(name)
			begin(t, e, c)
			before := acctest.TakeSnapshot(t, c)
			public := fmt.Sprintf(`
resource "iks_alb_state" "public" {
  cluster                 = %q
  type                    = "public"
  enabled                 = false
  on_destroy              = "restore"
  allow_public_on_destroy = true
  depends_on              = [iks_alb_state.private]
}
`, name)
			private := fmt.Sprintf(`
resource "iks_alb_state" "private" {
  cluster    = %q
  type       = "private"
  enabled    = true
  on_destroy = "restore"
}
`, name)
			w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+strings.Replace(public, "[iks_alb_state.private]", "[]", 1))
			r := w.Apply()
			if errs := r.Errors(); r.ExitCode != 1 || len(errs) != 1 || !strings.Contains(errs[0], "private ALB") {
				t.Fatalf("want exit code 1 and one error about the private ALB; got %d and %q", r.ExitCode, errs)
			}
			if w.Attributes("iks_alb_state.public") != nil {
				t.Error("a refused resource stands in the state")
			}
			if diff := cmp.Diff(before, acctest.TakeSnapshot(t, c)); diff != "" {
				t.Errorf("a refused apply changed the cluster (-before +after):\n%s", diff)
			}
			w.Write(acctest.ProviderBlock(e) + private + public)
			w.MustApply()
			w.MustPlanEmpty()
			for _, alb := range e.IKS.ALBs(name) {
				if alb.Enabled != (alb.Type == "private") {
					t.Errorf("ALB %s: enabled is %t", alb.ID, alb.Enabled)
				}
			}
			w.MustDestroy()
			// Enabled anew, an ALB has another Service: only which are enabled is as before.
			for _, alb := range e.IKS.ALBs(name) {
				if alb.Enabled != (alb.Type == "public") {
					t.Errorf("after the destroy ALB %s: enabled is %t", alb.ID, alb.Enabled)
				}
			}
		})
	}
}
