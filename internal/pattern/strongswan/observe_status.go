package strongswan

import (
	"bufio"
	"regexp"
	"slices"
	"strings"
)

var (
	// As in "CHILD_SA k8s-conn{1} established with SPIs c1_i c2_o and TS 172.30.0.0/16 === 10.91.152.128/26";
	// a rekeying says "outbound CHILD_SA".
	loggedChild = regexp.MustCompile(`CHILD_SA (\S+)\{(\d+)\} established with SPIs .* and TS (.*) === (.*)$`)
	// As in "closing CHILD_SA k8s-conn{1} with SPIs ...".
	loggedClosing = regexp.MustCompile(`closing CHILD_SA (\S+)\{(\d+)\}`)
	// As in "IKE_SA k8s-conn[2] established between ...", or "initiating IKE_SA k8s-conn[2] to ...".
	loggedIKE = regexp.MustCompile(`(initiating|deleting)? ?IKE_SA (\S+)\[(\d+)\] ?(established|rekeyed)?`)
)

// logged is what a log has said of one connection so far.
type logged struct {
	connection
	negotiated, carrying []string
}

// settle names the state that follows from what is there.
func (l *logged) settle() {
	switch {
	case len(l.carrying) > 0:
		l.state = "INSTALLED"
	case len(l.negotiated) > 0:
		l.state = "ESTABLISHED"
	default:
		l.state = "DOWN"
	}
}

// parseLog reads the states of connections from the log of the VPN pod. What
// the log has no line about (any more) is not among them.
func parseLog(text string) []connection {
	var all []*logged
	of := func(name string) *logged {
		for _, l := range all {
			if l.name == name {
				return l
			}
		}
		all = append(all, &logged{connection: connection{name: name}})
		return all[len(all)-1]
	}
	for scanner := bufio.NewScanner(strings.NewReader(text)); scanner.Scan(); {
		line := scanner.Text()
		if m := loggedChild.FindStringSubmatch(line); m != nil {
			l := of(m[1])
			l.carrying = append(without(l.carrying, m[2]), m[2])
			l.local, l.remote = strings.Fields(m[3]), strings.Fields(m[4])
			l.settle()
		} else if m := loggedClosing.FindStringSubmatch(line); m != nil {
			l := of(m[1])
			l.carrying = without(l.carrying, m[2])
			l.settle()
		} else if m := loggedIKE.FindStringSubmatch(line); m != nil {
			of(m[2]).negotiate(m[1], m[3], m[4])
		} else if strings.Contains(line, "giving up after") {
			// Names no connection; a release has one.
			for _, l := range all {
				l.negotiated, l.carrying = nil, nil
				l.settle()
			}
		}
	}
	var out []connection
	for _, l := range all {
		if l.state != "" {
			out = append(out, l.connection)
		}
	}
	return out
}

// negotiate takes in a line about the IKE_SA of that number.
func (l *logged) negotiate(before, number, after string) {
	switch {
	case after != "":
		l.negotiated = append(without(l.negotiated, number), number)
	case before == "deleting":
		// A rekeyed IKE_SA leaves what carries packets to its successor.
		if l.negotiated = without(l.negotiated, number); len(l.negotiated) == 0 {
			l.carrying = nil
		}
	case before == "initiating" && len(l.negotiated) == 0:
		l.carrying, l.state = nil, "CONNECTING"
		return
	default:
		return
	}
	l.settle()
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == one })
}
