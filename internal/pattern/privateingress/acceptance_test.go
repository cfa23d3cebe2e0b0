package privateingress_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/albstate"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/privateingress"
)

func TestMain(m *testing.M) {
	os.Exit(acctest.Main(m, acctest.Package{
		Resources: framework.Resources{albstate.NewResource, privateingress.NewResource},
	}))
}

const address = "iks_private_ingress.it"

// front is the Ingress of every test, with these arguments besides.
func front(cluster, arguments string) string {
	return fmt.Sprintf("resource \"iks_private_ingress\" \"it\" {\n  cluster = %q\n  name    = \"front\"\n%s\n}\n", cluster, arguments)
}

const toShop = "  default_backend = { service_name = \"shop\", service_port = 443 }\n"

// config is front in the shared classic cluster.
func config(t *testing.T, arguments string) string {
	t.Helper()
	return acctest.ProviderBlock(acctest.Environment(t)) + front(acctest.Classic, arguments)
}

// enablePrivate enables the private ALBs of a cluster, and leaves them so.
func enablePrivate(t *testing.T, e *localiks.Environment, c *localiks.Cluster) {
	t.Helper()
	acctest.NewWorkspace(t, acctest.ProviderBlock(e)+fmt.Sprintf("resource \"iks_alb_state\" \"private\" {\n  cluster = %q\n  type    = \"private\"\n  enabled = true\n}\n", c.Name)).MustApply()
}

// classic is the shared classic cluster with its private ALBs enabled, and its
// custom IngressClasses forgotten after the test.
func classic(t *testing.T) others {
	t.Helper()
	e := acctest.Environment(t)
	enablePrivate(t, e, e.Cluster(acctest.Classic))
	return in(t, e.Cluster(acctest.Classic))
}

// others plays everybody else in a cluster.
type others struct {
	t    *testing.T
	kube kubernetes.Interface
}

func in(t *testing.T, c *localiks.Cluster) others {
	t.Helper()
	return others{t: t, kube: kubernetes.NewForConfigOrDie(c.RESTConfig())}
}

func (o others) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o others) ingress() *networkingv1.Ingress {
	o.t.Helper()
	live, err := o.kube.NetworkingV1().Ingresses("default").Get(context.Background(), "front", metav1.GetOptions{})
	o.must(err)
	return live
}

// patch changes the Ingress behind Terraform's back.
func (o others) patch(patch string) {
	o.t.Helper()
	_, err := o.kube.NetworkingV1().Ingresses("default").Patch(context.Background(), "front", types.MergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	o.must(err)
}

// reachedAt writes the status of the Ingress, as its controller would.
func (o others) reachedAt(ip string) error {
	patch := fmt.Sprintf(`{"status":{"loadBalancer":{"ingress":[{"ip":%q}]}}}`, ip)
	_, err := o.kube.NetworkingV1().Ingresses("default").Patch(context.Background(), "front", types.MergePatchType, []byte(patch), metav1.PatchOptions{}, "status")
	return err
}

// says fails the test unless one of the texts holds all of these.
func says(t *testing.T, texts []string, parts ...string) {
	t.Helper()
	if !slices.ContainsFunc(texts, func(text string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(text, part) })
	}) {
		t.Errorf("nothing says %q; there is %q", parts, texts)
	}
}

// planned fails the test unless the resource is planned as that.
func planned(t *testing.T, r acctest.Result, action string) {
	t.Helper()
	if !slices.Contains(r.Planned, acctest.Change{Address: address, Action: action}) {
		t.Errorf("want %s to be planned as %s; planned is %v\n%q", address, action, r.Planned, r.Errors())
	}
}

// addressesOf are the addresses of the ALBs of a type, sorted.
func addressesOf(e *localiks.Environment, cluster, kind string) []any {
	var out []string
	for _, a := range e.IKS.ALBs(cluster) {
		if a.Type == kind && a.Address != "" && !slices.Contains(out, a.Address) {
			out = append(out, a.Address)
		}
	}
	slices.Sort(out)
	var all []any
	for _, a := range out {
		all = append(all, a)
	}
	return all
}

