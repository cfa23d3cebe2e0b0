package iks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/IBM/go-sdk-core/v5/core"
)

// Visibility says which of IBM's endpoints are used.
const (
	VisibilityPublic           = "public"
	VisibilityPrivate          = "private"
	VisibilityPublicAndPrivate = "public-and-private" // private where the region has it, else public
)

// DefaultDeadline bounds a whole call, its retries included.
const DefaultDeadline = 60 * time.Second

// Config says how to reach IKS and as whom. It holds secrets and therefore
// prints itself without them.
type Config struct {
	// APIKey of a user or service ID. Where both are given it is preferred to
	// Token, because tokens made with it can be renewed.
	APIKey string
	// Token is an IAM access token that somebody else obtained, with or
	// without "Bearer " before it. It cannot be renewed.
	Token string
	// TrustedProfileID is a trusted profile (Profile-...) to act as. It needs APIKey.
	TrustedProfileID string

	// Region such as us-south. Only private endpoints need it.
	Region string
	// ResourceGroupID is where clusters are looked for; empty means in every
	// resource group of the account.
	ResourceGroupID string
	// Visibility is one of the Visibility constants; empty means public.
	Visibility string

	// Endpoint of the IKS API, such as https://containers.cloud.ibm.com/global.
	// Empty means what IBM's tools would take: IBMCLOUD_CS_API_ENDPOINT, the
	// endpoints file, or the one that Region and Visibility lead to.
	Endpoint string
	// IAMEndpoint such as https://iam.cloud.ibm.com; empty as for Endpoint,
	// with IBMCLOUD_IAM_API_ENDPOINT.
	IAMEndpoint string
	// VPCEndpoint of the VPC API for every region, such as
	// https://us-south.iaas.cloud.ibm.com/v1. Empty as for Endpoint, with
	// IBMCLOUD_IS_NG_API_ENDPOINT; the region is the cluster's.
	VPCEndpoint string

	// UserAgent names the program in the request headers.
	UserAgent string
	// Transport sends the requests; nil means one of its own, with the proxy
	// of the environment.
	Transport http.RoundTripper
	// Deadline of a whole call, its retries included; 0 means DefaultDeadline.
	Deadline time.Duration
}

// New makes a client. It sends no request and reads nothing but the
// environment and the endpoints file that it may name. The error says which
// setting is missing or wrong.
func New(config Config) (*Client, error) {
	endpoints, err := resolveEndpoints(config, os.Getenv, os.ReadFile)
	if err != nil {
		return nil, err
	}
	vpc, err := resolveVPC(config, os.Getenv, os.ReadFile)
	if err != nil {
		return nil, err
	}
	config.APIKey = strings.TrimSpace(config.APIKey)
	config.Token = bareToken(config.Token)
	if err := config.validate(); err != nil {
		return nil, err
	}
	if config.Deadline == 0 {
		config.Deadline = DefaultDeadline
	}
	if config.UserAgent == "" {
		config.UserAgent = "terraform-provider-iks"
	}
	if config.Transport == nil {
		config.Transport = newTransport()
	}
	return newClient(config, endpoints, vpc), nil
}

func (c Config) validate() error {
	switch {
	case c.APIKey == "" && c.Token == "":
		return errors.New("no IBM Cloud credentials: set ibmcloud_api_key (IC_API_KEY or IBMCLOUD_API_KEY) or iam_token (IC_IAM_TOKEN or IBMCLOUD_IAM_TOKEN)")
	case c.APIKey == "" && c.TrustedProfileID != "":
		return errors.New("the trusted profile iam_profile_id is assumed with an API key: set ibmcloud_api_key (IC_API_KEY or IBMCLOUD_API_KEY) too")
	case c.APIKey != "" && core.HasBadFirstOrLastChar(c.APIKey):
		return errors.New("the IBM Cloud API key begins or ends with a brace or a quotation mark, which belongs to the place it was copied from")
	case hasControl(c.APIKey):
		return errors.New("the IBM Cloud API key contains a line break or another control character")
	case hasControl(c.Token):
		return errors.New("the IAM token contains a line break or another control character")
	case c.Deadline < 0:
		return fmt.Errorf("the deadline %s is negative", c.Deadline)
	}
	return nil
}

func bareToken(token string) string {
	token = strings.TrimSpace(token)
	if scheme, rest, _ := strings.Cut(token, " "); strings.EqualFold(scheme, "bearer") {
		return strings.TrimSpace(rest)
	}
	return token
}

func hasControl(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// String shows the configuration without its secrets.
func (c Config) String() string {
	return fmt.Sprintf("iks.Config{APIKey:%s Token:%s TrustedProfileID:%q Region:%q ResourceGroupID:%q Visibility:%q Endpoint:%q IAMEndpoint:%q VPCEndpoint:%q}",
		redacted(c.APIKey), redacted(c.Token), c.TrustedProfileID, c.Region, c.ResourceGroupID, c.Visibility, c.Endpoint, c.IAMEndpoint, c.VPCEndpoint)
}

// GoString shows the configuration without its secrets.
func (c Config) GoString() string { return c.String() }

// Format shows the configuration without its secrets, whatever the verb.
func (c Config) Format(f fmt.State, _ rune) { writeTo(f, c.String()) }

// MarshalJSON shows the configuration without its secrets.
func (c Config) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }

// redacted stands for a secret: it only tells whether there is one.
func redacted(secret string) string {
	if secret == "" {
		return "none"
	}
	return "[redacted]"
}

// writeTo prints to where a fmt verb prints; there is nobody to tell of a failure.
func writeTo(w io.Writer, s string) { _, _ = io.WriteString(w, s) }
