package calico

import (
	"fmt"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

func TestHostEndpoints(t *testing.T) {
	t.Parallel()
	for d, document := range map[string]string{
		apiDoor: `{"metadata":{"name":"w1-public","labels":{"ibm.role":"worker_public"}},"spec":{"node":"10.0.0.1","interfaceName":"eth1","expectedIPs":["169.1.2.3"]}}`,
		crdDoor: `{"metadata":{"name":"w1-public","annotations":{"projectcalico.org/metadata":"{\"labels\":{\"ibm.role\":\"worker_public\"}}"}},"spec":{"node":"10.0.0.1","interfaceName":"eth1","expectedIPs":["169.1.2.3"]}}`,
	} {
		t.Run(d, func(t *testing.T) {
			t.Parallel()
			s, c := newStore(t, d)
			s.put(t, d+"/hostendpoints", document)
			s.put(t, d+"/hostendpoints", `{"metadata":{"name":"w2-public","labels":{"ibm.role":"worker_private"}},"spec":{"node":"10.0.0.2"}}`)
			s.put(t, d+"/hostendpoints", `{"metadata":{"name":"w3"},"spec":{"node":"10.0.0.3"}}`)
			client := open(t, c)
			for _, cached := range []bool{false, true} {
				endpoints, err := client.HostEndpoints(t.Context(), cached)
				if err != nil || len(endpoints) != 3 {
					t.Fatalf("got %+v, %v", endpoints, err)
				}
				public := WithRoles(endpoints, "worker_public", "master_public")
				if len(public) != 1 || public[0].Node != "10.0.0.1" || public[0].Interface != "eth1" || public[0].Role() != "worker_public" || !slices.Equal(public[0].ExpectedIPs, []string{"169.1.2.3"}) {
					t.Errorf("got %+v", public)
				}
				if got := WithRoles(endpoints, ""); got != nil {
					t.Errorf("endpoints without a role have the empty one: %+v", got)
				}
			}
		})
	}
}

func TestFailsafePorts(t *testing.T) {
	t.Parallel()
	const builtIn = "[TCP 22 TCP 179 TCP 2379 TCP 2380 TCP 5473 TCP 6443 TCP 6666 TCP 6667 UDP 68]"
	config := func(name, spec string) string { return `{"metadata":{"name":"` + name + `"},"spec":` + spec + `}` }
	for name, test := range map[string]struct {
		configs []string
		want    string
	}{
		"no configuration": {nil, builtIn},
		"not set":          {[]string{config("default", `{"bpfEnabled":false}`)}, builtIn},
		"null":             {[]string{config("default", `{"failsafeInboundHostPorts":null}`)}, builtIn},
		"none":             {[]string{config("default", `{"failsafeInboundHostPorts":[]}`)}, "[]"},
		"own":              {[]string{config("default", `{"failsafeInboundHostPorts":[{"protocol":"udp","port":68},{"port":22,"net":"10.0.0.0/8"}]}`)}, "[TCP 22 from 10.0.0.0/8 UDP 68]"},
		"a node's own": {
			[]string{config("default", `{"failsafeInboundHostPorts":[{"port":22}]}`), config("node.10.0.0.1", `{"failsafeInboundHostPorts":[{"port":22},{"port":8080}]}`)},
			"[TCP 22 TCP 8080 on node 10.0.0.1]",
		},
		"another configuration": {[]string{config("other", `{"failsafeInboundHostPorts":[{"port":1}]}`)}, builtIn},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := newStore(t, apiDoor)
			for _, document := range test.configs {
				s.put(t, apiDoor+"/felixconfigurations", document)
			}
			ports, err := open(t, c).FailsafePorts(t.Context(), true)
			if got := fmt.Sprint(ports); err != nil || got != test.want {
				t.Errorf("got %s, %v", got, err)
			}
		})
	}
}

func TestTiers(t *testing.T) {
	t.Parallel()
	s, c := newStore(t, apiDoor)
	s.put(t, apiDoor+"/tiers", `{"metadata":{"name":"default"},"spec":{"order":1000000,"defaultAction":"Deny"}}`)
	s.put(t, apiDoor+"/tiers", `{"metadata":{"name":"last"},"spec":{"defaultAction":"Pass"}}`)
	tiers, err := open(t, c).Tiers(t.Context(), false)
	if err != nil || len(tiers) != 2 || *tiers[0].Order != 1e6 || tiers[1].Order != nil || tiers[1].DefaultAction != "Pass" || tiers[0].DefaultAction != "Deny" {
		t.Errorf("got %+v, %v", tiers, err)
	}
}

func TestForbiddenTiersAreAnError(t *testing.T) {
	t.Parallel()
	s, c := newStore(t, apiDoor)
	s.forbidden = "GET " + apiDoor + "/tiers?limit=1000"
	if _, err := open(t, c).Tiers(t.Context(), false); !apierrors.IsForbidden(err) {
		t.Errorf("got %v", err)
	}
}
