package exposurepolicy

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"golang.org/x/sync/errgroup"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// manager owns the fields of both objects.
const manager = "terraform-provider-iks/exposure_policy"

// ground is a cluster that can be spoken to.
type ground struct {
	kube     *kube.Client
	policies ownership.Object[policy]
	bindings ownership.Object[binding]
}

func reach(ctx context.Context, c *cluster.Cluster) (ground, error) {
	connection, err := c.Kube(ctx)
	if err != nil {
		return ground{}, err
	}
	return ground{
		kube:     connection,
		policies: ownership.Object[policy]{Kind: policyKind(), Manager: manager, Path: path.Root("name")},
		bindings: ownership.Object[binding]{Kind: bindingKind(), Manager: manager, Path: path.Root("name")},
	}, nil
}

// pair is a policy with its binding, nil for what is not there.
type pair struct {
	policy  *policy
	binding *binding
}

// look reads both objects at the same time. cached allows answers that other
// resources share.
func (g ground) look(ctx context.Context, name string, cached bool) (found pair, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		found.policy, err = g.policies.Find(ctx, g.kube, "", name, cached)
		return err
	})
	group.Go(func() (err error) {
		found.binding, err = g.bindings.Find(ctx, g.kube, "", name, cached)
		return err
	})
	return found, group.Wait()
}

// drift says where the two objects differ from what is declared, and from what
// their owner puts on them.
func (g ground) drift(live pair, want settings, owner framework.Owner) []string {
	var out []string
	if live.policy == nil {
		out = append(out, "policy "+want.name+" is missing")
	} else {
		out = append(out, policyDrift(*live.policy, want)...)
		marks := *live.policy
		marks.Labels, marks.Annotations = nil, nil
		out = append(out, about("policy", g.policies.Drift(*live.policy, marks, owner))...)
	}
	out = append(out, bindingDrift(live.binding, want)...)
	if live.binding != nil {
		marks := *live.binding
		marks.Labels, marks.Annotations = nil, nil
		out = append(out, about("binding", g.bindings.Drift(*live.binding, marks, owner))...)
	}
	return out
}

func about(what string, sentences []string) []string {
	out := make([]string, len(sentences))
	for i, s := range sentences {
		out[i] = what + ": " + s
	}
	return out
}

// stamp that the pair bears, "" for none.
func (g ground) stamp(live pair) string {
	switch {
	case live.policy != nil:
		return g.policies.Stamp(*live.policy)
	case live.binding != nil:
		return g.bindings.Stamp(*live.binding)
	}
	return ""
}
