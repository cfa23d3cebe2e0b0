package hostguard

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/projectcalico/api/pkg/lib/numorstring"
)

// PortRange is an inclusive range of ports from 1 to 65535.
type PortRange struct{ First, Last uint16 }

// ParsePortRange reads "30000:32767" or "30080".
func ParsePortRange(s string) (PortRange, error) {
	from, to, ranged := strings.Cut(s, ":")
	first, err := parsePort(from)
	if err != nil {
		return PortRange{}, fmt.Errorf("%q is not a port or a range of ports such as 30080 or 30000:32767: %w", s, err)
	}
	if !ranged {
		return PortRange{First: first, Last: first}, nil
	}
	last, err := parsePort(to)
	if err != nil {
		return PortRange{}, fmt.Errorf("%q is not a range of ports such as 30000:32767: %w", s, err)
	}
	if first > last {
		return PortRange{}, fmt.Errorf("%q is the wrong way round, write %d:%d", s, last, first)
	}
	return PortRange{First: first, Last: last}, nil
}

func parsePort(s string) (uint16, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a number from 1 to 65535", s)
	}
	return uint16(n), nil
}

func (r PortRange) String() string {
	if r.First == r.Last {
		return strconv.Itoa(int(r.First))
	}
	return fmt.Sprintf("%d:%d", r.First, r.Last)
}

// Ports is a set of ports as ranges that are sorted, apart from each other and
// not adjacent, so that the same set has one form.
type Ports []PortRange

// PortsOf makes a set of ranges.
func PortsOf(ranges []PortRange) Ports {
	sorted := slices.Clone(ranges)
	slices.SortFunc(sorted, func(a, b PortRange) int {
		return cmp.Or(cmp.Compare(a.First, b.First), cmp.Compare(a.Last, b.Last))
	})
	var set Ports
	for _, r := range sorted {
		if n := len(set); n > 0 && int(r.First) <= int(set[n-1].Last)+1 {
			set[n-1].Last = max(set[n-1].Last, r.Last)
			continue
		}
		set = append(set, r)
	}
	return set
}

// Contains tells whether a port is in the set.
func (p Ports) Contains(port uint16) bool {
	return slices.ContainsFunc(p, func(r PortRange) bool { return r.First <= port && port <= r.Last })
}

// Meets tells whether two sets have a port in common.
func (p Ports) Meets(other Ports) bool {
	return slices.ContainsFunc(p, func(a PortRange) bool {
		return slices.ContainsFunc(other, func(b PortRange) bool { return a.First <= b.Last && b.First <= a.Last })
	})
}

// Texts are the ranges as the configuration writes them.
func (p Ports) Texts() []string {
	out := make([]string, len(p))
	for i, r := range p {
		out[i] = r.String()
	}
	return out
}

// Calico is the set as Calico's rules have it.
func (p Ports) Calico() []numorstring.Port {
	out := make([]numorstring.Port, len(p))
	for i, r := range p {
		out[i] = numorstring.Port{MinPort: r.First, MaxPort: r.Last}
	}
	return out
}

// PortsFrom reads the ports of a Calico rule. ok is false where one has a name
// instead of a number.
func PortsFrom(list []numorstring.Port) (set Ports, ok bool) {
	ranges := make([]PortRange, 0, len(list))
	for _, p := range list {
		if p.PortName != "" || p.MinPort == 0 || p.MinPort > p.MaxPort {
			return nil, false
		}
		ranges = append(ranges, PortRange{First: p.MinPort, Last: p.MaxPort})
	}
	return PortsOf(ranges), true
}
