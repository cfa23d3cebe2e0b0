package balancers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const (
	firstPause = 50 * time.Millisecond
	longPause  = 2 * time.Second
	// refusedPause is when a Service that was refused is looked at again.
	refusedPause = 5 * time.Second

	defaultDelay = 50 * time.Millisecond
)

// Options say whose load balancers to play.
type Options struct {
	// Server and ClusterID are the fake IKS and the cluster in it.
	Server    *fakeiks.Server
	ClusterID string
	// Config leads to the cluster's API server, with all rights.
	Config *rest.Config
	// Delay is how long a Service waits for its address, default 50 ms, negative
	// for none; see [Controller.SetDelay].
	Delay time.Duration
	// Log receives what goes wrong on the way and is tried again; default nothing.
	Log io.Writer
}

// Controller is the running controller of one cluster. It implements
// cloud.LoadBalancers.
type Controller struct {
	server *fakeiks.Server
	id     string // of the cluster
	kube   kubernetes.Interface
	plant  plant
	events *events
	log    *slog.Logger
	queue  workqueue.TypedRateLimitingInterface[string]

	cancel  context.CancelFunc
	running sync.WaitGroup
	play    play

	// turn is held by whoever works on a load balancer; the fields below are theirs.
	turn    sync.Mutex
	owners  map[string]string    // namespace/name -> owner of the load balancer
	since   map[string]time.Time // owner -> when it began to wait
	waiting map[string]bool      // namespace/name without a load balancer
}

// plant makes the load balancers of one infrastructure.
type plant interface {
	// ensure brings the load balancer of a Service up to date. Where there is
	// none yet it asks first whether it may be made. A refusal comes with the
	// address of the load balancer that stays as it is, if there is one.
	ensure(ctx context.Context, s subject) (corev1.LoadBalancerIngress, error)
	// move gives the Service another load balancer, public or private.
	move(ctx context.Context, s subject, public bool) (corev1.LoadBalancerIngress, error)
	// remove takes an owner's load balancer away, if there is one.
	remove(ctx context.Context, owner string) error
}

// subject is a Service whose load balancer is looked at.
type subject struct {
	*corev1.Service
	// owner is the name of its load balancer: it changes with the Service's UID.
	owner string
	// may says whether it is time to make one.
	may func() bool
	// wrong makes it public where private is asked for and the other way round.
	wrong bool
}

// errNotYet says that the load balancer is not to be made now.
var errNotYet = errors.New("not yet")

// Run starts the controller. End it with [Controller.Stop].
func Run(o Options) (*Controller, error) {
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Delay == 0 {
		o.Delay = defaultDelay
	}
	cluster, found := o.Server.Cluster(o.ClusterID)
	if !found {
		return nil, fmt.Errorf("load balancers: there is no cluster %q", o.ClusterID)
	}
	config := rest.CopyConfig(o.Config)
	config.UserAgent = "localiks-balancers"
	config.QPS = -1 // no throttle of the client's own
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("load balancers of %s: %w", cluster.Name, err)
	}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("load balancers of %s: %w", cluster.Name, err)
	}
	lifetime, cancel := context.WithCancel(context.Background())
	c := &Controller{
		server: o.Server, id: cluster.ID, kube: kube, events: newEvents(kube), cancel: cancel,
		log: slog.New(slog.NewTextHandler(o.Log, nil)).With("cluster", cluster.Name),
		queue: workqueue.NewTypedRateLimitingQueue(
			workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstPause, longPause)),
		owners: map[string]string{}, since: map[string]time.Time{}, waiting: map[string]bool{},
		play: play{delay: o.Delay},
	}
	if cluster.Provider == fakeiks.VPC {
		c.plant = &vpc{server: o.Server, clusterID: cluster.ID, kube: kube}
	} else {
		c.plant = &classic{server: o.Server, clusterID: cluster.ID, kube: kube, dynamic: dyn}
	}
	changes, unsubscribe := o.Server.Subscribe()
	c.running.Go(func() {
		defer unsubscribe()
		c.listen(lifetime, changes)
	})
	c.running.Go(func() { c.work(lifetime) })
	return c, nil
}

// Stop ends the controller and waits for it. What it made stays.
func (c *Controller) Stop() {
	c.cancel()
	c.queue.ShutDown()
	c.running.Wait()
	c.events.stop()
}

