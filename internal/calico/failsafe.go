package calico

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
)

// FailsafePort is a port that Calico always lets in to host endpoints, whatever the policies say.
type FailsafePort struct {
	// Protocol is TCP, UDP or SCTP.
	Protocol string
	Port     uint16
	// Net restricts it to sources of a CIDR. Empty means from everywhere.
	Net string
	// Node is set if it holds on one node only.
	Node string
}

// String is for messages, for example "TCP 22" or "UDP 68 from 10.0.0.0/8 on node 10.1.2.3".
func (p FailsafePort) String() string {
	words := p.Protocol + " " + strconv.Itoa(int(p.Port))
	if p.Net != "" {
		words += " from " + p.Net
	}
	if p.Node != "" {
		words += " on node " + p.Node
	}
	return words
}

// defaultFailsafePorts are Felix's own: SSH, DHCP, BGP, etcd, Typha, the Kubernetes API.
func defaultFailsafePorts() []FailsafePort {
	return []FailsafePort{
		{Protocol: "TCP", Port: 22},
		{Protocol: "TCP", Port: 179},
		{Protocol: "TCP", Port: 2379},
		{Protocol: "TCP", Port: 2380},
		{Protocol: "TCP", Port: 5473},
		{Protocol: "TCP", Port: 6443},
		{Protocol: "TCP", Port: 6666},
		{Protocol: "TCP", Port: 6667},
		{Protocol: "UDP", Port: 68},
	}
}

// felixSpec is the part of a FelixConfiguration that is read here. Nil means not set, an empty list means no port.
type felixSpec struct {
	FailsafeInboundHostPorts *[]v3.ProtoPort `json:"failsafeInboundHostPorts,omitempty"`
}

// FailsafePorts gives the inbound failsafe ports of the cluster: those of FelixConfiguration "default", or Felix's own
// where it sets none, and those that the configuration of a single node adds. What the environment of Felix itself
// sets cannot be seen. Sorted by protocol and port.
func (c *Client) FailsafePorts(ctx context.Context, cached bool) ([]FailsafePort, error) {
	objects, err := listAll(ctx, c, kindOf[felixSpec](c.door, "felixconfigurations", v3.KindFelixConfiguration, false), cached)
	if err != nil {
		return nil, err
	}
	everywhere := defaultFailsafePorts()
	var ports []FailsafePort
	for i := range objects {
		o := &objects[i]
		if o.Spec.err != nil {
			return nil, fmt.Errorf("FelixConfiguration %s cannot be understood: %w", o.Name, o.Spec.err)
		}
		if o.Spec.value.FailsafeInboundHostPorts == nil {
			continue
		}
		node, single := strings.CutPrefix(o.Name, "node.")
		switch {
		case o.Name == "default":
			everywhere = failsafePorts(*o.Spec.value.FailsafeInboundHostPorts, "")
		case single:
			ports = append(ports, failsafePorts(*o.Spec.value.FailsafeInboundHostPorts, node)...)
		}
	}
	ports = slices.DeleteFunc(ports, func(p FailsafePort) bool {
		p.Node = ""
		return slices.Contains(everywhere, p)
	})
	ports = append(ports, everywhere...)
	slices.SortFunc(ports, func(a, b FailsafePort) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Port, b.Port), cmp.Compare(a.Net, b.Net), cmp.Compare(a.Node, b.Node))
	})
	return slices.Compact(ports), nil
}

func failsafePorts(list []v3.ProtoPort, node string) []FailsafePort {
	ports := make([]FailsafePort, 0, len(list))
	for _, p := range list {
		ports = append(ports, FailsafePort{Protocol: strings.ToUpper(cmp.Or(p.Protocol, "tcp")), Port: p.Port, Net: p.Net, Node: node})
	}
	return ports
}
