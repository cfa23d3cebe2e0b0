package packets

import (
	"slices"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/dataplane"
)

// scenario is one thing that a resource does to packets.
type scenario struct {
	// resource is its type, "iks_nodeport_guard".
	resource string
	// name is a sentence about the resource: "closes the node ports of every worker".
	name string
	// config is what is applied, in HCL, without provider and cluster lookups; it
	// may use the variables of the stage (see variables).
	config string
	// named are places that the resources themselves name: attributes, such as
	// "iks_private_service.it.ip". Before the apply nobody can know them.
	named map[where]string
	// lines are the probes. At least one must tell the resource from its absence.
	lines []line
	// keeps are connections that are opened before the apply and must go on.
	keeps []line
	// breaks are connections that are opened before the apply and must not go on.
	breaks []line
	// changed is applied in the place of config at the end, under a stream of the
	// probes of all lines that must keep the verdict that they have; "" for none.
	changed string
	// tunnel is what the company's gateway knows of a tunnel, all the time; nil for
	// no tunnel.
	tunnel *companysTunnel
	// then checks more while the resource is there; may be nil.
	then func(t *testing.T, r *run)
	// eachStep are lines that must have the verdict "with" from the moment on at
	// which the first policy is written, after each single one: an apply that is
	// stopped anywhere is as good as one that ends.
	eachStep []line
	// variants are applied in the place of config afterwards, one after the other.
	// Each is a control of the others: the same probes, other verdicts.
	variants []variant
}

// variant is another configuration of a scenario's resources.
type variant struct {
	// title heads its verdicts in the guide.
	title, config string
	// with is what each line of the scenario is under it, in their order.
	with []dataplane.Verdict
}

// lines are those of a scenario with the verdicts of a variant.
func (v variant) lines(sc scenario) []line {
	lines := slices.Clone(sc.lines)
	for i := range lines {
		lines[i].with = v.with[i]
	}
	return lines
}

// is tells whether both are the same scenario.
func (sc scenario) is(other scenario) bool {
	return sc.resource == other.resource && sc.name == other.name
}

// policies tells whether the scenario's resources are Calico policies. Then the
// API that they are written through may make a difference.
func (sc scenario) policies() bool {
	return slices.ContainsFunc([]string{"iks_nodeport_guard", "iks_inbound_guard", "iks_network_policy", "iks_network_isolation"}, func(resource string) bool {
		return strings.Contains(sc.config, `"`+resource+`"`)
	})
}

// throughBothDoors tells whether the scenario is played a second time, on
// clusters without Calico's own API. A canary is about the set that it is sent
// by, which others show through both, and waits for a minute.
func (sc scenario) throughBothDoors() bool {
	return sc.policies() && !strings.Contains(sc.config, "canary")
}

// doors are the Calico APIs that the scenario is played through.
func (sc scenario) doors() string {
	switch {
	case sc.throughBothDoors():
		return "v3, v1"
	case sc.policies():
		return "v3"
	}
	return "none"
}

// line is a row of probes that share verdicts: each who to each where, on each
// port, with each protocol.
type line struct {
	from  []who
	to    where
	ports []uint16
	// protocols default to TCP and UDP.
	protocols []string
	// without the resource and with it.
	without, with dataplane.Verdict
	// by is what the name of who answers begins with, "" for anybody.
	by string
}

// who sends probes.
type who string

const (
	client         who = "a client on the internet"
	office         who = "a company's office"
	neighbour      who = "another server of the account"
	otherNeighbour who = "a third server of the account"
	worker         who = "a worker"
	pod            who = "a pod"
)

// where probes go.
type where string

const (
	workers        where = "every worker, public address"
	workersPrivate where = "every worker, private address"
	workersIPv6    where = "every worker, private IPv6 address"
	edgePrivate    where = "every edge worker, private address"
	othersPrivate  where = "every other worker, private address"
	edge           where = "every edge worker, public address"
	others         where = "every other worker, public address"
	first          where = "the first worker, public address"
	rest           where = "the workers but the first, public address"
	web            where = "a public load balancer"
	database       where = "a public load balancer of a database"
	vpn            where = "a public load balancer of a VPN"
	internal       where = "a private load balancer"
	albs           where = "the public ALBs"
	master         where = "the cluster's master"
	masterPrivate  where = "the cluster's master, private endpoint"
	masterPublic   where = "the cluster's master, public endpoint"
	server         where = "another server of the account"
	pods           where = "every pod"
	othersWorkers  where = "every worker of the other cluster, public address"
	internet       where = "a server on the internet"
	workersIPv6Out where = "every worker, public IPv6 address"
)

// clusterDomain ends the names that a cluster's DNS knows.
const clusterDomain = ".svc.cluster.local"

// webName is the load balancer's Service.
const webName where = "web." + namespace + clusterDomain

// isName tells whether a place is a name, which the sender looks up each time.
func (w where) isName() bool { return strings.HasSuffix(string(w), clusterDomain) }

// Words for both verdicts of a line.
const (
	open    = dataplane.Open
	dropped = dataplane.Dropped
	refused = dataplane.Refused
	unnamed = dataplane.Unnamed
)

var (
	tcp = []string{dataplane.TCP}
	udp = []string{dataplane.UDP}

	// ping has no ports; a line has one number in their place.
	ping    = []string{dataplane.ICMP}
	noPorts = []uint16{0}
)

// scenarios are all there are, in the order in which they run.
func scenarios() []scenario {
	return slices.Concat(nodePortGuard(), inboundGuard(), networkPolicy(), policyTable(), networkIsolation(), acrossClusters(), strongswanVPN())
}