// Sync implements cloud.LoadBalancers.
func (c *Controller) Sync(_ context.Context, service *corev1.Service) error {
	c.queue.Add(service.Namespace + "/" + service.Name)
	return nil
}

// Remove implements cloud.LoadBalancers.
func (c *Controller) Remove(_ context.Context, namespace, name string) error {
	c.queue.Add(namespace + "/" + name)
	return nil
}

// listen looks again at those that wait when an address may have become free.
func (c *Controller) listen(ctx context.Context, changes <-chan fakeiks.Change) {
	for {
		select {
		case <-ctx.Done():
			return
		case change, open := <-changes:
			if !open {
				return
			}
			if change.Cluster == c.id && (change.Kind == fakeiks.AddressReleased || change.Kind == fakeiks.SubnetAdded) {
				c.lookAgain()
			}
		}
	}
}

// lookAgain queues all Services that have no load balancer.
func (c *Controller) lookAgain() {
	c.turn.Lock()
	defer c.turn.Unlock()
	for key := range c.waiting {
		c.queue.Add(key)
	}
}

func (c *Controller) work(ctx context.Context) {
	for {
		key, over := c.queue.Get()
		if over {
			return
		}
		err := c.reconcile(ctx, key)
		switch {
		case err == nil:
			c.queue.Forget(key)
		case ctx.Err() == nil:
			c.log.Warn("a load balancer will be tried again", "service", key, "error", err)
			c.queue.AddRateLimited(key)
		}
		c.queue.Done(key)
	}
}

// reconcile brings one Service and its load balancer together.
func (c *Controller) reconcile(ctx context.Context, key string) error {
	c.turn.Lock()
	defer c.turn.Unlock()
	namespace, name, _ := strings.Cut(key, "/")
	service, err := c.kube.CoreV1().Services(namespace).Get(ctx, name, metav1.GetOptions{})
	gone := apierrors.IsNotFound(err)
	if err != nil && !gone {
		return err
	}
	owner := ""
	if !gone {
		owner = ownerOf(service)
	}
	if former := c.owners[key]; former != "" && former != owner {
		if err := c.forget(ctx, key, former); err != nil {
			return err
		}
	}
	if gone {
		return nil
	}
	if !balanced(service) || service.DeletionTimestamp != nil {
		if err := c.forget(ctx, key, owner); err != nil {
			return err
		}
		return c.leave(ctx, service)
	}
	c.owners[key] = owner
	return c.ensure(ctx, key, service, owner)
}

// forget takes the load balancer of an owner away.
func (c *Controller) forget(ctx context.Context, key, owner string) error {
	if err := c.plant.remove(ctx, owner); err != nil {
		return fmt.Errorf("removing load balancer %s: %w", owner, err)
	}
	delete(c.owners, key)
	delete(c.waiting, key)
	delete(c.since, owner)
	return nil
}

// ensure makes the load balancer and writes its address into the Service.
func (c *Controller) ensure(ctx context.Context, key string, service *corev1.Service, owner string) error {
	service, err := c.hold(ctx, service)
	if err != nil {
		return err
	}
	s := subject{Service: service, owner: owner, wrong: c.play.wrongKind(), may: func() bool { return c.mayMake(key, owner) }}
	at, err := c.plant.ensure(ctx, s)
	var refused *refusal
	switch {
	case errors.Is(err, errNotYet):
		c.waiting[key] = true
		return nil
	case errors.As(err, &refused):
		c.events.refused(service, owner, refused)
		if at.IP+at.Hostname == "" {
			c.waiting[key] = true
			c.queue.AddAfter(key, refusedPause) // as the service controller does at first
			return nil
		}
	case err != nil:
		return err
	}
	delete(c.waiting, key)
	delete(c.since, owner)
	return c.tell(ctx, service, at)
}

// mayMake says whether a Service has waited long enough for its load balancer;
// if not, it sees to it that it is looked at again.
func (c *Controller) mayMake(key, owner string) bool {
	since, known := c.since[owner]
	if !known {
		since = time.Now()
		c.since[owner] = since
	}
	held, delay := c.play.waits()
	if held {
		return false
	}
	rest := delay - time.Since(since)
	if rest > 0 {
		c.queue.AddAfter(key, rest)
	}
	return rest <= 0
}
