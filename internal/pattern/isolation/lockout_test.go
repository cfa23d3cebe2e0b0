package isolation

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

func at(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, text := range texts {
		out = append(out, netip.MustParseAddr(text))
	}
	return out
}

func TestLockouts(t *testing.T) {
	t.Parallel()
	calicos := func(address string) []backend {
		return []backend{{"v3.projectcalico.org", netip.MustParseAddr(address), 5443}}
	}
	for name, c := range map[string]struct {
		of   isolation
		in   surroundings
		want string // attribute and a word of the detail; "" for no problem
	}{
		"nothing known": {sample(networkPrivate, nil), surroundings{}, ""},
		"all well": {sample(networkPrivate, nil), surroundings{
			hints: hints{podSubnet: "172.30.0.0/16", serviceSubnet: "172.21.0.0/16", master: "c1"}, masters: at("192.0.2.9", "166.9.0.1"), backends: calicos("172.30.4.5"),
		}, ""},
		"another pod subnet":         {sample(networkPrivate, nil), surroundings{hints: hints{podSubnet: "10.40.0.0/16"}}, "pod_subnet: 10.40.0.0/16"},
		"a part of the pod subnet":   {sample(networkPublic, nil), surroundings{hints: hints{podSubnet: "172.16.0.0/12"}}, "pod_subnet: DNS"},
		"within a larger pod subnet": {sample(networkPrivate, func(i *isolation) { i.podSubnet = netip.MustParsePrefix("172.16.0.0/12") }), surroundings{hints: hints{podSubnet: "172.30.0.0/16"}}, ""},
		"another service subnet":     {sample(networkPrivate, nil), surroundings{hints: hints{serviceSubnet: "10.50.0.0/16"}}, "service_subnet: API server"},
		"the master elsewhere":       {sample(networkPrivate, nil), surroundings{hints: hints{master: "c1.private"}, masters: at("166.9.0.77")}, "service_endpoint_cidrs: 166.9.0.77"},
		"the master through a tunnel": {sample(networkPrivate, nil), surroundings{
			hints: hints{master: "localhost"}, masters: at("127.0.0.1"),
		}, ""},
		"Calico's API on a worker":        {sample(networkPrivate, nil), surroundings{backends: calicos("10.1.2.3")}, "aggregated_api_ports: 10.1.2.3:5443"},
		"Calico's API on a worker, open":  {everything(networkPrivate), surroundings{backends: calicos("10.1.2.3")}, ""},
		"Calico's API at a peer":          {sample(networkPrivate, func(i *isolation) { i.peers = []string{"10.1.2.0/24"} }), surroundings{backends: calicos("10.1.2.3")}, ""},
		"Calico's API in the other set":   {sample(networkPublic, nil), surroundings{backends: calicos("10.1.2.3")}, ""},
		"an API on a port of the metrics": {sample(networkPrivate, nil), surroundings{backends: []backend{{"v1beta1.metrics.k8s.io", netip.MustParseAddr("10.1.2.3"), 4443}}}, ""},
		"an API on the internet":          {sample(networkPrivate, nil), surroundings{backends: calicos("192.0.2.1")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := c.of.lockouts(c.in)
			if c.want == "" {
				if len(problems) > 0 {
					t.Errorf("refused: %+v", problems)
				}
				return
			}
			attribute, word, _ := strings.Cut(c.want, ": ")
			if len(problems) != 1 || problems[0].Path.String() != attribute || !strings.Contains(problems[0].Detail, word) {
				t.Errorf("got %+v, want %s", problems, c.want)
			}
		})
	}
}

func TestMasterHost(t *testing.T) {
	t.Parallel()
	both := iks.Endpoints{PrivateEnabled: true, PublicEnabled: true, PrivateURL: "https://c1.private.eu-de.containers.cloud.ibm.com:30426", PublicURL: "https://c1.eu-de.containers.cloud.ibm.com:30426"}
	alone := both
	alone.PrivateEnabled = false
	for name, c := range map[string]struct {
		endpoints iks.Endpoints
		network   string
		want      string
	}{
		"private": {both, networkPrivate, "c1.private.eu-de.containers.cloud.ibm.com"},
		"public, though the workers use the private one": {both, networkPublic, ""},
		"public alone":                     {alone, networkPublic, "c1.eu-de.containers.cloud.ibm.com"},
		"private, without an endpoint":     {alone, networkPrivate, ""},
		"a cluster that IKS does not know": {iks.Endpoints{}, networkPrivate, ""},
	} {
		if got := masterHost(c.endpoints, c.network); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	private := func(change func(*settings)) settings {
		s := settings{isolation: isolation{network: networkPrivate}}
		if change != nil {
			change(&s)
		}
		return s
	}
	whole, err := private(nil).resolve(hints{region: "eu-central", podSubnet: "172.17.0.0/18"})
	if err != nil || len(whole.serviceEndpoints) != 60 || whole.podSubnet.String() != "172.17.0.0/18" || whole.serviceSubnet != defaultServiceSubnet() {
		t.Errorf("by the hints: %+v, %v", whole, err)
	}
	other, err := private(func(s *settings) {
		s.region, s.registry, s.podSubnet = "us-south", []string{"192.0.2.1/32"}, netip.MustParsePrefix("10.40.0.0/16")
	}).resolve(hints{region: "eu-central", podSubnet: "172.17.0.0/18"})
	if err != nil || len(other.serviceEndpoints) != 114 || len(other.registry) != 1 || other.podSubnet.String() != "10.40.0.0/16" {
		t.Errorf("as declared: %+v, %v", other, err)
	}
	for name, c := range map[string]struct {
		settings settings
		hints    hints
		want     string
	}{
		"no region":        {private(nil), hints{}, "`service_endpoint_cidrs` and `infrastructure_cidrs`"},
		"unknown region":   {private(nil), hints{region: "in-che"}, "in-che"},
		"a list of two":    {private(func(s *settings) { s.serviceEndpoints = []string{"166.9.0.1/32"} }), hints{}, "or `infrastructure_cidrs`"},
		"declared nowhere": {private(func(s *settings) { s.region = "mars" }), hints{region: "eu-de"}, "mars"},
	} {
		if _, err := c.settings.resolve(c.hints); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	lists := private(func(s *settings) {
		s.serviceEndpoints, s.infrastructure = []string{"166.9.0.1/32"}, []string{"10.0.64.0/19"}
	})
	if _, err := lists.resolve(hints{region: "in-che"}); err != nil {
		t.Errorf("with both lists no region is needed: %v", err)
	}
}
