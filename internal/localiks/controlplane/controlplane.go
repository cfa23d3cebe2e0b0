// Package controlplane runs one real Kubernetes control plane with Calico on
// this machine, for tests and for the localiks command: etcd, kube-apiserver,
// kube-controller-manager, kube-scheduler, Calico's custom resources and its
// API server, and kwok, which plays the nodes and the pods on them. No
// container engine is needed; with LOCALIKS_KUBERNETES=kind it is a kind
// cluster instead.
package controlplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// Options says what to start.
type Options struct {
	// Name is used in messages and certificate names; with kind it is the
	// cluster's name, so it must be unique on the machine there.
	Name string
	// Dir holds data, certificates and logs. It is made if missing, and must
	// not have served another control plane before.
	Dir string
	// CalicoAPI opens the door projectcalico.org/v3 (the real Calico API
	// server); without it there is crd.projectcalico.org/v1 alone.
	CalicoAPI bool
	// DualStack gives Services an IPv6 address as well, if they ask for it.
	DualStack bool
	// TokenReviewURL answers authentication.k8s.io/v1 TokenReviews by POST,
	// plain HTTP on the loopback interface; "" for no bearer tokens. The API
	// server believes an accepted token for 10 seconds before it asks again.
	TokenReviewURL string
	// Progress is told of each step when it is done; calls do not overlap. May be nil.
	Progress func(step string, took time.Duration)
	// Log is told of programs that end unasked; may be nil. What the programs
	// write themselves is in Dir/logs.
	Log io.Writer
}

// ControlPlane is a running control plane. Its methods may be used by several
// goroutines at once.
type ControlPlane struct {
	options Options
	plane   plane
	access  access
	admin   identity
	config  []byte // the admin's kubeconfig
	objects *objects
	client  kubernetes.Interface
	version string // of the API server, such as v1.37.2

	serving  atomic.Bool // the API server answers, as far as we did not stop it
	calico   sync.Mutex  // one change of the Calico door at a time
	calicoV3 atomic.Bool // the door is open
	stopOnce sync.Once
	stopErr  error
}

// plane is what differs between the ways to run a control plane.
type plane interface {
	// serve brings up an API server that answers.
	serve(ctx context.Context, s *steps) (access, error)
	// control brings up what acts on the API: controllers, scheduler, kwok.
	control(ctx context.Context, s *steps) error
	// installCalico makes Calico's resources of crd.projectcalico.org/v1.
	installCalico(ctx context.Context, o *objects) error
	// serveCalico runs the Calico API server, and tells the APIService's
	// spec.service and spec.caBundle. It may be called again.
	serveCalico(ctx context.Context, o *objects) (service map[string]any, caBundle []byte, err error)
	// The API server as a black hole (connections hang) and back.
	pause(ctx context.Context) error
	resume(ctx context.Context) error
	// The API server gone (connections are refused) and back; startAPI does
	// not wait until it answers.
	stopAPI(ctx context.Context) error
	startAPI(ctx context.Context) error
	// started ends a start: what is stored now is what rewind brings back.
	started(ctx context.Context) error
	// rewind makes what is stored what it was, or is errors.ErrUnsupported. It tells
	// of the namespaces that it deleted, for it is to be called again once nobody
	// puts anything into them any more.
	rewind(ctx context.Context) (endedNamespaces []string, err error)
	// stored is all that is stored, by key, or errors.ErrUnsupported.
	stored(ctx context.Context) (map[string]string, error)
	// check tells of programs that ended unasked.
	check() error
	// stop ends everything. It is called once, also after a start that failed half-way.
	stop() error
}

// access is what is needed to speak to a control plane.
type access struct {
	server    string     // https://127.0.0.1:port
	authority *authority // signs its client and server certificates
	audit     string     // file that the API server writes its audit log to
	auditFrom int64      // where what concerns us begins in it
}

// Environment variable that chooses how the control plane runs, and its values.
const (
	kubernetesVariable = "LOCALIKS_KUBERNETES"
	viaKind            = "kind"
	viaPrograms        = "programs" // the default
)

