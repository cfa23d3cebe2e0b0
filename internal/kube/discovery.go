package kube

import (
	"context"
	"errors"
	"net/http"

	apidiscoveryv2 "k8s.io/api/apidiscovery/v2"
)

// Resource is one kind of object that a server serves in one version.
type Resource struct {
	Group, Version string
	// Kind is as objects name it ("Deployment"), Name as paths do ("deployments").
	Kind, Name string
	Namespaced bool
}

// APIVersion is the group and version as objects carry them, for example "apps/v1" or "v1".
func (r Resource) APIVersion() string {
	return Kind[struct{}]{Group: r.Group, Version: r.Version}.APIVersion()
}

// discoveryType asks for everything in one document per root. All servers since Kubernetes 1.30 have it.
const discoveryType = "application/json;v=v2;g=apidiscovery.k8s.io;as=APIGroupDiscoveryList"

// Resources asks what the server serves, in two requests. It is a large answer, for those who must work on objects that
// others name; whoever knows a kind declares it as a [Kind]. What an aggregated API server that is down would serve is
// missing.
func (c *Client) Resources(ctx context.Context) ([]Resource, error) {
	var out []Resource
	for _, root := range []string{"/api", "/apis"} {
		r := call{
			target: target{verb: "discover", kind: "APIs under " + root},
			method: http.MethodGet, path: root, accept: discoveryType, repeatable: true, limit: listLimit,
		}
		got, err := c.do(ctx, r)
		if err != nil {
			return nil, err
		}
		var list apidiscoveryv2.APIGroupDiscoveryList
		if err := decodeJSON(got.body, &list); err != nil {
			return nil, c.unreadable(r, err)
		}
		if list.Kind != "APIGroupDiscoveryList" {
			return nil, c.unreadable(r, errors.New("the server does not know aggregated discovery, which Kubernetes has since 1.30"))
		}
		for _, group := range list.Items {
			out = append(out, resourcesOf(group)...)
		}
	}
	return out, nil
}

func resourcesOf(group apidiscoveryv2.APIGroupDiscovery) []Resource {
	var out []Resource
	for _, version := range group.Versions {
		for _, resource := range version.Resources {
			if resource.ResponseKind == nil {
				continue
			}
			// The kind that is answered may be another group's: scales, evictions. Of a whole resource it is its own.
			out = append(out, Resource{
				Group: group.Name, Version: version.Version, Kind: resource.ResponseKind.Kind,
				Name: resource.Resource, Namespaced: resource.Scope == apidiscoveryv2.ScopeNamespace,
			})
		}
	}
	return out
}

// Version is the server's own, for example "v1.33.4+IKS". It is remembered for the client's life.
func (c *Client) Version(ctx context.Context) (string, error) {
	return c.fact(ctx, "version", func(ctx context.Context) (string, error) {
		r := call{target: target{verb: "discover", kind: "version"}, method: http.MethodGet, path: "/version", accept: typeJSON, repeatable: true}
		got, err := c.do(ctx, r)
		if err != nil {
			return "", err
		}
		var about struct {
			GitVersion string `json:"gitVersion"`
		}
		if err := decodeJSON(got.body, &about); err != nil {
			return "", c.unreadable(r, err)
		}
		if about.GitVersion == "" {
			return "", c.unreadable(r, errors.New("it names no version"))
		}
		return about.GitVersion, nil
	})
}
