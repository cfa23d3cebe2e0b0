package balancers

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// service makes one of type LoadBalancer with annotations of ours by their last part.
func service(notes map[string]string, changes ...func(*corev1.Service)) *corev1.Service {
	s := &corev1.Service{Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeLoadBalancer, Ports: []corev1.ServicePort{{Port: 80, Protocol: corev1.ProtocolTCP}},
	}}
	s.Namespace, s.Name, s.UID = "shop", "api", "01234567-89ab-cdef-0123-456789abcdef"
	s.Annotations = map[string]string{}
	for name, value := range notes {
		s.Annotations[prefix+name] = value
	}
	for _, change := range changes {
		change(s)
	}
	return s
}

func at(address string) func(*corev1.Service) {
	return func(s *corev1.Service) { s.Spec.LoadBalancerIP = address }
}

func local(s *corev1.Service) {
	s.Spec.ExternalTrafficPolicy = corev1.ServiceExternalTrafficPolicyLocal
}

// refused gives the words of a refusal and its reason.
func refused(t *testing.T, err error) (message, reason string) {
	t.Helper()
	var r *refusal
	if !errors.As(err, &r) {
		t.Fatalf("%v is no refusal", err)
	}
	return r.message, r.reason
}

func TestChooseAddress(t *testing.T) {
	t.Parallel()
	all := []fakeiks.PortableAddress{
		{Address: "10.1.0.2", VLAN: "priv10", Zone: "dal10", Owner: "someone"},
		{Address: "10.1.0.3", VLAN: "priv10", Zone: "dal10"},
		{Address: "10.1.0.4", VLAN: "priv10", Zone: "dal10"},
		{Address: "169.1.0.2", VLAN: "pub10", Zone: "dal10", Public: true},
		{Address: "10.2.0.2", VLAN: "priv12", Zone: "dal12"},
		{Address: "169.2.0.2", VLAN: "pub12", Zone: "dal12", Public: true, Owner: "someone"},
		{Address: "10.3.0.2", VLAN: "priv13", Zone: "dal13"},
	}
	populated := map[string]bool{"priv10": true, "pub10": true, "priv12": true, "pub12": true}
	tests := map[string]struct {
		service     *corev1.Service
		publicNodes bool
		want        string
		wantRefusal string
	}{
		"public where nodes are":       {service: service(nil), publicNodes: true, want: "169.1.0.2"},
		"private where no node is":     {service: service(nil), want: "10.1.0.3"},
		"private as asked for":         {service: service(map[string]string{"ip-type": "private"}), publicNodes: true, want: "10.1.0.3"},
		"public as asked for":          {service: service(map[string]string{"ip-type": "public"}), want: "169.1.0.2"},
		"neither":                      {service: service(map[string]string{"ip-type": "Private"}), publicNodes: true, wantRefusal: "must be 'public' or 'private'"},
		"in a zone":                    {service: service(map[string]string{"ip-type": "private", "zone": "dal12"}), publicNodes: true, want: "10.2.0.2"},
		"in a zone that is full":       {service: service(map[string]string{"zone": "dal12"}), publicNodes: true, wantRefusal: "No cloud provider IPs are available"},
		"in a zone that is not there":  {service: service(map[string]string{"zone": "wdc04"}), publicNodes: true, wantRefusal: "No cloud provider IPs are available"},
		"in a zone without nodes":      {service: service(map[string]string{"ip-type": "private", "zone": "dal13"}), wantRefusal: "No available nodes for load balancer services"},
		"on a VLAN":                    {service: service(map[string]string{"ip-type": "private", "vlan": "priv12"}), want: "10.2.0.2"},
		"on a VLAN of the other kind":  {service: service(map[string]string{"ip-type": "private", "vlan": "pub10"}), wantRefusal: "No cloud provider IPs are available"},
		"on a VLAN of another zone":    {service: service(map[string]string{"ip-type": "private", "vlan": "priv12", "zone": "dal10"}), wantRefusal: "No cloud provider IPs are available"},
		"an address":                   {service: service(map[string]string{"ip-type": "private"}, at("10.2.0.2")), want: "10.2.0.2"},
		"an address that is taken":     {service: service(map[string]string{"ip-type": "private"}, at("10.1.0.2")), wantRefusal: "Requested cloud provider IP 10.1.0.2 is not available. The following cloud provider IPs are available: 10.1.0.3,10.1.0.4,10.2.0.2"},
		"an address of the other kind": {service: service(map[string]string{"ip-type": "private"}, at("169.1.0.2")), wantRefusal: "Requested cloud provider IP 169.1.0.2 is not available"},
		"an address in another zone":   {service: service(map[string]string{"ip-type": "private", "zone": "dal12"}, at("10.1.0.3")), wantRefusal: "available: 10.2.0.2"},
		"an address on another VLAN":   {service: service(map[string]string{"ip-type": "private", "vlan": "priv10"}, at("10.2.0.2")), wantRefusal: "available: 10.1.0.3,10.1.0.4"},
		"an address of nobody":         {service: service(nil, at("192.168.0.1")), publicNodes: true, wantRefusal: "Requested cloud provider IP 192.168.0.1 is not available. The following cloud provider IPs are available: 169.1.0.2"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, err := wishOf(test.service, test.publicNodes)
			var got fakeiks.PortableAddress
			if err == nil {
				got, err = w.choose(all, populated)
			}
			if test.wantRefusal == "" {
				if err != nil || got.Address != test.want {
					t.Errorf("%q, %v; want %q", got.Address, err, test.want)
				}
				return
			}
			if message, reason := refused(t, err); !strings.Contains(message, test.wantRefusal) || reason != "CreatingCloudLoadBalancerFailed" {
				t.Errorf("%s: %q, want %q", reason, message, test.wantRefusal)
			}
		})
	}
}

