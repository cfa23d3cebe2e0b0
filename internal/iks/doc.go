// Package iks speaks to the IBM Cloud Kubernetes Service (IKS) and to IBM Cloud
// Identity and Access Management (IAM). It knows nothing of Terraform.
//
// A Client is made without a request. Every call takes a context and ends at
// once when that is cancelled; it has a deadline of its own, is retried with
// jittered exponential backoff where that is safe, honours Retry-After, and
// fails with an *Error that carries what IKS said.
//
// # How bluemix-go is used
//
// bluemix-go knows the paths, bodies and types of the IKS API. As it comes, it
// ignores contexts, waits three times thirty seconds even for a missing
// permission, logs to the standard logger, keeps one token per service client
// and writes kubeconfigs to disk. Here it is handed an HTTP client of ours that
// is bound to one call (see bound) and that never shows it a failure: sending,
// tokens, retries and errors are ours (see send), and bluemix-go is left with
// what it is good at. The calls that it lacks or answers incompletely (the
// cluster's facts of every infrastructure at once, provider-neutral worker
// pools, the kubeconfig in memory) go through the same way by themselves.
package iks
