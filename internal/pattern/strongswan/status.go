package strongswan

import (
	"bufio"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// States of a connection. strongSwan has more of them; the last two are ours.
const (
	stateInstalled   = "INSTALLED"
	stateEstablished = "ESTABLISHED"
	stateConnecting  = "CONNECTING"
	stateDown        = "DOWN"
	stateUnknown     = "UNKNOWN"
)

// unnamedConnection is what strongSwan calls the attempt of a peer of which it does not know yet who it is.
const unnamedConnection = "(unnamed)"

// connection is one connection as strongSwan speaks of it.
type connection struct {
	name string
	// state of what carries packets (INSTALLED, REKEYING, ...), of the
	// negotiation (CONNECTING, ESTABLISHED, ...) where there is nothing that does.
	state string
	// peer is the address that the other end has.
	peer string
	// local and remote are the networks on both sides, as negotiated.
	local, remote     []string
	bytesIn, bytesOut int64
}

// up tells whether it carries packets. ESTABLISHED is not enough: the ends may
// have agreed on each other, but not on networks or ciphers.
func (c connection) up() bool { return rank(c.state) > 0 }

// rank is by what of several states a connection is known: 0 for those that carry no packets.
func rank(state string) int {
	return slices.Index([]string{"REKEYED", "REKEYING", stateInstalled}, state) + 1
}

// negotiated is the state of a connection that has an IKE_SA of that state and
// nothing that carries packets: its keys are of no use to anybody.
func negotiated(state string) string {
	if rank(state) > 0 {
		return stateEstablished
	}
	return state
}

var (
	// As in "k8s-conn: #1, ESTABLISHED, IKEv2, f5928f47d61b56a4_i* f111ecc9721437cc_r".
	swanctlIKE = regexp.MustCompile(`^(\S+): #\d+, ([A-Z]+), IKEv`)
	// As in "  k8s-conn: #1, reqid 1, INSTALLED, TUNNEL-in-UDP, ESP:AES_CBC-256/HMAC_SHA2_256_128".
	swanctlChild = regexp.MustCompile(`^\s+(\S+): #\d+, (?:reqid \d+, )?([A-Z]+), (?:TUNNEL|TRANSPORT|BEET|PASS|DROP)`)
	// As in "  remote 'on-premises' @ 198.51.100.2[4500]".
	swanctlPeer = regexp.MustCompile(`^\s+remote '.*' @ ([^\[\s]+)\[`)
	// As in "    in  d71b0a8e,    756 bytes,     9 packets,    19s ago".
	swanctlBytes = regexp.MustCompile(`^\s+(in|out)\s+[0-9a-f]+(?: \([^)]*\))?,\s+(\d+) bytes`)
	// As in "    local  172.21.0.0/16 172.30.0.0/16".
	swanctlNetworks = regexp.MustCompile(`^\s+(local|remote)\s+([0-9a-f.:]+(?:/\d+)?.*)$`)
)

// parseSAs reads what `swanctl --list-sas` prints.
func parseSAs(text string) []connection {
	var out []connection
	child, best := false, false
	for scanner := bufio.NewScanner(strings.NewReader(text)); scanner.Scan(); {
		line := scanner.Text()
		if m := swanctlIKE.FindStringSubmatch(line); m != nil {
			out, child = append(out, connection{name: m[1], state: negotiated(m[2])}), false
			continue
		}
		if len(out) == 0 {
			continue
		}
		c := &out[len(out)-1]
		if m := swanctlChild.FindStringSubmatch(line); m != nil {
			// Of several, as while keys are renewed, the last one of the best counts; their bytes add up.
			child, best = true, rank(m[2]) > 0 && rank(m[2]) >= rank(c.state)
			if best {
				c.state = m[2]
			}
			continue
		}
		if m := swanctlPeer.FindStringSubmatch(line); m != nil && !child {
			c.peer = m[1]
		}
		if child {
			c.detail(line, best)
		}
	}
	return out
}

// detail reads a line about what carries packets, its networks if it is the best.
func (c *connection) detail(line string, best bool) {
	if m := swanctlBytes.FindStringSubmatch(line); m != nil {
		n, err := strconv.ParseInt(m[2], 10, 64)
		if err != nil {
			return
		}
		if m[1] == "in" {
			c.bytesIn += n
		} else {
			c.bytesOut += n
		}
	}
	if m := swanctlNetworks.FindStringSubmatch(line); m != nil && best {
		networks := strings.Fields(m[2])
		if m[1] == "local" {
			c.local = networks
		} else {
			c.remote = networks
		}
	}
}
