package strongswan

import "strings"

// sign is a line of strongSwan's log with what it means.
type sign struct{ line, means string }

const (
	silentPeer    = "the remote end does not answer: the gateway is down, or UDP 500 and 4500 do not get there and back"
	otherKeys     = "the two ends have different pre-shared keys"
	otherIdentity = "the other end has another identity, or means another one: compare local.id and remote.id with its own"
	refusedESP    = "the remote end takes none of esp.proposals"
	refusedIKE    = "the remote end takes none of ike.proposals, or does not expect this gateway"
	noCommonIKE   = "the ends have no cipher of IKE in common: compare ike.proposals"
	noCommonESP   = "the ends have no cipher of ESP in common: compare esp.proposals"
	otherSubnets  = "the ends do not agree on the subnets: compare local.subnets and remote.subnets with the other end's"
)

// signs are looked for in this order in each line. Those of an end that
// listens say more than the refusal that it sends. IKEv1 says "error notify"
// where IKEv2 says "notify error".
func signs() []sign {
	return []sign{
		{"but MAC mismatched", otherKeys},
		{"could not decrypt payloads", otherKeys}, // IKEv1
		{"no shared key found for", "there is no pre-shared key for these two identities: compare local.id and remote.id with the other end's"},
		{"no matching peer config found", otherIdentity},
		{"no peer config found", otherIdentity}, // IKEv1
		{"no IKE config found for", "the other end calls from an address that is not remote.gateway"},
		{"received proposals unacceptable", noCommonIKE},
		{"no proposal found", noCommonIKE}, // IKEv1
		{"no acceptable proposal found", noCommonESP},
		{"no matching proposal found, sending NO_PROPOSAL_CHOSEN", noCommonESP}, // IKEv1
		{"traffic selectors", otherSubnets},
		{"no matching CHILD_SA config found for", otherSubnets}, // IKEv1
		{"received AUTHENTICATION_FAILED", "the remote end refuses the authentication: its pre-shared key or the identities (local.id, remote.id) are others; its log tells which"},
		{"received NO_PROPOSAL_CHOSEN notify error", refusedIKE},
		{"received NO_PROPOSAL_CHOSEN error notify", refusedIKE},
		{"received NO_PROPOSAL_CHOSEN notify, no CHILD_SA", refusedESP},
		{"received TS_UNACCEPTABLE", "the remote end has other subnets: compare local.subnets and remote.subnets with its own"},
		{"received INVALID_ID_INFORMATION", "the remote end has other subnets: compare local.subnets and remote.subnets with its own"},
		{"giving up after", silentPeer},
		{"DPD check timed out", silentPeer},
		{"peer not responding", silentPeer},
		{"unable to resolve", "the name of the remote gateway is not in the DNS of the pod"},
		{"invalid value for: proposals", "strongSwan does not know an algorithm in ike.proposals"},
		{"invalid value for: esp_proposals", "strongSwan does not know an algorithm in esp.proposals"},
		{"Protocol not supported", "the workers' kernel has no IPsec: set `kernel = \"libipsec\"` in extra_values"},
		{"does not forward packets", "the pod may not forward packets: its privileged init container was not let through"},
		{"there is no pre-shared key", "the Secret with the pre-shared key is empty"},
	}
}

// signIn is what a line means, "" for nothing.
func signIn(all []sign, line string) string {
	for _, s := range all {
		// What is acceptable is spoken of as well.
		if strings.Contains(line, s.line) && (s.line != "traffic selectors" || strings.HasSuffix(line, "unacceptable")) {
			return s.means
		}
	}
	return ""
}

// reason says why there is no tunnel, from the log of the VPN pod; "" if the log
// does not tell, or says that there is one.
func reason(log string) string { return reasonOf(logEntries(log), "") }

// reasonOf is the reason of one connection, as far as lines say which one they are about.
func reasonOf(entries []logEntry, connection string) string {
	found, all := "", signs()
	// Of the present attempt: whether the ends have agreed on each other, and whether the reason is one of it.
	agreed, fresh := false, false
	for _, e := range entries {
		if connection != "" && e.connection != "" && e.connection != connection {
			continue
		}
		if m := loggedChild.FindStringSubmatch(e.message); m != nil && (connection == "" || m[1] == connection) {
			found, fresh = "", false
			continue
		}
		switch {
		case strings.HasPrefix(e.message, "initiating "):
			agreed, fresh = false, false
		case loggedAgreement.MatchString(e.message):
			agreed = true
		}
		switch means := signIn(all, e.message); {
		case means == "", means == silentPeer && fresh:
			// With IKEv1 a peer that cannot read what this end sends falls silent.
		case means == refusedIKE && agreed:
			found, fresh = refusedESP, true // IKEv1 has one word for both
		default:
			found, fresh = means, means != silentPeer
		}
	}
	return found
}
