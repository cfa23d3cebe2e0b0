package iks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// Endpoint types of a kubeconfig.
const (
	EndpointAuto    = "auto"
	EndpointPublic  = "public"
	EndpointPrivate = "private"
	EndpointVPE     = "vpe"
	EndpointLink    = "link"
)

// AccessOptions say which credentials of a cluster are wanted, and for which
// of its endpoints.
type AccessOptions struct {
	// Admin asks for the cluster's administrator certificate instead of a
	// token with the rights of the caller.
	Admin bool
	// EndpointType is one of the Endpoint constants; empty means auto: by the
	// cluster's own flags.
	EndpointType string
}

// Access is a connection to a cluster's Kubernetes API. It holds secrets and
// prints itself without them. fmt does not ask it, though, where it stands in
// an unexported field of another struct: such a struct must not be printed.
type Access struct {
	// Server is the URL of the API server.
	Server string
	// CACertificate is PEM; empty means that the system's roots apply.
	CACertificate []byte
	// Token is a bearer token, TokenExpiry when it ends (zero if not known).
	Token       string
	TokenExpiry time.Time
	// ClientCertificate and ClientKey are PEM: the administrator's, instead of a token.
	ClientCertificate, ClientKey []byte
}

// String shows the access without its secrets.
func (a Access) String() string {
	return fmt.Sprintf("iks.Access{Server:%q CACertificate:%d bytes Token:%s TokenExpiry:%s ClientCertificate:%d bytes ClientKey:%s}",
		a.Server, len(a.CACertificate), redacted(a.Token), a.TokenExpiry.UTC().Format(time.RFC3339),
		len(a.ClientCertificate), redacted(string(a.ClientKey)))
}

// GoString shows the access without its secrets.
func (a Access) GoString() string { return a.String() }

// Format shows the access without its secrets, whatever the verb.
func (a Access) Format(f fmt.State, _ rune) { writeTo(f, a.String()) }

// MarshalJSON shows the access without its secrets.
func (a Access) MarshalJSON() ([]byte, error) { return json.Marshal(a.String()) }

// Access fetches credentials for the cluster's Kubernetes API, into memory. It
// carries the caller's IAM roles into the cluster's RBAC and waits for that.
//
// Not through bluemix-go, which writes the kubeconfig and the certificates to
// disk, and fails with a token alone.
func (c *Client) Access(ctx context.Context, cluster Cluster, options AccessOptions) (Access, error) {
	cl, cancel := c.begin(ctx, "getting access to", describe(cluster))
	defer cancel()
	body, err := c.kubeconfigRequest(cluster, options)
	if err != nil {
		return Access{}, cl.explain(err)
	}
	cl.writing(always).limit = maxArchive
	archive, err := c.postJSON(cl, "/v2/applyRBACAndGetKubeconfig", c.target(cluster), body)
	if err != nil {
		return Access{}, err
	}
	access, err := parseKubeconfigArchive(archive)
	if err == nil && !options.Admin {
		access, err = access.withoutCertificate()
	}
	if err != nil {
		return Access{}, cl.explain(err)
	}
	if !options.Admin {
		err = c.awaitRBAC(cl, cluster)
	}
	if err != nil {
		return Access{}, err
	}
	return access, nil
}

// withoutCertificate leaves the token alone. Who did not ask for the
// administrator's certificate must not act as the administrator, whatever the
// archive holds.
func (a Access) withoutCertificate() (Access, error) {
	if a.Token == "" {
		return Access{}, errors.New("the kubeconfig holds no token, and kubeconfig_admin = true was not set for the administrator's certificate")
	}
	a.ClientCertificate, a.ClientKey = nil, nil
	return a, nil
}

type kubeconfigRequest struct {
	Cluster      string `json:"cluster"`
	Format       string `json:"format"`
	Admin        bool   `json:"admin,omitempty"`
	EndpointType string `json:"endpointType,omitempty"`
}

func (c *Client) kubeconfigRequest(cluster Cluster, options AccessOptions) (kubeconfigRequest, error) {
	request := kubeconfigRequest{Cluster: cluster.ID, Format: "zip", Admin: options.Admin}
	var err error
	if request.EndpointType, err = endpointType(cluster, options.EndpointType, c.visibility); err != nil {
		return request, err
	}
	switch {
	case !options.Admin && cluster.Infrastructure == Satellite:
		return request, errors.New("IKS gives only the administrator's certificate for a Satellite cluster: set kubeconfig_admin = true to use it")
	case !options.Admin && cluster.Type == TypeOpenShift:
		return request, errors.New("an OpenShift cluster takes no IAM token: set kubeconfig_admin = true, or give its API server and a token in cluster_access")
	}
	return request, nil
}

// endpointType decides on `endpointType` of the request; the public endpoint is
// asked for by leaving it out.
func endpointType(cluster Cluster, wanted, visibility string) (string, error) {
	e := cluster.Endpoints
	unknown := !e.PublicEnabled && !e.PrivateEnabled // IKS said nothing: let it decide
	switch wanted {
	case "", EndpointAuto:
		switch {
		case cluster.Infrastructure == Satellite:
			return EndpointLink, nil
		case visibility == VisibilityPrivate && e.PrivateEnabled:
			return EndpointPrivate, nil
		case e.PublicEnabled || unknown:
			return "", nil
		default:
			return EndpointPrivate, nil
		}
	case EndpointPublic:
		if !e.PublicEnabled && !unknown {
			return "", errors.New("endpoint_type is public, but its public service endpoint is not enabled")
		}
		return "", nil
	case EndpointPrivate:
		if !e.PrivateEnabled && !unknown {
			return "", errors.New("endpoint_type is private, but its private service endpoint is not enabled")
		}
		return EndpointPrivate, nil
	case EndpointVPE:
		if e.VPEURL == "" {
			return "", errors.New("endpoint_type is vpe, but it has no virtual private endpoint; only VPC clusters have one")
		}
		return EndpointVPE, nil
	case EndpointLink:
		if cluster.Infrastructure != Satellite {
			return "", errors.New("endpoint_type is link, which only Satellite clusters have")
		}
		return EndpointLink, nil
	default:
		return "", fmt.Errorf("endpoint_type %q is none of auto, public, private, vpe and link", wanted)
	}
}

// rbacPatience bounds the wait for RBAC: after it the credentials are worth
// trying.
const rbacPatience = 30 * time.Second

// awaitRBAC waits until the caller's IAM roles are in the cluster. That they
// are not yet, or that IKS cannot say, is not an error: Kubernetes itself will
// say what is missing.
func (c *Client) awaitRBAC(cl *call, cluster Cluster) error {
	ctx, cancel := context.WithTimeout(cl.ctx, rbacPatience)
	defer cancel()
	polling := *cl
	polling.ctx, polling.limit = ctx, maxAnswer
	for pause := time.Second; ; pause = min(2*pause, 8*time.Second) {
		var status struct {
			Synchronized bool `json:"synchronized"`
			Error        bool `json:"error"`
		}
		err := c.getJSON(&polling, "/v2/getRBACStatus", url.Values{"cluster": {cluster.ID}}, c.target(cluster), &status)
		if err == nil && status.Synchronized {
			return nil
		}
		gaveUp := err != nil || status.Error
		if !gaveUp && sleep(ctx, pause) == nil {
			continue
		}
		if errors.Is(context.Cause(cl.ctx), context.Canceled) {
			return cl.ended(nil)
		}
		return nil
	}
}
