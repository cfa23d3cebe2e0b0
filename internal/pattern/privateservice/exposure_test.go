package privateservice

import (
	"net/netip"
	"strings"
	"testing"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	ip := netip.MustParseAddr
	portable := []network{
		{prefix: netip.MustParsePrefix("10.48.192.0/29")},
		{prefix: netip.MustParsePrefix("169.48.192.0/29"), public: true},
		// An address range of one's own that only looks public, and the other way round.
		{prefix: netip.MustParsePrefix("203.0.113.0/28")},
		{prefix: netip.MustParsePrefix("10.99.0.0/28"), public: true},
	}
	classic := evidence{portable: portable}
	const host = "abc123-us-south.lb.appdomain.cloud"
	listed := evidence{onVPC: true, balancers: []balancer{{hostname: host}, {hostname: "pub.lb.appdomain.cloud", public: true}}}
	resolving := func(ips ...string) evidence {
		e := evidence{onVPC: true, subnets: []netip.Prefix{netip.MustParsePrefix("10.240.0.0/24"), netip.MustParsePrefix("10.240.64.0/24")}, resolved: map[string][]netip.Addr{}}
		for _, text := range ips {
			e.resolved[host] = append(e.resolved[host], ip(text))
		}
		e.lacking = []string{"the VPC's load balancers could not be read: forbidden"}
		return e
	}
	notListed := func(ips ...string) evidence {
		e := resolving(ips...)
		e.balancers = []balancer{{hostname: "pub.lb.appdomain.cloud", public: true}}
		return e
	}
	for _, test := range []struct {
		name     string
		evidence evidence
		at       addresses
		want     exposure
		says     string
		passing  bool
	}{
		{name: "no address yet", evidence: classic, want: isUnverified, says: "no address yet", passing: true},
		{name: "private subnet", evidence: classic, at: addresses{ips: []string{"10.48.192.3"}}, want: isPrivate, says: "10.48.192.0/29"},
		{name: "public subnet", evidence: classic, at: addresses{ips: []string{"169.48.192.3"}}, want: isPublic, says: "169.48.192.0/29"},
		{name: "own range that looks public", evidence: classic, at: addresses{ips: []string{"203.0.113.4"}}, want: isPrivate},
		{name: "own range that looks private", evidence: classic, at: addresses{ips: []string{"10.99.0.4"}}, want: isPublic},
		{name: "one of two is public", evidence: classic, at: addresses{ips: []string{"10.48.192.3", "169.48.192.3"}}, want: isPublic},
		{name: "one of two is nowhere", evidence: classic, at: addresses{ips: []string{"10.48.192.3", "10.1.2.3"}}, want: isUnverified, says: "10.1.2.3", passing: true},
		{name: "public and nowhere", evidence: classic, at: addresses{ips: []string{"10.1.2.3", "169.48.192.3"}}, want: isPublic},
		{name: "in no subnet", evidence: classic, at: addresses{ips: []string{"10.1.2.3"}}, want: isUnverified, says: "no portable subnet", passing: true},
		{name: "no address at all", evidence: classic, at: addresses{ips: []string{"10.1.2"}}, want: isUnverified, says: "not an address"},
		{name: "by the cluster's map, private", evidence: evidence{reserved: map[netip.Addr]bool{ip("10.1.2.3"): false}}, at: addresses{ips: []string{"10.1.2.3"}}, want: isPrivate, says: "map"},
		{name: "by the cluster's map, public", evidence: evidence{reserved: map[netip.Addr]bool{ip("10.1.2.3"): true}}, at: addresses{ips: []string{"10.1.2.3"}}, want: isPublic},
		{name: "IKS and the map agree", evidence: evidence{portable: portable, reserved: map[netip.Addr]bool{ip("10.48.192.3"): false}}, at: addresses{ips: []string{"10.48.192.3"}}, want: isPrivate},
		{name: "IKS and the map disagree", evidence: evidence{portable: portable, reserved: map[netip.Addr]bool{ip("10.48.192.3"): true}}, at: addresses{ips: []string{"10.48.192.3"}}, want: isUnverified, says: "IKS calls"},
		{name: "hostname without any evidence", evidence: evidence{lacking: []string{"no rights"}}, at: addresses{hostnames: []string{host}}, want: isUnverified, says: "no rights"},

		{name: "VPC says private", evidence: listed, at: addresses{hostnames: []string{host}}, want: isPrivate, says: "the VPC calls"},
		{name: "VPC says public", evidence: listed, at: addresses{hostnames: []string{"PUB.lb.appdomain.cloud"}}, want: isPublic},
		{name: "VPC does not know it, and it leads into the VPC", evidence: notListed("10.240.0.7"), at: addresses{hostnames: []string{host}}, want: isPrivate, says: "own subnets"},
		{name: "VPC does not know it, and it leads elsewhere", evidence: notListed("52.1.2.3"), at: addresses{hostnames: []string{host}}, want: isUnverified, passing: true},
		{name: "VPC does not know it", evidence: listed, at: addresses{hostnames: []string{"new.lb.appdomain.cloud"}}, want: isUnverified, passing: true},
		{name: "VPC has none", evidence: evidence{onVPC: true, balancers: []balancer{}}, at: addresses{hostnames: []string{host}}, want: isUnverified, passing: true},
		{name: "address goes with its hostname", evidence: listed, at: addresses{hostnames: []string{host}, ips: []string{"10.9.9.9"}}, want: isPrivate},
		{name: "resolves into the VPC", evidence: resolving("10.240.0.7", "10.240.64.7"), at: addresses{hostnames: []string{host}}, want: isPrivate, says: "own subnets"},
		{name: "resolves out of the VPC in part", evidence: resolving("10.240.0.7", "52.1.2.3"), at: addresses{hostnames: []string{host}}, want: isUnverified, says: "52.1.2.3"},
		{name: "private address of another network", evidence: resolving("10.5.0.1"), at: addresses{hostnames: []string{host}}, want: isUnverified, says: "forbidden"},
		{name: "does not resolve yet", evidence: resolving(), at: addresses{hostnames: []string{host}}, want: isUnverified, says: "does not resolve", passing: true},
		{name: "VPC address without hostname", evidence: resolving(), at: addresses{ips: []string{"10.240.0.9"}}, want: isPrivate},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := test.evidence.judge(test.at)
			if got.exposure != test.want || !strings.Contains(got.reason, test.says) || got.passing != test.passing {
				t.Errorf("got %+v, want %s, passing %t, with %q", got, test.want, test.passing, test.says)
			}
			if got.reason == "" {
				t.Error("there is no reason")
			}
		})
	}
}

