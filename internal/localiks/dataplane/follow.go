package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	coreinformers "k8s.io/client-go/informers/core/v1"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
)

// follower brings to the workers what the API server says: the pods that run
// on them, as a container network would, and the addresses of load balancers,
// as keepalived would.
type follower struct {
	cluster  *Cluster
	client   kubernetes.Interface
	pods     corelisters.PodLister
	services corelisters.ServiceLister

	wake    chan struct{}
	cancel  context.CancelFunc
	running sync.WaitGroup

	mu       sync.Mutex // for the fields below, which the loop alone writes
	plugged  map[types.UID]*pod
	realised map[types.UID]*realised
	borne    map[netip.Addr]*Worker
}

// newFollower begins to follow, and returns when everything is there that the
// API server says by now.
func (c *Cluster) newFollower(ctx context.Context, client kubernetes.Interface) (*follower, error) {
	lifetime, cancel := context.WithCancel(context.WithoutCancel(ctx))
	f := &follower{
		cluster: c, client: client, wake: make(chan struct{}, 1), cancel: cancel,
		plugged: map[types.UID]*pod{}, realised: map[types.UID]*realised{}, borne: map[netip.Addr]*Worker{},
	}
	// Each by its own constructor: the factory of all brings in every kind that
	// Kubernetes has.
	pods := coreinformers.NewPodInformer(client, metav1.NamespaceAll, 0, cache.Indexers{})
	services := coreinformers.NewServiceInformer(client, metav1.NamespaceAll, 0, cache.Indexers{})
	f.pods, f.services = corelisters.NewPodLister(pods.GetIndexer()), corelisters.NewServiceLister(services.GetIndexer())
	for _, informer := range []cache.SharedIndexInformer{pods, services} {
		_, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
			AddFunc: func(any) { f.poke() }, UpdateFunc: func(any, any) { f.poke() }, DeleteFunc: func(any) { f.poke() },
		})
		if err != nil {
			f.stop()
			return nil, err
		}
		f.running.Go(func() { informer.RunWithContext(lifetime) })
	}
	if !cache.WaitForCacheSync(ctx.Done(), pods.HasSynced, services.HasSynced) {
		f.stop()
		return nil, errors.New("pods and Services were not read in time")
	}
	if err := f.reconcile(lifetime); err != nil {
		f.stop()
		return nil, err
	}
	f.running.Go(func() { f.work(lifetime) })
	return f, nil
}

func (f *follower) poke() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *follower) work(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-f.wake:
		}
		if err := f.reconcile(ctx); err != nil && ctx.Err() == nil {
			_, _ = fmt.Fprintf(f.cluster.lab.options.Log, "data plane of %s, to be tried again: %v\n", f.cluster.Name, err)
			time.AfterFunc(time.Second, f.poke)
		}
	}
}

// stop ends the following; pods go with their namespaces.
func (f *follower) stop() {
	f.cancel()
	f.running.Wait()
	for _, r := range f.realised {
		_ = r.stop(context.Background()) // the API server may be gone already
	}
	for _, p := range f.plugged {
		_ = p.Close() // all that is left of it is a descriptor
	}
}

// reconcile connects what is new and disconnects what is gone.
func (f *follower) reconcile(ctx context.Context) error {
	pods, err := f.pods.List(labels.Everything())
	if err != nil {
		return err
	}
	services, err := f.services.List(labels.Everything())
	if err != nil {
		return err
	}
	failures := []error{f.connect(ctx, pods, services)}
	return errors.Join(append(failures, f.bear(ctx, pods, services))...)
}

// runs says that a pod runs on a worker and has an address.
func runs(p *corev1.Pod) bool {
	return p.Spec.NodeName != "" && p.Status.PodIP != "" && p.Status.Phase == corev1.PodRunning && p.DeletionTimestamp == nil
}
