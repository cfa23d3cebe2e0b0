package fakeiks

import (
	"fmt"
	"net/http"
	"slices"
)

// Builds that IKS appends to Kubernetes versions of masters and workers.
const (
	masterBuild = "1540"
	workerBuild = "1541"
)

// kubeVersion is one Kubernetes version on offer.
type kubeVersion struct {
	Major        int    `json:"major"`
	Minor        int    `json:"minor"`
	Patch        int    `json:"patch"`
	Default      bool   `json:"default"`
	EndOfService string `json:"end_of_service"`
}

// String is major.minor.patch.
func (v kubeVersion) String() string { return fmt.Sprintf("%d.%d.%d", v.Major, v.Minor, v.Patch) }

// versions are the Kubernetes versions that IKS offered in mid 2026.
func versions() []kubeVersion {
	return []kubeVersion{
		{Major: 1, Minor: 33, Patch: 11, EndOfService: "2026-10-14T12:00:00+0000"},
		{Major: 1, Minor: 34, Patch: 7},
		{Major: 1, Minor: 35, Patch: 4, Default: true},
		{Major: 1, Minor: 36, Patch: 1},
	}
}

func defaultVersion() kubeVersion {
	all := versions()
	return all[slices.IndexFunc(all, func(v kubeVersion) bool { return v.Default })]
}

func versionRoutes() []route {
	return []route{
		{"GET /v1/kube-versions", NoRole, func(*call) (int, any, error) { return http.StatusOK, versions(), nil }},
		{"GET /v1/versions", NoRole, func(*call) (int, any, error) {
			return http.StatusOK, map[string]any{"kubernetes": versions(), "openshift": []kubeVersion{}}, nil
		}},
		{"GET /v2/getVersions", NoRole, func(*call) (int, any, error) {
			return http.StatusOK, map[string]any{"kubernetes": versions(), "openshift": []kubeVersion{}}, nil
		}},
	}
}

func accountRoutes() []route {
	return []route{
		{"GET /v1/logging/{cluster}/clusterkeyowner", Viewer, keyOwner},
		{"POST /v1/keys", Administrator, func(*call) (int, any, error) { return http.StatusNoContent, nil, nil }},
		{"POST /v1/credentials", Operator, func(*call) (int, any, error) { return http.StatusNoContent, nil, nil }},
		{"DELETE /v1/credentials", Operator, func(*call) (int, any, error) { return http.StatusNoContent, nil, nil }},
		// Global tagging and global search, which IBM's provider asks for the tags
		// of clusters.
		{"GET /v3/tags", NoRole, func(*call) (int, any, error) {
			return http.StatusOK, map[string]any{"total_count": 0, "offset": 0, "limit": 100, "items": []any{}}, nil
		}},
		{"POST /v3/resources/search", NoRole, func(*call) (int, any, error) {
			return http.StatusOK, map[string]any{"limit": 10, "items": []any{}}, nil
		}},
	}
}

// keyOwner says whose API key the cluster uses for its infrastructure.
func keyOwner(c *call) (int, any, error) {
	if _, err := c.cluster(c.PathValue("cluster")); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]string{
		"id": "ApiKey-5ad1c0de-0000-4000-8000-000000000000", "name": "containers-kubernetes-key", "email": "owner@example.com",
	}, nil
}
