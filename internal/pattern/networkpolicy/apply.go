package networkpolicy

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// ground is a cluster whose policies can be reached.
type ground struct{ calico *calico.Client }

func reach(ctx context.Context, c *cluster.Cluster) (ground, error) {
	connection, err := c.Kube(ctx)
	if err != nil {
		return ground{}, err
	}
	client, err := calico.Open(ctx, connection)
	return ground{calico: client}, err
}

// policies are those of a namespace, or the global ones.
func (g ground) policies(namespace string) ownership.Policies {
	if namespace == "" {
		return ownership.Policies{Policies: g.calico.GlobalNetworkPolicies()}
	}
	return ownership.Policies{Policies: g.calico.NetworkPolicies(namespace)}
}

// Apply makes or changes the policy. One that gets another name, tier or
// namespace is made there, verified, and removed here, so that there is a
// policy at every moment.
func (part) Apply(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model]) error {
	want, err := r.Want.read()
	if err != nil {
		return err
	}
	g, err := reach(ctx, c)
	if err != nil {
		return err
	}
	policies := g.policies(want.namespace)
	live, err := policies.Find(ctx, want.key, false)
	if err != nil {
		return err
	}
	held := r.Want.stands(r.Prior)
	policy := want.policy(ownership.Intent{Owner: r.Owner, Stamp: r.Stamp, Held: held, Force: want.force, Sent: r.Sent})
	next, err := policy.Decide(live)
	if err != nil {
		return err
	}
	if next != ownership.Keep {
		if err := g.checkTier(ctx, want, false); err != nil {
			return err
		}
	}
	if err := policies.Ensure(ctx, live, policy); err != nil || r.Prior == nil || held {
		return err
	}
	if err := policies.Verify(ctx, policy); err != nil {
		return fmt.Errorf("the policy under its earlier name stays: %w", err)
	}
	warning, err := g.policies(r.Prior.Namespace.ValueString()).Remove(ctx, r.Prior.key(), policy.OwnsEarlier)
	if err == nil && warning != "" {
		r.Warn("The policy under the earlier name stays", warning)
	}
	return r.Sent(err)
}

// checkTier refuses a policy in a tier that is not there, or at whose end it
// drops what nobody has acknowledged.
func (g ground) checkTier(ctx context.Context, want declared, cached bool) error {
	name := cmp.Or(want.spec.Tier, defaultTier)
	if name == defaultTier {
		return nil
	}
	tiers, err := g.calico.Tiers(ctx, cached)
	if err != nil {
		return fmt.Errorf("finding out about tier %s: %w", name, err)
	}
	at := slices.IndexFunc(tiers, func(t calico.Tier) bool { return t.Name == name })
	if at < 0 {
		return framework.Refuse(path.Root("tier"), noTier,
			fmt.Sprintf("The cluster has no Calico tier %q, and a policy in it would not be enforced.", name))
	}
	if problems := want.inTier(tiers[at]); len(problems) > 0 {
		return &framework.Refusal{Problems: problems}
	}
	return nil
}

// noTier is the summary of a refusal that another resource may still mend.
const noTier = "The tier does not exist"
