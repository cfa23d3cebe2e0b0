package calico

import (
	"slices"
	"strings"
)

const defaultTier = "default"

// tierOr gives the tier's name, which is left out for the default tier.
func tierOr(tier string) string {
	if tier == "" {
		return defaultTier
	}
	return tier
}

// PolicyName is the one name that a policy has here, whichever way it is written: the bare name in the default tier,
// "<tier>.<name>" in another. An empty tier is the default one.
func PolicyName(tier, name string) string {
	tier = tierOr(tier)
	bare := strings.TrimPrefix(name, tier+".")
	switch {
	case bare == "":
		return name
	case tier == defaultTier:
		return bare
	default:
		return tier + "." + bare
	}
}

// otherNames are the forms that a policy of this name may be served under, the likelier one first.
func (d door) otherNames(name string) []string {
	tier, bare, inTier := strings.Cut(name, ".")
	switch {
	case inTier && tier != defaultTier:
		return []string{name, bare} // since Calico 3.32 the tier need not be in the name
	case inTier:
		name = bare
	}
	if d.raw {
		return []string{defaultTier + "." + name, name}
	}
	return []string{name, defaultTier + "." + name}
}

// ibmPolicies are the GlobalNetworkPolicies that IBM makes in every classic cluster, and makes again when they are gone.
func ibmPolicies() []string {
	return []string{
		"allow-all-outbound", "allow-all-private-default", "allow-bigfix-port", "allow-icmp",
		"allow-node-port-dnat", "allow-sys-mgmt", "allow-vrrp",
	}
}

// IsIBMs reports whether a GlobalNetworkPolicy belongs to IBM: a default policy of classic clusters, or one that the
// cloud controller makes for a load balancer (allow-lb-*). Such a policy is never adopted, changed or deleted.
func IsIBMs(name string) bool {
	name = PolicyName("", name)
	return slices.Contains(ibmPolicies(), name) || strings.HasPrefix(name, "allow-lb-")
}
