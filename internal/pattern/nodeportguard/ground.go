package nodeportguard

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// ground is a cluster that can be spoken to.
type ground struct {
	kube     *kube.Client
	calico   *calico.Client
	policies ownership.Policies
}

func reach(ctx context.Context, c *cluster.Cluster) (ground, error) {
	connection, err := c.Kube(ctx)
	if err != nil {
		return ground{}, err
	}
	client, err := calico.Open(ctx, connection)
	if err != nil {
		return ground{}, err
	}
	return ground{kube: connection, calico: client, policies: ownership.Policies{Policies: client.GlobalNetworkPolicies()}}, nil
}

// scene is what a cluster looks like to a guard.
type scene struct {
	// api is the group and version that the policies are reached through.
	api       string
	endpoints []calico.HostEndpoint
	failsafe  []calico.FailsafePort
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
	s = scene{api: g.calico.API(), bearers: map[netip.Addr]string{}, strangers: map[netip.Addr]string{}}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		live, err = g.policies.Find(ctx, key, cached)
		return err
	})
	group.Go(func() (err error) {
		s.endpoints, err = g.calico.HostEndpoints(ctx, cached)
		return err
	})
	group.Go(func() (err error) {
		s.failsafe, err = g.calico.FailsafePorts(ctx, cached)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, scene{}, err
	}
	for _, endpoint := range s.endpoints {
		s.give(endpoint.ExpectedIPs, "host endpoint "+endpoint.Name)
	}
	return live, s, nil
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
	nodes, err := list(ctx, g.kube, kube.Nodes, kube.ListOptions{})
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
	for _, endpoint := range s.endpoints {
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

// services lists all services of the cluster.
func (g ground) services(ctx context.Context, cached bool) ([]corev1.Service, error) {
	if cached {
		return kube.CachedList(ctx, g.kube, kube.Services, kube.ListOptions{})
	}
	return kube.List(ctx, g.kube, kube.Services, kube.ListOptions{})
}

// hasTier tells whether a tier exists. Through the v1 API a policy in one that
// does not is stored and never enforced.
func (g ground) hasTier(ctx context.Context, name string, cached bool) (bool, error) {
	if name == defaultTier {
		return true, nil
	}
	tiers, err := g.calico.Tiers(ctx, cached)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(tiers, func(t calico.Tier) bool { return t.Name == name }), nil
}