// enableWith switches an ALB to a build of the other controller, as IBM's
// command line does: off, and on with another version.
func enableWith(t *testing.T, e *localiks.Environment, a fakeiks.ALB, build string) {
	t.Helper()
	answer, err := http.PostForm(e.IKS.IAMURL()+"/identity/token", url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:apikey"}, "apikey": {localiks.APIKey}})
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var token struct {
		Access string `json:"access_token"`
	}
	if err := json.NewDecoder(answer.Body).Decode(&token); err != nil {
		t.Fatal(err)
	}
	send := func(method, path, body string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, e.IKS.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+token.Access)
		request.Header.Set("Content-Type", "application/json")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode >= 300 {
			said, _ := io.ReadAll(answer.Body)
			t.Fatalf("%s %s: %s %s", method, path, answer.Status, said)
		}
	}
	until := func(state string) {
		t.Helper()
		for t.Context().Err() == nil {
			at := slices.IndexFunc(e.IKS.ALBs(a.ClusterID), func(b fakeiks.ALB) bool { return b.ID == a.ID })
			if now := e.IKS.ALBs(a.ClusterID)[at]; now.State == state && (state == fakeiks.ALBStateDisabled || now.Status == fakeiks.ALBHealthy) {
				return
			}
		}
	}
	if a.Enabled {
		send(http.MethodDelete, "/v1/alb/albs/"+a.ID, "")
		until(fakeiks.ALBStateDisabled)
	}
	send(http.MethodPost, "/v1/alb/albs", fmt.Sprintf(`{"albID":%q,"clusterID":%q,"enable":true,"albBuild":%q}`, a.ID, a.ClusterID, build))
	until(fakeiks.ALBStateEnabled)
}

func edit(patch string) func(*testing.T, *localiks.Environment, *localiks.Cluster) {
	return func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
		t.Helper()
		in(t, c).patch(patch)
	}
}

const lifecycleArguments = `
  name = "front"
  rules = [{
    host  = "shop.example.com"
    paths = [{ backend = { service_name = "shop", service_port = 443 } }, { path = "/api", path_type = "Exact", backend = { service_name = "api", service_port = "https" } }]
  }]
  tls         = [{ hosts = ["shop.example.com"], secret_name = "shop-tls" }]
  labels      = { team = "shop" }
  annotations = { "nginx.ingress.kubernetes.io/ssl-redirect" = "true" }
`

const lifecycleChanged = `
  name            = "front"
  default_backend = { service_name = "shop", service_port = "web" }
`

func TestAccLifecycle(t *testing.T) {
	var variants []acctest.Resource
	for _, cluster := range []string{acctest.Classic, acctest.VPC} {
		variants = append(variants, acctest.Resource{
			Variant:   cluster,
			Type:      "iks_private_ingress",
			Cluster:   cluster,
			Arguments: lifecycleArguments,
			Changed:   lifecycleChanged,
			Key:       "default,front",
			Identity:  "namespace = \"default\"\n    name = \"front\"",
			Prepare:   enablePrivate,
			Breaks: []acctest.Break{
				{Name: "class", Do: edit(`{"spec":{"ingressClassName":"public-iks-k8s-nginx"}}`), Sentence: "public-iks-k8s-nginx"},
				{Name: "backend", Do: edit(`{"spec":{"rules":[{"host":"shop.example.com","http":{"paths":[{"path":"/","pathType":"Prefix","backend":{"service":{"name":"evil","port":{"number":443}}}}]}}]}}`), Sentence: "spec.rules[0].http.paths has 1 entries, declared 2"},
				{Name: "host", Do: edit(`{"spec":{"tls":[{"hosts":["other.example.com"]}]}}`), Sentence: "other.example.com"},
				{Name: "class by annotation", Do: edit(`{"metadata":{"annotations":{"ingress.bluemix.net/ALB-ID":"public-crx-alb1"}}}`), Sentence: "hands the Ingress to another controller"},
				{Name: "annotation", Do: edit(`{"metadata":{"annotations":{"nginx.ingress.kubernetes.io/ssl-redirect":"false"}}}`), Sentence: "ssl-redirect"},
				{Name: "stamp", Do: edit(`{"metadata":{"annotations":{"terraform-provider-iks/owner":null}}}`), Sentence: "ownership stamp is missing"},
			},
			Vanish: func(t *testing.T, c *localiks.Cluster) {
				o := in(t, c)
				o.must(o.kube.NetworkingV1().Ingresses("default").Delete(context.Background(), "front", metav1.DeleteOptions{}))
			},
			RestoresOnDestroy: true,
		})
	}
	acctest.Lifecycle(t, variants...)
}

