package strongswan

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// longestName of a release: IBM's chart cuts its objects' names there.
const longestName = 35

// shortestKey is what a pre-shared key needs to withstand guessing offline, in
// bytes: a listener that saw one exchange can try keys at leisure.
const shortestKey = 20

// check finds everything that is wrong with a tunnel whatever the cluster looks
// like. Rules about attributes that are not known yet are left out.
func (t tunnel) check() []objection {
	var out []objection
	for _, rule := range []func() []objection{
		t.checkName, t.checkSource, t.checkChart, t.checkExtraValues, t.checkKey, t.checkEnds, t.checkNetworks, t.checkGateway, t.checkIKEv1, t.checkProposals,
		t.checkDurations, t.checkWords, t.checkSingleSource, t.checkLocalNAT, t.checkRemoteNAT, t.checkZones, t.checkBalancers,
		t.checkPlacement, t.checkHijacks,
	} {
		out = append(out, rule()...)
	}
	return out
}

func one(at, format string, arguments ...any) []objection {
	return []objection{{at: at, says: fmt.Sprintf(format, arguments...)}}
}

func (t tunnel) checkName() []objection {
	if !t.known("name") {
		return nil
	}
	if wrong := validation.IsDNS1035Label(t.name); len(wrong) > 0 {
		return one("name", "%q cannot be the name of a release: %s", t.name, wrong[0])
	}
	if len(t.name) > longestName {
		return one("name", "%q has %d characters, and the names of the chart's objects leave room for %d", t.name, len(t.name), longestName)
	}
	if wrong := validation.IsDNS1123Label(t.namespace); t.namespace != "" && len(wrong) > 0 {
		return one("namespace", "%q cannot be the name of a namespace: %s", t.namespace, wrong[0])
	}
	return nil
}

// checkKey never says what the key is.
func (t tunnel) checkKey() []objection {
	if !t.known("preshared_key_wo", "preshared_key_secret", "preshared_key_secret.name") {
		return nil
	}
	const at = "preshared_key_wo"
	switch {
	case t.keySecret != "":
		return nil
	case t.preSharedKey == "":
		return one(at, "the pre-shared key is empty; it is what both ends prove who they are with")
	case slices.Contains([]string{"strongswan-preshared-secret", "preshared-secret", "changeme", "secret", "password"}, t.preSharedKey):
		return one(at, "the pre-shared key is a well-known default, which anybody can try. Generate one, for example with `openssl rand -base64 32`, and give it to the other end")
	case strings.ContainsAny(t.preSharedKey, "\n\r\x00"):
		return one(at, "the pre-shared key holds a line break or a NUL, which hardly any peer can be given; trim it (`trimspace`)")
	case len(t.preSharedKey) < shortestKey:
		return []objection{{at: at, warning: true, says: fmt.Sprintf("the pre-shared key is short. Whoever records one exchange can guess at it offline; %d random characters or more withstand that", shortestKey)}}
	}
	return nil
}

// idPattern is what an identity may hold without needing quotes of one kind or
// another on the way into strongSwan's configuration.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9%@][A-Za-z0-9._@:=, /-]*$`)

func (t tunnel) checkEnds() []objection {
	var out []objection
	for at, id := range map[string]string{"local.id": t.local.id, "remote.id": t.remote.id} {
		if t.known(at) && !idPattern.MatchString(id) {
			out = append(out, one(at, "%q is not an identity: a name such as on-prem.example.com, an address, or user@example.com", id)...)
		}
	}
	if t.known("local.id", "remote.id") && t.local.id == t.remote.id && t.local.id != "" {
		out = append(out, one("remote.id", "both ends have the identity %q, so neither can tell them apart", t.local.id)...)
	}
	if t.local.id == balancerAsID && t.known("load_balancer_ip", "zone_load_balancers") && t.balancerIP == "" && len(t.zoneBalancers) == 0 {
		out = append(out, one("local.id", "%s stands for the load balancer's IP, so load_balancer_ip must say which", balancerAsID)...)
	}
	if t.local.id == nodeAsID && t.builtin() {
		out = append(out, one("local.id", "the builtin chart does not ask which node its pod runs on, so it cannot have the identity %s; use a name", nodeAsID)...)
	}
	slices.SortFunc(out, func(a, b objection) int { return strings.Compare(a.at, b.at) })
	return out
}

