package privateingress

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	dashed := on("private", "4", nginx)
	dashed.Address = "-"
	albs := []iks.ALB{on("private", "1", nginx), on("private", "2", nginx), on("public", "3", nginx), dashed}
	for name, test := range map[string]struct {
		addresses       []string
		exposure        string
		public, strange int
	}{
		"none":                {nil, exposureUnverified, 0, 0},
		"private":             {[]string{"10.0.0.1"}, exposurePrivate, 0, 0},
		"two zones":           {[]string{"10.0.0.1", "10.0.0.2"}, exposurePrivate, 0, 0},
		"public":              {[]string{"10.0.0.3"}, exposurePublic, 1, 0},
		"public among others": {[]string{"10.0.0.1", "10.0.0.3", "10.0.0.9"}, exposurePublic, 1, 1},
		"nobody's":            {[]string{"10.0.0.9"}, exposureUnverified, 0, 1},
		"partly nobody's":     {[]string{"10.0.0.1", "10.0.0.9"}, exposureUnverified, 0, 1},
		"a dash":              {[]string{"-"}, exposureUnverified, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := judge(test.addresses, albs)
			if got.exposure != test.exposure || len(got.public) != test.public || len(got.strange) != test.strange {
				t.Errorf("%+v, want %+v", got, test)
			}
		})
	}
	// Zones of a VPC cluster share a load balancer.
	shared := on("private", "2", nginx)
	shared.Address = "10.0.0.1"
	if got := judge([]string{"10.0.0.1"}, []iks.ALB{on("private", "1", nginx), shared}); got.exposure != exposurePrivate {
		t.Errorf("a shared address: %+v", got)
	}
	// Whatever order IKS lists them in.
	mixed := off(on("public", "3", nginx))
	mixed.Address = "10.0.0.1"
	if got := judge([]string{"10.0.0.1"}, []iks.ALB{on("private", "1", nginx), mixed}); got.exposure != exposurePublic {
		t.Errorf("an address of both: %+v", got)
	}
}

func TestAddressesOf(t *testing.T) {
	t.Parallel()
	var live networkingv1.Ingress
	live.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "10.0.0.2"}, {Hostname: "lb.example.com"}, {IP: "10.0.0.1"}, {IP: "10.0.0.2"}, {}}
	if diff := cmp.Diff([]string{"10.0.0.1", "10.0.0.2", "lb.example.com"}, addressesOf(live)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
