package isolation

import (
	"context"
	"fmt"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// adopt fills an imported model with what the policies say, if there are any.
// What they do not say, or say otherwise than a set does, is drift afterwards.
func (g ground) adopt(ctx context.Context, m *model, h hints) (found bool, err error) {
	network := m.Network.ValueString()
	if network != networkPrivate && network != networkPublic {
		return false, framework.Refuse(path.Root("network"), "There is no such network",
			fmt.Sprintf("%q is none of %q and %q; the import ID is `<cluster>,<network>`.", network, networkPrivate, networkPublic))
	}
	live, err := g.look(ctx, possible(network), true)
	if err != nil || len(live) == 0 {
		return false, err
	}
	theirs, err := regional(h.region, network)
	if err != nil {
		theirs = addresses{} // then all lists are taken from the policies
	}
	m.declare(network, live, theirs)
	return true, nil
}

// declare sets the arguments to what the policies say, leaving out what the
// region says as well.
func (m *model) declare(network string, live standing, region addresses) {
	m.Region, m.PodSubnet, m.ServiceSubnet = types.StringNull(), types.StringNull(), types.StringNull()
	m.Confirm, m.ConfirmSeconds = types.StringValue(confirmConnections), types.Int64Value(defaultConfirmSeconds)
	m.Canary = types.ObjectNull(canaryType())
	m.Force, m.APIPorts = types.BoolValue(false), portSet(apiPortsOf(live["allow-egress-pods-"+network].Spec))

	services := live["allow-"+network+"-services"]
	endpoints := destinations(live["allow-"+network+"-service-endpoint"].Spec, 443)
	m.ServiceEndpoints = unlessSame(endpoints, region.serviceEndpoints)
	m.Infrastructure = unlessSame(destinations(live["allow-sys-mgmt-"+network].Spec, 0), region.infrastructure)
	m.Registry = unlessSame(destinations(services.Spec, 4443), region.registry)
	m.Monitoring = unlessSame(destinations(services.Spec, 6443), region.monitoring)
	m.Logging = unlessSame(destinations(services.Spec, 6514), region.logging)
	m.Peers = unlessSame(destinations(live["allow-peers-"+network].Spec, 0), nil)

	var allowed []string
	for _, optional := range []struct{ policy, name string }{
		{"allow-vrrp-" + network, allowVRRP}, {"allow-" + network + "-services", allowServices}, {"allow-vpn-" + network, allowVPN},
	} {
		if _, is := live[optional.policy]; is {
			allowed = append(allowed, optional.name)
		}
	}
	if slices.ContainsFunc(services.Spec.Egress, func(r v3.Rule) bool { return opens(r, 15443) }) {
		allowed = append(allowed, allowIstio)
	}
	m.Allow = stringSet(allowed)
}

// destinations gives the networks that the rules for a port go to, 0 for rules
// without ports; sorted.
func destinations(spec v3.GlobalNetworkPolicySpec, port uint16) []string {
	var out []string
	for _, r := range spec.Egress {
		if opens(r, port) {
			out = append(out, r.Destination.Nets...)
		}
	}
	return networks(out)
}

// opens tells whether a rule names a port; 0 for a rule that names none.
func opens(r v3.Rule, port uint16) bool {
	if port == 0 {
		return len(r.Destination.Ports) == 0
	}
	for _, p := range r.Destination.Ports {
		if p.PortName == "" && p.MinPort <= port && port <= p.MaxPort {
			return true
		}
	}
	return false
}

// apiPortsOf gives the TCP ports that pods may connect to anywhere beyond those
// that every set has; the default if there are none.
func apiPortsOf(spec v3.GlobalNetworkPolicySpec) []uint16 {
	known := isolation{}.podTCPPorts()
	var out []uint16
	for _, r := range spec.Egress {
		anywhere := len(r.Destination.Nets) == 0 && r.Destination.Selector == ""
		if !anywhere || r.Protocol == nil || r.Protocol.String() != tcp || !opens(r, 4443) {
			continue
		}
		for _, p := range r.Destination.Ports {
			if p.MinPort == p.MaxPort && p.MinPort > 0 && !slices.Contains(known, p.MinPort) {
				out = append(out, p.MinPort)
			}
		}
	}
	if len(out) == 0 {
		return []uint16{defaultAPIPort}
	}
	return out
}

// unlessSame gives networks that differ from those of the region; null if they
// are the same, or there are none.
func unlessSame(found, region []string) types.Set {
	if slices.Equal(found, region) {
		return types.SetNull(types.StringType)
	}
	return stringSet(found)
}