// Start brings up a control plane and returns when its API answers, Calico's
// resources are served and kwok takes nodes. The programs are built first
// where they are missing, which takes minutes (see internal/tools/build). With
// LOCALIKS_LENDER it is one that another process runs (see [Lend]). The context
// bounds the start alone. What was started is stopped again when an error is
// returned.
func Start(ctx context.Context, o Options) (*ControlPlane, error) {
	if o.Name == "" || o.Dir == "" {
		return nil, errors.New("control plane: Name and Dir are needed")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("control plane %s: %w", o.Name, err)
	}
	o.Dir = dir
	if o.Log == nil {
		o.Log = io.Discard
	}
	return start(ctx, o, func() (plane, error) {
		switch via := os.Getenv(kubernetesVariable); via {
		case "", viaPrograms:
			if lender := os.Getenv(lenderVariable); lender != "" && !o.DualStack { // nobody lends such a one
				return borrow(ctx, o, lender)
			}
			return newLocal(o)
		case viaKind:
			if o.DualStack {
				return nil, fmt.Errorf("with %s=%s there are no Services with two addresses", kubernetesVariable, viaKind)
			}
			return newKind(ctx, o)
		default:
			return nil, fmt.Errorf("%s=%q is neither %q nor %q", kubernetesVariable, via, viaPrograms, viaKind)
		}
	})
}

func start(ctx context.Context, o Options, open func() (plane, error)) (*ControlPlane, error) {
	c := &ControlPlane{options: o}
	var err error
	if c.plane, err = open(); err != nil {
		return nil, fmt.Errorf("control plane %s: %w", o.Name, err)
	}
	if err := c.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("control plane %s: %w", o.Name, err), c.Stop())
	}
	return c, nil
}

func (c *ControlPlane) start(ctx context.Context) error {
	steps := &steps{report: c.options.Progress}
	var err error
	if c.access, err = c.plane.serve(ctx, steps); err != nil {
		return err
	}
	c.serving.Store(true)
	if c.admin, err = c.access.authority.identity("localiks-admin", masters); err != nil {
		return err
	}
	if c.config, err = kubeconfig(c.options.Name, c.access.server, c.access.authority.bundle(), c.admin); err != nil {
		return err
	}
	if c.client, err = kubernetes.NewForConfig(c.RESTConfig()); err != nil {
		return fmt.Errorf("client: %w", err)
	}
	if c.objects, err = newObjects(c.RESTConfig()); err != nil {
		return err
	}
	version, err := c.client.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("version: %w", err)
	}
	c.version = version.GitVersion
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.plane.control(groupCtx, steps) })
	group.Go(func() error {
		err := steps.run("Calico resources", func() error { return c.plane.installCalico(groupCtx, c.objects) })
		if err != nil || !c.options.CalicoAPI {
			return err
		}
		return steps.run("Calico API server", func() error { return c.SetCalicoAPI(groupCtx, true) })
	})
	if err := group.Wait(); err != nil {
		return err
	}
	if err := c.plane.started(ctx); err != nil {
		return err
	}
	return c.plane.check()
}

// Server is the API server's address, https://127.0.0.1:port. It stays the
// same when the API server is stopped and started again.
func (c *ControlPlane) Server() string { return c.access.server }

// CACertificate is the certificate, as PEM, of the authority that signs the
// API server's certificate and all client certificates.
func (c *ControlPlane) CACertificate() []byte { return c.access.authority.bundle() }

// AdminCertificate is a client certificate and key, as PEM, that may do everything.
func (c *ControlPlane) AdminCertificate() (certificate, key []byte) {
	return c.admin.certificate, c.admin.key
}

// ClientCertificate issues a client certificate and key, as PEM, for any
// identity. What it may do is for the cluster's RBAC to say.
func (c *ControlPlane) ClientCertificate(user string, groups ...string) (certificate, key []byte, err error) {
	return c.access.authority.client(user, groups...)
}

// Kubeconfig is the admin's kubeconfig, complete in itself.
func (c *ControlPlane) Kubeconfig() []byte { return bytes.Clone(c.config) }

// RESTConfig is the admin's connection without client-side throttling. Its
// user agent is "localiks"; change it in the copy that you get to tell requests apart.
func (c *ControlPlane) RESTConfig() *rest.Config {
	return restConfig(c.access, c.admin, "localiks")
}

// Stop ends everything that Start began and waits until it is gone. Dir stays.
// Only the first call does anything; all give its error.
func (c *ControlPlane) Stop() error {
	c.stopOnce.Do(func() {
		if err := c.plane.stop(); err != nil {
			c.stopErr = fmt.Errorf("stopping control plane %s: %w", c.options.Name, err)
		}
	})
	return c.stopErr
}