func TestReadReserved(t *testing.T) {
	t.Parallel()
	got, err := readReserved(`{"vlans":[{"id":"1","subnets":[
		{"id":"a","ips":["10.0.0.2","10.0.0.3"],"is_public":false,"cidr":"10.0.0.0/29"},
		{"id":"b","ips":["169.0.0.2","x"],"is_public":true}]}],"vlan_errors":[]}`)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[netip.MustParseAddr("10.0.0.2")] || !got[netip.MustParseAddr("169.0.0.2")] {
		t.Errorf("got %v", got)
	}
	if _, err := readReserved("{"); err == nil {
		t.Error("damaged content is no error")
	}
}

func TestRemembered(t *testing.T) {
	t.Parallel()
	before := func(ip, exposure string) *model {
		m := &model{}
		m.observe(addresses{ips: []string{ip}}, verdict{exposure: isPrivate})
		if exposure != "" {
			m.Exposure = text(exposure)
		}
		return m
	}
	unheard := verdict{exposure: isUnverified, reason: "no rights", unheard: true}
	for _, test := range []struct {
		name string
		m    *model
		v    verdict
		want exposure
	}{
		{"same address, no witness", before("10.0.0.2", ""), unheard, isPrivate},
		{"another address", before("10.0.0.3", ""), unheard, isUnverified},
		{"the witnesses spoke", before("10.0.0.2", ""), verdict{exposure: isUnverified}, isUnverified},
		{"was public", before("10.0.0.2", "public"), unheard, isUnverified},
		{"is proven public", before("10.0.0.2", ""), verdict{exposure: isPublic}, isPublic},
		{"nothing before", &model{}, unheard, isUnverified},
	} {
		if got := test.m.remembered(addresses{ips: []string{"10.0.0.2"}}, test.v); got.exposure != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got.exposure, test.want)
		}
	}
}
