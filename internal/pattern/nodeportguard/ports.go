package nodeportguard

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/projectcalico/api/pkg/lib/numorstring"
)

// portRange is an inclusive range of ports from 1 to 65535.
type portRange struct{ first, last uint16 }

// parsePortRange reads "30000:32767" or "30080".
func parsePortRange(s string) (portRange, error) {
	from, to, ranged := strings.Cut(s, ":")
	first, err := parsePort(from)
	if err != nil {
		return portRange{}, fmt.Errorf("%q is not a port or a range of ports such as 30080 or 30000:32767: %w", s, err)
	}
	if !ranged {
		return portRange{first: first, last: first}, nil
	}
	last, err := parsePort(to)
	if err != nil {
		return portRange{}, fmt.Errorf("%q is not a range of ports such as 30000:32767: %w", s, err)
	}
	if first > last {
		return portRange{}, fmt.Errorf("%q is the wrong way round, write %d:%d", s, last, first)
	}
	return portRange{first: first, last: last}, nil
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a number from 1 to 65535", s)
	}
	return uint16(n), nil
}

func (r portRange) String() string {
	if r.first == r.last {
		return strconv.Itoa(int(r.first))
	}
	return fmt.Sprintf("%d:%d", r.first, r.last)
}

// ports is a set of ports as ranges that are sorted, apart from each other and
// not adjacent, so that the same set has one form.
type ports []portRange

func portsOf(ranges []portRange) ports {
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b portRange) int {
		return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.last, b.last))
	})
	var set ports
	for _, r := range sorted {
		if n := len(set); n > 0 && int(r.first) <= int(set[n-1].last)+1 {
			set[n-1].last = max(set[n-1].last, r.last)
			continue
		}
		set = append(set, r)
	}
	return set
}

// contains tells whether a port is in the set.
func (p ports) contains(port uint16) bool {
	return slices.ContainsFunc(p, func(r portRange) bool { return r.first <= port && port <= r.last })
}

// texts are the ranges as the configuration writes them.
func (p ports) texts() []string {
	out := make([]string, len(p))
	for i, r := range p {
		out[i] = r.String()
	}
	return out
}

// calico is the set as Calico's rules have it.
func (p ports) calico() []numorstring.Port {
	out := make([]numorstring.Port, len(p))
	for i, r := range p {
		out[i] = numorstring.Port{MinPort: r.first, MaxPort: r.last}
	}
	return out
}

// portsFrom reads the ports of a Calico rule. ok is false where one has a name
// instead of a number.
func portsFrom(list []numorstring.Port) (set ports, ok bool) {
	ranges := make([]portRange, 0, len(list))
	for _, p := range list {
		if p.PortName != "" || p.MinPort == 0 || p.MinPort > p.MaxPort {
			return nil, false
		}
		ranges = append(ranges, portRange{first: p.MinPort, last: p.MaxPort})
	}
	return portsOf(ranges), true
}
