package strongswan

import (
	"regexp"
	"strings"
)

// logEntry is one line of the VPN pod's log.
type logEntry struct {
	// thread that says it, "" for a line that is not charon's.
	thread string
	// connection and number of the IKE_SA that it is about, where charon says so (`ike_name`).
	connection, number string
	message            string
}

// As in "05[IKE] <k8s-conn|1> giving up after 3 retransmits", with a date before
// it or without. The first such tag is charon's own: what a peer calls itself
// comes after it, so that nobody can write lines of his own into the log.
var taggedLine = regexp.MustCompile(`^[^\[]*?\b(\d{2,})\[[A-Z]{3}\d?\] (?:<(?:([^|<>]+)\|)?(\d+)> )?(.*)$`)

// logEntries takes a log apart. Lines may be as long as they like.
func logEntries(text string) []logEntry {
	var out []logEntry
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if m := taggedLine.FindStringSubmatch(line); m != nil {
			out = append(out, logEntry{thread: m[1], connection: m[2], number: m[3], message: m[4]})
			continue
		}
		out = append(out, logEntry{message: line})
	}
	return out
}

// restarts is whether everything that was before has ended.
func (e logEntry) restarts() bool { return strings.HasPrefix(e.message, "Starting IKE charon") }

// givesUp is whether the peer of an IKE_SA is taken for dead.
func (e logEntry) givesUp() bool {
	return strings.HasPrefix(e.message, "giving up after") || strings.HasPrefix(e.message, "DPD check timed out")
}

// refused is whether the peer has refused what this end asked for.
func (e logEntry) refused() bool {
	what, received := strings.CutPrefix(e.message, "received ")
	if !received {
		return false
	}
	for _, refusal := range []string{"AUTHENTICATION_FAILED ", "NO_PROPOSAL_CHOSEN ", "TS_UNACCEPTABLE ", "INVALID_ID_INFORMATION "} {
		if strings.HasPrefix(what, refusal) {
			return true
		}
	}
	return false
}

// Lines that tell of a connection. IKEv1 says "initiating Main Mode IKE_SA" and
// "closing expired CHILD_SA"; a rekeying says "inbound CHILD_SA", then "outbound
// CHILD_SA". With `ike = 2`, as in both charts, the states of IKE_SAs are logged.
var (
	// As in "added configuration 'k8s-conn'" (ipsec.conf), "added vici connection: k8s-conn".
	loggedLoading = regexp.MustCompile(`^added (?:configuration '([^']+)'|vici connection: (\S+))$`)
	// As in "CHILD_SA k8s-conn{1} established with SPIs c1_i c2_o and TS 172.30.0.0/16 === 10.91.152.128/26".
	loggedChild = regexp.MustCompile(`^(?:inbound |outbound )?CHILD_SA (\S+)\{(\d+)\} established with SPIs .* and TS (.*) === (.*)$`)
	// As in "closing CHILD_SA k8s-conn{1} with SPIs ...".
	loggedClosing = regexp.MustCompile(`^closing (?:expired )?CHILD_SA (\S+)\{(\d+)\}`)
	// As in "restarting CHILD_SA k8s-conn".
	loggedRestarting = regexp.MustCompile(`^restarting CHILD_SA (\S+)$`)
	// As in "initiating IKE_SA k8s-conn[2] to 198.51.100.2".
	loggedCalling = regexp.MustCompile(`^initiating (?:Main Mode |Aggressive Mode )?IKE_SA (\S+)\[(\d+)\] to (\S+)`)
	// As in "IKE_SA k8s-conn[2] established between 192.0.2.2[a]...198.51.100.2[b]"; "rekeyed" likewise.
	loggedAgreement = regexp.MustCompile(`^IKE_SA (\S+)\[(\d+)\] (established|rekeyed) between [^\[]*\[.*\.\.\.([0-9a-fA-F.:]+)\[`)
	// As in "deleting IKE_SA k8s-conn[1] between ...".
	loggedDeleting = regexp.MustCompile(`^deleting IKE_SA (\S+)\[(\d+)\]`)
	// As in "IKE_SA k8s-conn[1] state change: ESTABLISHED => REKEYING".
	loggedChange = regexp.MustCompile(`^IKE_SA (\S+)\[(\d+)\] state change: ([A-Z]+) => ([A-Z]+)$`)
)

// named is the connection that a line's own words name, "" for none.
func (e logEntry) named() string {
	for _, line := range []*regexp.Regexp{loggedChild, loggedClosing, loggedRestarting, loggedCalling, loggedAgreement, loggedDeleting, loggedChange} {
		if m := line.FindStringSubmatch(e.message); m != nil {
			return m[1]
		}
	}
	return ""
}
