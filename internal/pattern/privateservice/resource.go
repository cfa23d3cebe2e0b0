package privateservice

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// NewResource is the resource iks_private_service.
func NewResource() func() resource.Resource {
	return framework.NewResource[model, *model](part{witnesses: witnesses{
		subnets: subnetsOf, balancers: balancersOf,
		resolve: func(ctx context.Context, hostname string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", hostname)
		},
	}})
}

// part is the Service's side of the lifecycle.
type part struct{ witnesses witnesses }

// services are written by server-side apply, under a name of their own.
func services() ownership.Object[corev1.Service] {
	return ownership.Object[corev1.Service]{Kind: kube.Services, Manager: "terraform-provider-iks/private_service", Path: path.Root("name")}
}

// Check finds what is wrong whatever the cluster looks like.
func (part) Check(_ context.Context, config *model) []framework.Problem {
	_, _, problems := config.declaration()
	return problems
}

// Observe compares the Service that is there with the one that is declared, and
// finds out how its load balancer is exposed.
func (p part) Observe(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) (framework.Observation, error) {
	k, err := c.Kube(ctx)
	if err != nil {
		return framework.Observation{}, err
	}
	live, err := services().Find(ctx, k, m.Namespace.ValueString(), m.Name.ValueString(), true)
	if err != nil {
		return framework.Observation{}, err
	}
	if live == nil {
		return framework.Observation{Gone: true}, nil
	}
	if m.imported() {
		if err := adoptable(*live); err != nil {
			return framework.Observation{}, err
		}
		m.adopt(*live, owner, c.OnVPC())
	}
	d, err := m.read()
	if err != nil {
		return framework.Observation{}, err
	}
	a := addressesOf(*live)
	v, err := p.judge(ctx, c, k, a)
	if err != nil {
		return framework.Observation{}, err
	}
	v = m.remembered(a, v)
	m.observe(a, v)
	found := framework.Observation{
		Stamp: services().Stamp(*live),
		Drift: append(exposureDrift(*live, v), services().Drift(*live, d.like(*live), owner)...),
	}
	switch {
	case a.pending() && d.wait:
		found.Missing = []string{pendingText(ctx, k, *live)}
	case !a.pending() && v.exposure == isUnverified:
		found.Missing = []string{"the proof that the load balancer is private: " + v.reason}
	}
	return found, nil
}

// judge says how the addresses of a load balancer are exposed.
func (p part) judge(ctx context.Context, c *cluster.Cluster, k *kube.Client, a addresses) (verdict, error) {
	e, err := p.witnesses.hear(ctx, c, k, a)
	if err != nil {
		return verdict{}, err
	}
	return e.judge(a), nil
}

// remembered keeps what was proven before of the same addresses, where those
// who know them cannot be asked now: a plan may run with fewer rights than the
// apply before it, and no load balancer changes from private to public.
func (m *model) remembered(a addresses, v verdict) verdict {
	same := m.IP.ValueString() == a.ip() && m.Hostname.ValueString() == a.hostname()
	if v.exposure == isUnverified && v.unheard && same && m.Exposure.ValueString() == string(isPrivate) {
		return verdict{exposure: isPrivate, reason: "it was proven before"}
	}
	return v
}

// exposureDrift says what it means that a Service is, or may become, public.
func exposureDrift(live corev1.Service, v verdict) []string {
	var out []string
	if v.exposure == isPublic {
		out = append(out, "the load balancer is public, so whoever reaches its address reaches the app: "+v.reason+"; the next apply takes it down and makes it anew")
	}
	if is := live.Annotations[ipTypeNote]; is != ipTypePrivate && v.exposure != isPublic {
		out = append(out, "the annotation that makes the load balancer private is changed or gone, so it may come up public when IBM deploys it anew; the next apply puts it back")
	}
	return out
}

// like is the declared Service with its source ranges, and the lists in IBM's
// annotations, in the order that the one in the cluster has them: it means nothing.
func (d declaration) like(live corev1.Service) corev1.Service {
	want := d.service()
	if have := live.Spec.LoadBalancerSourceRanges; sameElements(have, want.Spec.LoadBalancerSourceRanges) {
		want.Spec.LoadBalancerSourceRanges = have
	}
	for _, note := range []string{featuresNote, subnetsNote, securityGroupsNote} {
		if declared, is := want.Annotations[note]; is && sameElements(split(live.Annotations[note]), split(declared)) {
			want.Annotations[note] = live.Annotations[note]
		}
	}
	return want
}

// sameElements tells whether two lists are the same but for their order.
func sameElements(a, b []string) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// Remove takes the Service away if it is ours, and waits until it is gone, and
// its load balancer with it.
func (part) Remove(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) ([]string, error) {
	k, err := c.Kube(ctx)
	if err != nil {
		return nil, err
	}
	warning, err := services().Remove(ctx, k, m.Namespace.ValueString(), m.Name.ValueString(), owner)
	if warning == "" {
		return nil, err
	}
	return []string{warning}, err
}
