package strongswan

import (
	"strings"
	"testing"
)

// onPrem is a tunnel to which nobody objects.
func onPrem() tunnel {
	return tunnel{
		namespace: "default", name: "vpn", source: sourceBuiltin, image: "registry.example.com/strongswan@sha256:0", initiate: true,
		remote: remoteEnd{gateway: "198.51.100.2", subnets: []string{"10.91.152.128/26"}, id: "on-prem"},
		local:  localEnd{subnets: []string{"172.30.0.0/16", "172.21.0.0/16"}, id: "ibm-cloud"},
		ike:    ikeTerms{version: ikeV2, proposals: []string{"aes256-sha256-modp2048"}, lifetime: "3h"},
		esp:    espTerms{proposals: []string{"aes256-sha256-modp2048"}, lifetime: "1h", margin: "9m"},

		dpdAction: "restart", closeAction: "auto", keyingTries: forever, podSNAT: snatAuto, serviceType: servicePublic,
		preSharedKey: "correct-horse-battery-staple", keyVersion: 1, unknown: map[string]bool{},
	}
}

// ruleCase is one tunnel with what is wrong with it; nothing where at is "".
type ruleCase struct {
	name     string
	change   func(*tunnel)
	at, says string
	warning  bool
}

func checkRules(t *testing.T, cases []ruleCase) {
	t.Helper()
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			tunnel := onPrem()
			test.change(&tunnel)
			found := tunnel.check()
			if test.at == "" {
				if len(found) > 0 {
					t.Errorf("objections %+v", found)
				}
				return
			}
			for _, o := range found {
				if o.at == test.at && o.warning == test.warning && strings.Contains(o.says, test.says) {
					return
				}
			}
			t.Errorf("nothing at %s says %q (warning: %v); there are %+v", test.at, test.says, test.warning, found)
		})
	}
}

func TestNamesAndKeys(t *testing.T) {
	t.Parallel()
	checkRules(t, []ruleCase{
		{name: "as it should be", change: func(*tunnel) {}},
		{name: "listening", change: func(t *tunnel) { t.initiate, t.remote.gateway = false, anyPeer }},
		{name: "name", change: func(t *tunnel) { t.name = "Vpn" }, at: "name", says: "Vpn"},
		{name: "long name", change: func(t *tunnel) { t.name = strings.Repeat("a", 36) }, at: "name", says: "36 characters"},
		{name: "longest name", change: func(t *tunnel) { t.name = strings.Repeat("a", 35) }},
		{name: "namespace", change: func(t *tunnel) { t.namespace = "a.b" }, at: "namespace", says: "a.b"},
		{name: "no image", change: func(t *tunnel) { t.image = "" }, at: "image", says: "Dockerfile"},
		{name: "image not known", change: func(t *tunnel) { t.image, t.unknown["image"] = "", true }},
		{name: "bad image", change: func(t *tunnel) { t.image = "a b" }, at: "image", says: "a b"},
		{name: "no image for IBM's chart", change: func(t *tunnel) { t.source, t.image = sourceIBM, "" }},
		{name: "no key", change: func(t *tunnel) { t.preSharedKey = "" }, at: "preshared_key_wo", says: "empty"},
		{name: "key not known", change: func(t *tunnel) { t.preSharedKey, t.unknown["preshared_key_wo"] = "", true }},
		{name: "key of one's own Secret", change: func(t *tunnel) { t.preSharedKey, t.keySecret = "", "mine" }},
		{name: "default key", change: func(t *tunnel) { t.preSharedKey = "strongswan-preshared-secret" }, at: "preshared_key_wo", says: "well-known default"},
		{name: "key with a line break", change: func(t *tunnel) { t.preSharedKey += "\n" }, at: "preshared_key_wo", says: "trimspace"},
		{name: "short key", change: func(t *tunnel) { t.preSharedKey = "seventeen-letters" }, at: "preshared_key_wo", says: "key is short", warning: true},
		{name: "same identities", change: func(t *tunnel) { t.remote.id = "ibm-cloud" }, at: "remote.id", says: "tell them apart"},
		{name: "identity", change: func(t *tunnel) { t.local.id = "a\"b" }, at: "local.id", says: "identity"},
		{name: "identity of an address", change: func(t *tunnel) { t.local.id = "198.51.100.9" }},
		{name: "identity of the load balancer", change: func(t *tunnel) { t.local.id = balancerAsID }, at: "local.id", says: "load_balancer_ip"},
		{name: "identity of the load balancer's IP", change: func(t *tunnel) { t.local.id, t.balancerIP = balancerAsID, "169.60.1.1" }},
		{name: "identity of the node", change: func(t *tunnel) { t.local.id = nodeAsID }, at: "local.id", says: "which node"},
	})
}

