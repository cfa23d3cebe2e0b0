// Package inboundguard is the resource iks_inbound_guard: a Calico
// GlobalNetworkPolicy that closes the host endpoints of the workers to new
// connections over TCP, UDP and SCTP before anything forwards the packets, but
// for what it passes on.
//
// To pass is not to allow. Evaluated before DNAT, an Allow would be final: the
// packet would skip all other policies of the host endpoint. What passes meets
// the cluster's other policies as if the guard were not there.
//
// Load balancers of version 2.0 are not seen before DNAT; a second policy, which
// only denies, closes those that are listed.
package inboundguard
