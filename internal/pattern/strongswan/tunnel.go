package strongswan

import (
	"maps"
	"slices"
)

// Sources of the chart.
const (
	// sourceBuiltin is the chart that stands in this package.
	sourceBuiltin = "builtin"
	// sourceIBM is IBM's chart `strongswan` in its repository iks-charts.
	sourceIBM = "iks-charts"
)

// Words of the contract that both charts keep (IBM's chart 2.10.7).
const (
	anyPeer        = "%any"
	forever        = "%forever"
	balancerAsID   = "%loadBalancerIP"
	nodeAsID       = "%nodePublicIP"
	zoneSubnetWord = "%zoneSubnet"

	ikeV1, ikeV2, ikeAny = "ikev1", "ikev2", "ike"

	snatAuto, snatOn, snatOff = "auto", "true", "false"
)

// Kinds of load balancer.
const (
	servicePublic  = "public"
	servicePrivate = "private"
	serviceNone    = "none"
)

// tunnel is one VPN connection of a cluster, as it is declared: addresses and
// networks are texts that nobody has checked yet.
type tunnel struct {
	namespace, name string
	// source and version of the chart; image that the builtin one runs.
	source, version, image string

	initiate bool
	remote   remoteEnd
	local    localEnd
	ike      ikeTerms
	esp      espTerms

	dpdAction, closeAction, keyingTries string
	extraOptions                        []string

	// localNAT maps a network of the cluster to what the remote end sees of it,
	// remoteNAT one of the remote end to what the cluster sees of it.
	localNAT, remoteNAT map[string]string
	singleSourceIP      bool
	podSNAT             string

	serviceType       string
	balancerIP        string
	zoneBalancers     map[string]string
	connectUsing      string
	serviceSourceIP   bool
	nodeSelector      map[string]string
	zone              string
	zoneRoutes        bool
	tolerations       []toleration
	validate          string
	monitoring        *monitoring
	logging           map[string]int64
	privileged        bool
	extraValues       map[string]any
	preSharedKey      string
	keyVersion        int64
	keySecret, keyKey string

	// unknown are the attributes, as in objection.at, that are not known yet.
	unknown map[string]bool
}

type remoteEnd struct {
	gateway string
	subnets []string
	id      string
	ping    string
}

type localEnd struct {
	subnets     []string
	id          string
	zoneSubnets map[string]string
	// nonCluster are networks behind the workers, which stand in subnets as well.
	nonCluster []string
}

// ikeTerms and espTerms hold durations as strongSwan writes them: "3h".
type ikeTerms struct {
	version   string
	proposals []string
	lifetime  string
}

type espTerms struct {
	proposals        []string
	lifetime, margin string
}

// monitoring is what the pod of IBM's chart watches; seconds are 0 by default.
type monitoring struct {
	clusterName           string
	privateIPs, endpoints []string
	timeout, delay        int64
}

type toleration struct{ key, operator, value, effect string }

// objection is something wrong, or worth a warning, in a tunnel.
type objection struct {
	// at is the attribute: "remote.subnets".
	at string
	// element is the entry of a set or the key of a map that it is about.
	element string
	// says why, in a sentence without its full stop.
	says string
	// warning makes it one.
	warning bool
}

// known tells whether all these attributes are known.
func (t tunnel) known(attributes ...string) bool {
	return !slices.ContainsFunc(attributes, func(a string) bool { return t.unknown[a] })
}

// localSubnets are the networks that the tunnel offers to the remote end.
func (t tunnel) localSubnets() []string {
	if subnet, of := t.local.zoneSubnets[t.zone]; of && t.zone != "" {
		return []string{subnet}
	}
	if len(t.local.zoneSubnets) > 0 && len(t.local.subnets) == 0 {
		return slices.Sorted(maps.Values(t.local.zoneSubnets))
	}
	return t.local.subnets
}

// localAttribute is where localSubnets come from.
func (t tunnel) localAttribute() string {
	if len(t.local.zoneSubnets) > 0 || !t.known("local.zone_subnets") {
		return "local.zone_subnets"
	}
	return "local.subnets"
}

// routed are the networks that the workers send into the tunnel: those behind
// the remote gateway, as the cluster sees them.
func (t tunnel) routed() []string {
	var out []string
	nat, _ := pairs("", t.remoteNAT)
	for _, n := range nat {
		out = append(out, n.to.String())
	}
	remote, _ := networksAt("", t.remote.subnets)
	return append(out, texts(remote)...)
}
