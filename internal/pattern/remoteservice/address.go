package remoteservice

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"
)

// parseAddress reads the address of an endpoint.
func parseAddress(text string) (netip.Addr, error) {
	address, err := netip.ParseAddr(text)
	switch {
	case err != nil && strings.Contains(text, "/"):
		return netip.Addr{}, fmt.Errorf("%q is a network; an endpoint is one address, without a prefix length", text)
	case err != nil && strings.ContainsAny(text, "ghijklmnopqrstuvwxyz"):
		return netip.Addr{}, fmt.Errorf("%q is not an IP address; a name goes into hostname", text)
	case err != nil:
		return netip.Addr{}, fmt.Errorf("%q is not an IP address", text)
	case address.Is4In6():
		return netip.Addr{}, fmt.Errorf("%q is an IPv4 address written as IPv6; write %s", text, address.Unmap())
	case address.Zone() != "":
		return netip.Addr{}, fmt.Errorf("%q has a zone, which means something on one machine only", text)
	}
	for _, n := range nowhere() {
		if n.network.Contains(address) {
			return netip.Addr{}, fmt.Errorf("%s cannot be a service of another cluster: %s", address, n.why)
		}
	}
	return address, nil
}

// network is a range of addresses with what is special about it.
type network struct {
	network netip.Prefix
	why     string
}

// nowhere are the networks in which no load balancer of another cluster can be:
// those that the API server refuses in an EndpointSlice, and IBM's service endpoints.
func nowhere() []network {
	of := func(cidr, why string) network { return network{network: netip.MustParsePrefix(cidr), why: why} }
	return []network{
		of("0.0.0.0/8", "it stands for no host"),
		of("127.0.0.0/8", "it is a loopback address"),
		of("169.254.0.0/16", "it is link-local"),
		of("224.0.0.0/4", "it is a multicast address"),
		of("240.0.0.0/4", "it is reserved"),
		of("161.26.0.0/16", "it is one of IBM Cloud's service endpoints"),
		of("166.8.0.0/14", "it is one of IBM Cloud's service endpoints"),
		of("::/128", "it stands for no host"),
		of("::1/128", "it is a loopback address"),
		of("fe80::/10", "it is link-local"),
		of("ff00::/8", "it is a multicast address"),
	}
}

// looksPublic tells whether an address is outside the ranges that are private by
// standard. It proves nothing: people bring their own ranges.
func looksPublic(address netip.Addr) bool {
	shared := netip.MustParsePrefix("100.64.0.0/10")
	return !address.IsPrivate() && !shared.Contains(address)
}

func family(address netip.Addr) corev1.IPFamily {
	if address.Is4() {
		return corev1.IPv4Protocol
	}
	return corev1.IPv6Protocol
}

// families are both, in the order in which a Service names them.
func families() []corev1.IPFamily { return []corev1.IPFamily{corev1.IPv4Protocol, corev1.IPv6Protocol} }

// checkHostname finds what is wrong with the name that an ExternalName leads to.
func checkHostname(name string) error {
	if _, err := netip.ParseAddr(name); err == nil {
		return fmt.Errorf("%q is an IP address, which an ExternalName does not lead to; put it into endpoints", name)
	}
	if strings.Contains(name, "://") || strings.Contains(name, "/") {
		return fmt.Errorf("%q is a URL or a path; write the host name alone", name)
	}
	bare := strings.TrimSuffix(name, ".")
	if bare == "localhost" || strings.HasSuffix(bare, ".localhost") {
		return errors.New("localhost is whoever asks, not another cluster")
	}
	if wrong := validation.IsDNS1123Subdomain(bare); len(wrong) > 0 {
		return fmt.Errorf("%q is not a host name: %s", name, strings.Join(wrong, "; "))
	}
	return nil
}
