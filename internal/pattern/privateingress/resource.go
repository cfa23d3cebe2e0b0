package privateingress

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	networkingv1 "k8s.io/api/networking/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// NewResource is the resource iks_private_ingress.
func NewResource() func() resource.Resource {
	return framework.NewResource[model, *model](part{})
}

// part is the private Ingress's side of the lifecycle.
type part struct{}

// Check finds what is wrong whatever the cluster looks like.
func (part) Check(_ context.Context, config *model) []framework.Problem {
	declared, _, problems := config.ingress()
	if alb := (fronts{}).checkALB("", "", declared.albID); alb.never != nil {
		problems = append(problems, *alb.never)
	}
	return problems
}

// Upsets implements framework.Unsteady: other ALBs have other addresses, and one
// that is not proven to be private is not to last.
func (part) Upsets(prior, want *model) []string {
	if want.Class.Equal(prior.Class) && want.LegacyALB.Equal(prior.LegacyALB) && prior.Exposure.ValueString() == exposurePrivate {
		return nil
	}
	return []string{"address", "addresses"}
}

// Observe compares the Ingress with what is declared, and asks whose its
// addresses are.
func (part) Observe(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) (framework.Observation, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return framework.Observation{}, err
	}
	live, err := g.find(ctx, m.Namespace.ValueString(), m.Name.ValueString(), true)
	if err != nil {
		return framework.Observation{}, err
	}
	if live == nil {
		return framework.Observation{Gone: true}, nil
	}
	if m.imported() {
		if err := g.adopt(m, *live, owner); err != nil {
			return framework.Observation{}, err
		}
	}
	want, err := m.read()
	if err != nil {
		return framework.Observation{}, err
	}
	albs, err := c.ALBs(ctx)
	if err != nil {
		return framework.Observation{}, err
	}
	addresses := addressesOf(*live)
	is := judge(addresses, albs)
	m.observe(addresses, is.exposure)

	found := framework.Observation{Stamp: g.ingresses.Stamp(*live), Drift: append(is.public, strayed(*live, want)...), Missing: is.strange}
	found.Drift = append(found.Drift, g.ingresses.Drift(*live, want.object(), owner)...)
	custom, err := g.customClasses(ctx, true)
	if err != nil {
		return framework.Observation{}, err
	}
	if f := (fronts{albs: albs, custom: custom}); want.class != "" && !f.serves(want.class) {
		found.Drift = append(found.Drift, fmt.Sprintf("no enabled private ALB serves the class %s, so nobody reaches the Ingress", want.class))
	}
	if len(addresses) == 0 && m.Wait.ValueBool() {
		found.Missing = append(found.Missing, fmt.Sprintf("an address from the ALBs that serve the class %s", want.class))
	}
	return found, nil
}

// adopt fills an imported model with what the Ingress says.
func (g ground) adopt(m *model, live networkingv1.Ingress, owner framework.Owner) error {
	declared, wrong := readIngress(live)
	if wrong != "" {
		return framework.Refuse(path.Root("name"), "The Ingress cannot be imported",
			fmt.Sprintf("Ingress %s/%s is not one that this resource can declare: %s. Manage it with another resource.", live.Namespace, live.Name, wrong))
	}
	declared.labels, declared.annotations = g.ingresses.Declared(live, owner)
	delete(declared.annotations, legacyALB)
	m.declare(declared)
	return nil
}

// strayed says what others have put on an Ingress that hands it to another
// controller, in sentences.
func strayed(live networkingv1.Ingress, want ingress) []string {
	var out []string
	for _, key := range stray(live, want) {
		out = append(out, fmt.Sprintf("annotation %s is %q, which hands the Ingress to another controller", key, live.Annotations[key]))
	}
	if class := live.Spec.IngressClassName; want.class == "" && class != nil {
		out = append(out, fmt.Sprintf("spec.ingressClassName is %q, and none is declared", *class))
	}
	return out
}

// stray are the annotations that would choose another controller.
func stray(live networkingv1.Ingress, want ingress) []string {
	var out []string
	for _, key := range []string{legacyClass, legacyALB} {
		_, there := live.Annotations[key]
		if there && (key != legacyALB || want.albID == "") {
			out = append(out, key)
		}
	}
	return out
}

// Remove takes the Ingress away if it is ours, and waits until it is gone.
func (part) Remove(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) ([]string, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	warning, err := g.ingresses.Remove(ctx, g.conn, m.Namespace.ValueString(), m.Name.ValueString(), owner)
	if warning != "" {
		return []string{warning}, err
	}
	return nil, err
}
