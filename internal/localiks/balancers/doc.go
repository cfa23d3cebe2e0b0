// Package balancers simulates IBM Cloud's controller of load balancers for the
// Services of one cluster, and the parts of Kubernetes' service controller that
// surround it (finalizer, status, events).
//
//   - Classic: a Service gets a portable IP by its annotations, and a Deployment
//     in ibm-system that must run on the IP's VLAN, and on edge nodes if there
//     are any on it when it is deployed.
//   - VPC: a Service gets a load balancer of the VPC and its host name.
//
// Refusals are events in IBM's words, and leave the Service as it is. Names,
// rules and words are those of IBM's controllers (github.com/IBM-Cloud/
// cloud-provider-ibm, branches release-1.27 for classic and release-1.32 for
// VPC) unless a comment says that they are assumed.
package balancers
