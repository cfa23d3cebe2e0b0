package calico

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// ErrNoCalico is the error of [Open] when the cluster serves neither of Calico's APIs.
var ErrNoCalico = errors.New("the cluster serves neither projectcalico.org/v3 nor crd.projectcalico.org/v1")

// door is one of the two APIs.
type door struct {
	group, version string
	// raw is true where objects are served as Calico stores them: names with their tier, metadata in an annotation.
	raw bool
}

func (d door) String() string { return d.group + "/" + d.version }

// doors gives both, the better one first.
func doors() []door {
	return []door{{"projectcalico.org", "v3", false}, {"crd.projectcalico.org", "v1", true}}
}

// Client reads and writes the Calico objects of one cluster.
type Client struct {
	kube *kube.Client
	door door

	formsMu sync.Mutex
	bare    map[string]bool // by resource: whether Calico stores names of the default tier without their tier
}

// Open finds out which API the cluster serves; the answer is remembered by the Kubernetes client, so opening again
// costs nothing. An API that is registered but does not answer is an error, not a reason to take the other door.
func Open(ctx context.Context, c *kube.Client) (*Client, error) {
	for _, d := range doors() {
		served, err := c.Serves(ctx, d.String())
		if err != nil {
			return nil, fmt.Errorf("asking which Calico API is served: %w", err)
		}
		if served {
			return &Client{kube: c, door: d, bare: map[string]bool{}}, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", c.Host(), ErrNoCalico)
}

// OpenStored takes the door crd.projectcalico.org/v1 although the other may be served, because that does not answer any
// more and something must be done about it. What it writes is understood through the other door afterwards.
func OpenStored(c *kube.Client) *Client {
	return &Client{kube: c, door: doors()[1], bare: map[string]bool{}}
}

// API is the group and version in use: "projectcalico.org/v3" or "crd.projectcalico.org/v1".
func (c *Client) API() string { return c.door.String() }

// kindOf says where the objects of one kind are served.
func kindOf[S any](d door, resource, name string, namespaced bool) kube.Kind[object[S]] {
	return kube.Kind[object[S]]{Group: d.group, Version: d.version, Resource: resource, Name: name, Namespaced: namespaced}
}
