// Package dataplane lets packets flow through the clusters of a localiks: every
// worker is a network namespace with a public and a private interface as on
// classic infrastructure, in which the real calico-felix and the real
// kube-proxy program the kernel by what the cluster's real API server says.
// Around the workers are two routers (the internet and the account's private
// network), a client on the internet, a company behind its gateway, another
// server of the account, and a control node that leads to the API server.
//
// Pods are namespaces behind interfaces that Felix knows as theirs, the
// addresses of load balancers are borne by the workers that IBM's keepalived
// pods run on, and both follow the API server. Pods with one of [Options.Images]
// run for real, as a kubelet would have them run; all others just answer on
// their ports. Such a pod is each cluster's DNS, a CoreDNS. [Lab.Check] sends
// packets and says which of them arrive.
//
// Linux, root and Debian's iproute2, iptables, ipset, nftables and conntrack are
// needed; [Missing] says what is not there. The namespaces have no names: the
// kernel takes them away with the process that made them, however it ends, and
// labs run beside each other, also those of other processes.
package dataplane