func TestAccBadInput(t *testing.T) {
	bad := func(arguments, at, says string) acctest.BadInput {
		return acctest.Bad("  name = \"front\"\n"+arguments, at, says)
	}
	rule := func(inner string) string { return "  rules = [{ " + inner + " }]\n" }
	backend := func(inner string) string { return rule("paths = [{ backend = { " + inner + " } }]") }
	acctest.BadInputs(t, "iks_private_ingress", map[string]acctest.BadInput{
		"no name":             acctest.Bad("  name = \"\"\n"+toShop, "name", "name of an Ingress"),
		"bad name":            acctest.Bad("  name = \"Front\"\n"+toShop, "name", "Front"),
		"bad namespace":       bad("  namespace = \"a.b\"\n"+toShop, "namespace", "a.b"),
		"no way":              bad("", "", "rules"),
		"no rule":             bad("  rules = []\n", "rules", ""),
		"no path":             bad(rule("paths = []"), "rules", "lead nowhere"),
		"public class":        bad("  ingress_class = \"public-iks-traefik\"\n"+toShop, "ingress_class", "from the internet"),
		"bad class":           bad("  ingress_class = \"A b\"\n"+toShop, "ingress_class", "A b"),
		"public ALB":          bad("  legacy_alb_id = \"public-crc1-alb1\"\n"+toShop, "legacy_alb_id", "from the internet"),
		"no ALB":              bad("  legacy_alb_id = \"alb1\"\n"+toShop, "legacy_alb_id", "not the ID of an ALB"),
		"empty ALB":           bad("  legacy_alb_id = \"\"\n"+toShop, "legacy_alb_id", ""),
		"bad host":            bad(rule("host = \"a b\", paths = [{ backend = { service_name = \"a\", service_port = 1 } }]"), "rules", "not a host name"),
		"IP as host":          bad(rule("host = \"10.0.0.1\", paths = [{ backend = { service_name = \"a\", service_port = 1 } }]"), "rules", "IP address"),
		"bad path":            bad(rule("paths = [{ path = \"api\", backend = { service_name = \"a\", service_port = 1 } }]"), "rules", "slash"),
		"bad path type":       bad(rule("paths = [{ path_type = \"Regex\", backend = { service_name = \"a\", service_port = 1 } }]"), "", "Regex"),
		"bad service":         bad(backend("service_name = \"A\", service_port = 1"), "rules", "name of a Service"),
		"port 0":              bad(backend("service_name = \"a\", service_port = 0"), "rules", "1 to 65535"),
		"port too large":      bad(backend("service_name = \"a\", service_port = 65536"), "rules", "65536"),
		"port name":           bad(backend("service_name = \"a\", service_port = \"a_b\""), "rules", "neither the number nor the name"),
		"default backend":     bad("  default_backend = { service_name = \"a\", service_port = \"\" }\n", "default_backend", "neither the number nor the name"),
		"TLS host":            bad(toShop+"  tls = [{ hosts = [\"a b\"] }]\n", "tls", "not a host name"),
		"TLS secret":          bad(toShop+"  tls = [{ secret_name = \"A b\" }]\n", "tls", "name of a Secret"),
		"no TLS":              bad(toShop+"  tls = []\n", "tls", ""),
		"label":               bad(toShop+"  labels = { \"a b\" = \"x\" }\n", "labels", "a b"),
		"class by annotation": bad(toShop+"  annotations = { \"kubernetes.io/ingress.class\" = \"public\" }\n", "annotations", "ingress_class"),
		"ALB by annotation":   bad(toShop+"  annotations = { \"ingress.bluemix.net/ALB-ID\" = \"x\" }\n", "annotations", "legacy_alb_id"),
		"annotation of ours":  bad(toShop+"  annotations = { \"terraform-provider-iks/owner\" = \"x\" }\n", "annotations", "own"),
	})
}
