package privateservice

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestReplaces(t *testing.T) {
	t.Parallel()
	at := func(ip string) func(*model) {
		return func(m *model) { m.IP = text(ip) }
	}
	both := func(changes ...func(*model)) func(*model) {
		return func(m *model) {
			for _, change := range changes {
				change(m)
			}
		}
	}
	wishing := func(v types.String) func(*model) { return func(m *model) { m.LoadBalancerIP = v } }
	in := func(v values) func(*model) { return func(m *model) { m.VPC = vpc(v) } }
	version := func(v types.String) func(*model) { return func(m *model) { m.NLBVersion = v } }
	zone := func(v types.String) func(*model) { return func(m *model) { m.Zone = v } }
	for _, test := range []struct {
		name          string
		before, after func(*model)
		want          []string
	}{
		{name: "nothing"},
		{name: "ports, labels, policies", after: func(m *model) {
			m.Ports, m.Labels, m.ExternalPolicy = ports(values{"port": n(80)}), pairs("a", "b"), text("Local")
		}},
		{name: "name", after: func(m *model) { m.Name = text("other") }, want: []string{"name"}},
		{name: "namespace", after: func(m *model) { m.Namespace = text("other") }, want: []string{"namespace"}},
		{name: "name not known", after: func(m *model) { m.Name = types.StringUnknown() }, want: []string{"name"}},

		{name: "another address", before: both(at("10.0.0.2"), wishing(text("10.0.0.2"))), after: wishing(text("10.0.0.3")), want: []string{"load_balancer_ip"}},
		{name: "the address that it has is written down", before: at("10.0.0.2"), after: wishing(text("10.0.0.2"))},
		{name: "an address is asked for", before: at("10.0.0.2"), after: wishing(text("10.0.0.3")), want: []string{"load_balancer_ip"}},
		{name: "no address is asked for any more", before: both(at("10.0.0.2"), wishing(text("10.0.0.2")))},
		{name: "the same address, not assigned so far", before: wishing(text("10.0.0.2")), after: wishing(text("10.0.0.2"))},
		{name: "the same wish, another address assigned", before: both(at("10.0.0.9"), wishing(text("10.0.0.2"))), after: wishing(text("10.0.0.2"))},
		{name: "address not known", before: at("10.0.0.2"), after: wishing(types.StringUnknown()), want: []string{"load_balancer_ip"}},

		{name: "another zone", before: zone(text("dal10")), after: zone(text("dal12")), want: []string{"zone"}},
		{name: "a zone", after: zone(text("dal12")), want: []string{"zone"}},
		{name: "no zone any more", before: zone(text("dal12")), want: []string{"zone"}},
		{name: "VLAN", after: func(m *model) { m.VLAN = text("1") }, want: []string{"vlan_id"}},

		{name: "default version is written down", after: version(text("1.0"))},
		{name: "default version is left out", before: version(text("1.0"))},
		{name: "version", before: version(text("1.0")), after: version(text("2.0")), want: []string{"nlb_version"}},

		{name: "empty VPC settings", after: in(nil)},
		{name: "default feature is written down", after: in(values{"features": texts("alb")})},
		{name: "proxy protocol", before: in(values{"features": texts("alb")}), after: in(values{"features": texts("alb", "proxy-protocol")})},
		{name: "network load balancer", before: in(values{"features": texts("alb")}), after: in(values{"features": texts("nlb")}), want: []string{"vpc.features"}},
		{name: "subnets", before: in(values{"subnets": texts("a")}), after: in(values{"subnets": texts("a", "b")}), want: []string{"vpc.subnets"}},
		{name: "same subnets", before: in(values{"subnets": texts("a", "b")}), after: in(values{"subnets": texts("b", "a")})},
		{name: "name of the load balancer", before: in(nil), after: in(values{"name": text("x")}), want: []string{"vpc.name"}},
		{name: "all VPC settings left out", before: in(values{"name": text("x"), "subnets": texts("a"), "features": texts("nlb")}), want: []string{"vpc.features", "vpc.subnets", "vpc.name"}},
		{name: "health check", before: in(nil), after: in(health(values{"delay": n(9)}))},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			prior, want := configured(test.before), configured(test.after)
			var got []string
			for _, p := range (part{}).Replaces(prior, want) {
				got = append(got, p.Path.String())
				if !p.Warning || !strings.Contains(p.Detail, "made anew") {
					t.Errorf("%+v does not say why", p)
				}
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("replaced for %q, want %q", got, test.want)
			}
		})
	}
}

func TestUpsets(t *testing.T) {
	t.Parallel()
	for exposure, stays := range map[types.String]bool{text("private"): true, text("public"): false, text("unverified"): false, types.StringNull(): false} {
		upset := part{}.Upsets(configured(func(m *model) { m.Exposure = exposure }), configured(nil))
		if (len(upset) == 0) != stays {
			t.Errorf("%s: %q may change", exposure, upset)
		}
	}
}
