package isolation

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

// sample is an isolation with one address in each list.
func sample(network string, change func(*isolation)) isolation {
	i := isolation{
		network: network,
		addresses: addresses{
			serviceEndpoints: []string{"166.9.0.1/32"}, registry: []string{"166.9.0.2/32"}, monitoring: []string{"166.9.0.3/32"},
			logging: []string{"166.9.0.4/32"}, infrastructure: []string{"10.0.64.0/19"},
		},
		podSubnet: defaultPodSubnet(), serviceSubnet: defaultServiceSubnet(),
	}
	if change != nil {
		change(&i)
	}
	return i
}

func everything(network string) isolation {
	return sample(network, func(i *isolation) {
		i.services, i.vpn, i.vrrp, i.istio = true, true, network == networkPrivate, network == networkPublic
		i.peers, i.apiPorts = []string{"10.9.0.0/16"}, []uint16{5443}
	})
}

// say writes a policy in short lines: its order, namespace and selector, then its rules.
func say(m member) []string {
	lines := []string{fmt.Sprintf("%v %s", *m.spec.Order, strings.TrimSpace(m.namespace+" "+m.spec.Selector))}
	for _, direction := range []struct {
		name string
		of   v3.PolicyType
		all  []v3.Rule
	}{{"in", v3.PolicyTypeIngress, m.spec.Ingress}, {"out", v3.PolicyTypeEgress, m.spec.Egress}} {
		for _, r := range direction.all {
			words := []string{direction.name, string(r.Action)}
			if r.Protocol != nil {
				words = append(words, r.Protocol.String())
			}
			for _, end := range []struct {
				name string
				of   v3.EntityRule
			}{{"from", r.Source}, {"to", r.Destination}} {
				list := slices.Clone(end.of.Nets)
				for _, net := range end.of.NotNets {
					list = append(list, "!"+net)
				}
				if end.of.Selector != "" {
					list = append(list, "("+end.of.Selector+")")
				}
				for _, p := range end.of.Ports {
					list = append(list, ":"+p.String())
				}
				if len(list) > 0 {
					words = append(words, end.name, strings.Join(list, " "))
				}
			}
			lines = append(lines, strings.Join(words, " "))
		}
		if slices.Contains(m.spec.Types, direction.of) != (len(direction.all) > 0) {
			lines = append(lines, "types do not fit: "+direction.name)
		}
	}
	return lines
}

const (
	priv = "ibm.role == 'worker_private'"
	pub  = "ibm.role == 'worker_public'"
)

