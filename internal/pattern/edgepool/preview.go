package edgepool

import (
	"context"
	"fmt"
	"strings"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// Preview says what an apply will touch, and what would stop it as things are.
// That may change before it runs, since workers can be added in the same run;
// so it is said and does not fail the plan.
func (p *part) Preview(ctx context.Context, c *cluster.Cluster, r framework.PreviewRequest[model]) ([]string, error) {
	if !r.Want.settled() {
		return nil, nil
	}
	want := *r.Want // defaults are filled in on a copy: the plan stays as it is
	d, err := want.declared(ctx)
	if err != nil {
		return nil, err
	}
	t, err := transitionOf(ctx, c, d, r.Prior)
	if refusal, ok := framework.AsRefusal(err); ok {
		return refusals(refusal.Problems), nil
	}
	if err != nil {
		return nil, err
	}
	conn, err := c.Kube(ctx)
	if err != nil {
		return nil, err
	}
	v := &surveyor{cluster: c, kube: conn, lenient: true}
	s, err := v.survey(ctx, t, d)
	if err != nil {
		return nil, err
	}
	return s.preview(), nil
}

func refusals(problems []framework.Problem) []string {
	var out []string
	for _, p := range problems {
		out = append(out, fmt.Sprintf("As things are now, applying this will be refused. %s: %s", p.Summary, p.Detail))
	}
	return out
}

// preview writes the situation down in sentences.
func (s *situation) preview() []string {
	if !s.pending() {
		return nil
	}
	var out []string
	for _, f := range s.check() {
		if f.stops(s.declared.enforce) {
			out = append(out, refusals([]framework.Problem{f.problem()})...)
			continue
		}
		out = append(out, fmt.Sprintf("Applying this goes on although: %s: %s", f.summary, f.detail))
	}
	out = append(out, s.previewNodes()...)
	out = append(out, s.previewWorkloads()...)
	if s.moves() {
		var names []string
		for _, c := range misplaced(s.carriers, s.labelled()) {
			names = append(names, c.String())
		}
		out = append(out, fmt.Sprintf("%s redeployed, zone after zone: %s.", counted(len(names), "load balancer or ALB is", "load balancers and ALBs are"), some(names)))
	}
	if two := s.exactlyTwo(); len(two) > 0 && (s.fresh() || s.moves()) {
		out = append(out, fmt.Sprintf("There are exactly two edge nodes in %s, so one ALB pod alone serves there while ALBs are updated; three are recommended.", strings.Join(two, "; ")))
	}
	if len(s.unseen) > 0 {
		out = append(out, "This identity may not see "+strings.Join(s.unseen, ", nor ")+".")
	}
	return out
}

func (s *situation) previewNodes() []string {
	var marked, released []string
	for _, n := range touched(s.nodes, s.last) {
		if s.want.holds(n) {
			marked = append(marked, n.Name)
		} else {
			released = append(released, n.Name)
		}
	}
	var out []string
	if len(marked) > 0 {
		out = append(out, fmt.Sprintf("%s the label %s=%s and the %s %s, as far as they lack them: %s.", counted(len(marked), "node gets", "nodes get"),
			markKey, markValue, map[bool]string{true: "taint", false: "taints"}[len(s.effects) == 1], s.effects, some(marked)))
	}
	if len(released) > 0 {
		out = append(out, fmt.Sprintf("%s an edge node any more: %s.", counted(len(released), "node is not", "nodes are not"), some(released)))
	}
	return out
}

func (s *situation) previewWorkloads() []string {
	w := s.leaving()
	var out []string
	if len(w.evict) > 0 {
		out = append(out, fmt.Sprintf("%s evicted from these nodes, within %s disruption budgets.", counted(len(w.evict), "pod is", "pods are"), map[bool]string{true: "its", false: "their"}[len(w.evict) == 1]))
	}
	if len(w.bare) > 0 {
		out = append(out, "Nothing starts these pods again elsewhere, they are gone for good: "+some(podNames(w.bare))+".")
	}
	if len(w.local) > 0 {
		out = append(out, "These pods lose what is in their emptyDir volumes: "+some(podNames(w.local))+".")
	}
	if len(w.daemons) > 0 {
		out = append(out, fmt.Sprintf("These DaemonSets do not tolerate %s and vanish from these nodes, monitoring and security agents among them: %s.", taintName("NoExecute"), some(w.daemons)))
	}
	return out
}

func counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
