// Package kube speaks the Kubernetes API of one cluster at a time. It knows no Terraform.
//
// It is written over net/http and the typed objects of k8s.io/api: no clientset, no discovery, no OpenAPI. A [Client]
// is made from an [Access], which is given by the caller; nothing is ever read from a kubeconfig, from the
// environment (but for the proxy variables) or from localhost. [Kind] says where objects of a Go type live, and the
// functions [List], [Get], [Create], [Update], [Patch], [Apply] and [Delete] work on every Kind.
//
// Reads that many resources share go through [CachedList] and [CachedGet]. Everything that writes, waits or checks
// uses the others, which always ask the server.
package kube
