// Package strongswan is the resource iks_strongswan_vpn: an IPsec tunnel between
// a cluster and a network elsewhere.
//
// What is declared (tunnel.go), the rules that it must keep (rules.go,
// nat_rules.go, proposals.go, hijack.go) and the values of the chart that it
// becomes (values.go) are plain functions. The chart of our own stands in chart/,
// with what runs in its pods: plain shell and configuration of stock strongSwan.
//
// The data source iks_strongswan_status (data_source.go, status_*.go) sees the
// release (sight), looks into its pod if it is told to (insight), and judges.
// What strongSwan logs and says is read by status_log.go, observe_status.go,
// status_exec.go, status.go and reason.go.
package strongswan
