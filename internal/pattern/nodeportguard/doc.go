// Package nodeportguard is the resource iks_nodeport_guard: one Calico
// GlobalNetworkPolicy that closes node ports on the host endpoints of the
// workers, before anything forwards the packets to a pod.
//
// The policy only ever denies. It is evaluated before DNAT, where an Allow
// would be final and would open more than it says; what is to come in is left
// out of the denial (notNets) and meets the cluster's other policies.
package nodeportguard
