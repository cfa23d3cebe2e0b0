package exposurepolicy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// namedViolations is how many of them are called by their names.
const namedViolations = 10

// job and cronJob hold what is needed of the kinds of API group batch, whose Go
// types would add as much to the program as a whole resource.
type (
	job struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
		Spec     jobSpec           `json:"spec"`
	}
	jobSpec struct {
		Template corev1.PodTemplateSpec `json:"template"`
	}
	cronJob struct {
		Metadata metav1.ObjectMeta `json:"metadata"`
		Spec     struct {
			JobTemplate struct {
				Spec jobSpec `json:"spec"`
			} `json:"jobTemplate"`
		} `json:"spec"`
	}
)

func batch[T any](name string) kube.Kind[T] {
	return kube.Kind[T]{Group: "batch", Version: "v1", Resource: strings.ToLower(name) + "s", Name: name, Namespaced: true}
}

// census gathers what would be refused if it were made anew.
type census struct {
	settings settings
	group    *errgroup.Group

	mu    sync.Mutex
	found []string // "Service shop/web (public_load_balancer)"
}

// violations lists the objects that the policy would refuse, sorted. Those that
// a workload or a CronJob has made count with that.
func (g ground) violations(ctx context.Context, s settings) ([]string, error) {
	c := &census{settings: s}
	c.group, ctx = errgroup.WithContext(ctx)
	if s.denies(externalIPs) || s.denies(nodePort) || s.denies(publicLoadBalancer) {
		count(ctx, c, g, kube.Services, "", func(o corev1.Service) (metav1.ObjectMeta, []rule) { return o.ObjectMeta, s.serviceRules(o) })
	}
	if s.denies(publicIngress) {
		countIngresses(ctx, c, g)
	}
	if s.deniesPods() {
		countPods(ctx, c, g)
	}
	if err := c.group.Wait(); err != nil {
		return nil, fmt.Errorf("counting what policy %s would refuse: %w", s.name, err)
	}
	slices.Sort(c.found)
	return c.found, nil
}

// count lists one kind of all namespaces and judges each object.
func count[T any](ctx context.Context, c *census, g ground, k kube.Kind[T], selected string, judge func(T) (metav1.ObjectMeta, []rule)) {
	exempt := c.settings.exemptNamespaces()
	c.group.Go(func() error {
		list, err := kube.CachedList(ctx, g.kube, k, kube.ListOptions{Fields: selected})
		if err != nil {
			return err
		}
		for _, object := range list {
			meta, broken := judge(object)
			if len(broken) == 0 || slices.Contains(exempt, meta.Namespace) || made(meta) {
				continue
			}
			c.mu.Lock()
			c.found = append(c.found, fmt.Sprintf("%s %s/%s (%s)", k.Name, meta.Namespace, meta.Name, strings.Join(ruleTexts(broken), ", ")))
			c.mu.Unlock()
		}
		return nil
	})
}

// made tells whether something that is judged itself has made an object.
func made(meta metav1.ObjectMeta) bool {
	by := metav1.GetControllerOfNoCopy(&meta)
	if by == nil {
		return false
	}
	_, deployed := meta.Labels["pod-template-hash"]
	return slices.Contains([]string{"DaemonSet", "StatefulSet", "Job", "CronJob"}, by.Kind) || by.Kind == "ReplicaSet" && deployed
}
