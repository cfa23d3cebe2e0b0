package isolation

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// ground is a cluster that can be spoken to.
type ground struct {
	kube   *kube.Client
	calico *calico.Client
}

func reach(ctx context.Context, c *cluster.Cluster) (ground, error) {
	connection, err := c.Kube(ctx)
	if err != nil {
		return ground{}, err
	}
	client, err := calico.Open(ctx, connection)
	return ground{kube: connection, calico: client}, err
}

// policies are those of the kind and namespace of a member.
func (g ground) policies(namespace string) ownership.Policies {
	if namespace == "" {
		return ownership.Policies{Policies: g.calico.GlobalNetworkPolicies()}
	}
	return ownership.Policies{Policies: g.calico.NetworkPolicies(namespace)}
}

// standing are policies that are there, by their titles.
type standing map[string]calico.Policy

// look finds which of some policies are there. cached allows answers that other
// resources share; what they lack is asked for.
func (g ground) look(ctx context.Context, members []member, cached bool) (standing, error) {
	there := standing{}
	for _, m := range members {
		live, err := g.policies(m.namespace).Find(ctx, m.name, cached)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", m.title(), err)
		}
		if live != nil {
			there[m.title()] = *live
		}
	}
	return there, nil
}

// leftovers finds which of the policies that no set of the network wants any
// more are there, by the shared list alone: that one is missing there is no proof.
func (g ground) leftovers(ctx context.Context, unwanted []member) (standing, error) {
	there, lists := standing{}, map[string]map[string]calico.Policy{}
	for _, m := range unwanted {
		known, listed := lists[m.namespace]
		if !listed {
			all, err := g.policies(m.namespace).List(ctx, true)
			if err != nil && !apierrors.IsForbidden(err) {
				return nil, err
			}
			known = map[string]calico.Policy{}
			for _, p := range all {
				known[p.Name] = p
			}
			lists[m.namespace] = known
		}
		if live, ok := known[m.name]; ok {
			there[m.title()] = live
		}
	}
	return there, nil
}

// apiService is an API of the cluster, as far as it is read here.
type apiService struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		Group   string `json:"group"`
		Version string `json:"version"`
		// Service is nil for what the API server serves itself.
		Service *struct {
			Namespace string `json:"namespace"`
			Name      string `json:"name"`
		} `json:"service"`
	} `json:"spec"`
}

func apiServices() kube.Kind[apiService] {
	return kube.Kind[apiService]{Group: "apiregistration.k8s.io", Version: "v1", Resource: "apiservices", Name: "APIService"}
}

// aggregated lists the APIs that other servers than the API server serve.
func aggregated(ctx context.Context, c *kube.Client) ([]apiService, error) {
	all, err := kube.List(ctx, c, apiServices(), kube.ListOptions{})
	var out []apiService
	for _, s := range all {
		if s.Spec.Service != nil {
			out = append(out, s)
		}
	}
	return out, err
}

// lookupDeadline bounds the resolution of the master's name.
const lookupDeadline = 3 * time.Second

// survey finds what the set must not cut the cluster off from. What the
// credentials may not see becomes a warning.
func (g ground) survey(ctx context.Context, c *cluster.Cluster, i isolation) (s surroundings, warnings []string, err error) {
	s.hints = hintsOf(c, i.network)
	if s.master != "" {
		lookup, cancel := context.WithTimeout(ctx, lookupDeadline)
		defer cancel()
		s.masters, err = net.DefaultResolver.LookupNetIP(lookup, "ip4", s.master)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("the address of the master, %s, cannot be resolved here, so it is not known whether it stays open", s.master))
		}
	}
	endpoints, err := g.calico.HostEndpoints(ctx, true)
	if err != nil {
		return s, warnings, fmt.Errorf("finding the host endpoints: %w", err)
	}
	s.endpoints = len(calico.WithRoles(endpoints, i.role()))
	s.backends, err = g.backends(ctx)
	if apierrors.IsForbidden(err) {
		return s, append(warnings, "aggregated APIs may not be listed with these credentials, so it is not known whether one would be cut off"), nil
	}
	return s, warnings, err
}

// backends finds where aggregated APIs are served.
func (g ground) backends(ctx context.Context) ([]backend, error) {
	apis, err := aggregated(ctx, g.kube)
	if err != nil {
		return nil, fmt.Errorf("finding the aggregated APIs: %w", err)
	}
	var out []backend
	for _, api := range apis {
		slices, err := kube.List(ctx, g.kube, kube.EndpointSlices, kube.ListOptions{
			Namespace: api.Spec.Service.Namespace, Labels: "kubernetes.io/service-name=" + api.Spec.Service.Name,
		})
		if err != nil {
			return nil, fmt.Errorf("finding where %s is served: %w", api.Name, err)
		}
		for _, slice := range slices {
			for _, endpoint := range slice.Endpoints {
				for _, text := range endpoint.Addresses {
					for _, p := range slice.Ports {
						if address, err := netip.ParseAddr(text); err == nil && p.Port != nil {
							out = append(out, backend{api: api.Name, address: address.Unmap(), port: int(*p.Port)})
						}
					}
				}
			}
		}
	}
	return out, nil
}

// check refuses what would lock the cluster out, and gives warnings about the rest.
func (g ground) check(ctx context.Context, c *cluster.Cluster, i isolation) (warnings []string, err error) {
	s, warnings, err := g.survey(ctx, c, i)
	if err != nil {
		return warnings, err
	}
	if problems := i.lockouts(s); len(problems) > 0 {
		return warnings, &framework.Refusal{Problems: problems}
	}
	others, err := g.calico.GlobalNetworkPolicies().List(ctx, true)
	if err != nil {
		return warnings, fmt.Errorf("finding policies that come before the denial: %w", err)
	}
	warnings = append(warnings, i.overruled(others)...)
	if s.endpoints == 0 {
		warnings = append(warnings, fmt.Sprintf("no host endpoint has the label %s=%s, so the set holds for pods alone", calico.RoleLabel, i.role()))
	}
	return warnings, nil
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }
