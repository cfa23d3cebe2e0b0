package charon

import (
	"context"
	"encoding/json"
	"fmt"
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

func (l *Lab) nft(ctx context.Context, rules string) error {
	_, err := l.wan.Run(ctx, rules, "nft", "-f", "-")
	return err
}

// Crossed says what has crossed the wide area network so far.
func (l *Lab) Crossed(ctx context.Context) (Crossed, error) {
	out, err := l.wan.Run(ctx, "", "nft", "-j", "list", "counters", "table", "ip", "lab")
	if err != nil {
		return Crossed{}, err
	}
	var listing struct {
		Nftables []struct {
			Counter struct {
				Name    string
				Packets int
			}
		}
	}
	if err := json.Unmarshal([]byte(out), &listing); err != nil {
		return Crossed{}, fmt.Errorf("counters of %s: %w", l.wan.name, err)
	}
	packets := map[string]int{}
	for _, entry := range listing.Nftables {
		packets[entry.Counter.Name] = entry.Counter.Packets
	}
	return Crossed{Encrypted: packets["encrypted"], Negotiation: packets["negotiation"], Clear: packets["clear"]}, nil
}
