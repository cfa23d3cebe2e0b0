// Package isolation is the resource iks_network_isolation: the Calico policies
// that cut the workers of a classic cluster, and its pods, off from the private
// or the public network but for what the cluster needs to live.
//
// All policies of one network are one resource, because their order in time is
// what keeps the cluster alive: what allows is written first, what cuts off
// last, and the way back is the reverse. What is to be written is a pure
// function of the declaration (set.go), and so is the order (steps.go).
package isolation
