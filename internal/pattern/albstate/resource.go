package albstate

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

const typeName = "iks_alb_state"

// NewResource makes the resource iks_alb_state. All resources of one provider
// process come from one call.
func NewResource() func() resource.Resource {
	return framework.NewResource[model](newPart())
}

// part implements framework.Part.
type part struct {
	claims   *claims
	closings *closings
}

func newPart() *part { return &part{claims: newClaims(), closings: newClosings()} }

// Check implements framework.Part.
func (p *part) Check(_ context.Context, m *model) []framework.Problem {
	var out []framework.Problem
	warn := func(attribute, summary, detail string) {
		out = append(out, framework.Problem{Path: path.Root(attribute), Summary: summary, Detail: detail, Warning: true})
	}
	if m.AllowPublicOnDestroy.ValueBool() && !m.OnDestroy.IsUnknown() && m.OnDestroy.ValueString() != onDestroyRestore {
		warn("allow_public_on_destroy", "allow_public_on_destroy has no effect", `It goes with on_destroy = "restore".`)
	}
	return out
}

// Preview implements framework.Part.
func (p *part) Preview(ctx context.Context, c *cluster.Cluster, r framework.PreviewRequest[model]) ([]string, error) {
	if !r.Want.known() {
		return nil, nil
	}
	chosen, err := r.Want.selection(c.ID)
	if err != nil {
		return nil, err
	}
	api, facts, err := c.IKS(typeName)
	if err != nil {
		return nil, err
	}
	albs, err := api.ALBs(ctx, facts)
	if err != nil {
		return nil, err
	}
	f := foresight{
		chosen: chosen, enabled: r.Want.Enabled.ValueBool(), allowNoALB: r.Want.AllowNoALB.ValueBool(), onClassic: !c.OnVPC(),
		farewell: parting{
			onDestroy: r.Want.OnDestroy.ValueString(), allowPublic: r.Want.AllowPublicOnDestroy.ValueBool(), claimed: p.claims.of(c.ID),
		},
	}
	if r.Prior != nil {
		before, err := r.Prior.selection(c.ID)
		if err != nil {
			return nil, err
		}
		if f.farewell.previous, err = r.Prior.previous(ctx); err != nil {
			return nil, err
		}
		f.letGo = without(before.of(albs), chosen.of(albs))
	}
	return f.foresee(albs), nil
}

// Observe implements framework.Part.
func (p *part) Observe(ctx context.Context, c *cluster.Cluster, m *model, _ framework.Owner) (framework.Observation, error) {
	chosen, err := m.selection(c.ID)
	if err != nil {
		return framework.Observation{}, err
	}
	all, err := c.ALBs(ctx)
	if err != nil {
		return framework.Observation{}, err
	}
	albs := chosen.of(all)
	if len(albs) == 0 {
		if albs, err = confirm(ctx, c, chosen, albIDs(m.ALBs)); err != nil {
			return framework.Observation{}, err
		}
	}
	if len(albs) == 0 {
		return framework.Observation{Gone: true}, nil
	}
	m.adopt(albs)
	m.ALBs = albList(albs)
	return judge(albs, m.Enabled.ValueBool(), func(id string) bool { return m.Ready.ValueBool() || m.settled[id] }), nil
}

// judge holds the ALBs against the declaration. settled tells those that have
// been what is declared before: from then on their health is shown and not
// waited for, because it comes and goes by itself.
func judge(albs []iks.ALB, enabled bool, settled func(id string) bool) framework.Observation {
	var o framework.Observation
	for _, a := range albs {
		lacks := pending
		if settled(a.ID) {
			lacks = reverting
		}
		if a.DisableDeployment {
			o.Missing = append(o.Missing, a.ID+": runs a controller of your own, it is not switched")
			continue
		}
		if d := difference(a, enabled); d != "" {
			o.Drift = append(o.Drift, d)
		} else if l := lacks(a); l != "" {
			o.Missing = append(o.Missing, l)
		}
	}
	return o
}

// confirm asks for ALBs one by one before a list that misses them is believed.
func confirm(ctx context.Context, c *cluster.Cluster, chosen selection, ids []string) ([]iks.ALB, error) {
	api, facts, err := c.IKS(typeName)
	if err != nil {
		return nil, err
	}
	if chosen.id != "" {
		ids = []string{chosen.id}
	}
	var found []iks.ALB
	for _, id := range ids {
		a, err := api.ALB(ctx, facts, id)
		switch {
		case err == nil:
			found = append(found, a)
		case !iks.IsNotFound(err):
			return nil, err
		}
	}
	return chosen.of(found), nil
}

// Apply implements framework.Part.
func (p *part) Apply(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model]) error {
	chosen, err := r.Want.selection(c.ID)
	if err != nil {
		return err
	}
	api, facts, err := c.IKS(typeName)
	if err != nil {
		return err
	}
	all, err := api.ALBs(ctx, facts)
	if err != nil {
		return err
	}
	albs := chosen.of(all)
	if err := switchable(chosen, all, albs, facts.Name); err != nil {
		return err
	}
	wrote := false
	h := hands{api: api, cluster: facts, allowNoALB: r.Want.AllowNoALB.ValueBool(), closings: p.closings}
	h.sent = func(err error) error {
		wrote = wrote || !framework.Declined(err)
		return r.Sent(err)
	}
	back := p.claims.add(c.ID, albs)
	err = p.bringAbout(ctx, c, r, h, all, albs)
	if err != nil && !wrote {
		// Nothing of this has come about: a resource that goes restores its ALBs.
		back()
	}
	return err
}

