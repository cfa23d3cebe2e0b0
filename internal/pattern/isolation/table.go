package isolation

import (
	"fmt"
	"strings"
)

// Reach is a row of the documentation's table: who may open new connections
// where under a set. What reaches whom is proven from these rows by packets.
type Reach struct {
	// Network is the set: private or public.
	Network string
	// From and To are parties: those who connect, and where to.
	From []string
	To   string
	// Protocols, TCP and UDP, and Ports; of what is closed the ports are examples.
	Protocols []string
	Ports     []uint16
	Open      bool
}

// Parties of a table.
const (
	aWorker          = "a worker"
	aPod             = "a pod"
	aServer          = "another server of the account"
	theInternet      = "a server on the internet"
	everyWorker      = "every worker, private address"
	everyPod         = "every pod"
	privateMaster    = "the cluster's master, private endpoint"
	publicMaster     = "the cluster's master, public endpoint"
	aPrivateBalancer = "a private load balancer"
	aPublicBalancer  = "a public load balancer"
	aClient          = "a client on the internet"
)

// Table is what the two sets leave open and what they close, without peers and
// optional policies.
func Table() []Reach {
	t, u := []string{"TCP"}, []string{"UDP"}
	both := []string{"TCP", "UDP"}
	private := func(from []string, to string, protocols []string, open bool, ports ...uint16) Reach {
		return Reach{Network: networkPrivate, From: from, To: to, Protocols: protocols, Ports: ports, Open: open}
	}
	public := func(from []string, to string, protocols []string, open bool, ports ...uint16) Reach {
		return Reach{Network: networkPublic, From: from, To: to, Protocols: protocols, Ports: ports, Open: open}
	}
	either := []string{aWorker, aPod}
	return []Reach{
		private([]string{aWorker}, everyWorker, t, true, 9100, 10250),
		private([]string{aServer}, everyWorker, t, true, 10250),
		private([]string{aServer}, everyWorker, t, false, 9100),
		private([]string{aServer}, aPrivateBalancer, both, true, 80),
		private([]string{aPod}, everyPod, both, true, 8080),
		private(either, privateMaster, t, true, 31235),
		private(either, aServer, u, true, 53),
		private([]string{aPod}, aServer, t, true, 443),
		private([]string{aPod}, aServer, t, false, 8080),
		private([]string{aWorker}, aServer, t, false, 443, 8080),
		private(either, theInternet, t, true, 443, 8080),
		public([]string{aPod}, everyPod, both, true, 8080),
		public(either, publicMaster, t, true, 31235),
		public(either, theInternet, u, true, 53),
		public(either, theInternet, t, true, 443),
		public(either, theInternet, t, false, 8080),
		public([]string{aWorker}, aServer, t, true, 8080),
		public([]string{aPod}, aServer, t, false, 8080),
		public([]string{aClient}, aPublicBalancer, both, true, 80),
	}
}

// tableText is the table in Markdown.
func tableText() string {
	var out strings.Builder
	out.WriteString("| `network` | from | to | ports | new connections |\n|---|---|---|---|---|\n")
	for _, r := range Table() {
		verdict, such := "open", ""
		if !r.Open {
			verdict, such = "**closed**", "others, such as "
		}
		ports := make([]string, len(r.Ports))
		for i, p := range r.Ports {
			ports[i] = fmt.Sprint(p)
		}
		fmt.Fprintf(&out, "| `%s` | %s | %s | %s%s %s | %s |\n", r.Network, strings.Join(r.From, ", "), r.To, such, strings.Join(r.Protocols, " and "), strings.Join(ports, ", "), verdict)
	}
	return out.String()
}