// checkNetworks looks at the networks of both ends, each and together.
func (t tunnel) checkNetworks() []objection {
	remote, wrong := networksAt("remote.subnets", t.remote.subnets)
	local, more := networksAt(t.localAttribute(), t.localSubnets())
	wrong = append(wrong, more...)
	nonCluster, more := networksAt("local.non_cluster_subnets", t.local.nonCluster)
	wrong = append(wrong, more...)
	if t.known("remote.subnets") && len(t.remote.subnets) == 0 {
		wrong = append(wrong, one("remote.subnets", "it is empty, so nothing would go through the tunnel")...)
	}
	if t.known("local.subnets", "local.zone_subnets") && len(t.localSubnets()) == 0 {
		wrong = append(wrong, one("local.subnets", "neither subnets nor zone_subnets say what the remote end may reach")...)
	}
	if t.known(t.localAttribute()) {
		for _, n := range nonCluster {
			if !covered(n, local) {
				wrong = append(wrong, objection{at: "local.non_cluster_subnets", element: n.String(), says: fmt.Sprintf("%s is in none of local.subnets, so the tunnel would not carry it", n)})
			}
		}
	}
	// What is translated is seen under another address on the other side.
	nat, _ := pairs("", t.remoteNAT)
	for _, r := range remote {
		translated := !t.known("remote_subnet_nat") || slices.ContainsFunc(nat, func(n translation) bool { return n.from == r })
		for _, l := range local {
			if r.Overlaps(l) && !translated {
				wrong = append(wrong, objection{at: "remote.subnets", element: r.String(), says: fmt.Sprintf("%s overlaps %s of %s, so one address would be on both ends. Renumber one, or translate: local_subnet_nat for what the remote end sees, remote_subnet_nat for what the cluster sees", r, l, t.localAttribute())})
			}
		}
	}
	if ping := t.remote.ping; ping != "" && t.known("remote.subnets", "remote.ping_address") {
		address, err := netip.ParseAddr(ping)
		if err != nil || !slices.ContainsFunc(remote, func(p netip.Prefix) bool { return p.Contains(address) }) {
			wrong = append(wrong, one("remote.ping_address", "%q is not an address in remote.subnets", ping)...)
		}
	}
	return wrong
}

func (t tunnel) checkGateway() []objection {
	if !t.known("remote.gateway") {
		return nil
	}
	gateway := t.remote.gateway
	if gateway == anyPeer || gateway == "" {
		if t.initiate && t.known("initiate") {
			return one("remote.gateway", "the cluster initiates, so it must know whom to call: the public address or name of the remote gateway")
		}
		return nil
	}
	address, err := netip.ParseAddr(gateway)
	if err != nil {
		if wrong := validation.IsDNS1123Subdomain(gateway); len(wrong) > 0 {
			return one("remote.gateway", "%q is neither an IPv4 address nor a host name", gateway)
		}
		return nil
	}
	if !address.Is4() || address.IsUnspecified() || address.IsLoopback() || address.IsMulticast() {
		return one("remote.gateway", "%q cannot be the address of a gateway", gateway)
	}
	for _, text := range t.remote.subnets {
		if subnet, err := parseNetwork(text); err == nil && subnet.Contains(address) {
			return one("remote.gateway", "%s lies in the remote subnet %s, which the workers route into the tunnel: the tunnel's own packets would be sent into it as well", gateway, subnet)
		}
	}
	return nil
}

