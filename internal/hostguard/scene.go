package hostguard

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Ground is a cluster that can be spoken to.
type Ground struct {
	Kube     *kube.Client
	Calico   *calico.Client
	Policies ownership.Policies

	vpc bool
}

// Reach connects to a cluster's Calico.
func Reach(ctx context.Context, c *cluster.Cluster) (Ground, error) {
	connection, err := c.Kube(ctx)
	if err != nil {
		return Ground{}, err
	}
	client, err := calico.Open(ctx, connection)
	if err != nil {
		return Ground{}, err
	}
	return Ground{Kube: connection, Calico: client, Policies: ownership.Policies{Policies: client.GlobalNetworkPolicies()}, vpc: c.OnVPC()}, nil
}

// Services lists all services of the cluster.
func (g Ground) Services(ctx context.Context, cached bool) ([]corev1.Service, error) {
	if cached {
		return kube.CachedList(ctx, g.Kube, kube.Services, kube.ListOptions{})
	}
	return kube.List(ctx, g.Kube, kube.Services, kube.ListOptions{})
}

// UnseenServices is what to say where the services may not be listed.
const UnseenServices = "The services of the cluster may not be listed with these credentials, so it is not known whether the guard cuts off a load balancer."

// Scene is what a cluster looks like to a guard.
type Scene struct {
	// API is the group and version that the policies are reached through.
	API string
	// VPC tells that it is on VPC, where workers have no host endpoints.
	VPC       bool
	Endpoints []calico.HostEndpoint
	Failsafe  []calico.FailsafePort
	// Live are the policies that were asked for, nil for one that is not there.
	Live []*calico.Policy
}

// Look reads policies by their names ("" for none) and what is around them, at
// the same time. cached allows answers that other resources share.
func (g Ground) Look(ctx context.Context, cached bool, names ...string) (Scene, error) {
	s := Scene{API: g.Calico.API(), VPC: g.vpc, Live: make([]*calico.Policy, len(names))}
	group, ctx := errgroup.WithContext(ctx)
	for i, name := range names {
		group.Go(func() (err error) {
			s.Live[i], err = g.Policies.Find(ctx, name, cached)
			return err
		})
	}
	group.Go(func() (err error) {
		s.Endpoints, err = g.Calico.HostEndpoints(ctx, cached)
		return err
	})
	group.Go(func() (err error) {
		s.Failsafe, err = g.Calico.FailsafePorts(ctx, cached)
		return err
	})
	if err := group.Wait(); err != nil {
		return Scene{}, err
	}
	return s, nil
}

// Matching counts the host endpoints that a guard of these roles applies to.
func (s Scene) Matching(roles []string) int { return len(calico.WithRoles(s.Endpoints, roles...)) }

// Idle tells whether a guard of these roles has nothing to do, ever: it is no
// harm to any service then, and no service is a reason against it.
func (s Scene) Idle(roles []string) bool { return s.VPC && s.Matching(roles) == 0 }

// FailsafeAmong gives the failsafe ports that a guard means to close.
func (s Scene) FailsafeAmong(closes func(protocol string, port uint16) bool) []calico.FailsafePort {
	return slices.DeleteFunc(slices.Clone(s.Failsafe), func(f calico.FailsafePort) bool { return !closes(f.Protocol, f.Port) })
}

// NoEndpoints refuses a guard that would close nothing. instead is what does its
// work on VPC clusters.
func (s Scene) NoEndpoints(roles []string, instead string) framework.Problem {
	detail := fmt.Sprintf("No host endpoint of the cluster has the role %s, so the guard would close nothing.", strings.Join(roles, " or "))
	switch {
	case s.VPC:
		detail += " Workers of VPC clusters have no host endpoints: " + instead
	case len(s.Endpoints) == 0:
		detail += " It has no host endpoints at all: are its workers deployed, and is it a classic cluster?"
	default:
		count := map[string]int{}
		for _, e := range s.Endpoints {
			count[e.Role()]++
		}
		var there []string
		for _, role := range slices.Sorted(maps.Keys(count)) {
			there = append(there, fmt.Sprintf("%q (%d)", role, count[role]))
		}
		detail += " The roles that it has are " + strings.Join(there, ", ") + "."
	}
	return framework.Problem{
		Path: path.Root("host_endpoint_roles"), Summary: "The guard matches no host endpoint",
		Detail: detail + " With `when_no_host_endpoints = \"warn\"` the policy is made all the same.",
	}
}
