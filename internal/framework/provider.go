package framework

import (
	"fmt"
	"maps"
	"sync"
	"sync/atomic"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// ManagedByLabel marks every object that is ours whole.
const (
	ManagedByLabel = "app.kubernetes.io/managed-by"
	ManagedByValue = "terraform-provider-iks"
)

// Provider is what the provider block gives to every resource and data source.
type Provider struct {
	// Fleet finds clusters and connects to them.
	Fleet *cluster.Fleet
	// DefaultLabels and DefaultAnnotations go onto every object that is ours whole.
	DefaultLabels, DefaultAnnotations map[string]string
	// Charts gets Helm charts, with the credentials that the block has for registries.
	Charts helm.Loader

	said      sync.Map
	replaced  sync.Map    // the places of objects that a plan replaces
	refreshed atomic.Bool // something was read in this process
}

// once tells whether something is said for the first time in this run.
func (p *Provider) once(what string) bool {
	_, before := p.said.LoadOrStore(what, true)
	return !before
}

// with adds the provider's labels and annotations to an owner.
func (p *Provider) with(o Owner) Owner {
	o.Labels = map[string]string{}
	maps.Copy(o.Labels, p.DefaultLabels)
	o.Labels[ManagedByLabel] = ManagedByValue
	o.Annotations = maps.Clone(p.DefaultAnnotations)
	return o
}

// providerFrom takes what the provider's Configure handed on. It is nil before
// Configure ran, as in validation.
func providerFrom(data any) (*Provider, error) {
	if data == nil {
		return nil, nil
	}
	p, ok := data.(*Provider)
	if !ok {
		return nil, fmt.Errorf("the provider handed on a %T; this is a bug in the provider", data)
	}
	return p, nil
}
