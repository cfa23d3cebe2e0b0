package remoteservice_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/privateservice"
	"github.com/iks-patterns/terraform-provider-iks/internal/pattern/remoteservice"
)

func TestMain(m *testing.M) {
	os.Exit(acctest.Main(m, acctest.Package{
		Resources: framework.Resources{privateservice.NewResource, remoteservice.NewResource},
	}))
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

// service is the one that every test makes.
func (o others) service() *corev1.Service {
	o.t.Helper()
	s, err := o.kube.CoreV1().Services("default").Get(context.Background(), "api", metav1.GetOptions{})
	o.must(err)
	return s
}

// patch changes the Service behind Terraform's back.
func (o others) patch(patch string) {
	o.t.Helper()
	_, err := o.kube.CoreV1().Services("default").Patch(context.Background(), "api", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-edit"})
	o.must(err)
}

// slices are the EndpointSlices of the Service, by name.
func (o others) slices(namespace string) map[string]discoveryv1.EndpointSlice {
	o.t.Helper()
	list, err := o.kube.DiscoveryV1().EndpointSlices(namespace).List(context.Background(), metav1.ListOptions{LabelSelector: discoveryv1.LabelServiceName + "=api"})
	o.must(err)
	out := map[string]discoveryv1.EndpointSlice{}
	for _, s := range list.Items {
		out[s.Name] = s
	}
	return out
}

// editSlice changes an EndpointSlice behind Terraform's back.
func (o others) editSlice(namespace, name string, change func(*discoveryv1.EndpointSlice)) {
	o.t.Helper()
	slices := o.kube.DiscoveryV1().EndpointSlices(namespace)
	s, err := slices.Get(context.Background(), name, metav1.GetOptions{})
	o.must(err)
	change(s)
	_, err = slices.Update(context.Background(), s, metav1.UpdateOptions{})
	o.must(err)
}

// namespace makes one that goes with the test.
func (o others) namespace(name string) {
	o.t.Helper()
	_, err := o.kube.CoreV1().Namespaces().Create(context.Background(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}}, metav1.CreateOptions{})
	o.must(err)
	o.t.Cleanup(func() {
		if err := o.kube.CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			o.t.Error(err)
		}
	})
}

