// Package cloud simulates IBM Cloud's controllers for one cluster: it makes
// the Kubernetes API server behind the cluster look as IKS and its data centre
// would, and reports back to the fake IKS what became of the ALBs.
//
//   - Every deployed worker is a Node with IBM's labels; kwok plays it. The
//     pool's labels and taints reach the Nodes of the pool when IKS is told to
//     change them, and Nodes are born with them. What other people write on a
//     Node stays, also when it is a key of the pool's: IKS writes on changes, it
//     does not watch.
//   - Classic clusters get HostEndpoints for each worker and IBM's default
//     policies, through crd.projectcalico.org/v1.
//   - An enabled ALB is a Deployment, a Service and an IngressClass. Whether its
//     pods have to run on edge nodes is decided when it is deployed. Ingresses
//     of its class are told its address.
//   - Services of type LoadBalancer are handed to package balancers.
//
// Everything is driven by events of the fake IKS and of the API server.
package cloud
