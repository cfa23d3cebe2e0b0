// Package strongswan is the resource iks_strongswan_vpn: an IPsec tunnel between
// a cluster and a network elsewhere.
//
// What is declared (tunnel.go), the rules that it must keep (rules.go,
// nat_rules.go, proposals.go, hijack.go) and the values of the chart that it
// becomes (values.go) are plain functions. The chart of our own stands in chart/,
// with what runs in its pods: plain shell and configuration of stock strongSwan.
package strongswan
