package balancers

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func vpcCluster() fakeiks.Cluster {
	return fakeiks.Cluster{ID: "c0123456789abcdefghi", Provider: fakeiks.VPC, Zones: []fakeiks.Zone{
		{ID: "us-south-1", SubnetID: "subnet-b", PrivateCIDR: "10.48.0.0/17"},
		{ID: "us-south-2", SubnetID: "subnet-a", PrivateCIDR: "10.49.0.0/17"},
	}}
}

func udp(s *corev1.Service) { s.Spec.Ports[0].Protocol = corev1.ProtocolUDP }

func TestPlan(t *testing.T) {
	t.Parallel()
	const name = "kube-c0123456789abcdefghi-0123456789abcdef0123456789abcdef"
	both := []string{"subnet-a", "subnet-b"}
	tests := map[string]struct {
		service     *corev1.Service
		want        vpcPlan
		wantRefusal string
	}{
		"plain":                {service: service(nil), want: vpcPlan{name: name, public: true, subnets: both}},
		"private":              {service: service(map[string]string{"ip-type": "private"}), want: vpcPlan{name: name, subnets: both}},
		"an IP is not heard":   {service: service(nil, at("10.48.0.9")), want: vpcPlan{name: name, public: true, subnets: both}},
		"a name of its own":    {service: service(map[string]string{"vpc-lb-name": "mine"}), want: vpcPlan{name: "mine", public: true, persistent: true, subnets: both}},
		"network":              {service: service(map[string]string{"enable-features": "nlb"}), want: vpcPlan{name: name, public: true, network: true, subnets: both[:1]}},
		"UDP on a network one": {service: service(map[string]string{"enable-features": "nlb"}, udp), want: vpcPlan{name: name, public: true, network: true, subnets: both[:1]}},
		"UDP otherwise":        {service: service(nil, udp), wantRefusal: "Service shop/api is a UDP load balancer. Only TCP is supported"},
		"a zone":               {service: service(map[string]string{"zone": "us-south-1"}), want: vpcPlan{name: name, public: true, zone: "us-south-1", subnets: both[1:]}},
		"a zone elsewhere":     {service: service(map[string]string{"zone": "eu-de-1"}), wantRefusal: "contains invalid zone eu-de-1. There are no cluster subnets in that zone"},
		"subnets": {
			service: service(map[string]string{"vpc-subnets": "10.48.0.0/17,subnet-us-south-1, subnet-a"}),
			want:    vpcPlan{name: name, public: true, subnets: both, subnetsGiven: true},
		},
		"a foreign subnet": {service: service(map[string]string{"vpc-subnets": "subnet-a,elsewhere"}), wantRefusal: "contains invalid VPC subnet elsewhere"},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			got, err := planOf(test.service, vpcCluster())
			if test.wantRefusal != "" {
				if message, _ := refused(t, err); !strings.Contains(message, test.wantRefusal) {
					t.Errorf("%q, want %q", message, test.wantRefusal)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			same := slices.Equal(got.subnets, test.want.subnets)
			got.subnets, test.want.subnets = nil, nil
			if !same || got.name != test.want.name || got.public != test.want.public || got.network != test.want.network ||
				got.persistent != test.want.persistent || got.zone != test.want.zone || got.subnetsGiven != test.want.subnetsGiven {
				t.Errorf("got %+v, want %+v (subnets alike: %v)", got, test.want, same)
			}
		})
	}
}

func TestConflict(t *testing.T) {
	t.Parallel()
	there := fakeiks.LoadBalancer{Subnets: []string{"subnet-b", "subnet-a"}}
	for title, test := range map[string]struct {
		notes map[string]string
		want  string
	}{
		"as it is":            {notes: map[string]string{"ip-type": "private"}},
		"public now":          {want: "The load balancer was created as a private load balancer. This setting can not be changed"},
		"network now":         {notes: map[string]string{"ip-type": "private", "enable-features": "nlb"}, want: "was created as a application load balancer"},
		"the same subnets":    {notes: map[string]string{"ip-type": "private", "vpc-subnets": "subnet-a,subnet-b"}},
		"fewer subnets":       {notes: map[string]string{"ip-type": "private", "vpc-subnets": "subnet-a"}, want: "was created with subnets subnet-a,subnet-b. This setting"},
		"a zone changes none": {notes: map[string]string{"ip-type": "private", "zone": "us-south-1"}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			plan, err := planOf(service(test.notes), vpcCluster())
			if err != nil {
				t.Fatal(err)
			}
			if got := plan.conflict(there); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
