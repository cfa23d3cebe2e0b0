// Package localiks is an IBM Cloud Kubernetes Service on your own machine: the
// IKS and IAM APIs are a fake with state, the clusters behind them are real
// Kubernetes control planes with real Calico, and simulated cloud controllers
// do what IBM's do with nodes, load balancers and ALBs.
//
// Tests start one with [Start]; people with the command in cmd/localiks.
package localiks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/balancers"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/cloud"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/folder"
)

// Options of an environment.
type Options struct {
	// Clusters to start with; more can be added with [Environment.AddCluster].
	Clusters []ClusterOptions
	// Dir holds data, certificates and logs. Default: a temporary folder that
	// goes with the environment.
	Dir string
	// Delay is how long IKS's asynchronous changes take; default 50 ms.
	Delay time.Duration
	// Progress hears of each step that is done, and the time it took.
	Progress func(step string, took time.Duration)
	// Log receives what the parts have to say; default nothing.
	Log io.Writer
}

// ClusterOptions describe one cluster.
type ClusterOptions struct {
	// Cluster is what IKS says about it. Its Kubernetes access is filled in.
	fakeiks.Cluster
	// WithoutCalicoAPI leaves projectcalico.org/v3 out: policies are reached
	// through the crd.projectcalico.org/v1 door only.
	WithoutCalicoAPI bool
	// DualStack gives Services an IPv6 address as well, if they ask for it. IKS
	// has no such clusters; a lab has them, to send packets to node ports over IPv6.
	DualStack bool
}

// APIKey of the identity that may do everything; ViewerAPIKey's may only look.
const (
	APIKey       = "localiks-administrator-key"
	ViewerAPIKey = "localiks-viewer-key"
)

// Environment is a running localiks.
type Environment struct {
	// IKS is the fake IKS and IAM API.
	IKS *fakeiks.Server

	options   Options
	temporary *folder.Folder // nil where the caller has named one

	mu       sync.Mutex
	clusters map[string]*Cluster
}

// Cluster is one running cluster.
type Cluster struct {
	*controlplane.ControlPlane
	// Name and ID as IKS has them.
	Name, ID string
	// Cloud are the simulated controllers of this cluster.
	Cloud *cloud.Controllers
	// LoadBalancers serves the cluster's Services of type LoadBalancer. Tests
	// make it slow, stubborn or wrong.
	LoadBalancers *balancers.Controller
}

