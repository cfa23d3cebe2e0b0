package nodeportguard

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/hostguard"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// ground is a cluster that can be spoken to.
type ground struct{ hostguard.Ground }

func reach(ctx context.Context, c *cluster.Cluster) (ground, error) {
	g, err := hostguard.Reach(ctx, c)
	return ground{g}, err
}

// scene is what a cluster looks like to a guard.
type scene struct {
	hostguard.Scene
	// bearers of addresses: host endpoints, and nodes where they were asked for.
	bearers map[netip.Addr]string
	// strangers are the nodes among them that are no edge nodes.
	strangers map[netip.Addr]string
}

// Edge nodes bear this label.
const (
	edgeLabel = "dedicated"
	edgeValue = "edge"
)

// bearer names who has an address, "" for nobody.
func (s scene) bearer(address netip.Addr) string { return s.bearers[address] }

// look reads the policy (nil if there is none, or no key) and what is around
// it, at the same time. cached allows answers that other resources share.
func (g ground) look(ctx context.Context, key string, cached bool) (live *calico.Policy, s scene, err error) {
	found, err := g.Look(ctx, cached, key)
	if err != nil {
		return nil, scene{}, err
	}
	s = scene{Scene: found, bearers: map[netip.Addr]string{}, strangers: map[netip.Addr]string{}}
	for _, endpoint := range s.Endpoints {
		s.give(endpoint.ExpectedIPs, "host endpoint "+endpoint.Name)
	}
	return found.Live[0], s, nil
}

// give says who bears addresses, and gives those that are addresses indeed.
func (s scene) give(texts []string, bearer string) []netip.Addr {
	var out []netip.Addr
	for _, text := range texts {
		address, err := netip.ParseAddr(text)
		if err != nil {
			continue
		}
		out = append(out, address)
		if s.bearers[address] == "" {
			s.bearers[address] = bearer
		}
	}
	return out
}

// learn asks for the nodes if addresses are to be exempt. A host endpoint whose
// node is gone bears nothing any more: it may stay behind for long, while its
// address goes to another worker. The addresses of a node that has no host
// endpoint yet are its own all the same.
func (g ground) learn(ctx context.Context, s scene, addresses []netip.Addr, cached bool) error {
	if len(addresses) == 0 {
		return nil
	}
	list := kube.List[corev1.Node]
	if cached {
		list = kube.CachedList[corev1.Node]
	}
	nodes, err := list(ctx, g.Kube, kube.Nodes, kube.ListOptions{})
	if err != nil {
		return fmt.Errorf("finding out who bears the exempt addresses: %w", err)
	}
	s.join(nodes)
	return nil
}

// join works out anew who bears which address, now that the nodes are known.
func (s scene) join(nodes []corev1.Node) {
	clear(s.bearers)
	clear(s.strangers)
	edge := map[string]bool{}
	for _, node := range nodes {
		edge[node.Name] = node.Labels[edgeLabel] == edgeValue
	}
	own := func(texts []string, bearer, node string) {
		for _, address := range s.give(texts, bearer) {
			if !edge[node] {
				s.strangers[address] = node
			}
		}
	}
	for _, endpoint := range s.Endpoints {
		if _, there := edge[endpoint.Node]; there {
			own(endpoint.ExpectedIPs, "host endpoint "+endpoint.Name, endpoint.Node)
		}
	}
	for _, node := range nodes {
		var texts []string
		for _, a := range node.Status.Addresses {
			texts = append(texts, a.Address)
		}
		own(texts, "node "+node.Name, node.Name)
	}
}

// notEdge warns of exempt addresses that a worker other than an edge node
// bears: one that was given the address of an edge node that is gone, perhaps.
func (s scene) notEdge(exempt []netip.Addr) []string {
	var out []string
	for _, address := range addressesOf(exempt) {
		if node := s.strangers[address]; node != "" {
			out = append(out, fmt.Sprintf("exempt address %s is node %s's, which is no edge node (it lacks the label %s=%s), and its node ports stay open", address, node, edgeLabel, edgeValue))
		}
	}
	return out
}

// hasTier tells whether a tier exists. Through the v1 API a policy in one that
// does not is stored and never enforced.
func (g ground) hasTier(ctx context.Context, name string, cached bool) (bool, error) {
	if name == defaultTier {
		return true, nil
	}
	tiers, err := g.Calico.Tiers(ctx, cached)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(tiers, func(t calico.Tier) bool { return t.Name == name }), nil
}