// bringAbout switches the ALBs, and lets go of those that an update does not declare.
func (p *part) bringAbout(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model], h hands, all, albs []iks.ALB) error {
	letGo, farewell, err := p.remember(ctx, c, r, all, albs)
	if err != nil {
		return err
	}
	todo := steps(albs, r.Want.Enabled.ValueBool())
	r.Want.settle(r.Prior, todo)
	opening, closing := inTurn(todo)
	if err := h.open(ctx, opening); err != nil {
		return err
	}
	if _, _, err := h.shut(ctx, closing, false); err != nil {
		return err
	}
	parting, warnings := farewell.release(letGo)
	if len(parting) > 0 { // what takes their place has to serve first
		if err := h.await(ctx, towards(albs, r.Want.Enabled.ValueBool())); err != nil {
			return err
		}
	}
	more, err := h.carryOut(ctx, parting, farewell.onDestroy)
	for _, w := range append(warnings, more...) {
		r.Warn("An ALB is let go of", w+".")
	}
	if err != nil {
		return err
	}
	return r.Want.forgetOthers(ctx, albs)
}

// remember notes what the ALBs were, in the plan, before anything is written,
// and finds those that an update lets go of. What these were is kept as well
// until they are let go of: an update that fails before leaves them to the next
// one, or to a removal.
func (p *part) remember(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model], all, albs []iks.ALB) (letGo []iks.ALB, farewell parting, err error) {
	// Apply may run more than once for one plan: what it has noted before it wrote stands.
	noted, err := r.Want.previous(ctx)
	if err != nil {
		return nil, parting{}, err
	}
	if r.Prior == nil {
		r.Want.setPrevious(record(albs, noted))
		return nil, parting{onDestroy: onDestroyLeave}, nil
	}
	previous, err := r.Prior.previous(ctx)
	if err != nil {
		return nil, parting{}, err
	}
	if len(previous) == 0 { // imported: nothing that is seen now is from before
		r.Want.setPrevious(nil)
	} else {
		r.Want.setPrevious(record(albs, previous, noted))
	}
	before, err := r.Prior.selection(c.ID)
	if err != nil {
		return nil, parting{}, err
	}
	letGo = without(before.of(all), albs)
	farewell = parting{onDestroy: r.Want.OnDestroy.ValueString(), previous: previous, claimed: p.claims.of(c.ID)}
	return letGo, farewell.inUpdate(), nil
}

// without gives the ALBs of some that are not among others.
func without(some, others []iks.ALB) []iks.ALB {
	return slices.DeleteFunc(some, func(a iks.ALB) bool {
		return slices.ContainsFunc(others, func(o iks.ALB) bool { return o.ID == a.ID })
	})
}

// switchable refuses when there is nothing to switch, or nothing of ours.
func switchable(chosen selection, all, albs []iks.ALB, clusterName string) error {
	own := chosen.selfManaged(all)
	switch {
	case len(own) > 0 && (chosen.id != "" || len(albs) == 0):
		return framework.Refuse(path.Root("alb_id"), "The ALB runs a controller of your own",
			fmt.Sprintf("IKS manages only the load balancer of %s (disableDeployment), so it is not switched here. Enable it once with `ibmcloud ks ingress alb enable` to give it back to IKS.", own[0]))
	case len(albs) == 0:
		there := make([]string, len(all))
		for i, a := range all {
			there[i] = a.ID
		}
		slices.Sort(there)
		return framework.Refuse(path.Root(selector(chosen)), "There is no such ALB",
			fmt.Sprintf("Cluster %s has no %s. It has: %s.", clusterName, chosen, orNone(there)))
	}
	return nil
}

// selector is the attribute that chooses the ALBs.
func selector(s selection) string {
	switch {
	case s.id != "":
		return "alb_id"
	case s.zone != "":
		return "zone"
	}
	return "type"
}

// Remove implements framework.Part.
func (p *part) Remove(ctx context.Context, c *cluster.Cluster, m *model, _ framework.Owner) ([]string, error) {
	if m.OnDestroy.ValueString() == onDestroyLeave {
		return nil, nil
	}
	chosen, err := m.selection(c.ID)
	if err != nil {
		return nil, err
	}
	previous, err := m.previous(ctx)
	if err != nil {
		return nil, err
	}
	api, facts, err := c.IKS(typeName)
	if err != nil {
		return nil, err
	}
	all, err := api.ALBs(ctx, facts)
	if err != nil {
		return nil, err
	}
	todo, warnings := parting{
		onDestroy: m.OnDestroy.ValueString(), previous: previous,
		allowPublic: m.AllowPublicOnDestroy.ValueBool(), claimed: p.claims.of(c.ID),
	}.release(chosen.of(all))
	h := hands{api: api, cluster: facts, allowNoALB: m.AllowNoALB.ValueBool(), closings: p.closings, goneIsFine: true, sent: func(err error) error { return err }}
	if lastEntry(all, todo) && h.allowNoALB {
		warnings = append(warnings, "no ALB of the cluster is enabled any more")
	}
	more, err := h.carryOut(ctx, todo, m.OnDestroy.ValueString())
	return append(warnings, more...), err
}
