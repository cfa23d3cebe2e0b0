package albstate

import (
	"context"
	"errors"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/schema/validator"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
)

// importID takes apart what stands behind the cluster in an import ID:
// an ALB ID, a type, or a type and a zone.
func importID(parts []string) (map[string]string, error) {
	const forms = `the forms are "cluster,alb_id", "cluster,type" and "cluster,type,zone", with public or private as type`
	if len(parts) == 0 {
		return nil, errors.New("it names no ALB; " + forms)
	}
	isType := parts[0] == iks.ALBPublic || parts[0] == iks.ALBPrivate
	switch {
	case isType && len(parts) == 1:
		return map[string]string{"type": parts[0]}, nil
	case isType && len(parts) == 2:
		return map[string]string{"type": parts[0], "zone": parts[1]}, nil
	case len(parts) > 1:
		return nil, errors.New("it has too many parts; " + forms)
	}
	if _, err := iks.ParseALBID(parts[0]); err != nil {
		return nil, fmt.Errorf("%w; %s", err, forms)
	}
	return map[string]string{"alb_id": parts[0]}, nil
}

// albIDValidator finds malformed ALB IDs while planning.
type albIDValidator struct{}

// Description implements validator.Describer.
func (albIDValidator) Description(context.Context) string {
	return "must be an ALB ID such as public-crbm64u3ed02o93vv36hb0-alb1"
}

// MarkdownDescription implements validator.Describer.
func (v albIDValidator) MarkdownDescription(ctx context.Context) string { return v.Description(ctx) }

// ValidateString implements validator.String.
func (albIDValidator) ValidateString(_ context.Context, req validator.StringRequest, resp *validator.StringResponse) {
	if req.ConfigValue.IsNull() || req.ConfigValue.IsUnknown() {
		return
	}
	if _, err := iks.ParseALBID(req.ConfigValue.ValueString()); err != nil {
		resp.Diagnostics.AddAttributeError(req.Path, "The ALB ID is malformed",
			fmt.Sprintf("%v: the type, the cluster's ID and a number. `ibmcloud ks ingress alb ls --cluster <cluster>` lists them.", err))
	}
}
