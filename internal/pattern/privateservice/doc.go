// Package privateservice is iks_private_service: a Service of type LoadBalancer
// on a private address, which proves that it is private.
package privateservice
