package calico

import (
	"context"
	"fmt"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Tier is a group of policies that is evaluated as a whole.
type Tier struct {
	Name string
	// Order is nil for a tier that comes last.
	Order *float64
	// DefaultAction is what becomes, at the end of the tier, of what a policy of it selected and no rule matched:
	// "Deny" or "Pass".
	DefaultAction string
}

// Tiers gives all tiers. Calico before 3.29 has none but the default one, which is given then.
func (c *Client) Tiers(ctx context.Context, cached bool) ([]Tier, error) {
	objects, err := listAll(ctx, c, kindOf[v3.TierSpec](c.door, "tiers", v3.KindTier, false), cached)
	if apierrors.IsNotFound(err) {
		return []Tier{{Name: defaultTier, DefaultAction: string(v3.Deny)}}, nil
	}
	if err != nil {
		return nil, err
	}
	tiers := make([]Tier, 0, len(objects))
	for i := range objects {
		o := &objects[i]
		if o.Spec.err != nil {
			return nil, fmt.Errorf("Tier %s cannot be understood: %w", o.Name, o.Spec.err)
		}
		tier := Tier{Name: o.Name, DefaultAction: string(v3.Deny)}
		if o.Spec.value.Order != nil {
			order := *o.Spec.value.Order
			tier.Order = &order
		}
		if o.Spec.value.DefaultAction != nil {
			tier.DefaultAction = string(*o.Spec.value.DefaultAction)
		}
		tiers = append(tiers, tier)
	}
	return tiers, nil
}
