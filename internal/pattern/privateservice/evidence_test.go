package privateservice

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
)

// The VPC's word comes first; where it has none, names are followed.
func TestHearOfVPC(t *testing.T) {
	t.Parallel()
	const host = "abc-us-south.lb.appdomain.cloud"
	forbidden := errors.New("forbidden")
	for _, test := range []struct {
		name      string
		listed    []balancer
		refused   error
		leadsTo   string // "" does not resolve
		noSubnets bool
		want      exposure
		asked     []string
		unheard   bool
	}{
		{name: "listed", listed: []balancer{{hostname: host}}, want: isPrivate, asked: []string{"balancers"}},
		{name: "listed as public", listed: []balancer{{hostname: host, public: true}}, leadsTo: "10.240.0.7", want: isPublic, asked: []string{"balancers"}},
		{name: "may not be asked, leads into the VPC", refused: forbidden, leadsTo: "10.240.0.7", want: isPrivate, asked: []string{"balancers", "subnets", "resolve"}},
		{name: "may not be asked, leads elsewhere", refused: forbidden, leadsTo: "52.1.2.3", want: isUnverified, asked: []string{"balancers", "subnets", "resolve"}, unheard: true},
		{name: "may not be asked, does not resolve", refused: forbidden, want: isUnverified, asked: []string{"balancers", "subnets", "resolve"}, unheard: true},
		{name: "nobody may be asked", refused: forbidden, leadsTo: "10.240.0.7", noSubnets: true, want: isUnverified, asked: []string{"balancers", "subnets", "resolve"}, unheard: true},
		{name: "not listed, leads into the VPC", leadsTo: "10.240.0.7", want: isPrivate, asked: []string{"balancers", "subnets", "resolve"}},
		{name: "not listed, leads elsewhere", leadsTo: "10.5.0.7", want: isUnverified, asked: []string{"balancers", "subnets", "resolve"}, unheard: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var asked []string
			w := witnesses{
				balancers: func(context.Context, *cluster.Cluster) ([]balancer, error) {
					asked = append(asked, "balancers")
					return test.listed, test.refused
				},
				subnets: func(context.Context, *cluster.Cluster) ([]network, error) {
					asked = append(asked, "subnets")
					if test.noSubnets {
						return nil, forbidden
					}
					return []network{{prefix: netip.MustParsePrefix("10.240.0.0/24")}}, nil
				},
				resolve: func(_ context.Context, name string) ([]netip.Addr, error) {
					asked = append(asked, "resolve")
					if test.leadsTo == "" || name != host {
						return nil, errors.New("no such host")
					}
					return []netip.Addr{netip.MustParseAddr(test.leadsTo)}, nil
				},
			}
			p := part{witnesses: w}
			v, err := p.judge(t.Context(), &cluster.Cluster{}, nil, addresses{hostnames: []string{host}})
			if err != nil {
				t.Fatal(err)
			}
			if v.exposure != test.want || v.unheard != test.unheard {
				t.Errorf("got %+v", v)
			}
			if !slices.Equal(asked, test.asked) {
				t.Errorf("asked %q, want %q", asked, test.asked)
			}
		})
	}
}
