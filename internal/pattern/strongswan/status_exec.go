package strongswan

import (
	"bufio"
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// askStrongSwan is run in the VPN pod, and is the same for everybody. It changes
// nothing. swanctl knows the connections of ipsec.conf as well, where charon
// speaks vici; in the pod of IBM's chart `ipsec` wants sudo. What is read are
// the lines that are made for people: in those a peer's identity stands in a
// place of its own, in the raw form it can look like anything.
const askStrongSwan = `if swanctl --list-conns 2>/dev/null; then swanctl --list-sas 2>/dev/null; exit; fi
for as in 'sudo -n' ''; do $as ipsec statusall 2>/dev/null && exit; done
exit 1`

// parseStatus reads what askStrongSwan prints.
func parseStatus(text string) []connection {
	if strings.Contains(text, "\nSecurity Associations (") {
		return gather(parseStroke(text))
	}
	return gather(append(parseConns(text), parseSAs(text)...))
}

// gather makes one of all that is said of a connection: the one that is loaded,
// and IKE_SAs, of which there may be several while keys are renewed. Attempts of
// peers that have not said who they are belong to none.
func gather(said []connection) []connection {
	var out []connection
	for _, c := range said {
		i := slices.IndexFunc(out, func(o connection) bool { return o.name == c.name })
		switch {
		case c.name == unnamedConnection:
		case i < 0:
			out = append(out, c)
		default:
			out[i] = out[i].and(c)
		}
	}
	slices.SortFunc(out, func(a, b connection) int { return cmp.Compare(a.name, b.name) })
	return out
}

// and adds what else is said of a connection: what carries packets counts, else what comes last.
func (c connection) and(more connection) connection {
	out := more
	if rank(c.state) > rank(more.state) {
		out = c
	}
	out.bytesIn, out.bytesOut = c.bytesIn+more.bytesIn, c.bytesOut+more.bytesOut
	out.peer = cmp.Or(out.peer, c.peer, more.peer)
	if !out.up() && len(out.local)+len(out.remote) == 0 {
		out.local, out.remote = c.local, c.remote
	}
	return out
}

var (
	// As in "k8s-conn: IKEv2, no reauthentication, rekeying every 10260s, dpd delay 30s".
	loadedConn = regexp.MustCompile(`^(\S+): IKEv`)
	// As in "    local:  172.30.0.0/16", of what it would carry.
	loadedNetworks = regexp.MustCompile(`^    (local|remote):\s+(\S.*)$`)
)

// parseConns reads what `swanctl --list-conns` prints: connections that are loaded, with the networks that they are to carry.
func parseConns(text string) []connection {
	var out []connection
	for scanner := bufio.NewScanner(strings.NewReader(text)); scanner.Scan(); {
		line := scanner.Text()
		if m := loadedConn.FindStringSubmatch(line); m != nil {
			out = append(out, connection{name: m[1], state: stateDown})
		} else if m := loadedNetworks.FindStringSubmatch(line); m != nil && len(out) > 0 {
			c := &out[len(out)-1]
			if m[1] == "local" {
				c.local = strings.Fields(m[2])
			} else {
				c.remote = strings.Fields(m[2])
			}
		}
	}
	return out
}

var (
	// As in "    k8s-conn:   child:  172.30.0.0/16 === 10.91.152.128/26 TUNNEL, dpdaction=start".
	strokeLoaded = regexp.MustCompile(`^\s*(\S+):   child:  (.*) === (.*?) (?:TUNNEL|TRANSPORT|BEET|PASS|DROP)`)
	// As in "    k8s-conn[1]: ESTABLISHED 5 seconds ago, 192.0.2.2[ibm-cloud]...198.51.100.2[on-prem]".
	strokeIKE = regexp.MustCompile(`^\s*(\S+)\[\d+\]: (CREATED|CONNECTING|ESTABLISHED|PASSIVE|REKEYING|REKEYED|DELETING|DESTROYING)\b[^\[]*\[.*\.\.\.([0-9a-fA-F.:]+)\[`)
	// As in "    k8s-conn{1}:  INSTALLED, TUNNEL, reqid 1, ESP in UDP SPIs: 626617f3_i fbb3e612_o".
	strokeChild = regexp.MustCompile(`^\s*(\S+)\{\d+\}:  ([A-Z]+), `)
	// As in "    k8s-conn{1}:  AES_CBC_256/HMAC_SHA2_256_128, 756 bytes_i (9 pkts, 19s ago), 756 bytes_o (9 pkts, 19s ago), rekeying in 49 minutes".
	strokeBytes = regexp.MustCompile(`^\s*(\S+)\{\d+\}:  \S.*, (\d+) bytes_i\b.*, (\d+) bytes_o\b`)
	// As in "    k8s-conn{1}:   172.21.0.0/16 172.30.0.0/16 === 10.91.152.128/26".
	strokeNetworks = regexp.MustCompile(`^\s*(\S+)\{\d+\}:   (\S.*) === (.*)$`)
)

// parseStroke reads what `ipsec statusall` prints: several lines for each connection, which belong together.
func parseStroke(text string) []connection {
	var out []connection
	of := func(name string) *connection {
		i := slices.IndexFunc(out, func(c connection) bool { return c.name == name })
		if i < 0 {
			out = append(out, connection{name: name, state: stateDown})
			i = len(out) - 1
		}
		return &out[i]
	}
	for scanner := bufio.NewScanner(strings.NewReader(text)); scanner.Scan(); {
		line := scanner.Text()
		if m := strokeLoaded.FindStringSubmatch(line); m != nil {
			c := of(m[1])
			c.local, c.remote = strings.Fields(m[2]), strings.Fields(m[3])
		} else if m := strokeIKE.FindStringSubmatch(line); m != nil {
			// What it carries stands in later lines.
			if c := of(m[1]); !c.up() {
				c.state, c.peer = negotiated(m[2]), m[3]
			}
		} else if m := strokeBytes.FindStringSubmatch(line); m != nil {
			c := of(m[1])
			c.bytesIn, c.bytesOut = c.bytesIn+number(m[2]), c.bytesOut+number(m[3])
		} else if m := strokeChild.FindStringSubmatch(line); m != nil {
			if c := of(m[1]); rank(m[2]) > rank(c.state) {
				c.state = m[2]
			}
		} else if m := strokeNetworks.FindStringSubmatch(line); m != nil {
			c := of(m[1])
			c.local, c.remote = strings.Fields(m[2]), strings.Fields(m[3])
		}
	}
	return out
}

// number reads digits, 0 for more than there can be.
func number(digits string) int64 {
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
