package balancers

import (
	"context"
	"fmt"

	apiv3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/cloud"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// policyOrder is where IBM puts the policies of version 2.0 load balancers.
const policyOrder = 1100.0

func policyName(owner string) string { return "allow-lb-" + owner }

// policySpec lets the packets to a version 2.0 load balancer in: they are not
// tracked, so that no other policy does.
func policySpec(s subject, at fakeiks.PortableAddress) *apiv3.GlobalNetworkPolicySpec {
	order, role := policyOrder, "worker_private"
	if at.Public {
		role = "worker_public"
	}
	spec := &apiv3.GlobalNetworkPolicySpec{
		Tier: "default", Order: &order, Selector: "ibm.role in { '" + role + "' }",
		Types: []apiv3.PolicyType{apiv3.PolicyTypeIngress}, DoNotTrack: true, ApplyOnForward: true,
	}
	for _, port := range s.Spec.Ports {
		protocol := numorstring.ProtocolFromString(string(port.Protocol))
		spec.Ingress = append(spec.Ingress, apiv3.Rule{
			Action: apiv3.Allow, Protocol: &protocol,
			Destination: apiv3.EntityRule{
				Nets: []string{at.Address + "/32"}, Ports: []numorstring.Port{numorstring.SinglePort(uint16(port.Port))},
			},
		})
	}
	return spec
}

func (c *classic) applyPolicy(ctx context.Context, s subject, at fakeiks.PortableAddress) error {
	wanted, err := cloud.StoredPolicy(policyName(s.owner), policySpec(s, at))
	if err != nil {
		return err
	}
	policies := c.dynamic.Resource(cloud.StoredPolicies())
	_, err = policies.Create(ctx, wanted, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		present, reading := policies.Get(ctx, wanted.GetName(), metav1.GetOptions{})
		if reading != nil {
			return reading
		}
		wanted.SetResourceVersion(present.GetResourceVersion())
		_, err = policies.Update(ctx, wanted, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("policy %s: %w", wanted.GetName(), err)
	}
	return nil
}

func (c *classic) removePolicy(ctx context.Context, owner string) error {
	name := cloud.StoredName(policyName(owner))
	err := c.dynamic.Resource(cloud.StoredPolicies()).Delete(ctx, name, metav1.DeleteOptions{})
	if ignoreNotFound(err) != nil {
		return fmt.Errorf("policy %s: %w", name, err)
	}
	return nil
}
