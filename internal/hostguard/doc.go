// Package hostguard is what the resources share that close host endpoints before
// DNAT: how their ports, networks and roles are read, what a cluster looks like
// to them, what cannot be closed, and in which order they have to stand.
package hostguard
