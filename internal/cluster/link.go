package cluster

import (
	"context"
	"fmt"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// renewBefore is how long before its expiry a token is replaced: longer than
// any single request may take.
const renewBefore = 5 * time.Minute

// credentials fetches fresh credentials for one cluster.
type credentials func(context.Context) (iks.Access, error)

// link is the connection to one cluster's API server, made at the first use
// and kept for the process. Its lock is held while credentials are fetched, so
// that a hundred resources of one cluster cost one kubeconfig.
type link struct {
	fetch   credentials
	options kube.Options
	now     func() time.Time

	mu      chan struct{} // a lock that a cancelled caller can leave
	conn    *kube.Client
	access  iks.Access
	uncache bool

	albs *look[[]iks.ALB]
}

func newLink(fetch credentials, options kube.Options) *link {
	return &link{fetch: fetch, options: options, now: time.Now, mu: make(chan struct{}, 1), albs: &look[[]iks.ALB]{now: time.Now}}
}

// directLink is a link whose connection stands already, for cluster_access.
func directLink(conn *kube.Client) *link {
	l := newLink(nil, kube.Options{})
	l.conn = conn
	return l
}

func (l *link) lock(ctx context.Context) error {
	select {
	case l.mu <- struct{}{}:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (l *link) unlock() { <-l.mu }

func (l *link) client(ctx context.Context) (*kube.Client, error) {
	if err := l.lock(ctx); err != nil {
		return nil, err
	}
	defer l.unlock()
	if l.conn != nil {
		return l.conn, nil
	}
	access, err := l.fetch(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := kube.New(l.accessFor(access), l.options)
	if err != nil {
		return nil, fmt.Errorf("connecting to the Kubernetes API at %s: %w", access.Server, err)
	}
	if l.uncache {
		conn.StopCaching()
	}
	l.access, l.conn = access, conn
	return conn, nil
}

// accessFor turns IKS's credentials into a Kubernetes connection: with a
// certificate as it is, or with a token that is replaced before it expires.
func (l *link) accessFor(a iks.Access) kube.Access {
	access := kube.Access{
		Host:              a.Server,
		CACertificate:     a.CACertificate,
		ClientCertificate: a.ClientCertificate,
		ClientKey:         a.ClientKey,
	}
	if a.Token != "" {
		access.Token = l.token
	}
	return access
}

// token gives the current bearer token; refresh asks for a new one, because
// the API server refused the last.
func (l *link) token(ctx context.Context, refresh bool) (string, error) {
	if err := l.lock(ctx); err != nil {
		return "", err
	}
	defer l.unlock()
	fresh := l.access.TokenExpiry.IsZero() || l.now().Add(renewBefore).Before(l.access.TokenExpiry)
	if fresh && !refresh {
		return l.access.Token, nil
	}
	access, err := l.fetch(ctx)
	if err != nil {
		return "", fmt.Errorf("renewing the cluster's token: %w", err)
	}
	l.access = access
	return access.Token, nil
}

// stopCaching makes the connection, whether it stands already or not, read
// from the server only.
func (l *link) stopCaching() {
	l.albs.stop()
	l.mu <- struct{}{}
	defer l.unlock()
	l.uncache = true
	if l.conn != nil {
		l.conn.StopCaching()
	}
}