func TestKeyIsNeverSaid(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"changeme", "a\nb-secret-of-some-length", "short-key"} {
		tunnel := onPrem()
		tunnel.preSharedKey = key
		for _, o := range tunnel.check() {
			if strings.Contains(o.says+o.element, key) {
				t.Errorf("the key is in %q", o.says)
			}
		}
	}
}

func TestNetworksOfBothEnds(t *testing.T) {
	t.Parallel()
	checkRules(t, []ruleCase{
		{name: "no remote subnet", change: func(t *tunnel) { t.remote.subnets = nil }, at: "remote.subnets", says: "empty"},
		{name: "remote subnets not known", change: func(t *tunnel) { t.remote.subnets, t.unknown["remote.subnets"] = nil, true }},
		{name: "no local subnet", change: func(t *tunnel) { t.local.subnets = nil }, at: "local.subnets", says: "zone_subnets"},
		{name: "host bits", change: func(t *tunnel) { t.remote.subnets = []string{"10.91.152.129/26"} }, at: "remote.subnets", says: "10.91.152.128/26"},
		{name: "not a network", change: func(t *tunnel) { t.local.subnets = []string{"office"} }, at: "local.subnets", says: "office"},
		{name: "IPv6", change: func(t *tunnel) { t.remote.subnets = []string{"fd00::/64"} }, at: "remote.subnets", says: "IPv4"},
		{name: "twice", change: func(t *tunnel) { t.remote.subnets = []string{"10.1.1.1", "10.1.1.1/32"} }, at: "remote.subnets", says: "twice"},
		{name: "overlap", change: func(t *tunnel) { t.remote.subnets = []string{"172.30.5.0/24"} }, at: "remote.subnets", says: "overlaps 172.30.0.0/16"},
		{name: "overlap, translated", change: func(t *tunnel) {
			t.remote.subnets, t.remoteNAT = []string{"172.30.5.0/24"}, map[string]string{"172.30.5.0/24": "10.99.5.0/24"}
		}},
		{name: "overlap of an address, translated", change: func(t *tunnel) {
			t.remote.subnets, t.remoteNAT = []string{"172.30.5.7"}, map[string]string{"172.30.5.7": "10.99.5.7"}
		}},
		{name: "non-cluster subnet", change: func(t *tunnel) { t.local.nonCluster = []string{"10.5.0.0/16"} }, at: "local.non_cluster_subnets", says: "none of local.subnets"},
		{name: "non-cluster subnet in local ones", change: func(t *tunnel) {
			t.local.nonCluster, t.local.subnets = []string{"10.5.1.0/24"}, append(t.local.subnets, "10.5.0.0/16")
		}},
		{name: "ping outside", change: func(t *tunnel) { t.remote.ping = "10.1.1.1" }, at: "remote.ping_address", says: "10.1.1.1"},
		{name: "ping inside", change: func(t *tunnel) { t.remote.ping = "10.91.152.130" }},
		{name: "initiating without a gateway", change: func(t *tunnel) { t.remote.gateway = anyPeer }, at: "remote.gateway", says: "whom to call"},
		{name: "gateway not known", change: func(t *tunnel) { t.remote.gateway, t.unknown["remote.gateway"] = "", true }},
		{name: "gateway by name", change: func(t *tunnel) { t.remote.gateway = "vpn.example.com" }},
		{name: "gateway no name", change: func(t *tunnel) { t.remote.gateway = "vpn example" }, at: "remote.gateway", says: "host name"},
		{name: "gateway behind itself", change: func(t *tunnel) { t.remote.gateway = "10.91.152.129" }, at: "remote.gateway", says: "own packets"},
		{name: "everything", change: func(t *tunnel) { t.remote.subnets = []string{"0.0.0.0/0"} }, at: "remote.subnets", says: "own master"},
		{name: "IBM's service endpoints", change: func(t *tunnel) { t.remote.subnets = []string{"166.9.0.0/16"} }, at: "remote.subnets", says: "166.8.0.0/14"},
		{name: "around IBM's service endpoints", change: func(t *tunnel) { t.remote.subnets = []string{"160.0.0.0/4"} }, at: "remote.subnets", says: "service endpoints"},
		{name: "link-local", change: func(t *tunnel) { t.remote.subnets = []string{"169.254.169.254"} }, at: "remote.subnets", says: "link-local"},
		{name: "translated to IBM's", change: func(t *tunnel) { t.remoteNAT = map[string]string{"10.91.152.128/26": "161.26.0.0/26"} }, at: "remote_subnet_nat", says: "161.26.0.0/16"},
	})
}

