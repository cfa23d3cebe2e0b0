package charon

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
)

// Crossed counts packets on the wide area network, both ways.
type Crossed struct {
	// Encrypted are those of ESP in UDP, Negotiation those of IKE, Clear all others.
	Encrypted, Negotiation, Clear int
}

const counters = `table ip lab {
  counter encrypted { }
  counter negotiation { }
  counter clear { }
  chain transit {
    type filter hook forward priority filter; policy accept;
    udp dport 4500 @th,64,32 != 0 counter name encrypted return
    udp dport { 500, 4500 } counter name negotiation return
    counter name clear
  }
}
`

func (l *Lab) count(ctx context.Context) error { return l.nft(ctx, counters) }

func (l *Lab) nft(ctx context.Context, rules string) error {
	cmd := exec.CommandContext(ctx, "ip", "netns", "exec", l.wan, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(rules)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft in %s: %w: %s", l.wan, err, out)
	}
	return nil
}

// Crossed says what has crossed the wide area network so far.
func (l *Lab) Crossed(ctx context.Context) (Crossed, error) {
	out, err := exec.CommandContext(ctx, "ip", "netns", "exec", l.wan, "nft", "-j", "list", "counters", "table", "ip", "lab").Output()
	if err != nil {
		return Crossed{}, fmt.Errorf("counters of %s: %w", l.wan, err)
	}
	var listing struct {
		Nftables []struct {
			Counter struct {
				Name    string
				Packets int
			}
		}
	}
	if err := json.Unmarshal(out, &listing); err != nil {
		return Crossed{}, fmt.Errorf("counters of %s: %w", l.wan, err)
	}
	packets := map[string]int{}
	for _, entry := range listing.Nftables {
		packets[entry.Counter.Name] = entry.Counter.Packets
	}
	return Crossed{Encrypted: packets["encrypted"], Negotiation: packets["negotiation"], Clear: packets["clear"]}, nil
}

// Cut drops all that crosses the wide area network, until Mend.
func (l *Lab) Cut(ctx context.Context) error {
	return l.nft(ctx, "table ip cut {\n  chain all {\n    type filter hook forward priority 10; policy drop;\n  }\n}\n")
}

// Mend takes back Cut.
func (l *Lab) Mend(ctx context.Context) error { return l.nft(ctx, "delete table ip cut\n") }