// leadsTo fails the test unless the Service of a namespace leads to just these.
func (o others) leadsTo(namespace string, addresses ...string) {
	o.t.Helper()
	var got []string
	for _, s := range o.slices(namespace) {
		for _, e := range s.Endpoints {
			got = append(got, e.Addresses...)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(addresses) {
		o.t.Errorf("%s/api leads to %v, want %v", namespace, got, addresses)
	}
}

const (
	lifecycleArguments = `
  name      = "api"
  endpoints = ["10.1.2.3", "10.1.2.4"]
  ports     = [{ port = 443 }]
  labels    = { team = "payments" }
`
	lifecycleChanged = `
  name        = "api"
  endpoints   = ["10.9.9.9"]
  ports       = [{ name = "https", port = 443, target_port = 8443, app_protocol = "https" }, { name = "dns", port = 53, protocol = "UDP" }]
  annotations = { note = "changed" }
`
)

func edit(change func(others)) func(*testing.T, *localiks.Environment, *localiks.Cluster) {
	return func(t *testing.T, _ *localiks.Environment, c *localiks.Cluster) {
		t.Helper()
		change(in(t, c))
	}
}

func vanish(t *testing.T, c *localiks.Cluster) {
	t.Helper()
	o := in(t, c)
	o.must(o.kube.CoreV1().Services("default").Delete(context.Background(), "api", metav1.DeleteOptions{}))
}

func TestAccLifecycle(t *testing.T) {
	acctest.Lifecycle(t, ofAddresses(), ofAnAlias())
}

func ofAddresses() acctest.Resource {
	return acctest.Resource{
		Variant:   "addresses",
		Type:      "iks_remote_service",
		Cluster:   acctest.Classic,
		Arguments: lifecycleArguments,
		Changed:   lifecycleChanged,
		Key:       "default,api",
		Identity:  "namespace = \"default\"\n    name = \"api\"",
		Breaks: []acctest.Break{
			{Name: "port", Do: edit(func(o others) { o.patch(`{"spec":{"ports":[{"port":443,"targetPort":1}]}}`) }), Sentence: "targetPort is 1, declared 443"},
			{Name: "another port", Do: edit(func(o others) {
				o.patch(`{"spec":{"ports":[{"name":"a","port":443,"targetPort":443},{"name":"b","port":80}]}}`)
			}), Sentence: "spec.ports has 2 entries, declared 1"},
			{Name: "published", Do: edit(func(o others) { o.patch(`{"spec":{"type":"LoadBalancer"}}`) }), Sentence: "LoadBalancer"},
			{Name: "selector", Do: edit(func(o others) { o.patch(`{"spec":{"selector":{"app":"mine"}}}`) }), Sentence: "has a selector"},
			{Name: "alias", Do: edit(func(o others) {
				o.patch(`{"spec":{"type":"ExternalName","externalName":"evil.example.com"}}`)
			}), Sentence: "ExternalName"},
			{Name: "stamp", Do: edit(func(o others) {
				o.patch(`{"metadata":{"annotations":{"terraform-provider-iks/owner":null}}}`)
			}), Sentence: "ownership stamp is missing"},
			{Name: "label", Do: edit(func(o others) { o.patch(`{"metadata":{"labels":{"team":"other"}}}`) }), Sentence: "team"},
			{Name: "address", Do: edit(func(o others) {
				o.editSlice("default", "api-iks-ipv4", func(s *discoveryv1.EndpointSlice) { s.Endpoints[0].Addresses[0] = "10.6.6.6" })
			}), Sentence: "10.6.6.6"},
			{Name: "not ready", Do: edit(func(o others) {
				o.editSlice("default", "api-iks-ipv4", func(s *discoveryv1.EndpointSlice) { *s.Endpoints[1].Conditions.Ready = false })
			}), Sentence: "ready is false, declared true"},
			{Name: "name of the Service", Do: edit(func(o others) {
				o.editSlice("default", "api-iks-ipv4", func(s *discoveryv1.EndpointSlice) { s.Labels[discoveryv1.LabelServiceName] = "other" })
			}), Sentence: "service-name"},
			{Name: "slice", Do: edit(func(o others) {
				o.must(o.kube.DiscoveryV1().EndpointSlices("default").Delete(context.Background(), "api-iks-ipv4", metav1.DeleteOptions{}))
			}), Sentence: "api-iks-ipv4 is missing"},
		},
		Vanish:            vanish,
		RestoresOnDestroy: true,
	}
}

func ofAnAlias() acctest.Resource {
	return acctest.Resource{
		Variant:   "alias",
		Type:      "iks_remote_service",
		Cluster:   acctest.VPC,
		Arguments: "  name     = \"api\"\n  hostname = \"one.lb.appdomain.cloud\"\n  ports    = [{ port = 443 }]\n",
		Changed:   "  name     = \"api\"\n  hostname = \"two.lb.appdomain.cloud\"\n  ports    = [{ name = \"a\", port = 443 }, { name = \"b\", port = 80 }]\n",
		Key:       "default,api",
		Identity:  "namespace = \"default\"\n    name = \"api\"",
		Breaks: []acctest.Break{
			{Name: "name", Do: edit(func(o others) { o.patch(`{"spec":{"externalName":"evil.example.com"}}`) }), Sentence: "evil.example.com"},
			{Name: "addresses", Do: edit(func(o others) {
				o.patch(`{"spec":{"type":"ClusterIP","externalName":null}}`)
			}), Sentence: "ClusterIP"},
		},
		Vanish:            vanish,
		RestoresOnDestroy: true,
	}
}

func TestAccBadInput(t *testing.T) {
	const ports = "  ports = [{ port = 443 }]\n"
	bad := func(arguments, at, says string) acctest.BadInput {
		return acctest.Bad("  name = \"api\"\n"+arguments, at, says)
	}
	acctest.BadInputs(t, "iks_remote_service", map[string]acctest.BadInput{
		"no name":               acctest.Bad("  name = \"\"\n  endpoints = [\"10.0.0.1\"]\n"+ports, "name", "name of a Service"),
		"bad name":              acctest.Bad("  name = \"Api\"\n  endpoints = [\"10.0.0.1\"]\n"+ports, "name", "Api"),
		"bad namespace":         bad("  namespace = \"a.b\"\n  endpoints = [\"10.0.0.1\"]\n"+ports, "namespace", "a.b"),
		"neither":               bad(ports, "", "endpoints"),
		"both":                  bad("  endpoints = [\"10.0.0.1\"]\n  hostname = \"a.example.com\"\n"+ports, "hostname", "Endpoints and hostname"),
		"no endpoint":           bad("  endpoints = []\n"+ports, "endpoints", ""),
		"not an address":        bad("  endpoints = [\"api.example.com\"]\n"+ports, "endpoints", "hostname"),
		"loopback":              bad("  endpoints = [\"127.0.0.1\"]\n"+ports, "endpoints", "loopback"),
		"link-local":            bad("  endpoints = [\"169.254.1.1\"]\n"+ports, "endpoints", "link-local"),
		"multicast":             bad("  endpoints = [\"ff02::1\"]\n"+ports, "endpoints", "multicast"),
		"unspecified":           bad("  endpoints = [\"0.0.0.0\"]\n"+ports, "endpoints", "no host"),
		"service endpoint":      bad("  endpoints = [\"161.26.0.10\"]\n"+ports, "endpoints", "service endpoints"),
		"CSE":                   bad("  endpoints = [\"166.9.1.1\"]\n"+ports, "endpoints", "service endpoints"),
		"null endpoint":         bad("  endpoints = [null]\n"+ports, "endpoints", "null"),
		"IP as hostname":        bad("  hostname = \"10.0.0.1\"\n"+ports, "hostname", "endpoints"),
		"URL":                   bad("  hostname = \"https://a.example.com\"\n"+ports, "hostname", "URL"),
		"itself":                bad("  namespace = \"shop\"\n  hostname = \"api.shop.svc.cluster.local\"\n"+ports, "hostname", "own name"),
		"no ports":              bad("  endpoints = [\"10.0.0.1\"]\n  ports = []\n", "ports", ""),
		"port 0":                bad("  endpoints = [\"10.0.0.1\"]\n  ports = [{ port = 0 }]\n", "ports", "1 to 65535"),
		"target port":           bad("  endpoints = [\"10.0.0.1\"]\n  ports = [{ port = 1, target_port = 65536 }]\n", "ports", "65536"),
		"target of an alias":    bad("  hostname = \"a.example.com\"\n  ports = [{ port = 1, target_port = 2 }]\n", "ports", "rewrites no port"),
		"protocol":              bad("  endpoints = [\"10.0.0.1\"]\n  ports = [{ port = 1, protocol = \"ICMP\" }]\n", "", "ports[0].protocol"),
		"port names":            bad("  endpoints = [\"10.0.0.1\"]\n  ports = [{ port = 1 }, { port = 2 }]\n", "ports", "several ports"),
		"same port twice":       bad("  endpoints = [\"10.0.0.1\"]\n  ports = [{ name = \"a\", port = 1 }, { name = \"b\", port = 1 }]\n", "ports", "twice"),
		"bad port name":         bad("  endpoints = [\"10.0.0.1\"]\n  ports = [{ name = \"A\", port = 1 }]\n", "ports", "name of a port"),
		"bad app protocol":      bad("  endpoints = [\"10.0.0.1\"]\n  ports = [{ port = 1, app_protocol = \"a b\" }]\n", "ports", "a b"),
		"label":                 bad("  endpoints = [\"10.0.0.1\"]\n  labels = { \"a b\" = \"x\" }\n"+ports, "labels", "a b"),
		"label of ours":         bad("  endpoints = [\"10.0.0.1\"]\n  labels = { \"kubernetes.io/service-name\" = \"x\" }\n"+ports, "labels", "own"),
		"annotation of ours":    bad("  endpoints = [\"10.0.0.1\"]\n  annotations = { \"terraform-provider-iks/owner\" = \"x\" }\n"+ports, "annotations", "own"),
		"one address in 2 ways": bad("  endpoints = [\"fd00::1\", \"FD00::1\"]\n"+ports, "endpoints", "two ways"),
	})
}
