// Package cluster turns the name or ID of a cluster, as it stands in a
// resource's `cluster` argument, into its IKS facts and its Kubernetes
// connection. Both are kept in memory only, for the life of one provider
// process. It knows no Terraform.
package cluster
