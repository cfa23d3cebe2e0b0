package cluster

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

const (
	// renewAhead is how long before its expiry a token is replaced while it still
	// serves, and tokenMargin how long before it is no longer used: a request takes
	// its time, and clocks differ. Of a short life it is a quarter at most.
	renewAhead  = 5 * time.Minute
	tokenMargin = 30 * time.Second
	// justRenewed is how old credentials may be that are given to a request
	// whose token was refused: another one has renewed them meanwhile.
	justRenewed = 5 * time.Second
)

// link is the connection to one cluster's API server, made at the first use
// and kept for the process. A hundred resources of one cluster cost one
// kubeconfig.
type link struct {
	access    *look[iks.Access]
	albs      *look[[]iks.ALB]
	subnets   *look[[]iks.Subnet]
	balancers *look[balancers]
	options   kube.Options

	mu      sync.Mutex
	conn    *kube.Client
	uncache bool
}

// newLink makes a link to a cluster of IKS.
func newLink(api *iks.Client, facts iks.Cluster, access iks.AccessOptions, options kube.Options, now func() time.Time) *link {
	return &link{
		options: options,
		access: &look[iks.Access]{
			now:   now,
			ask:   func(ctx context.Context) (iks.Access, error) { return api.Access(ctx, facts, access) },
			stale: func(a iks.Access, age time.Duration) bool { return ends(a, now(), age, tokenMargin) },
			ahead: func(a iks.Access, age time.Duration) bool { return ends(a, now(), age, renewAhead) },
		},
		albs:    lookUp(now, func(ctx context.Context) ([]iks.ALB, error) { return api.ALBs(ctx, facts) }),
		subnets: lookUp(now, func(ctx context.Context) ([]iks.Subnet, error) { return api.Subnets(ctx, facts) }),
		balancers: lookUp(now, func(ctx context.Context) (balancers, error) {
			list, err := api.LoadBalancers(ctx, facts)
			if iks.IsForbidden(err) {
				return balancers{refused: err}, nil
			}
			return balancers{list: list}, err
		}),
	}
}

// ends tells whether a token of that age has no more than margin to live. One that
// had ended before it came says that this machine's clock is wrong: its end is
// left to the API server's word.
func ends(a iks.Access, now time.Time, age, margin time.Duration) bool {
	if a.TokenExpiry.IsZero() {
		return false
	}
	left := a.TokenExpiry.Sub(now)
	life := left + age
	return life > 0 && left <= min(margin, life/4)
}

// balancers are the load balancers of a VPC's region. That they may not be seen
// is an answer like any other: a hundred resources need to hear it only once.
type balancers struct {
	list    []iks.LoadBalancer
	refused error
}

// lookUp is a look at something that is trusted as long as a cluster's facts are.
func lookUp[T any](now func() time.Time, ask func(context.Context) (T, error)) *look[T] {
	return &look[T]{now: now, ask: ask, stale: func(_ T, age time.Duration) bool { return age > factsLifetime }}
}

// directLink is a link whose connection stands already, for cluster_access.
func directLink(conn *kube.Client) *link { return &link{conn: conn} }

func (l *link) client(ctx context.Context) (*kube.Client, error) {
	if conn := l.connection(); conn != nil {
		return conn, nil
	}
	access, err := l.access.get(ctx)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn != nil {
		return l.conn, nil
	}
	conn, err := kube.New(l.accessFor(access), l.options)
	if err != nil {
		return nil, fmt.Errorf("connecting to the Kubernetes API at %s: %w", access.Server, err)
	}
	if l.uncache {
		conn.StopCaching()
	}
	l.conn = conn
	return conn, nil
}

func (l *link) connection() *kube.Client {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn
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
	if refresh {
		l.access.discard(justRenewed)
	}
	access, err := l.access.get(ctx)
	if err != nil {
		return "", fmt.Errorf("renewing the cluster's token: %w", err)
	}
	return access.Token, nil
}

// stopCaching makes the connection, whether it stands already or not, read
// from the server only.
func (l *link) stopCaching() {
	if l.albs != nil { // not a direct link
		l.albs.stop()
		l.subnets.stop()
		l.balancers.stop()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.uncache = true
	if l.conn != nil {
		l.conn.StopCaching()
	}
}
