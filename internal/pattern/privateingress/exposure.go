package privateingress

import (
	"fmt"
	"slices"

	networkingv1 "k8s.io/api/networking/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// Exposures of an Ingress.
const (
	exposurePrivate    = "private"
	exposurePublic     = "public"
	exposureUnverified = "unverified"
)

// addressesOf are the IPs and host names that an Ingress is reached at, sorted, each once.
func addressesOf(live networkingv1.Ingress) []string {
	var out []string
	for _, in := range live.Status.LoadBalancer.Ingress {
		if in.IP != "" {
			out = append(out, in.IP)
		}
		if in.Hostname != "" {
			out = append(out, in.Hostname)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// verdict is what the owners of its addresses say about an Ingress.
type verdict struct {
	exposure string
	// public names the addresses that belong to public ALBs, strange those that
	// belong to no ALB, in sentences.
	public, strange []string
}

// judge finds the ALB that owns each address. One of a public ALB makes all of it
// public; without any address, or with one of nobody's, nothing is proven.
func judge(addresses []string, albs []iks.ALB) verdict {
	v := verdict{exposure: exposurePrivate}
	for _, address := range addresses {
		owned := false
		for _, a := range albs {
			if a.Reached() != address {
				continue
			}
			owned = true
			if a.Type == iks.ALBPublic {
				v.public = append(v.public, fmt.Sprintf("%s is the address of the public ALB %s, so the app can be reached from the internet", address, a.ID))
				break
			}
		}
		if !owned {
			v.strange = append(v.strange, fmt.Sprintf("%s is no ALB's address, so it is not known whether it is private", address))
		}
	}
	switch {
	case len(v.public) > 0:
		v.exposure = exposurePublic
	case len(addresses) == 0 || len(v.strange) > 0:
		v.exposure = exposureUnverified
	}
	return v
}
