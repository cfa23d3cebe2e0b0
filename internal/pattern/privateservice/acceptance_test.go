package privateservice_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/privateservice"
)

func TestMain(m *testing.M) {
	os.Exit(acctest.Main(m, acctest.Package{
		Resources: framework.Resources{privateservice.NewResource},
	}))
}

const (
	resourceName = "iks_private_service.it"
	ipType       = "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type"
)

func client(t testing.TB, c *localiks.Cluster) kubernetes.Interface {
	t.Helper()
	k, err := kubernetes.NewForConfig(c.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// kept is a context that outlives the test, for what is done when it ends.
func kept(t testing.TB) context.Context { return context.WithoutCancel(t.Context()) }

func get(t testing.TB, c *localiks.Cluster) *corev1.Service {
	t.Helper()
	live, err := client(t, c).CoreV1().Services("default").Get(kept(t), "api", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return live
}

// patch changes the Service behind Terraform's back, as `kubectl edit` does.
func patch(body string) func(*testing.T, *localiks.Environment, *localiks.Cluster) {
	return func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
		t.Helper()
		_, err := client(t, c).CoreV1().Services("default").Patch(kept(t), "api", types.MergePatchType, []byte(body), metav1.PatchOptions{FieldManager: "kubectl-edit"})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func vanish(t *testing.T, c *localiks.Cluster) {
	t.Helper()
	services := client(t, c).CoreV1().Services("default")
	if err := services.Delete(kept(t), "api", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	until(t, "the Service is gone", func() bool {
		_, err := services.Get(kept(t), "api", metav1.GetOptions{})
		return err != nil
	})
}

const api = `
  name     = "api"
  selector = { app = "api" }
`

func lifecycle(cluster, arguments, changed string, breaks ...acctest.Break) acctest.Resource {
	return acctest.Resource{
		Variant: cluster, Type: "iks_private_service", Cluster: cluster,
		Arguments: api + arguments, Changed: api + changed,
		Key: "default,api", Identity: `namespace = "default"` + "\n    " + `name = "api"`,
		Breaks: append(breaks,
			acctest.Break{Name: "flipped to public", Do: patch(`{"metadata":{"annotations":{"` + ipType + `":"public"}}}`), Sentence: "may come up public"},
			acctest.Break{Name: "ports", Do: patch(`{"spec":{"ports":[{"port":81,"targetPort":8080}]}}`), Sentence: "spec.ports"},
			acctest.Break{Name: "selector", Do: patch(`{"spec":{"selector":{"tier":"web"}}}`), Sentence: "spec.selector.tier"},
			acctest.Break{Name: "stamp", Do: patch(`{"metadata":{"annotations":{"terraform-provider-iks/owner":null}}}`), Sentence: "stamp"},
		),
		Vanish: vanish, RestoresOnDestroy: true,
	}
}

func TestAccLifecycle(t *testing.T) {
	acctest.Lifecycle(t, onClassic(), onVPC())
}

func onClassic() acctest.Resource {
	return lifecycle(acctest.Classic, `
  ports         = [{ port = 80, target_port = 8080 }]
  source_ranges = ["192.168.0.0/16", "10.0.0.0/8"]
`, `
  ports = [
    { name = "http", port = 80, target_port = "http" },
    { name = "dns", port = 53, protocol = "UDP" },
  ]
  external_traffic_policy = "Local"
  session_affinity        = "ClientIP"
  labels                  = { team = "shop" }
`,
		acctest.Break{Name: "source ranges", Do: patch(`{"spec":{"loadBalancerSourceRanges":["0.0.0.0/0"]}}`), Sentence: "loadBalancerSourceRanges"},
	)
}

func onVPC() acctest.Resource {
	return lifecycle(acctest.VPC, `
  ports = [{ port = 443, target_port = "https" }]
  vpc = {
    features     = ["nlb"]
    idle_timeout = 600
  }
`, `
  ports = [{ port = 443, target_port = 8443 }]
  vpc = {
    features     = ["nlb"]
    health_check = { protocol = "http", path = "/ok", delay = 10, timeout = 4 }
  }
`)
}

func TestAccBadInput(t *testing.T) {
	bad := func(extra, at, says string) acctest.BadInput {
		return acctest.Bad(api+"  ports = [{ port = 443 }]\n"+extra, at, says)
	}
	port := func(entries, at, says string) acctest.BadInput {
		return acctest.Bad(api+"  ports = ["+entries+"]\n", at, says)
	}
	acctest.BadInputs(t, "iks_private_service", map[string]acctest.BadInput{
		"bad CIDR":           bad(`  source_ranges = ["10.0.0.0/33"]`, "source_ranges", "10.0.0.0/33"),
		"no CIDR":            bad(`  source_ranges = []`, "source_ranges", "empty"),
		"bad policy":         bad(`  external_traffic_policy = "local"`, "external_traffic_policy", "local"),
		"bad version":        bad(`  nlb_version = "3.0"`, "nlb_version", "3.0"),
		"2.0 without Local":  bad(`  nlb_version = "2.0"`, "", "Local"),
		"2.0 and VPC":        bad("  nlb_version = \"2.0\"\n  external_traffic_policy = \"Local\"\n  vpc = {}", "nlb_version", "VPC"),
		"bad scheduler":      bad("  nlb_version = \"2.0\"\n  external_traffic_policy = \"Local\"\n  scheduler = \"lc\"", "scheduler", "lc"),
		"bad address":        bad(`  load_balancer_ip = "api.example"`, "load_balancer_ip", "api.example"),
		"service endpoint":   bad(`  load_balancer_ip = "161.26.0.7"`, "load_balancer_ip", "service endpoints"),
		"public by the back": bad(`  annotations = { "`+ipType+`" = "public" }`, "annotations", "always private"),
		"bad label":          bad(`  labels = { "a b" = "c" }`, "labels", "a b"),
		"bad feature":        bad(`  vpc = { features = ["ipvs"] }`, "", "ipvs"),
		"bad delay":          bad(`  vpc = { health_check = { delay = 1 } }`, "vpc", "from 2 to 60"),
		"no port":            port(``, "ports", "at least one"),
		"port out of range":  port(`{ port = 65536 }`, "ports", "65536"),
		"bad node port":      port(`{ port = 80, node_port = 80 }`, "ports", "30000"),
		"SCTP":               port(`{ port = 80, protocol = "SCTP" }`, "", "SCTP"),
		"same port twice":    port(`{ name = "a", port = 80 }, { name = "b", port = 80 }`, "ports", "TCP 80"),
		"port without name":  port(`{ port = 80 }, { name = "b", port = 81 }`, "ports", "needs a name"),
		"empty name":         acctest.Bad("  name = \"\"\n  selector = { app = \"x\" }\n  ports = [{ port = 1 }]", "name", ""),
		"no selector":        acctest.Bad("  name = \"api\"\n  selector = {}\n  ports = [{ port = 1 }]", "selector", "iks_remote_service"),
	})
}

// What only one infrastructure has is refused while planning, with what the other has instead.
func TestAccWrongInfrastructure(t *testing.T) {
	e := acctest.Environment(t)
	for name, test := range map[string]struct{ cluster, arguments, says string }{
		"VPC's on classic": {acctest.Classic, `vpc = { features = ["nlb"] }`, "nlb_version"},
		"address on VPC":   {acctest.VPC, `load_balancer_ip = "10.0.0.9"`, "vpc.subnets"},
		"VLAN on VPC":      {acctest.VPC, `vlan_id = "2234945"`, "no VLANs"},
		"version on VPC":   {acctest.VPC, `nlb_version = "1.0"`, "network load balancer"},
	} {
		t.Run(name, func(t *testing.T) {
			w := acctest.NewWorkspace(t, block(e, test.cluster, "  ports = [{ port = 443 }]\n  "+test.arguments))
			r := w.Plan()
			if r.ExitCode == 0 || !strings.Contains(strings.Join(r.Errors(), "\n"), test.says) {
				t.Errorf("exit code %d, errors %q, want %q", r.ExitCode, r.Errors(), test.says)
			}
		})
	}
}

// block is a configuration of one Service.
func block(e *localiks.Environment, cluster, arguments string) string {
	return acctest.ProviderBlock(e) + fmt.Sprintf("resource \"iks_private_service\" \"it\" {\n  cluster = %q\n%s%s\n}\n", cluster, api, arguments)
}