func TestSupported(t *testing.T) {
	t.Parallel()
	sctp := service(nil, func(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolSCTP })
	bare := service(nil, func(s *corev1.Service) { no := false; s.Spec.AllocateLoadBalancerNodePorts = &no })
	for name, test := range map[string]struct {
		service *corev1.Service
		onVPC   bool
		want    string
	}{
		"TCP":                           {service: service(nil)},
		"SCTP":                          {service: sctp, want: "Service configuration is not supported: SCTP protocol"},
		"without node ports on classic": {service: bare},
		"without node ports on VPC":     {service: bare, onVPC: true, want: "Service configuration is not supported: NodePort allocation is required"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := checkSupported(test.service, test.onVPC)
			if (err == nil) != (test.want == "") || err != nil && err.Error() != test.want {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

func TestIPVS(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		service *corev1.Service
		want    string
	}{
		"version 1.0":              {service: service(nil)},
		"version 2.0":              {service: service(map[string]string{"enable-features": "proxy-protocol, ipvs"}, local)},
		"its schedulers":           {service: service(map[string]string{"enable-features": "ipvs", "ipvs-scheduler": "sh"}, local)},
		"another scheduler":        {service: service(map[string]string{"enable-features": "ipvs", "ipvs-scheduler": "lc"}, local), want: "unsupported scheduler: lc"},
		"for all of the cluster":   {service: service(map[string]string{"enable-features": "ipvs"}), want: "Set 'externalTrafficPolicy' to 'Local'"},
		"a scheduler for nothing":  {service: service(map[string]string{"ipvs-scheduler": "lc"})},
		"a feature of another one": {service: service(map[string]string{"enable-features": "ipvs2"})},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := checkIPVS(test.service)
			if (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestDedication(t *testing.T) {
	t.Parallel()
	node := func(value string) corev1.Node {
		n := corev1.Node{}
		n.Labels = map[string]string{labelDedicated: value}
		return n
	}
	for name, test := range map[string]struct {
		nodes []corev1.Node
		want  string
	}{
		"none":               {},
		"another dedication": {nodes: []corev1.Node{node("gpu")}},
		"one edge node":      {nodes: []corev1.Node{node("edge")}, want: "edge"},
		"gateways first":     {nodes: []corev1.Node{node("edge"), node("gateway")}, want: "gateway"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := dedication(test.nodes); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
