// Package remoteservice is the resource iks_remote_service: a Service in the
// consuming cluster that leads to another cluster's private service.
//
// Addresses become a Service without selector and one EndpointSlice per address
// family, a host name becomes a Service of type ExternalName. Both are ours whole
// and written by server-side apply. The order of the writes is part of the
// product: a name that leads somewhere never leads nowhere in between.
//
// What is declared and what must be written stands in address.go, remote.go and
// scene.go: plain functions. What looks and acts stands in ground.go, preview.go
// and apply.go.
package remoteservice
