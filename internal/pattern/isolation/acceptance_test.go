package isolation_test

import (
	"context"
	"os"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/isolation"
)

func TestMain(m *testing.M) {
	os.Exit(acctest.Main(m, acctest.Package{
		Resources: framework.Resources{isolation.NewResource},
	}))
}

const policies = acctest.GlobalPolicies

func required() []string {
	return []string{
		"allow-all-workers-private", "allow-icmp-private", "allow-sys-mgmt-private", "allow-ibm-ports-private",
		"allow-private-service-endpoint", "allow-egress-pods-private", "deny-all-private-default",
	}
}

func TestAccLifecycle(t *testing.T) {
	acctest.Lifecycle(t, acctest.Resource{
		Type:      "iks_network_isolation",
		Cluster:   acctest.Classic,
		Arguments: "  network = \"private\"\n  confirm = \"none\"",
		Changed:   "  network = \"private\"\n  confirm = \"none\"\n  allow = [\"vrrp\", \"vpn\"]\n  peer_cidrs = [\"10.9.0.0/16\"]",
		Key:       "private",
		Identity:  `network = "private"`,
		Breaks: []acctest.Break{
			{Name: "denial", Do: policies.Edit("deny-all-private-default", func(spec map[string]any) { spec["order"] = int64(1) }), Sentence: "policy deny-all-private-default: order 1"},
			{Name: "rules", Do: policies.Edit("allow-egress-pods-private", func(spec map[string]any) { spec["egress"] = []any{} }), Sentence: "policy allow-egress-pods-private:"},
			{Name: "a policy goes", Do: func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
				policies.Drop(t, c, "allow-icmp-private")
			}, Sentence: "policy allow-icmp-private: it is missing"},
		},
		Vanish:            func(t *testing.T, c *localiks.Cluster) { policies.Drop(t, c, required()...) },
		RestoresOnDestroy: true,
		ImportUpdates:     true, // how it is confirmed stands nowhere in the cluster
	})
}

func TestAccBadInput(t *testing.T) {
	private := "  network = \"private\"\n"
	acctest.BadInputs(t, "iks_network_isolation", map[string]acctest.BadInput{
		"no such network":    acctest.Bad(`  network = "both"`, "network", "both"),
		"no network":         acctest.Bad(``, "", "network"),
		"unknown allowance":  acctest.Bad(private+`  allow = ["everything"]`, "allow", "everything"),
		"empty allowance":    acctest.Bad(private+`  allow = []`, "allow", "empty"),
		"istio alone":        acctest.Bad("  network = \"public\"\n  allow = [\"istio\"]", "allow", "services"),
		"VRRP in public":     acctest.Bad("  network = \"public\"\n  allow = [\"vrrp\"]", "allow", "vrrp"),
		"every peer":         acctest.Bad(private+`  peer_cidrs = ["0.0.0.0/0"]`, "peer_cidrs", "0.0.0.0/0"),
		"bad CIDR":           acctest.Bad(private+`  registry_cidrs = ["10.0.0.0/33"]`, "registry_cidrs", "10.0.0.0/33"),
		"host bits":          acctest.Bad(private+`  service_endpoint_cidrs = ["166.9.1.1/16"]`, "service_endpoint_cidrs", "166.9.0.0/16"),
		"bad subnet":         acctest.Bad(private+`  pod_subnet = "pods"`, "pod_subnet", "pods"),
		"bad port":           acctest.Bad(private+`  aggregated_api_ports = [70000]`, "aggregated_api_ports", "70000"),
		"bad confirmation":   acctest.Bad(private+`  confirm = "maybe"`, "confirm", "maybe"),
		"canary of nothing":  acctest.Bad(private+`  canary = { image = "", namespace = "checks" }`, "canary", "image"),
		"canary nowhere":     acctest.Bad(private+`  canary = { image = "busybox", namespace = "A" }`, "canary", "namespace"),
		"idle canary":        acctest.Bad(private+"  confirm = \"none\"\n  canary = { image = \"busybox\", namespace = \"checks\" }", "canary", "none"),
		"empty command":      acctest.Bad(private+`  canary = { image = "busybox", namespace = "checks", command = [] }`, "canary", "empty"),
		"endless":            acctest.Bad(private+`  confirm_seconds = 301`, "confirm_seconds", "300"),
		"management, public": acctest.Bad("  network = \"public\"\n  infrastructure_cidrs = [\"10.0.64.0/19\"]", "infrastructure_cidrs", "private"),
	})
}

func config(e *localiks.Environment, cluster, arguments string) string {
	return acctest.ProviderBlock(e) + "resource \"iks_network_isolation\" \"it\" {\n  cluster = \"" + cluster + "\"\n" + arguments + "\n}\n"
}

// A plan refuses what would lock the cluster out, and a cluster on VPC.
func TestAccPlanRefuses(t *testing.T) {
	e := acctest.Environment(t)
	for name, c := range map[string]struct{ cluster, arguments, says string }{
		"VPC":                    {acctest.VPC, `network = "private"`, "security groups"},
		"another pod subnet":     {acctest.Classic, "network = \"private\"\npod_subnet = \"10.40.0.0/16\"", "pod_subnet"},
		"another service subnet": {acctest.Classic, "network = \"public\"\nservice_subnet = \"10.50.0.0/16\"", "service_subnet"},
		"unknown region":         {acctest.Classic, "network = \"private\"\nregion = \"mars\"", "mars"},
	} {
		t.Run(name, func(t *testing.T) {
			w := acctest.NewWorkspace(t, config(e, c.cluster, c.arguments))
			r := w.Plan()
			if r.ExitCode == 0 || !slices.ContainsFunc(r.Errors(), func(s string) bool { return strings.Contains(s, c.says) }) {
				t.Errorf("exit code %d, errors %q", r.ExitCode, r.Errors())
			}
		})
	}
}

// The same through the v1 door, confirmed, and a set that lives through a change of door.
func TestAccOtherDoor(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	w := acctest.NewWorkspace(t, config(e, acctest.Classic, "network = \"public\"\nconfirm_seconds = 1\nallow = [\"services\", \"istio\"]"))
	door := func(open bool) {
		t.Helper()
		if err := c.SetCalicoAPI(context.Background(), open); err != nil {
			t.Fatal(err)
		}
	}
	through := func(api string) {
		t.Helper()
		if got := w.Attributes("iks_network_isolation.it")["api"]; got != api {
			t.Errorf("the policies were reached through %v, want %s", got, api)
		}
	}
	w.MustApply()
	through("projectcalico.org/v3")
	w.MustPlanEmpty()
	door(false)
	t.Cleanup(func() { door(true) })
	w.MustPlanEmpty()
	policies.Edit("deny-all-outbound-public", func(spec map[string]any) { spec["order"] = int64(1) })(t, e, c)
	w.MustApply()
	through("crd.projectcalico.org/v1")
	w.MustPlanEmpty()
	w.MustDestroy()
	// Made through the v1 door, found and removed through the v3 door.
	w.MustApply()
	door(true)
	w.MustPlanEmpty()
	w.MustDestroy()
	if _, err := policies.Of(t, c).Get(context.Background(), "default.deny-all-outbound-public", metav1.GetOptions{}); err == nil {
		t.Error("the denial is still there")
	}
}
