// Package fakeiks is an IBM Cloud Kubernetes Service (IKS) and IBM Cloud IAM
// on 127.0.0.1, with state: plain HTTP, the paths, bodies, error bodies and
// codes that IBM's clients know, and changes that take a while to arrive.
//
// It answers what unmodified bluemix-go (containerv1 and containerv2),
// go-sdk-core authenticators and IBM's own Terraform provider ask for clusters,
// kubeconfigs, RBAC status, worker pools, workers, ALBs, versions, subnets,
// VLANs and NLB DNS, for classic and for VPC clusters. The cluster behind a
// kubeconfig is a real Kubernetes API server that somebody else runs; its
// webhook token authenticator is pointed at [Server.TokenReviewURL], so that
// the id-tokens in the kubeconfigs are good there.
//
// What happens in the data centre is the business of the simulated cloud
// controllers: they read the wanted state with [Server.Cluster] and friends,
// are woken by [Server.Subscribe], and report back with [Server.SetALB],
// [Server.SetWorkerHealth] and the like.
//
// Tests can see every request ([Server.Requests]) and make any route fail in
// any way ([Server.Fail]).
//
// Facts are from bluemix-go, from IBM's Terraform provider and from the public
// swagger as generated into container-services-go-sdk. Where none of them says
// how IKS answers, the choice is marked "assumed" beside the code.
package fakeiks
