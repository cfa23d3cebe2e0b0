// Package packets proves what the resources of the provider do to traffic:
// real packets through the real Felix, kube-proxy, CoreDNS and strongSwan of
// package dataplane, before a resource is applied, after it, and after it is destroyed.
//
// A scenario is a value in a table: a resource, its configuration and lines of
// probes with the verdict that each has without the resource and with it. The
// suite runs them, and the guide "What is proven, and how" is written from the
// same tables (`go test ./internal/packets -run TestGuide -args update`).
package packets
