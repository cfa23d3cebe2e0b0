package albstate_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestMain(m *testing.M) { acctest.Main(m) }

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
		client := byHand(t, e)
		facts, err := client.Cluster(context.Background(), c.ID)
		if err != nil {
			t.Fatal(err)
		}
		albs, err := client.ALBs(context.Background(), facts)
		if err != nil {
			t.Fatal(err)
		}
		for _, alb := range albs {
			if alb.Type == kind {
				if err := client.DisableALB(context.Background(), facts, alb); err != nil {
					t.Fatal(err)
				}
				return
			}
		}
		t.Fatalf("there is no %s ALB", kind)
	}
}

func TestAccLifecycle(t *testing.T) {
	for _, cluster := range []string{acctest.Classic, acctest.VPC} {
		t.Run(cluster, func(t *testing.T) {
			acctest.Lifecycle(t, acctest.Resource{
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
			})
		})
	}
}

func TestAccBadInput(t *testing.T) {
	const enabled = "\n  enabled = true"
	acctest.BadInputs(t, "iks_alb_state", map[string]acctest.BadInput{
		"no selector":        acctest.Bad(enabled, "", "alb_id"),
		"two selectors":      acctest.Bad(`  type = "private"`+"\n"+`  alb_id = "private-crc1gs2dr8580crbpflhp1-alb1"`+enabled, "", "alb_id"),
		"malformed ID":       acctest.Bad(`  alb_id = "private-alb1"`+enabled, "alb_id", "private-alb1"),
		"empty ID":           acctest.Bad(`  alb_id = ""`+enabled, "alb_id", ""),
		"unknown type":       acctest.Bad(`  type = "internal"`+enabled, "type", "internal"),
		"zone without type":  acctest.Bad(`  alb_id = "private-crc1gs2dr8580crbpflhp1-alb1"`+"\n"+`  zone = "dal10"`+enabled, "zone", "type"),
		"empty zone":         acctest.Bad(`  type = "private"`+"\n"+`  zone = ""`+enabled, "zone", ""),
		"unknown on_destroy": acctest.Bad(`  type = "private"`+"\n"+`  on_destroy = "delete"`+enabled, "on_destroy", "delete"),
	})
}

// An ALB that takes longer than the timeout is neither tainted nor replaced:
// the next apply carries on.
func TestAccSlowALB(t *testing.T) {
	e := acctest.OwnEnvironment(t, localiks.Options{
		Delay:    4 * time.Second,
		Clusters: []localiks.ClusterOptions{{Cluster: localiks.SampleCluster(acctest.Classic, fakeiks.Classic)}},
	})
	const it = "iks_alb_state.it"
	w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+`
resource "iks_alb_state" "it" {
  cluster  = "classic"
  type     = "private"
  enabled  = true
  timeouts = { create = "1s" }
}
`)
	first := w.MustApply()
	if ready := w.Attributes(it)["ready"]; ready != false {
		t.Errorf("ready is %v after an apply that ran out of time", ready)
	}
	if warnings := first.Warnings(); !slices.ContainsFunc(warnings, func(s string) bool { return strings.Contains(s, "is not ready") }) {
		t.Errorf("no warning says so; there are %q", warnings)
	}
	e.IKS.ResetRequests()
	w.MustApply()
	if ready := w.Attributes(it)["ready"]; ready != true {
		t.Errorf("ready is %v after the next apply", ready)
	}
	if again := e.IKS.Count("DELETE", "/v1/alb/albs/*"); again != 0 {
		t.Error("the next apply disabled an ALB: it was replaced instead of waited for")
	}
	w.MustPlanEmpty()
	w.MustDestroy()
}
