package strongswan

import (
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// An update leaves the addresses of load balancers alone, as far as they have them.
func TestUpsets(t *testing.T) {
	t.Parallel()
	zones := types.MapValueMust(types.StringType, map[string]attr.Value{"dal10": types.StringValue("169.60.1.1"), "dal12": types.StringValue("169.60.1.2")})
	for name, test := range map[string]struct {
		addresses []string
		prior     func(*model)
		change    func(*model)
		upset     bool
	}{
		"terms":           {addresses: []string{"169.60.1.1"}, change: func(m *model) { m.KeyingTries = types.StringValue("3") }},
		"kind":            {addresses: []string{"169.60.1.1"}, change: func(m *model) { m.ServiceType = types.StringValue(servicePrivate) }, upset: true},
		"nothing so far":  {upset: true},
		"nothing to come": {prior: func(m *model) { m.ServiceType = types.StringValue(serviceNone) }},
		"zones":           {addresses: []string{"169.60.1.1", "169.60.1.2"}, prior: func(m *model) { m.ZoneBalancers = zones }},
		"one zone of two": {addresses: []string{"169.60.1.1"}, prior: func(m *model) { m.ZoneBalancers = zones }, upset: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			prior, want := &model{}, &model{}
			for _, m := range []*model{prior, want} {
				m.declare(onPrem())
				if test.prior != nil {
					test.prior(m)
				}
			}
			prior.Balancers = framework.StringList(test.addresses)
			if test.change != nil {
				test.change(want)
			}
			if got := (part{}).Upsets(prior, want); (len(got) > 0) != test.upset {
				t.Errorf("upsets %q", got)
			}
		})
	}
}

// A load balancer is known by one address.
func TestAddressesOfBalancers(t *testing.T) {
	t.Parallel()
	both := balancer()
	both.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "10.240.0.7", Hostname: "b.example.com"}}
	got := balancersOf([]corev1.Service{both, balancer("169.60.1.1"), balancer("a.example.com"), balancer()})
	if want := []string{"169.60.1.1", "a.example.com", "b.example.com"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