// Every rule of every policy, as the reference on IBM's samples has them.
func TestSets(t *testing.T) {
	t.Parallel()
	for network, want := range map[string]map[string]string{
		networkPrivate: {
			"allow-all-workers-private": `1950 ` + priv + `
				in Allow from (` + priv + `)
				out Allow to (` + priv + `)
				out Allow to 172.30.0.0/16`,
			"allow-icmp-private": `1500 ` + priv + `
				in Allow ICMP`,
			"allow-sys-mgmt-private": `1800 ` + priv + `
				in Allow from 10.0.64.0/19
				out Allow to 10.0.64.0/19`,
			"allow-ibm-ports-private": `1500 ` + priv + `
				in Allow UDP to :53 :5353 :10250 :52311
				in Allow TCP to :53 :5353 :10250 :52311
				out Allow UDP to :53 :5353 :2049 :3260 :5473
				out Allow TCP to :53 :5353 :2049 :3260 :5473
				out Allow UDP to 172.20.0.0/24 :2040:2041
				out Allow TCP to 172.20.0.0/24 :2040:2041
				out Allow UDP to 172.21.0.1/32 10.10.10.1/32 :443
				out Allow TCP to 172.21.0.1/32 10.10.10.1/32 :443`,
			"allow-private-service-endpoint": `1900 ` + priv + `
				out Allow UDP to 166.9.0.1/32 :20000:32767 :443
				out Allow TCP to 166.9.0.1/32 :20000:32767 :443`,
			"allow-private-services": `1900 ` + priv + `
				out Allow TCP to 166.9.0.2/32 :443 :4443
				out Allow TCP to 166.9.0.3/32 :443 :6443
				out Allow TCP to 166.9.0.4/32 :80 :443 :514 :6514
				out Allow UDP to 166.9.0.4/32 :514`,
			"allow-vrrp-private": `1500 ` + priv + `
				in Allow 112
				out Allow 112`,
			"allow-vpn-private": `1500 ` + priv + `
				out Allow UDP to :500 :4500
				out Allow 50`,
			"allow-peers-private": `1700 ` + priv + `
				in Allow from 10.9.0.0/16
				out Allow to 10.9.0.0/16`,
			"allow-egress-pods-private": `1500 projectcalico.org/orchestrator == 'k8s'
				out Allow UDP to :53 :5353 :443 :2049 :3260 :10250
				out Allow TCP to :53 :5353 :443 :2049 :3260 :10250 :4443 :6443 :5443
				out Allow UDP to 172.20.0.0/24 :2040:2041
				out Allow TCP to 172.20.0.0/24 :2040:2041
				out Allow to (projectcalico.org/orchestrator == 'k8s')
				out Allow to !10.0.0.0/8 !172.16.0.0/12 !192.168.0.0/16
				out Allow UDP to 166.9.0.1/32 :20000:32767
				out Allow TCP to 166.9.0.1/32 :20000:32767
				out Allow TCP to 166.9.0.2/32 :443 :4443
				out Allow TCP to 166.9.0.3/32 :443 :6443
				out Allow TCP to 166.9.0.4/32 :80 :443 :514 :6514
				out Allow UDP to 166.9.0.4/32 :514
				out Allow UDP to :500 :4500
				out Allow 50
				out Allow to 10.9.0.0/16`,
			"deny-all-private-default": `99900 ` + priv + `
				in Deny
				out Deny`,
		},
		networkPublic: {
			"allow-ibm-ports-public": `1500 ` + pub + `
				in Allow UDP to :53 :5353 :52311
				in Allow TCP to :53 :5353 :52311
				out Allow UDP to :53 :5353 :443 :2049 :3260 :5473
				out Allow TCP to :53 :5353 :443 :2049 :3260 :5473
				out Allow UDP to 172.20.0.0/24 :2040:2041
				out Allow TCP to 172.20.0.0/24 :2040:2041
				out Allow UDP to 172.21.0.1/32 10.10.10.1/32 :443
				out Allow TCP to 172.21.0.1/32 10.10.10.1/32 :443
				out Allow to 172.30.0.0/16`,
			"allow-public-service-endpoint": `1500 ` + pub + `
				out Allow UDP to 166.9.0.1/32 :20000:32767 :443
				out Allow TCP to 166.9.0.1/32 :20000:32767 :443`,
			"allow-public-services": `1800 ` + pub + `
				in Allow TCP to :80 :443 :853 :15010 :15012 :15014 :15021 :15443
				out Allow TCP to 166.9.0.2/32 :443 :4443
				out Allow TCP to 166.9.0.3/32 :443 :6443
				out Allow TCP to 166.9.0.4/32 :80 :443 :514 :6514
				out Allow UDP to 166.9.0.4/32 :514
				out Allow TCP to :80 :15443`,
			"allow-vpn-public": `1500 ` + pub + `
				out Allow UDP to :500 :4500
				out Allow 50`,
			"allow-peers-public": `1700 ` + pub + `
				out Allow to 10.9.0.0/16`,
			"kube-system/allow-konnectivity": `1000 kube-system app == 'konnectivity-agent' || k8s-app == 'konnectivity-agent'
				out Allow`,
			"allow-egress-pods-public": `1400 projectcalico.org/orchestrator == 'k8s'
				out Allow UDP to :53 :5353 :443 :2049 :3260 :10250
				out Allow TCP to :53 :5353 :443 :2049 :3260 :10250 :4443 :6443 :5443
				out Allow UDP to 172.20.0.0/24 :2040:2041
				out Allow TCP to 172.20.0.0/24 :2040:2041
				out Allow to (projectcalico.org/orchestrator == 'k8s')
				out Allow UDP to 166.9.0.1/32 :20000:32767
				out Allow TCP to 166.9.0.1/32 :20000:32767
				out Allow TCP to 166.9.0.2/32 :443 :4443
				out Allow TCP to 166.9.0.3/32 :443 :6443
				out Allow TCP to 166.9.0.4/32 :80 :443 :514 :6514
				out Allow UDP to 166.9.0.4/32 :514
				out Allow TCP to :80 :15443
				out Allow UDP to :500 :4500
				out Allow 50
				out Allow to 10.9.0.0/16
				out Deny to !10.0.0.0/8 !172.16.0.0/12 !192.168.0.0/16 !161.26.0.0/16 !166.8.0.0/14`,
			"kube-system/allow-k8s-master-to-dashboard-via-vpn": `1000 kube-system kubernetes-dashboard-policy == 'allow'
				out Allow TCP to (k8s-app == 'kubernetes-dashboard') :443 :8443`,
			"deny-all-outbound-public": `1850 ` + pub + `
				out Deny`,
		},
	} {
		t.Run(network, func(t *testing.T) {
			t.Parallel()
			got := map[string]string{}
			for _, m := range everything(network).set() {
				got[m.title()] = strings.Join(say(m), "\n\t\t\t\t")
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// podsReach tells whether pods may open a connection while these sets are there,
// as Calico decides: policies by their order, then by their name.
func podsReach(protocol, address string, port uint16, networks ...string) bool {
	var all []member
	for _, network := range networks {
		all = append(all, slices.DeleteFunc(everything(network).set(), func(m member) bool { return m.spec.Selector != podSelector })...)
	}
	slices.SortFunc(all, func(a, b member) int {
		if earlier := *a.spec.Order - *b.spec.Order; earlier != 0 {
			return int(earlier)
		}
		return strings.Compare(a.name, b.name)
	})
	within := func(nets []string) bool { return covers(nets, netip.MustParseAddr(address)) }
	for _, m := range all {
		for _, r := range m.spec.Egress {
			to := r.Destination
			if to.Selector == "" && (r.Protocol == nil || r.Protocol.String() == protocol) && (len(to.Ports) == 0 || opens(r, port)) &&
				(len(to.Nets) == 0 || within(to.Nets)) && !within(to.NotNets) {
				return r.Action == v3.Allow
			}
		}
	}
	return len(all) == 0
}

// Both sets leave open to pods what each leaves open on its own network, and
// nothing else.
func TestSetsTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		protocol, address     string
		port                  uint16
		private, public, both bool
	}{
		{tcp, "203.0.113.7", 8080, true, false, false},
		{udp, "203.0.113.7", 4501, true, false, false},
		{udp, "203.0.113.7", 4500, true, true, true}, // a VPN gateway
		{tcp, "203.0.113.7", 443, true, true, true},
		{tcp, "10.1.2.3", 8080, false, false, false},
		{tcp, "10.1.2.3", 443, true, true, true},
		{tcp, "10.9.1.1", 8080, true, true, true},   // a peer
		{tcp, "166.9.0.1", 31235, true, true, true}, // a master
		{tcp, "166.9.7.7", 8080, true, false, true}, // IBM's services on the private network
		{udp, "161.26.0.6", 123, true, false, true},
	} {
		got := []bool{
			podsReach(c.protocol, c.address, c.port, networkPrivate), podsReach(c.protocol, c.address, c.port, networkPublic),
			podsReach(c.protocol, c.address, c.port, networkPrivate, networkPublic),
		}
		if want := []bool{c.private, c.public, c.both}; !slices.Equal(got, want) {
			t.Errorf("%s %s:%d is open under private, public, both sets: %v, want %v", c.protocol, c.address, c.port, got, want)
		}
	}
}

func titles(set []member) []string {
	var out []string
	for _, m := range set {
		out = append(out, m.title())
	}
	return out
}

func TestOptionalPolicies(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		of   isolation
		want []string
	}{
		"private, nothing optional": {sample(networkPrivate, nil), []string{
			"allow-all-workers-private", "allow-icmp-private", "allow-sys-mgmt-private", "allow-ibm-ports-private",
			"allow-private-service-endpoint", "allow-egress-pods-private", "deny-all-private-default",
		}},
		"public, nothing optional": {sample(networkPublic, nil), []string{
			"allow-ibm-ports-public", "allow-public-service-endpoint", "kube-system/allow-konnectivity", "allow-egress-pods-public",
			"kube-system/allow-k8s-master-to-dashboard-via-vpn", "deny-all-outbound-public",
		}},
		"private, all": {everything(networkPrivate), titles(possible(networkPrivate))},
		"public, all":  {everything(networkPublic), titles(possible(networkPublic))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := titles(c.of.set()); !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

// Whatever is declared, Calico takes it, what allows stands before what cuts
// off, the denial is last, and no rule that is meant for addresses is without.
func TestSetsAreSound(t *testing.T) {
	t.Parallel()
	for _, network := range []string{networkPrivate, networkPublic} {
		for _, i := range []isolation{sample(network, nil), everything(network), sample(network, func(i *isolation) {
			i.addresses, i.services = addresses{}, true
			i.podSubnet, i.serviceSubnet = netip.MustParsePrefix("10.40.0.0/16"), netip.MustParsePrefix("10.50.0.0/16")
		})} {
			set := i.set()
			cut := false
			for _, m := range set {
				check := calico.Check
				if m.namespace != "" {
					check = calico.CheckNamespaced
				}
				if problems := check(m.name, m.spec); len(problems) > 0 {
					t.Errorf("%s: %v", m.title(), problems)
				}
				if cut && !m.cuts {
					t.Errorf("%s: %s comes behind what cuts off", network, m.title())
				}
				cut = cut || m.cuts
				if calico.IsIBMs(m.name) && m.namespace == "" {
					t.Errorf("%s has the name of one of IBM's own policies", m.title())
				}
				// Of what goes to workers only, nothing allows everything.
				for _, r := range append(slices.Clone(m.spec.Egress), m.spec.Ingress...) {
					if r.Action == v3.Allow && m.namespace == "" && calico.Equal(calico.Spec{Ingress: []v3.Rule{r}}, calico.Spec{Ingress: []v3.Rule{{Action: v3.Allow}}}) {
						t.Errorf("%s allows everything", m.title())
					}
				}
			}
			if last := set[len(set)-1]; !strings.HasPrefix(last.name, "deny-") || last.spec.Egress[0].Action != v3.Deny {
				t.Errorf("%s ends with %s", network, last.title())
			}
		}
	}
	custom := sample(networkPrivate, func(i *isolation) { i.serviceSubnet = netip.MustParsePrefix("10.50.0.0/16") })
	if got := custom.master().String(); got != "10.50.0.1/32" {
		t.Errorf("the API server in the cluster is %s", got)
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	if !strings.Contains(regionTable, "As of:  "+tableDate) {
		t.Errorf("the table is not as of %s", tableDate)
	}
	all := []string{"au-syd", "br-sao", "ca-tor", "eu-de", "eu-es", "eu-gb", "jp-osa", "jp-tok", "us-east", "us-south"}
	for _, region := range append(all, "eu-central", "uk-south", "ap-north", "ap-south") {
		for _, network := range []string{networkPrivate, networkPublic} {
			found, err := regional(region, network)
			if err != nil {
				t.Errorf("%s: %v", region, err)
				continue
			}
			for name, list := range found.lists() {
				if len(*list) == 0 && !(name == "infrastructure" && network == networkPublic) {
					t.Errorf("%s %s has no %s", region, network, name)
				}
				if line := tableLine(region, network, name); line > 0 && line != len(*list) {
					t.Errorf("%s %s %s: %d addresses in the table, %d read", region, network, name, line, len(*list))
				}
				for _, text := range *list {
					checkAddress(t, region+" "+network+" "+name, text, network == networkPrivate, name == "infrastructure")
				}
			}
		}
	}
	if _, err := regional("mars-1", networkPrivate); err == nil || !strings.Contains(err.Error(), strings.Join(all, ", ")) {
		t.Errorf("an unknown region: %v", err)
	}
	europe, err := regional("eu-central", networkPrivate)
	if err != nil || !slices.Contains(europe.infrastructure, "10.3.80.0/20") || len(europe.serviceEndpoints) != 60 {
		t.Errorf("eu-central is %+v, %v", europe, err)
	}
}

// tableLine counts the addresses of a line of the table.
func tableLine(region, network, list string) int {
	for line := range strings.Lines(regionTable) {
		if rest, ok := strings.CutPrefix(line, region+" "+network+" "+list+" "); ok {
			return len(strings.Split(rest, ","))
		}
	}
	return 0
}

// checkAddress: private endpoints of IBM Cloud are in 166.8.0.0/14, IBM's own
// systems in 10.0.0.0/8, and public ones are public.
func checkAddress(t *testing.T, at, text string, onPrivate, own bool) {
	t.Helper()
	prefix, err := parseNetwork(text)
	if err != nil {
		t.Errorf("%s: %v", at, err)
		return
	}
	within := func(net string) bool { return netip.MustParsePrefix(net).Contains(prefix.Addr()) }
	ok := !prefix.Addr().IsPrivate() && !within("166.8.0.0/14")
	switch {
	case own:
		ok = within("10.0.0.0/8")
	case onPrivate:
		ok = within("166.8.0.0/14")
	}
	if !ok {
		t.Errorf("%s: %s is not of this network", at, text)
	}
}