func TestTerms(t *testing.T) {
	t.Parallel()
	v1 := func(t *tunnel) {
		t.ike.version, t.local.subnets = ikeV1, []string{"172.30.0.0/16"}
	}
	checkRules(t, []ruleCase{
		{name: "IKEv1", change: v1},
		{name: "IKEv1 without ike ciphers", change: func(t *tunnel) { v1(t); t.ike.proposals = nil }, at: "ike.proposals", says: "both phases"},
		{name: "IKEv1 without esp ciphers", change: func(t *tunnel) { v1(t); t.esp.proposals = nil }, at: "esp.proposals", says: "both phases"},
		{name: "IKEv1 with two local subnets", change: func(t *tunnel) { t.ike.version = ikeV1 }, at: "local.subnets", says: "one subnet per side"},
		{name: "IKEv1 with two remote subnets", change: func(t *tunnel) { v1(t); t.remote.subnets = []string{"10.1.0.0/16", "10.2.0.0/16"} }, at: "remote.subnets", says: "one subnet per side"},
		{name: "IKEv2 without ciphers", change: func(t *tunnel) { t.ike.proposals, t.esp.proposals = nil, nil }},
		{name: "DES", change: func(t *tunnel) { t.esp.proposals = []string{"des-sha1"} }, at: "esp.proposals", says: "brute force", warning: true},
		{name: "3DES", change: func(t *tunnel) { t.ike.proposals = []string{"3des-sha1-modp2048"} }, at: "ike.proposals", says: "64 bits", warning: true},
		{name: "MD5", change: func(t *tunnel) { t.ike.proposals = []string{"aes128-md5-modp2048"} }, at: "ike.proposals", says: "MD5", warning: true},
		{name: "MODP768", change: func(t *tunnel) { t.ike.proposals = []string{"aes128-sha1-modp768"} }, at: "ike.proposals", says: "1024 bits", warning: true},
		{name: "MODP1024", change: func(t *tunnel) { t.ike.proposals = []string{"aes128-sha1-modp1024"} }, at: "ike.proposals", says: "1024 bits", warning: true},
		{name: "no encryption", change: func(t *tunnel) { t.esp.proposals = []string{"null-sha256"} }, at: "esp.proposals", says: "nothing would be encrypted", warning: true},
		{name: "proposal with !", change: func(t *tunnel) { t.ike.proposals = []string{"aes256-sha256-modp2048!"} }, at: "ike.proposals", says: "implied"},
		{name: "two in one", change: func(t *tunnel) { t.ike.proposals = []string{"aes256-sha256,aes128-sha1"} }, at: "ike.proposals", says: "One proposal"},
		{name: "lifetime", change: func(t *tunnel) { t.ike.lifetime = "3 hours" }, at: "ike.lifetime", says: "3 hours"},
		{name: "margin", change: func(t *tunnel) { t.esp.margin = "30m" }, at: "esp.lifetime", says: "margin"},
		{name: "seconds", change: func(t *tunnel) { t.esp.margin, t.esp.lifetime = "60", "1200s" }},
		{name: "tries", change: func(t *tunnel) { t.keyingTries = "0" }, at: "keying_tries", says: "9999"},
		{name: "option", change: func(t *tunnel) { t.extraOptions = []string{"mobike = no"} }},
		{name: "option that breaks out", change: func(t *tunnel) { t.extraOptions = []string{"mobike = no }"} }, at: "extra_options", says: "one option"},
		{name: "logging", change: func(t *tunnel) { t.logging = map[string]int64{"ike": 4} }, at: "logging", says: "keys"},
		{name: "logging of what", change: func(t *tunnel) { t.logging = map[string]int64{"all": 1} }, at: "logging", says: "all"},
	})
}

