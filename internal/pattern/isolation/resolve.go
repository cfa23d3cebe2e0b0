package isolation

import (
	"cmp"
	"fmt"
	"net/netip"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// hints are what IKS says of a cluster that a declaration may leave out; empty
// where it says nothing.
type hints struct {
	region                   string
	podSubnet, serviceSubnet string
	// master is the address (host, without port) at which the workers reach the
	// master over the network; empty if they do not.
	master string
}

func hintsOf(c *cluster.Cluster, network string) hints {
	facts, ok := c.Facts()
	if !ok {
		return hints{}
	}
	return hints{region: facts.Region, podSubnet: facts.PodSubnet, serviceSubnet: facts.ServiceSubnet, master: masterHost(facts.Endpoints, network)}
}

// resolve fills in what the declaration leaves out: addresses by the region,
// subnets by what IKS says. It gives a Refusal if that does not make a whole set.
func (s settings) resolve(h hints) (isolation, error) {
	out := s.isolation
	at := path.Root("region")
	region := cmp.Or(s.region, h.region)
	found, err := regional(region, s.network)
	out.fill(found)
	if missing := out.missing(); len(missing) > 0 {
		detail := fmt.Sprintf("IKS names no region for the cluster, so it is not known what must stay open. Set `region`, or %s.", missing)
		if err != nil && region != "" {
			detail = capital(err.Error()) + fmt.Sprintf(". Set `region` to the region whose addresses the cluster uses, or %s.", missing)
		}
		return isolation{}, framework.Refuse(at, "The addresses that must stay open are not known", detail)
	}
	out.podSubnet = subnetOr(out.podSubnet, h.podSubnet, defaultPodSubnet())
	out.serviceSubnet = subnetOr(out.serviceSubnet, h.serviceSubnet, defaultServiceSubnet())
	return out, nil
}

// fill takes the lists that are not declared from those of the region.
func (i *isolation) fill(found addresses) {
	theirs := found.lists()
	for name, list := range i.lists() {
		if len(*list) == 0 {
			*list = *theirs[name]
		}
	}
}

// missing names the attributes without whose addresses the set is not whole.
func (i isolation) missing() string {
	words := ""
	for _, needed := range []struct {
		name  string
		lacks bool
	}{
		{"service_endpoint_cidrs", len(i.serviceEndpoints) == 0},
		{"infrastructure_cidrs", i.network == networkPrivate && len(i.infrastructure) == 0},
		{"registry_cidrs", i.services && len(i.registry) == 0},
	} {
		if needed.lacks && words != "" {
			words += " and "
		}
		if needed.lacks {
			words += "`" + needed.name + "`"
		}
	}
	return words
}

func subnetOr(declared netip.Prefix, hint string, byDefault netip.Prefix) netip.Prefix {
	if declared.IsValid() {
		return declared
	}
	if prefix, err := netip.ParsePrefix(hint); err == nil {
		return prefix.Masked()
	}
	return byDefault
}
