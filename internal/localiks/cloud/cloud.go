package cloud

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	appsinformers "k8s.io/client-go/informers/apps/v1"
	coreinformers "k8s.io/client-go/informers/core/v1"
	networkinginformers "k8s.io/client-go/informers/networking/v1"
	"k8s.io/client-go/kubernetes"
	appslisters "k8s.io/client-go/listers/apps/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const (
	defaultDelay = 50 * time.Millisecond
	// atOnce bounds the requests that are under way at a time.
	atOnce = 16
)

// Options say whose controllers to play.
type Options struct {
	// Server and ClusterID are the fake IKS and the cluster in it.
	Server    *fakeiks.Server
	ClusterID string
	// Config leads to the cluster's API server, with all rights.
	Config *rest.Config
	// Calico says that Calico's custom resources are installed, so that a
	// classic cluster gets its host endpoints and policies.
	Calico bool
	// Delay is how long it takes until a change in IKS shows in the cluster;
	// default 50 ms, negative for none.
	Delay time.Duration
	// LoadBalancers, if set, serves the Services of type LoadBalancer that do
	// not belong to ALBs.
	LoadBalancers LoadBalancers
	// Log receives what goes wrong on the way and is tried again; default nothing.
	Log io.Writer
}

// Controllers are the running controllers of one cluster.
type Controllers struct {
	options Options
	log     *slog.Logger
	kube    kubernetes.Interface
	dynamic dynamic.Interface

	nodes       corelisters.NodeLister
	deployments appslisters.DeploymentLister
	services    corelisters.ServiceLister
	classes     networkinglisters.IngressClassLister
	ingresses   networkinglisters.IngressLister

	cancel  context.CancelFunc
	running sync.WaitGroup
	wake    chan struct{}
	ready   chan struct{}

	mu      sync.Mutex
	due     todo  // what events have asked for
	lastErr error // of the last round

	// The fields below belong to the loop.
	born     map[string]int           // worker ID -> revision that its Node was made for
	seen     map[string]bool          // worker ID -> its Node was seen
	applied  map[string]poolSettings  // pool ID -> what its Nodes may have been told
	told     map[poolChange]time.Time // what was set before then has reached the Nodes
	deployed map[string]albRecord     // ALB ID -> what runs
	// addressed are the Ingresses whose status has addresses of ALBs.
	addressed map[types.UID]bool
}

// todo is work that comes from events, not from a comparison.
type todo struct {
	pools    map[poolChange]time.Time // what was set of pools, and when last
	master   bool                     // the master was refreshed
	subnets  bool                     // portable subnets were added
	services map[string]bool          // Services to bring up to date, namespace/name
}

// Run starts the controllers. The context bounds the start alone; end them
// with [Controllers.Stop].
func Run(ctx context.Context, o Options) (*Controllers, error) {
	if o.Delay == 0 {
		o.Delay = defaultDelay
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	cluster, found := o.Server.Cluster(o.ClusterID)
	if !found {
		return nil, fmt.Errorf("cloud controllers: there is no cluster %q", o.ClusterID)
	}
	o.ClusterID = cluster.ID
	config := rest.CopyConfig(o.Config)
	config.UserAgent = "localiks-cloud"
	config.QPS = -1 // no throttle of the client's own
	compact := rest.CopyConfig(config)
	compact.ContentType = runtime.ContentTypeProtobuf
	compact.AcceptContentTypes = runtime.ContentTypeProtobuf + "," + runtime.ContentTypeJSON
	kube, err := kubernetes.NewForConfig(compact)
	if err != nil {
		return nil, fmt.Errorf("cloud controllers of %s: %w", cluster.Name, err)
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("cloud controllers of %s: %w", cluster.Name, err)
	}
	c := &Controllers{
		options: o,
		log:     slog.New(slog.NewTextHandler(o.Log, nil)).With("cluster", cluster.Name),
		kube:    kube, dynamic: dyn,
		wake: make(chan struct{}, 1), ready: make(chan struct{}),
		due:  todo{pools: map[poolChange]time.Time{}, services: map[string]bool{}},
		born: map[string]int{}, seen: map[string]bool{}, applied: map[string]poolSettings{}, told: map[poolChange]time.Time{}, deployed: map[string]albRecord{},
		addressed: map[types.UID]bool{},
	}
	for _, pool := range cluster.Pools {
		c.applied[pool.ID] = settingsOf(pool)
	}
	lifetime, cancel := context.WithCancel(context.WithoutCancel(ctx))
	c.cancel = cancel
	if err := c.start(ctx, lifetime); err != nil {
		c.Stop()
		return nil, fmt.Errorf("cloud controllers of %s: %w", cluster.Name, err)
	}
	return c, nil
}

// start begins to watch and to work; the first context bounds the start, the
// second one is the controllers' life.
func (c *Controllers) start(ctx, lifetime context.Context) error {
	if err := c.foundations(ctx); err != nil {
		return err
	}
	changes, unsubscribe := c.options.Server.Subscribe()
	giveBack := c.options.Server.TakeOverALBs(c.options.ClusterID)
	c.running.Go(func() {
		defer giveBack()
		defer unsubscribe()
		c.listen(lifetime, changes)
	})
	// Each by its own constructor: the factory of all brings in every kind that
	// Kubernetes has.
	const everywhere = metav1.NamespaceAll
	nodes := coreinformers.NewNodeInformer(c.kube, 0, cache.Indexers{})
	services := coreinformers.NewServiceInformer(c.kube, everywhere, 0, cache.Indexers{})
	deployments := appsinformers.NewDeploymentInformer(c.kube, everywhere, 0, cache.Indexers{})
	classes := networkinginformers.NewIngressClassInformer(c.kube, 0, cache.Indexers{})
	ingresses := networkinginformers.NewIngressInformer(c.kube, everywhere, 0, cache.Indexers{})
	c.nodes = corelisters.NewNodeLister(nodes.GetIndexer())
	c.services = corelisters.NewServiceLister(services.GetIndexer())
	c.deployments = appslisters.NewDeploymentLister(deployments.GetIndexer())
	c.classes = networkinglisters.NewIngressClassLister(classes.GetIndexer())
	c.ingresses = networkinglisters.NewIngressLister(ingresses.GetIndexer())
	var read []cache.InformerSynced
	for _, informer := range []cache.SharedIndexInformer{nodes, services, deployments, classes, ingresses} {
		if _, err := informer.AddEventHandler(c.observer()); err != nil {
			return err
		}
		c.running.Go(func() { informer.RunWithContext(lifetime) })
		read = append(read, informer.HasSynced)
	}
	if !cache.WaitForCacheSync(ctx.Done(), read...) {
		return errors.New("what the controllers watch was not read in time")
	}
	c.running.Go(func() { c.work(lifetime) })
	c.poke()
	return nil
}

// Ready returns when the cluster looks as IKS says for the first time: all
// nodes are there and ready, and every enabled ALB runs whose zone has a node.
func (c *Controllers) Ready(ctx context.Context) error {
	select {
	case <-c.ready:
		return nil
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		return errors.Join(fmt.Errorf("cloud controllers of cluster %s: not ready: %w", c.options.ClusterID, ctx.Err()), c.lastErr)
	}
}

// Stop ends the controllers and waits for them. What they made stays.
func (c *Controllers) Stop() {
	c.cancel()
	c.running.Wait()
}