func TestTranslations(t *testing.T) {
	t.Parallel()
	local := func(t *tunnel, nat map[string]string, subnets ...string) { t.localNAT, t.local.subnets = nat, subnets }
	checkRules(t, []ruleCase{
		{name: "one to one", change: func(t *tunnel) { local(t, map[string]string{"172.30.0.0/16": "10.10.0.0/16"}, "10.10.0.0/16") }},
		{name: "many to one", change: func(t *tunnel) {
			local(t, map[string]string{"172.30.0.0/16": "10.10.0.1/32", "172.21.0.0/16": "10.10.0.1/32"}, "10.10.0.1/32")
		}},
		{name: "sizes", change: func(t *tunnel) { local(t, map[string]string{"172.30.0.0/16": "10.10.0.0/24"}, "10.10.0.0/24") }, at: "local_subnet_nat", says: "same size"},
		{name: "not offered", change: func(t *tunnel) { t.localNAT = map[string]string{"172.30.0.0/16": "10.10.0.0/16"} }, at: "local_subnet_nat", says: "none of local.subnets"},
		{name: "two onto one", change: func(t *tunnel) {
			local(t, map[string]string{"172.30.0.0/16": "10.10.0.0/16", "172.21.0.0/16": "10.10.0.0/16"}, "10.10.0.0/16")
		}, at: "local_subnet_nat", says: "for either"},
		{name: "one in two ways", change: func(t *tunnel) {
			local(t, map[string]string{"172.30.0.0/16": "10.10.0.0/16", "172.30.1.0/24": "10.11.1.0/24"}, "10.10.0.0/15")
		}, at: "local_subnet_nat", says: "two ways"},
		{name: "remote", change: func(t *tunnel) { t.remoteNAT = map[string]string{"10.91.152.128/26": "10.99.0.0/26"} }},
		{name: "remote sizes", change: func(t *tunnel) { t.remoteNAT = map[string]string{"10.91.152.128/26": "10.99.0.0/24"} }, at: "remote_subnet_nat", says: "same size"},
		{name: "remote of a part", change: func(t *tunnel) { t.remoteNAT = map[string]string{"10.91.152.128/27": "10.99.0.0/27"} }, at: "remote_subnet_nat", says: "just as it stands"},
		{name: "remote onto the pods", change: func(t *tunnel) { t.remoteNAT = map[string]string{"10.91.152.128/26": "172.30.9.0/26"} }, at: "remote_subnet_nat", says: "overlaps 172.30.0.0/16"},
		{name: "single source", change: func(t *tunnel) { t.singleSourceIP, t.local.subnets = true, []string{"10.10.0.1/32"} }},
		{name: "single source of two", change: func(t *tunnel) { t.singleSourceIP = true }, at: "local.subnets", says: "/32"},
		{name: "single source of a network", change: func(t *tunnel) { t.singleSourceIP, t.local.subnets = true, []string{"10.10.0.0/24"} }, at: "local.subnets", says: "/32"},
		{name: "single source with NAT", change: func(t *tunnel) {
			t.singleSourceIP = true
			local(t, map[string]string{"172.30.0.0/16": "10.10.0.1/32"}, "10.10.0.1/32")
		}, at: "local_subnet_nat", says: "translates already"},
		{name: "single source without SNAT", change: func(t *tunnel) {
			t.singleSourceIP, t.podSNAT, t.local.subnets = true, snatOff, []string{"10.10.0.1/32"}
		}, at: "pod_snat", says: "single_source_ip"},
		{name: "single source listening", change: func(t *tunnel) {
			t.singleSourceIP, t.initiate, t.local.subnets = true, false, []string{"10.10.0.1/32"}
		}, at: "initiate", says: "nobody can call in"},
	})
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	zones := func(t *tunnel) {
		t.local.subnets, t.local.zoneSubnets = nil, map[string]string{"dal10": "172.30.0.0/17", "dal12": "172.30.128.0/17"}
	}
	checkRules(t, []ruleCase{
		{name: "zones", change: func(t *tunnel) { zones(t); t.zone = "dal10" }},
		{name: "zones without one", change: zones, at: "zone", says: "One release for each zone"},
		{name: "zones for IBM's chart", change: func(t *tunnel) { zones(t); t.source, t.image = sourceIBM, "" }},
		{name: "another zone", change: func(t *tunnel) { zones(t); t.zone = "dal13" }, at: "local.zone_subnets", says: "dal13"},
		{name: "both kinds of subnets", change: func(t *tunnel) { zones(t); t.zone, t.local.subnets = "dal10", []string{"172.21.0.0/16"} }, at: "local.zone_subnets", says: "both set"},
		{name: "no zone's name", change: func(t *tunnel) { t.zoneBalancers = map[string]string{"dal 10": "169.60.1.1"} }, at: "zone_load_balancers", says: "dal 10"},
		{name: "balancer's zone", change: func(t *tunnel) { t.zone, t.zoneBalancers = "dal10", map[string]string{"dal12": "169.60.1.1"} }, at: "zone_load_balancers", says: "dal10"},
		{name: "balancer's IP", change: func(t *tunnel) { t.balancerIP = "lb.example.com" }, at: "load_balancer_ip", says: "IPv4 address"},
		{name: "same IP twice", change: func(t *tunnel) { t.zoneBalancers = map[string]string{"dal10": "169.60.1.1", "dal12": "169.60.1.1"} }, at: "zone_load_balancers", says: "twice"},
		{name: "IP and IPs of zones", change: func(t *tunnel) {
			t.balancerIP, t.zoneBalancers = "169.60.1.2", map[string]string{"dal10": "169.60.1.1"}
		}, at: "zone_load_balancers", says: "both set"},
		{name: "no balancer", change: func(t *tunnel) { t.serviceType = serviceNone }},
		{name: "no balancer with an IP", change: func(t *tunnel) { t.serviceType, t.balancerIP = serviceNone, "169.60.1.1" }, at: "service_type", says: "169.60.1.1"},
		{name: "listening without balancer", change: func(t *tunnel) { t.serviceType, t.initiate = serviceNone, false }, at: "service_type", says: "listens"},
		{name: "routes of a zone", change: func(t *tunnel) { t.zoneRoutes = true }, at: "zone_specific_routes", says: "zone"},
		{name: "two node labels", change: func(t *tunnel) { t.nodeSelector = map[string]string{"a": "b", "c": "d"} }, at: "node_selector", says: "2 labels"},
		{name: "node label", change: func(t *tunnel) { t.nodeSelector = map[string]string{"a b": "c"} }, at: "node_selector", says: "a b"},
	})
}

func TestHijackedNetworks(t *testing.T) {
	t.Parallel()
	pods, err := parseNetwork("10.0.0.0/18")
	if err != nil {
		t.Fatal(err)
	}
	own := []ownNetwork{{network: pods, what: "the cluster's pod subnet"}}
	tunnel := onPrem()
	if found := tunnel.hijacks(own); len(found) != 0 {
		t.Errorf("objections %+v", found)
	}
	tunnel.remote.subnets = append(tunnel.remote.subnets, "10.0.0.0/8")
	found := tunnel.hijacks(own)
	if len(found) != 1 || found[0].at != "remote.subnets" || !strings.Contains(found[0].says, "pod subnet") {
		t.Errorf("objections %+v", found)
	}
	// Under other addresses the cluster keeps its own.
	tunnel.remoteNAT = map[string]string{"10.0.0.0/8": "11.0.0.0/8"}
	if found := tunnel.hijacks(own); len(found) != 0 {
		t.Errorf("translated: %+v", found)
	}
}
