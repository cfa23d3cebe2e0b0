package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// newCluster knows what a cluster is to get; number tells clusters of a lab apart.
func (l *Lab) newCluster(ctx context.Context, cluster *localiks.Cluster, number int) (*Cluster, error) {
	info, found := l.options.Environment.IKS.Cluster(cluster.ID)
	if !found {
		return nil, errors.New("IKS does not know it")
	}
	subnets, err := subnetsOf(info)
	if err != nil {
		return nil, err
	}
	c := &Cluster{Cluster: cluster, Workers: map[netip.Addr]*Worker{}, lab: l, subnets: subnets}
	for network, lists := range map[*router][][]netip.Prefix{
		l.internet: {subnets.public, subnets.portablePublic}, l.private: {subnets.private, subnets.portablePrivate},
	} {
		for _, list := range lists {
			for _, subnet := range list {
				if err := network.serve(ctx, subnet); err != nil {
					return nil, err
				}
			}
		}
	}
	if err := c.control(ctx, number); err != nil {
		return nil, fmt.Errorf("control node: %w", err)
	}
	return c, nil
}

// start brings up the workers, all at a time, and then what follows the API server.
func (c *Cluster) start(ctx context.Context) error {
	config := rest.CopyConfig(c.RESTConfig())
	config.UserAgent = "localiks-dataplane"
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := calicoObjects(ctx, client); err != nil {
		return err
	}
	typed, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	if err := c.directory(ctx, typed); err != nil {
		return err
	}
	for _, w := range c.lab.options.Environment.IKS.Workers(c.ID) {
		worker, err := c.newWorker(ctx, w)
		if err != nil {
			return fmt.Errorf("worker %s: %w", w.PrivateIP, err)
		}
		c.Workers[worker.Address] = worker
	}
	group, groupCtx := errgroup.WithContext(ctx)
	for _, w := range c.Workers {
		group.Go(func() error {
			if err := w.start(groupCtx); err != nil {
				return fmt.Errorf("worker %s: %w", w.Name, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	if c.follow, err = c.newFollower(ctx, typed); err != nil {
		return err
	}
	return c.named(ctx)
}

// named waits until the cluster's DNS answers.
func (c *Cluster) named(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	return until(ctx, func() error {
		for _, w := range c.Workers {
			once, cancel := context.WithTimeout(ctx, time.Second)
			_, err := w.lookUp(once, "kubernetes.default.svc.cluster.local")
			cancel()
			if err != nil {
				return fmt.Errorf("the cluster's DNS: %w", err)
			}
		}
		return nil
	})
}

// halt ends what follows the API server and the workers' programs.
func (c *Cluster) halt() {
	if c.follow != nil {
		c.follow.stop()
	}
	for _, w := range c.Workers {
		w.halt()
	}
}

// LoadBalancer waits until a Service of type LoadBalancer has its address.
func (c *Cluster) LoadBalancer(ctx context.Context, namespace, name string) (netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	var address netip.Addr
	err := until(ctx, func() error {
		service, err := c.follow.services.Services(namespace).Get(name)
		if err != nil {
			return err
		}
		for _, ingress := range service.Status.LoadBalancer.Ingress {
			if address, err = netip.ParseAddr(ingress.IP); err == nil {
				return nil
			}
		}
		return fmt.Errorf("service %s/%s has no address", namespace, name)
	})
	return address, err
}
