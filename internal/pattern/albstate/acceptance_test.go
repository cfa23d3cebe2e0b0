package albstate_test

import (
	"context"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
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
