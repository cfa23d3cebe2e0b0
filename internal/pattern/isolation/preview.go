package isolation

import (
	"cmp"
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Preview says what the set cuts off, refuses what would lock the cluster out,
// and lets the API server check the policies that change.
func (part) Preview(ctx context.Context, c *cluster.Cluster, r framework.PreviewRequest[model]) ([]string, error) {
	if c.OnVPC() {
		return nil, onVPC(c)
	}
	s, known, problems := r.Want.settings()
	if len(problems) > 0 {
		return nil, &framework.Refusal{Problems: problems}
	}
	if !known {
		return nil, nil
	}
	i, err := s.resolve(hintsOf(c, s.network))
	if err != nil {
		return nil, err
	}
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	set := i.set()
	live, err := g.look(ctx, set, true)
	if err != nil {
		return nil, err
	}
	warnings, err := g.check(ctx, c, i)
	if err != nil {
		return warnings, err
	}
	if r.Prior == nil {
		warnings = append(warnings, fmt.Sprintf("new connections of workers and pods over the %s network are cut off, but for what %d policies allow; from then on pods connect out only to what policy allow-egress-pods-%s names, also webhooks and other aggregated APIs", i.network, len(set), i.network))
	}
	if r.Prior == nil && i.network == networkPrivate && !i.vrrp {
		warnings = append(warnings, "VRRP (protocol 112) is cut off between workers: private load balancers and ALBs of the cluster need \"vrrp\" in `allow`")
	}
	more, err := g.foresee(ctx, set, live, r, ownership.Intent{Owner: r.Owner, Stamp: cmp.Or(r.Owner.Stamp, "planned"), Force: s.force})
	return append(warnings, more...), err
}

// foresee says whose policies stand there already, and tries what would be written.
func (g ground) foresee(ctx context.Context, set []member, live standing, r framework.PreviewRequest[model], in ownership.Intent) (warnings []string, err error) {
	held := r.Prior.holds()
	for _, m := range set {
		in.Held = held[m.title()]
		policy := ownership.Policy{Name: m.name, Spec: m.spec, At: path.Root("network"), Intent: in}
		found, is := live[m.title()]
		next := ownership.Create
		if is {
			var foreseen []string
			next, foreseen, err = policy.Foresee(&found, r.Want.Force.IsUnknown())
			warnings = append(warnings, foreseen...)
			if _, refused := framework.AsRefusal(err); refused {
				return warnings, &framework.Refusal{Problems: []framework.Problem{foreign(m, found, in.Held)}}
			}
			if err == nil && next != ownership.Keep {
				err = g.policies(m.namespace).DryRun(ctx, &found, policy, next)
			}
		} else {
			err = g.policies(m.namespace).DryRun(ctx, nil, policy, next)
		}
		if err != nil {
			return warnings, err
		}
	}
	return warnings, nil
}
