package remoteservice

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

// scene is what a cluster has of a remote service.
type scene struct {
	// service is nil if it is not there.
	service *corev1.Service
	// slices are all EndpointSlices that are labelled with the Service's name.
	slices []discoveryv1.EndpointSlice
}

// slice gives the EndpointSlice of a family that is written here, nil if it is not there.
func (s scene) slice(service string, f corev1.IPFamily) *discoveryv1.EndpointSlice {
	for i := range s.slices {
		if s.slices[i].Name == sliceName(service, f) {
			return &s.slices[i]
		}
	}
	return nil
}

// leftBySelector marks the slices of Kubernetes' own controller. It leaves them
// behind when a selector that somebody gave to the Service is taken out again.
const leftBySelector = "endpointslice-controller.k8s.io"

// additions are the EndpointSlices of others that send clients of the Service
// to further addresses: leftovers of a selector, and strangers'.
func (s scene) additions(service string) (leftovers, strangers []discoveryv1.EndpointSlice) {
	for _, slice := range s.slices {
		written := slices.ContainsFunc(families(), func(f corev1.IPFamily) bool { return slice.Name == sliceName(service, f) })
		switch {
		case written || len(slice.Endpoints) == 0:
		case slice.Labels[discoveryv1.LabelManagedBy] == leftBySelector:
			leftovers = append(leftovers, slice)
		default:
			strangers = append(strangers, slice)
		}
	}
	return leftovers, strangers
}

// addressesOf are the addresses that slices lead to, sorted, each once.
func addressesOf(all []discoveryv1.EndpointSlice) []netip.Addr {
	var out []netip.Addr
	for _, slice := range all {
		for _, endpoint := range slice.Endpoints {
			for _, text := range endpoint.Addresses {
				if address, err := netip.ParseAddr(text); err == nil {
					out = append(out, address)
				}
			}
		}
	}
	return sorted(out)
}

func sorted(addresses []netip.Addr) []netip.Addr {
	slices.SortFunc(addresses, netip.Addr.Compare)
	return slices.Compact(addresses)
}

// describe names a slice, who keeps it and where it leads.
func describe(slice discoveryv1.EndpointSlice) string {
	var addresses []string
	for _, a := range addressesOf([]discoveryv1.EndpointSlice{slice}) {
		addresses = append(addresses, a.String())
	}
	const most = 5
	if len(addresses) > most {
		addresses = append(addresses[:most], fmt.Sprintf("%d more", len(addresses)-most))
	}
	by := slice.Labels[discoveryv1.LabelManagedBy]
	if by == "" {
		by = "nobody says who"
	}
	return fmt.Sprintf("EndpointSlice %s/%s (managed by: %s) sends clients of the Service to %s as well", slice.Namespace, slice.Name, by, strings.Join(addresses, ", "))
}

// drift says what differs in the cluster from what is declared, but for the
// fields and marks of the objects themselves.
func (s scene) drift(want remote) []string {
	var out []string
	if s.service != nil && len(s.service.Spec.Selector) > 0 {
		out = append(out, fmt.Sprintf("Service %s/%s has a selector, which sends its clients to pods of this cluster", want.namespace, want.name))
	}
	if want.hostname == "" { // a name in DNS leads past every slice
		leftovers, strangers := s.additions(want.name)
		for _, slice := range slices.Concat(leftovers, strangers) {
			out = append(out, describe(slice))
		}
	}
	wanted := want.families()
	for _, f := range families() {
		there := s.slice(want.name, f) != nil
		switch {
		case there && !slices.Contains(wanted, f):
			out = append(out, fmt.Sprintf("EndpointSlice %s/%s is left over", want.namespace, sliceName(want.name, f)))
		case !there && slices.Contains(wanted, f):
			out = append(out, fmt.Sprintf("EndpointSlice %s/%s is missing, so the Service leads nowhere", want.namespace, sliceName(want.name, f)))
		}
	}
	return out
}

// bridge is a slice that serves the Service as it is and as it is to be: kube-proxy
// finds a slice's port by its name, so while a port gets another name, both must be there.
func bridge(want discoveryv1.EndpointSlice, live *discoveryv1.EndpointSlice) (out discoveryv1.EndpointSlice, needed bool) {
	if live == nil {
		return want, false
	}
	out = want
	out.Ports = slices.Clone(want.Ports)
	for _, old := range live.Ports {
		kept := slices.ContainsFunc(want.Ports, func(p discoveryv1.EndpointPort) bool { return portName(p) == portName(old) })
		if !kept {
			out.Ports = append(out.Ports, old)
		}
	}
	return out, len(out.Ports) > len(want.Ports)
}

func portName(p discoveryv1.EndpointPort) string {
	if p.Name == nil {
		return ""
	}
	return *p.Name
}
