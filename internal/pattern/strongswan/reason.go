package strongswan

import (
	"bufio"
	"strings"
)

// sign is a line of strongSwan's log with what it means.
type sign struct{ line, means string }

// signs are looked for in this order in each line. Those of an end that
// listens say more than the refusal that it sends.
func signs() []sign {
	return []sign{
		{"but MAC mismatched", "the two ends have different pre-shared keys"},
		{"no shared key found for", "there is no pre-shared key for these two identities: compare local.id and remote.id with the other end's"},
		{"no matching peer config found", "the other end has another identity, or means another one: compare local.id and remote.id with its own"},
		{"no IKE config found for", "the other end calls from an address that is not remote.gateway"},
		{"received proposals unacceptable", "the ends have no cipher of IKE in common: compare ike.proposals"},
		{"no acceptable proposal found", "the ends have no cipher of ESP in common: compare esp.proposals"},
		{"traffic selectors", "the ends do not agree on the subnets: compare local.subnets and remote.subnets with the other end's"},
		{"received AUTHENTICATION_FAILED", "the remote end refuses the authentication: its pre-shared key or the identities (local.id, remote.id) are others; its log tells which"},
		{"received NO_PROPOSAL_CHOSEN notify error", "the remote end takes none of ike.proposals, or does not expect this gateway"},
		{"received NO_PROPOSAL_CHOSEN notify, no CHILD_SA", "the remote end takes none of esp.proposals"},
		{"received TS_UNACCEPTABLE", "the remote end has other subnets: compare local.subnets and remote.subnets with its own"},
		{"received INVALID_ID_INFORMATION", "the remote end has other subnets: compare local.subnets and remote.subnets with its own"},
		{"giving up after", "the remote end does not answer: the gateway is down, or UDP 500 and 4500 do not get there and back"},
		{"peer not responding", "the remote end does not answer: the gateway is down, or UDP 500 and 4500 do not get there and back"},
		{"unable to resolve", "the name of the remote gateway is not in the DNS of the pod"},
		{"invalid value for: proposals", "strongSwan does not know an algorithm in ike.proposals"},
		{"invalid value for: esp_proposals", "strongSwan does not know an algorithm in esp.proposals"},
		{"Protocol not supported", "the workers' kernel has no IPsec: set `kernel = \"libipsec\"` in extra_values"},
		{"does not forward packets", "the pod may not forward packets: its privileged init container was not let through"},
		{"there is no pre-shared key", "the Secret with the pre-shared key is empty"},
	}
}

// reason says why there is no tunnel, from the log of the VPN pod; "" if the log
// does not tell, or says that there is one.
func reason(log string) string {
	found := ""
	for scanner := bufio.NewScanner(strings.NewReader(log)); scanner.Scan(); {
		line := scanner.Text()
		if strings.Contains(line, "CHILD_SA") && strings.Contains(line, "established with SPIs") {
			found = ""
		}
		for _, s := range signs() {
			// What is acceptable is spoken of as well.
			if strings.Contains(line, s.line) && (s.line != "traffic selectors" || strings.HasSuffix(line, "unacceptable")) {
				found = s.means
				break
			}
		}
	}
	return found
}