// Start brings an environment up and returns when every cluster is ready. It
// takes down what it started when it fails.
func Start(ctx context.Context, o Options) (*Environment, error) {
	e := &Environment{options: o, clusters: map[string]*Cluster{}}
	if e.options.Log == nil {
		e.options.Log = io.Discard
	}
	if e.options.Progress == nil {
		e.options.Progress = func(string, time.Duration) {}
	}
	if o.Dir == "" {
		dir, err := folder.New("localiks-")
		if err != nil {
			return nil, fmt.Errorf("making a folder for localiks: %w", err)
		}
		e.options.Dir, e.temporary = dir.Path, dir
	}
	started := time.Now()
	server, err := fakeiks.Start(fakeiks.Options{Delay: o.Delay, Log: o.Log})
	if err != nil {
		return nil, errors.Join(err, e.Close())
	}
	e.IKS = server
	server.AddAPIKey(APIKey, fakeiks.Administrator)
	server.AddAPIKey(ViewerAPIKey, fakeiks.Viewer)
	e.options.Progress("IKS and IAM API", time.Since(started))

	group, groupCtx := errgroup.WithContext(ctx)
	for _, c := range o.Clusters {
		group.Go(func() error {
			_, err := e.AddCluster(groupCtx, c)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, errors.Join(err, e.Close())
	}
	return e, nil
}

// AddCluster starts one more cluster and returns when its nodes are ready.
func (e *Environment) AddCluster(ctx context.Context, o ClusterOptions) (*Cluster, error) {
	started := time.Now()
	step := func(name string, took time.Duration) { e.options.Progress(o.Name+": "+name, took) }
	plane, err := controlplane.Start(ctx, controlplane.Options{
		Name:           o.Name,
		Dir:            e.dirOf(o.Name),
		CalicoAPI:      !o.WithoutCalicoAPI,
		DualStack:      o.DualStack,
		TokenReviewURL: e.IKS.TokenReviewURL(),
		Progress:       step,
		Log:            e.options.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("cluster %s: %w", o.Name, err)
	}
	c, err := e.register(ctx, plane, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("cluster %s: %w", o.Name, err), plane.Stop())
	}
	step("ready", time.Since(started))
	return c, nil
}

// register tells IKS about a control plane and lets the cloud controllers loose on it.
func (e *Environment) register(ctx context.Context, plane *controlplane.ControlPlane, o ClusterOptions) (*Cluster, error) {
	if err := grantRoles(ctx, plane.RESTConfig()); err != nil {
		return nil, err
	}
	certificate, key := plane.AdminCertificate()
	o.Kubernetes = fakeiks.Access{
		Server: plane.Server(), CA: plane.CACertificate(), AdminCertificate: certificate, AdminKey: key,
	}
	info, err := e.IKS.AddCluster(o.Cluster)
	if err != nil {
		return nil, err
	}
	lbs, err := balancers.Run(balancers.Options{
		Server: e.IKS, ClusterID: info.ID, Config: plane.RESTConfig(), Delay: e.options.Delay, Log: e.options.Log,
	})
	if err != nil {
		return nil, err
	}
	controllers, err := cloud.Run(ctx, cloud.Options{
		Server: e.IKS, ClusterID: info.ID, Config: plane.RESTConfig(), Calico: true, Delay: e.options.Delay, LoadBalancers: lbs,
	})
	if err != nil {
		lbs.Stop()
		return nil, err
	}
	c := &Cluster{ControlPlane: plane, Name: info.Name, ID: info.ID, Cloud: controllers, LoadBalancers: lbs}
	if err := controllers.Ready(ctx); err != nil {
		return nil, errors.Join(err, c.stop())
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.clusters[info.Name] = c
	return c, nil
}

func (e *Environment) dirOf(name string) string { return filepath.Join(e.options.Dir, name) }

// Cluster gives a running cluster by name, nil if there is none.
func (e *Environment) Cluster(name string) *Cluster {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.clusters[name]
}

// RemoveCluster deletes a cluster: IKS forgets it and its API server ends.
func (e *Environment) RemoveCluster(name string) error {
	e.mu.Lock()
	c := e.clusters[name]
	delete(e.clusters, name)
	e.mu.Unlock()
	if c == nil {
		return fmt.Errorf("there is no cluster %q", name)
	}
	e.IKS.RemoveCluster(c.ID)
	return errors.Join(c.stop(), os.RemoveAll(e.dirOf(name)))
}

// RebuildCluster deletes a cluster and makes another one of the same name: empty
// and with another ID. Where that can be, the control plane is rewound instead
// of started anew, which takes a fraction of the time.
func (e *Environment) RebuildCluster(ctx context.Context, o ClusterOptions) (*Cluster, error) {
	e.mu.Lock()
	old := e.clusters[o.Name]
	delete(e.clusters, o.Name)
	e.mu.Unlock()
	if old == nil {
		return nil, fmt.Errorf("there is no cluster %q", o.Name)
	}
	old.Cloud.Stop()
	old.LoadBalancers.Stop()
	e.IKS.RemoveCluster(old.ID)
	err := old.Rewind(ctx)
	if err == nil {
		var c *Cluster
		if c, err = e.register(ctx, old.ControlPlane, o); err == nil {
			return c, nil
		}
	}
	err = errors.Join(err, old.ControlPlane.Stop(), os.RemoveAll(e.dirOf(o.Name)))
	if !errors.Is(err, errors.ErrUnsupported) {
		return nil, fmt.Errorf("cluster %s: %w", o.Name, err)
	}
	return e.AddCluster(ctx, o)
}

// Close ends everything that was started and removes a temporary folder.
func (e *Environment) Close() error {
	e.mu.Lock()
	clusters := e.clusters
	e.clusters = map[string]*Cluster{}
	e.mu.Unlock()
	var group errgroup.Group
	for _, c := range clusters {
		group.Go(c.stop)
	}
	err := group.Wait()
	if e.IKS != nil {
		err = errors.Join(err, e.IKS.Close())
	}
	if e.temporary != nil {
		err = errors.Join(err, e.temporary.Remove())
	}
	return err
}

func (c *Cluster) stop() error {
	c.Cloud.Stop()
	c.LoadBalancers.Stop()
	return c.ControlPlane.Stop()
}

// Env is what makes terraform and IBM's own tools talk to this environment
// instead of IBM Cloud, as KEY=value.
func (e *Environment) Env() []string {
	return []string{
		"IC_API_KEY=" + APIKey,
		"IBMCLOUD_API_KEY=" + APIKey,
		"IC_REGION=us-south",
		"IBMCLOUD_CS_API_ENDPOINT=" + e.IKS.URL(),
		"IBMCLOUD_IAM_API_ENDPOINT=" + e.IKS.IAMURL(),
		// Where IBM's provider looks for the tags of clusters.
		"IBMCLOUD_GT_API_ENDPOINT=" + e.IKS.URL(),
		"IBMCLOUD_GS_API_ENDPOINT=" + e.IKS.URL(),
		"IBMCLOUD_IS_NG_API_ENDPOINT=" + e.IKS.VPCURL(),
	}
}
