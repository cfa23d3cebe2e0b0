// Package clusterinfo looks up what IKS knows of a cluster: the data sources
// iks_cluster and iks_worker_pools.
package clusterinfo