func (t tunnel) checkIKEv1() []objection {
	if !t.known("ike.version") || t.ike.version != ikeV1 {
		return nil
	}
	var out []objection
	if t.known("ike.proposals") && len(t.ike.proposals) == 0 {
		out = append(out, one("ike.proposals", "IKEv1 needs the ciphers of both phases; the first one's are missing")...)
	}
	if t.known("esp.proposals") && len(t.esp.proposals) == 0 {
		out = append(out, one("esp.proposals", "IKEv1 needs the ciphers of both phases; the second one's are missing")...)
	}
	if t.known("remote.subnets") && len(t.remote.subnets) > 1 {
		out = append(out, one("remote.subnets", "IKEv1 carries one subnet per side, and there are %d; use IKEv2, or one that covers them", len(t.remote.subnets))...)
	}
	if at := t.localAttribute(); t.known(at) && len(t.localSubnets()) > 1 {
		out = append(out, one(at, "IKEv1 carries one subnet per side, and there are %d; use IKEv2, or one that covers them", len(t.localSubnets()))...)
	}
	return out
}

// duration is what strongSwan takes as one: seconds, or a number with its unit.
var duration = regexp.MustCompile(`^([1-9][0-9]{0,8})([smhd]?)$`)

// seconds of a duration.
func seconds(text string) (int64, error) {
	m := duration.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%q is not a duration such as 3h, 90m or 3600", text)
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0, err
	}
	return n * map[string]int64{"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[m[2]], nil
}

func (t tunnel) checkDurations() []objection {
	var out []objection
	of := map[string]int64{}
	for _, d := range []struct{ at, text string }{{"ike.lifetime", t.ike.lifetime}, {"esp.lifetime", t.esp.lifetime}, {"esp.margin", t.esp.margin}} {
		if !t.known(d.at) {
			continue
		}
		n, err := seconds(d.text)
		if err != nil {
			out = append(out, one(d.at, "%s", err)...)
			continue
		}
		of[d.at] = n
	}
	margin, has := of["esp.margin"]
	for _, at := range []string{"ike.lifetime", "esp.lifetime"} {
		// strongSwan stretches the margin at random, up to twice.
		if lifetime, known := of[at]; known && has && lifetime <= 2*margin {
			out = append(out, one(at, "%d seconds are not more than twice the margin of %d seconds in which new keys are negotiated before, so there would be no end of it", lifetime, margin)...)
		}
	}
	return out
}

var (
	tries  = regexp.MustCompile(`^[1-9][0-9]{0,3}$`)
	option = regexp.MustCompile(`^[a-z_]+ *= *[^\s{}#"'][^{}#"\n\r]*$`)
)

func (t tunnel) checkWords() []objection {
	var out []objection
	if t.known("keying_tries") && t.keyingTries != forever && !tries.MatchString(t.keyingTries) {
		out = append(out, one("keying_tries", "%q is neither a number from 1 to 9999 nor %s", t.keyingTries, forever)...)
	}
	for _, line := range t.extraOptions {
		if !option.MatchString(line) {
			out = append(out, objection{at: "extra_options", element: line, says: fmt.Sprintf("%q is not one option of the connection, written `name = value`", line)})
		}
	}
	for name, level := range t.logging {
		if !slices.Contains([]string{"default", "app", "asn", "cfg", "chd", "dmn", "enc", "esp", "ike", "imc", "imv", "job", "knl", "lib", "mgr", "net", "pts", "tls", "tnc"}, name) {
			out = append(out, objection{at: "logging", element: name, says: fmt.Sprintf("%q is not a part of strongSwan that logs", name)})
		}
		// Level 3 dumps raw data, level 4 keys.
		if level < -1 || level > 2 {
			out = append(out, objection{at: "logging", element: name, says: fmt.Sprintf("level %d is not from -1 (silent) to 2; higher ones write keys into the log", level)})
		}
	}
	if level, of := t.logging["ike"]; of && level < 2 && level >= -1 && t.known("chart.source") && !t.builtin() {
		out = append(out, objection{at: "logging", element: "ike", says: "IBM's chart needs ike at level 2, it watches the log"})
	}
	return out
}
