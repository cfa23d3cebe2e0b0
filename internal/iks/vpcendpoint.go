package iks

import (
	"fmt"
	"regexp"
	"strings"
)

// vpcVariable is the name that IBM's tools have for the endpoint of the VPC
// API, in the environment and in an endpoints file.
const vpcVariable = "IBMCLOUD_IS_NG_API_ENDPOINT"

// vpcEndpoints find the VPC API, which each region has one of.
type vpcEndpoints struct {
	configured string // for all regions, "" for none
	file       endpointsFile
	visibility string
}

// resolveVPC finds what is configured, in the manner of resolveEndpoints.
func resolveVPC(c Config, getenv func(string) string, readFile func(string) ([]byte, error)) (vpcEndpoints, error) {
	found := vpcEndpoints{visibility: first(c.Visibility, VisibilityPublic)}
	var err error
	if found.file, err = readEndpointsFile(getenv, readFile); err != nil {
		return vpcEndpoints{}, err
	}
	endpoint := first(c.VPCEndpoint, getenv(vpcVariable))
	if endpoint == "" {
		return found, nil
	}
	if found.configured, err = checkEndpoint(endpoint); err != nil {
		return vpcEndpoints{}, fmt.Errorf("the endpoint of %s: %w", vpcVariable, err)
	}
	return found, nil
}

// at gives the endpoint for a region, with the version that every path begins
// with and without a trailing slash. Every region has a private one.
func (v vpcEndpoints) at(region string) (string, error) {
	if v.configured != "" {
		return withVersion(v.configured), nil
	}
	// The token goes there, so the region must not lead elsewhere.
	if !regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)*$`).MatchString(region) {
		return "", fmt.Errorf("%.80q cannot be a region of the VPC API", region)
	}
	if v.visibility != VisibilityPublicAndPrivate {
		if endpoint := v.file[vpcVariable][v.visibility][region]; endpoint != "" {
			checked, err := checkEndpoint(endpoint)
			if err != nil {
				return "", fmt.Errorf("the endpoint of the endpoints file's %s: %w", vpcVariable, err)
			}
			return withVersion(checked), nil
		}
	}
	if v.visibility == VisibilityPublic {
		return "https://" + region + ".iaas.cloud.ibm.com/v1", nil
	}
	return "https://" + region + ".private.iaas.cloud.ibm.com/v1", nil
}

// withVersion adds the version, which IBM's own endpoints are written with and
// without.
func withVersion(endpoint string) string {
	if strings.HasSuffix(endpoint, "/v1") {
		return endpoint
	}
	return endpoint + "/v1"
}
