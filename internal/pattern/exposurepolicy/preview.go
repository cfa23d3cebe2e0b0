package exposurepolicy

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Preview says which objects the policy would refuse, and lets the API server
// check the policy.
func (part) Preview(ctx context.Context, c *cluster.Cluster, r framework.PreviewRequest[model]) ([]string, error) {
	want, known, problems := r.Want.settings()
	if len(problems) > 0 {
		return nil, &framework.Refusal{Problems: problems}
	}
	if !known {
		return nil, nil
	}
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	var warnings []string
	violations, err := g.violations(ctx, want)
	switch {
	case apierrors.IsForbidden(err):
		warnings = append(warnings, "what the policy would refuse may not be listed with these credentials, so nobody knows what it affects")
	case err != nil:
		return nil, err
	default:
		warnings = affected(violations, want)
	}
	in := ownership.Intent{Owner: r.Owner, Stamp: r.Owner.Stamp, Held: r.Prior != nil && r.Prior.Name.ValueString() == want.name, Force: want.force || r.Want.Force.IsUnknown()}
	more, err := g.policies.DryRun(ctx, g.kube, want.policy(), in)
	warnings = append(warnings, more...)
	if err != nil {
		return warnings, err
	}
	more, err = g.bindings.DryRun(ctx, g.kube, want.binding(), in)
	return append(warnings, more...), err
}

// affected says what a policy in its mode means for what is there.
func affected(violations []string, s settings) []string {
	if len(violations) == 0 {
		return nil
	}
	few := violations[:min(len(violations), namedViolations)]
	more := ""
	if left := len(violations) - len(few); left > 0 {
		more = fmt.Sprintf(" and %d more", left)
	}
	effect := map[mode]string{
		modeDeny:  "would be refused if they were made anew; they stay, and can be changed as long as they do not open more",
		modeWarn:  "would be warned of if they were made anew",
		modeAudit: "would be written down in the audit log if they were made anew",
	}[s.mode]
	return []string{fmt.Sprintf("%d objects %s: %s%s", len(violations), effect, strings.Join(few, ", "), more)}
}
