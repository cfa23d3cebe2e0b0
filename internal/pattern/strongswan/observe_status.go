package strongswan

import (
	"cmp"
	"slices"
	"strings"
)

// logged is what a log has said of one connection so far.
type logged struct {
	connection
	// Numbers of IKE_SAs that are being negotiated, of those that are agreed on, and of the CHILD_SAs.
	calling, agreed, carrying []string
	// whole is whether the log begins with charon's start.
	whole bool
	// complete is whether nothing carries packets that the log does not show.
	complete bool
}

// settle names the state that follows from what is there.
func (l *logged) settle() {
	switch {
	case len(l.carrying) > 0:
		l.state = stateInstalled
	case len(l.agreed) > 0 && l.complete:
		l.state = stateEstablished
	case len(l.agreed) == 0 && len(l.calling) > 0:
		l.state = stateConnecting
	case len(l.agreed) == 0 && l.complete:
		l.state = stateDown
	default:
		l.state = stateUnknown
	}
}

// logReader follows a log.
type logReader struct {
	all   []*logged
	whole bool
}

// parseLog reads the states of connections from the log of the VPN pod, or from
// its end. A connection that it has no line about is not among them, and what
// does not follow from the lines that are left is stateUnknown.
func parseLog(text string) []connection {
	var r logReader
	entries := logEntries(text)
	for i, e := range entries {
		switch {
		case e.thread == "": // not charon's
		case e.restarts():
			r = logReader{whole: true}
		case e.givesUp():
			r.giveUp(entries[i:])
		case e.refused():
			r.refuse(e)
		default:
			r.follow(e)
		}
	}
	var out []connection
	for _, l := range r.all {
		l.settle()
		out = append(out, l.connection)
	}
	slices.SortFunc(out, func(a, b connection) int { return cmp.Compare(a.name, b.name) })
	return out
}

// of gives what is known of a connection. Those without a name are strangers
// whose call has not been assigned to a connection.
func (r *logReader) of(name string) *logged {
	for _, l := range r.all {
		if l.name == name {
			return l
		}
	}
	l := &logged{connection: connection{name: name}, whole: r.whole, complete: r.whole}
	if name != unnamedConnection {
		r.all = append(r.all, l)
	}
	return l
}

// follow takes in a line about a connection.
func (r *logReader) follow(e logEntry) {
	if !strings.Contains(e.message, "_SA ") && !strings.HasPrefix(e.message, "added ") {
		return
	}
	if m := loggedLoading.FindStringSubmatch(e.message); m != nil {
		r.of(m[1] + m[2])
	} else if m := loggedChild.FindStringSubmatch(e.message); m != nil {
		l := r.of(m[1])
		l.carrying, l.complete = with(l.carrying, m[2]), true
		l.local, l.remote = strings.Fields(m[3]), strings.Fields(m[4])
	} else if m := loggedClosing.FindStringSubmatch(e.message); m != nil {
		l := r.of(m[1])
		l.carrying = without(l.carrying, m[2])
	} else if m := loggedCalling.FindStringSubmatch(e.message); m != nil {
		l := r.of(m[1])
		l.calling, l.peer = with(l.calling, m[2]), m[3]
	} else if m := loggedAgreement.FindStringSubmatch(e.message); m != nil {
		l := r.of(m[1])
		l.agree(m[2])
		l.peer = m[4]
		if m[3] == "rekeyed" && len(l.carrying) == 0 {
			// It has what its predecessor carried.
			l.complete = l.whole
		}
	} else if m := loggedDeleting.FindStringSubmatch(e.message); m != nil {
		r.of(m[1]).end(m[2])
	} else if m := loggedChange.FindStringSubmatch(e.message); m != nil {
		r.of(m[1]).change(m[2], m[3], m[4])
	}
}

func (l *logged) agree(number string) {
	l.calling, l.agreed = without(l.calling, number), with(l.agreed, number)
}

// end is that of an IKE_SA, which takes along what carries packets unless another one has that.
func (l *logged) end(number string) {
	attempt := slices.Contains(l.calling, number)
	l.calling, l.agreed = without(l.calling, number), without(l.agreed, number)
	if len(l.agreed) == 0 && !attempt {
		l.carrying = nil
	}
}

// change takes in that an IKE_SA has another state.
func (l *logged) change(number, from, to string) {
	switch to {
	case "CONNECTING":
		l.calling = with(l.calling, number)
	case "CREATED":
		l.calling = without(l.calling, number)
	case "ESTABLISHED", "REKEYING":
		l.agree(number)
	case "DELETING", "DESTROYING":
		switch from {
		case "ESTABLISHED":
			l.end(number)
			l.complete = true
		case "DELETING":
			l.end(number)
		default:
			// An attempt that came to nothing, or the predecessor of one that has taken over.
			l.calling, l.agreed = without(l.calling, number), without(l.agreed, number)
		}
	}
}

// refuse takes in that the peer refuses what was asked for: an attempt is over.
func (r *logReader) refuse(e logEntry) {
	for _, l := range r.meant(e.connection) {
		if len(l.carrying) == 0 && len(l.calling)+len(l.agreed) > 0 {
			l.calling, l.complete = nil, true
		}
	}
}

// giveUp takes in that a peer is dead, in the first of these lines. Where it does
// not say whose, the thread's next lines do; else it may be any.
func (r *logReader) giveUp(entries []logEntry) {
	e := entries[0]
	name := e.connection
	if name == "" && len(r.all) > 1 {
		name = nextNamed(entries)
	}
	for _, l := range r.meant(name) {
		if e.number != "" && slices.Contains(l.calling, e.number) && len(l.agreed)+len(l.carrying) > 0 {
			l.calling = without(l.calling, e.number)
			continue
		}
		l.calling, l.agreed, l.carrying, l.complete = nil, nil, nil, true
	}
}

// meant are the connections of that name, all for none.
func (r *logReader) meant(name string) []*logged {
	if name == "" {
		return r.all
	}
	return []*logged{r.of(name)}
}

// sameBreath is how many lines of one thread belong to what it does after it has given a peer up.
const sameBreath = 40

// nextNamed is the connection that the first line's thread names next, "" if it turns to something else before.
func nextNamed(entries []logEntry) string {
	said := 0
	for _, e := range entries[1:] {
		if e.thread != entries[0].thread {
			continue
		}
		if name := e.named(); name != "" {
			return name
		}
		if said++; said == sameBreath || strings.HasPrefix(e.message, "parsed ") || strings.HasPrefix(e.message, "received ") || e.givesUp() {
			break
		}
	}
	return ""
}

func with(list []string, one string) []string { return append(without(list, one), one) }

func without(list []string, one string) []string {
	return slices.DeleteFunc(list, func(s string) bool { return s == one })
}
