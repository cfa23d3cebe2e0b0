package iks

import (
	"encoding/json"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// endpoints are where the two APIs are, without a trailing slash.
type endpoints struct{ iks, iam string }

// service is one of the APIs, with the names that IBM's tools have for it.
type service struct {
	setting  string   // attribute of the provider block
	variable string   // environment variable, and key in an endpoints file
	public   string   // the public endpoint
	private  string   // the private endpoint, %s standing for the region
	regions  []string // those with a private endpoint of their own
	nearest  string   // private endpoint of the other regions, if there is one
}

func services() (iks, iam service) {
	iks = service{
		setting: "iks_api_endpoint", variable: "IBMCLOUD_CS_API_ENDPOINT",
		public:  "https://containers.cloud.ibm.com/global",
		private: "https://private.%s.containers.cloud.ibm.com/global",
		regions: []string{"us-south", "us-east", "eu-gb", "eu-de", "jp-tok", "au-syd", "jp-osa", "ca-tor"},
	}
	iam = service{
		setting: "iam_endpoint", variable: "IBMCLOUD_IAM_API_ENDPOINT",
		public:  "https://iam.cloud.ibm.com",
		private: "https://private.%s.iam.cloud.ibm.com",
		regions: []string{"us-south", "us-east"},
		nearest: "https://private.iam.cloud.ibm.com",
	}
	return iks, iam
}

// resolveEndpoints finds the endpoints by the rules of bluemix-go's locator:
// what is configured, the environment, the endpoints file, region and
// visibility. The locator itself is not asked, because it ends the process when
// the endpoints file cannot be read, and panics when its shape is wrong.
func resolveEndpoints(c Config, getenv func(string) string, readFile func(string) ([]byte, error)) (endpoints, error) {
	visibility := c.Visibility
	if visibility == "" {
		visibility = VisibilityPublic
	}
	if !slices.Contains([]string{VisibilityPublic, VisibilityPrivate, VisibilityPublicAndPrivate}, visibility) {
		return endpoints{}, fmt.Errorf("visibility %q is none of public, private and public-and-private", visibility)
	}
	file, err := readEndpointsFile(getenv, readFile)
	if err != nil {
		return endpoints{}, err
	}
	iks, iam := services()
	var found endpoints
	for _, s := range []struct {
		service
		configured string
		found      *string
	}{{iks, c.Endpoint, &found.iks}, {iam, c.IAMEndpoint, &found.iam}} {
		endpoint, source := s.configured, s.setting
		if endpoint == "" {
			endpoint, source = getenv(s.variable), s.variable
		}
		if endpoint == "" && visibility != VisibilityPublicAndPrivate {
			endpoint, source = file[s.variable][visibility][c.Region], "the endpoints file's "+s.variable
		}
		if endpoint == "" {
			endpoint, source = s.forVisibility(visibility, c.Region), "visibility and region"
		}
		if endpoint == "" {
			return endpoints{}, fmt.Errorf("visibility %q needs a region: set region (IC_REGION or IBMCLOUD_REGION), or %s", visibility, s.setting)
		}
		if *s.found, err = checkEndpoint(endpoint); err != nil {
			return endpoints{}, fmt.Errorf("the endpoint of %s: %w", source, err)
		}
	}
	return found, nil
}

// forVisibility gives IBM's own endpoint, "" where a region is needed for it.
func (s service) forVisibility(visibility, region string) string {
	known := slices.Contains(s.regions, region)
	switch {
	case visibility == VisibilityPublic:
		return s.public
	case known:
		return fmt.Sprintf(s.private, region)
	case s.nearest != "":
		return s.nearest
	case visibility == VisibilityPublicAndPrivate:
		return s.public
	case region == "":
		return ""
	default: // a region newer than our list
		return fmt.Sprintf(s.private, region)
	}
}

// endpointsFile is variable -> visibility -> region -> endpoint.
type endpointsFile map[string]map[string]map[string]string

func readEndpointsFile(getenv func(string) string, readFile func(string) ([]byte, error)) (endpointsFile, error) {
	for _, variable := range []string{"IBMCLOUD_ENDPOINTS_FILE_PATH", "IC_ENDPOINTS_FILE_PATH"} {
		name := getenv(variable)
		if name == "" {
			continue
		}
		content, err := readFile(name)
		if err != nil {
			return nil, fmt.Errorf("the endpoints file of %s: %w", variable, err)
		}
		var file endpointsFile
		if err := json.Unmarshal(content, &file); err != nil {
			return nil, fmt.Errorf("the endpoints file %s of %s: %w", name, variable, err)
		}
		return file, nil
	}
	return nil, nil
}

// checkEndpoint demands TLS, since credentials are sent there; plain HTTP is
// for programs on this machine.
func checkEndpoint(endpoint string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(endpoint))
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return "", fmt.Errorf("%q is not a URL such as https://containers.cloud.ibm.com/global", scrubURL(endpoint))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "", fmt.Errorf("%q has more than a scheme, a host and a path", scrubURL(endpoint))
	case u.Scheme == "https", u.Scheme == "http" && isLoopback(u.Hostname()):
		return strings.TrimRight(u.String(), "/"), nil
	default:
		return "", fmt.Errorf("%q does not begin with https://; only an address of this machine may do without", endpoint)
	}
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
