package edgepool

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// autoscalerConfig is the ConfigMap in which IBM's autoscaler add-on keeps the
// sizes of pools.
const autoscalerConfig = "iks-ca-configmap"

// situation is what an apply, or a plan, goes by.
type situation struct {
	transition
	declared declaration
	// start is the situation that the apply began with, nil while this is it.
	start *situation
	// nodes of the whole cluster, pods that run in it, its Services.
	nodes    []corev1.Node
	pods     []corev1.Pod
	services []corev1.Service
	albs     []iks.ALB
	carriers []carrier
	// pools are looked at only where nodes are declared by name.
	pools      []iks.WorkerPool
	autoscaler minimums

	// unseen says what a plan's identity may not see.
	unseen     []string
	podsUnseen bool
}

// surveyor looks at a cluster. All of its requests go to the server.
type surveyor struct {
	cluster *cluster.Cluster
	kube    *kube.Client
	// lenient looks past what may not be seen: for plans.
	lenient bool

	mu     sync.Mutex
	unseen []string
}

// survey gathers the situation: one LIST of each kind, whatever the number of
// nodes. transition and declared are taken as they are.
func (v *surveyor) survey(ctx context.Context, t transition, d declaration) (*situation, error) {
	s := &situation{transition: t, declared: d}
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		s.nodes, err = kube.List(groupCtx, v.kube, kube.Nodes, kube.ListOptions{})
		return err
	})
	group.Go(func() (err error) {
		s.pods, err = kube.List(groupCtx, v.kube, kube.Pods, kube.ListOptions{Fields: podSelector})
		seen, err := v.seen("which pods would have to leave", err)
		s.podsUnseen = !seen
		return err
	})
	group.Go(func() (err error) {
		s.services, err = kube.List(groupCtx, v.kube, kube.Services, kube.ListOptions{})
		_, err = v.seen("which load balancers there are", err)
		return err
	})
	group.Go(func() (err error) {
		s.albs, err = v.albs(groupCtx)
		_, err = v.seen("which ALBs there are", err)
		return err
	})
	group.Go(func() error { return v.pools(groupCtx, s) })
	if err := group.Wait(); err != nil {
		return nil, err
	}
	deployments, err := v.deployments(ctx, s.albs, s.services)
	if err != nil {
		return nil, err
	}
	s.carriers = findCarriers(s.albs, s.services, deployments, s.pods, v.cluster.OnVPC())
	s.unseen = v.unseen
	return s, nil
}

// seen tells whether something could be looked at. In a plan, not being allowed
// to is a sentence and no error.
func (v *surveyor) seen(what string, err error) (bool, error) {
	if err == nil {
		return true, nil
	}
	if v.lenient && (apierrors.IsForbidden(err) || iks.IsForbidden(err)) {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.unseen = append(v.unseen, what)
		return false, nil
	}
	return false, err
}

// albs lists the ALBs; clusters that IKS does not run have none.
func (v *surveyor) albs(ctx context.Context) ([]iks.ALB, error) {
	if _, known := v.cluster.Facts(); !known {
		return nil, nil
	}
	api, facts, err := v.cluster.IKS("ALBs")
	if err != nil {
		return nil, err
	}
	return api.ALBs(ctx, facts)
}

// deployments lists the deployments of ALBs and of classic load balancers, if
// there can be any.
func (v *surveyor) deployments(ctx context.Context, albs []iks.ALB, services []corev1.Service) ([]appsv1.Deployment, error) {
	var namespaces []string
	for i := range albs {
		if albs[i].Enabled {
			namespaces = append(namespaces, albNamespace)
			break
		}
	}
	for i := range services {
		if services[i].Spec.Type == corev1.ServiceTypeLoadBalancer && !v.cluster.OnVPC() {
			namespaces = append(namespaces, balancerNamespace)
			break
		}
	}
	var out []appsv1.Deployment
	for _, namespace := range namespaces {
		found, err := kube.List(ctx, v.kube, kube.Deployments, kube.ListOptions{Namespace: namespace})
		if _, err := v.seen("where load balancers and ALBs run", err); err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	return out, nil
}

// pools looks at what autoscaling needs: all pools where nodes are declared by
// name, the autoscaler's settings where the declared pool is autoscaled.
func (v *surveyor) pools(ctx context.Context, s *situation) error {
	switch _, known := v.cluster.Facts(); {
	case !known:
		return nil
	case s.want.names != nil:
		api, facts, err := v.cluster.IKS("node_names")
		if err != nil {
			return err
		}
		s.pools, err = api.WorkerPools(ctx, facts)
		_, err = v.seen("which worker pools are autoscaled", err)
		return err
	case s.want.pool != nil && s.want.pool.Autoscaled:
		config, err := kube.Get(ctx, v.kube, kube.ConfigMaps, albNamespace, autoscalerConfig)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if seen, err := v.seen("how small the autoscaler may make the pool", err); !seen {
			return err
		}
		s.autoscaler, err = readMinimums(config.Data["workerPoolsConfig.json"])
		return err
	}
	return nil
}

// readMinimums reads the autoscaler's settings.
func readMinimums(text string) (minimums, error) {
	var entries []struct {
		Name    string `json:"name"`
		MinSize int    `json:"minSize"`
		Enabled bool   `json:"enabled"`
	}
	if text == "" {
		return nil, nil
	}
	if err := json.Unmarshal([]byte(text), &entries); err != nil {
		return nil, fmt.Errorf("reading workerPoolsConfig.json of ConfigMap %s/%s: %w", albNamespace, autoscalerConfig, err)
	}
	out := minimums{}
	for _, e := range entries {
		if e.Enabled {
			out[e.Name] = e.MinSize
		}
	}
	return out, nil
}

// scopeOf finds the nodes that a declaration means. A worker pool that does not
// exist is iks.IsNotFound.
func scopeOf(ctx context.Context, c *cluster.Cluster, d declaration) (scope, error) {
	if d.pool == "" {
		return d.scopeOfNodes(), nil
	}
	api, facts, err := c.IKS("worker_pool")
	if err != nil {
		return scope{}, err
	}
	pool, err := api.WorkerPool(ctx, facts, d.pool)
	if err != nil {
		return scope{}, err
	}
	return scope{pool: &pool}, nil
}

// priorScope is scopeOf for what was declared so far: of a pool that is gone
// nothing is left to undo.
func priorScope(ctx context.Context, c *cluster.Cluster, d declaration) (scope, error) {
	s, err := scopeOf(ctx, c, d)
	if iks.IsNotFound(err) {
		return scope{}, nil
	}
	return s, err
}
