// Package networkpolicy is the resource iks_network_policy: one Calico policy
// of the user's own, global or of a namespace, typed and checked at plan.
//
// The rules cross the border between Terraform and Calico in parse.go (from a
// configuration) and unparse.go (from a policy that is imported); one is the
// other's inverse.
package networkpolicy
