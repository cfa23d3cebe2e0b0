package strongswan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// proposal is a list of algorithms: aes256-sha256-modp2048.
var proposal = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*(-[a-z0-9_]+)+$`)

// weak says why an algorithm of a proposal should not be used any more, "" if
// nothing speaks against it.
func weak(algorithm string) string {
	switch {
	case algorithm == "des":
		return "DES falls to brute force within hours"
	case algorithm == "3des":
		return "3DES has blocks of 64 bits, which collide within one long-lived tunnel"
	case algorithm == "null":
		return "nothing would be encrypted"
	case strings.HasPrefix(algorithm, "blowfish") || strings.HasPrefix(algorithm, "cast"):
		return strings.ToUpper(algorithm) + " has blocks of 64 bits, which collide within one long-lived tunnel"
	case strings.HasPrefix(algorithm, "md5"):
		return "MD5 is broken"
	case algorithm == "modp768" || algorithm == "modp1024" || algorithm == "modp1024s160":
		return "a group of at most 1024 bits can be broken in advance for everybody who uses it"
	}
	return ""
}

func (t tunnel) checkProposals() []objection {
	var out []objection
	for _, list := range []struct {
		at        string
		proposals []string
	}{{"ike.proposals", t.ike.proposals}, {"esp.proposals", t.esp.proposals}} {
		for i, text := range list.proposals {
			switch {
			case !proposal.MatchString(text):
				out = append(out, objection{at: list.at, element: text, says: fmt.Sprintf("%q is not a proposal: algorithms in lower case with dashes between them, such as aes256-sha256-modp2048. One proposal to an entry, and without a `!`, which is implied", text)})
				continue
			case slices.Contains(list.proposals[:i], text):
				out = append(out, objection{at: list.at, element: text, says: fmt.Sprintf("%s is there twice", text)})
			}
			for _, algorithm := range strings.Split(text, "-") {
				if why := weak(algorithm); why != "" {
					out = append(out, objection{at: list.at, element: text, warning: true, says: fmt.Sprintf("%s offers %s: %s. The remote end may choose it; leave it out unless that can do nothing better", text, algorithm, why)})
				}
			}
		}
	}
	return out
}
