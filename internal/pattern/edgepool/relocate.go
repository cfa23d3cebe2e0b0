package edgepool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// patience is how long the load balancers and ALBs of one zone may take to be
// redeployed. An ALB takes a few minutes, a classic load balancer two.
const patience = 20 * time.Minute

// relocator redeploys load balancers and ALBs so that they run where the labels
// say, and verifies it.
type relocator struct {
	cluster *cluster.Cluster
	kube    *kube.Client
	turns   *turns
	sent    func(error) error
	warn    func(summary, detail string)
	// strict fails when something does not move; otherwise that is a warning.
	strict bool
	// refresh the master when VPC load balancers are asked to move.
	refresh bool
}

func (w *work) relocator() *relocator {
	return &relocator{
		cluster: w.cluster, kube: w.kube, turns: w.part.turns, sent: w.sent, warn: w.warn,
		strict: w.declared.enforce, refresh: w.declared.refresh,
	}
}

func misplaced(all []carrier, nodes []corev1.Node) []carrier {
	mark := edgeMark(nodes)
	var out []carrier
	for _, c := range all {
		if c.misplaced(nodes, mark) {
			out = append(out, c)
		}
	}
	return out
}

// run redeploys what is out of place, one zone after the other, so that never
// all of them roll at once.
func (r *relocator) run(ctx context.Context) error {
	release, err := r.turns.take(ctx, r.cluster.ID)
	if err != nil {
		return err
	}
	defer release()
	seen, err := r.look(ctx)
	if err != nil {
		return err
	}
	mark := edgeMark(seen.nodes)
	var deployed, inVPC []carrier
	albs := false
	for _, c := range misplaced(seen.carriers, seen.nodes) {
		if c.deployment == nil && c.alb == nil {
			inVPC = append(inVPC, c)
			continue
		}
		deployed = append(deployed, c)
		albs = albs || c.alb != nil
	}
	move := func() error { return r.redeployByZone(ctx, deployed, mark) }
	if albs {
		err = r.withoutAutoUpdate(ctx, move)
	} else {
		err = move()
	}
	if err != nil || len(inVPC) == 0 {
		return err
	}
	if r.refresh {
		// Before the VPC's load balancers: once their Services bear the mark, a run
		// that takes up from one that failed would not know that this is still to do.
		api, facts, err := r.cluster.IKS("allow_master_refresh")
		if err != nil {
			return err
		}
		if err := r.sent(api.RefreshMaster(ctx, facts)); err != nil {
			return err
		}
	}
	return r.redeployByZone(ctx, inVPC, mark)
}

// redeployByZone redeploys the carriers of one zone after those of the other.
func (r *relocator) redeployByZone(ctx context.Context, carriers []carrier, mark string) error {
	zones := map[string][]carrier{}
	for _, c := range carriers {
		zones[c.zone] = append(zones[c.zone], c)
	}
	for _, zone := range slices.Sorted(maps.Keys(zones)) {
		if err := r.redeploy(ctx, zone, zones[zone], mark); err != nil {
			return err
		}
	}
	return nil
}

// sight is what there is to be moved, and the edge nodes to move it to.
type sight struct {
	nodes    []corev1.Node
	services []corev1.Service
	albs     []iks.ALB
	carriers []carrier
}

// look takes the nodes, the ALBs and the load balancers of the cluster in.
func (r *relocator) look(ctx context.Context) (*sight, error) {
	v := &surveyor{cluster: r.cluster, kube: r.kube}
	s := &sight{}
	var err error
	if s.nodes, err = kube.List(ctx, r.kube, kube.Nodes, kube.ListOptions{Labels: markKey + "=" + markValue}); err != nil {
		return nil, err
	}
	if s.services, err = kube.List(ctx, r.kube, kube.Services, kube.ListOptions{}); err != nil {
		return nil, err
	}
	if s.albs, err = v.albs(ctx); err != nil {
		return nil, err
	}
	return s, r.lookAgain(ctx, v, s)
}

// lookAgain takes in where the load balancers and ALBs run by now.
func (r *relocator) lookAgain(ctx context.Context, v *surveyor, s *sight) error {
	deployments, err := v.deployments(ctx, s.albs, s.services)
	if err != nil {
		return err
	}
	var pods []corev1.Pod
	for _, namespace := range namespacesOf(deployments) {
		found, err := kube.List(ctx, r.kube, kube.Pods, kube.ListOptions{Namespace: namespace, Fields: podSelector})
		if err != nil {
			return err
		}
		pods = append(pods, found...)
	}
	s.carriers = findCarriers(s.albs, s.services, deployments, pods, r.cluster.OnVPC())
	return nil
}

func namespacesOf(deployments []appsv1.Deployment) []string {
	in := map[string]bool{}
	for i := range deployments {
		in[deployments[i].Namespace] = true
	}
	return slices.Sorted(maps.Keys(in))
}

// redeploy redeploys the carriers of one zone and waits until they are where
// they belong.
func (r *relocator) redeploy(ctx context.Context, zone string, carriers []carrier, mark string) error {
	moving := map[string]bool{}
	for _, c := range carriers {
		moving[c.String()] = true
		if c.alb == nil {
			may, err := r.ask(ctx, c.service, mark)
			if err != nil {
				return err
			}
			if !may {
				delete(moving, c.String())
			}
			continue
		}
		api, facts, err := r.cluster.IKS("ALBs")
		if err != nil {
			return err
		}
		if err := r.sent(api.UpdateALB(ctx, facts, c.alb.ID, c.alb.Build)); err != nil {
			return fmt.Errorf("redeploying ALB %s: %w", c.alb.ID, err)
		}
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := kube.Wait(limited, kube.WaitOptions{First: time.Second, Max: 10 * time.Second}, func(ctx context.Context) (bool, string, error) {
		s, err := r.look(ctx)
		if err != nil {
			return false, "", err
		}
		var late []string
		for _, c := range s.carriers {
			if moving[c.String()] && (c.misplaced(s.nodes, mark) || !c.rolledOut()) {
				late = append(late, c.String())
			}
		}
		return len(late) == 0, "not where it belongs yet: " + some(late), nil
	})
	if err == nil {
		return nil
	}
	where := ""
	if zone != "" {
		where = " of zone " + zone
	}
	err = fmt.Errorf("moving the load balancers and ALBs%s: %w", where, err)
	if r.strict || ctx.Err() != nil {
		return err
	}
	r.warn("Load balancers or ALBs did not move", err.Error()+". Going on all the same, because safety_checks is \"warn\".")
	return nil
}

// ask touches a Service, and tells whether that may be done: an ALB's own may be
// closed to us, and its load balancer then follows by itself, later.
func (r *relocator) ask(ctx context.Context, service *corev1.Service, mark string) (may bool, err error) {
	err = r.touch(ctx, service, mark)
	if apierrors.IsForbidden(err) && ofALB(service) {
		r.warn("An ALB's own Service may not be changed", fmt.Sprintf("%v. Its load balancer follows the edge nodes after the next refresh of the cluster's master.", err))
		return false, nil
	}
	return true, err
}

// adopt marks the VPC load balancers that were made after the edge nodes, so that
// once these are gone it shows that they have to be looked at again, in a later
// run, too.
func (r *relocator) adopt(ctx context.Context) error {
	release, err := r.turns.take(ctx, r.cluster.ID)
	if err != nil {
		return err
	}
	defer release()
	s, err := r.look(ctx)
	if err != nil {
		return err
	}
	mark := edgeMark(s.nodes)
	if mark == "" {
		return nil
	}
	for _, c := range s.carriers {
		if c.alb != nil || c.deployment != nil || c.service.Annotations[relocatedAnnotation] != "" {
			continue
		}
		if _, err := r.ask(ctx, c.service, mark); err != nil {
			return err
		}
	}
	return nil
}

// touch makes the cloud provider look at a Service's load balancer again, by an
// annotation that says for which edge nodes; with mark "" no annotation is left
// behind.
func (r *relocator) touch(ctx context.Context, service *corev1.Service, mark string) error {
	now, there := service.Annotations[relocatedAnnotation]
	steps := []any{mark}
	switch {
	case mark == "" && there:
		steps = []any{nil}
	case mark == "":
		steps = []any{"leaving", nil}
	case now == mark:
		steps = []any{nil, mark}
	}
	for _, value := range steps {
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]any{relocatedAnnotation: value}}})
		if err != nil {
			return err
		}
		_, err = kube.Patch(ctx, r.kube, kube.Services, service.Namespace, service.Name, types.MergePatchType, patch, kube.PatchOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if r.sent(err) != nil {
			return fmt.Errorf("redeploying the load balancer of Service %s/%s: %w", service.Namespace, service.Name, err)
		}
	}
	return nil
}

// forgetEarlier takes our annotation off where there is no edge node and yet it
// stands, because a removal was not to touch load balancers. It would say of VPC
// load balancers that they have followed edge nodes which are only now to come.
func (w *work) forgetEarlier(ctx context.Context, s *situation) error {
	annotated := func(service corev1.Service) bool { return service.Annotations[relocatedAnnotation] != "" }
	if !w.declared.relocate || !w.cluster.OnVPC() || edgeMark(s.nodes) != "" || !slices.ContainsFunc(s.services, annotated) {
		return nil
	}
	move := w.relocator()
	release, err := move.turns.take(ctx, w.cluster.ID)
	if err != nil {
		return err
	}
	defer release()
	nodes, err := kube.List(ctx, w.kube, kube.Nodes, kube.ListOptions{Labels: markKey + "=" + markValue})
	if err != nil || len(nodes) > 0 {
		return err // another resource has made edge nodes meanwhile, and moves to them
	}
	if err := move.sweep(ctx); err != nil {
		return err
	}
	for i := range s.services {
		delete(s.services[i].Annotations, relocatedAnnotation)
	}
	return nil
}

// sweep takes our annotation off every Service, when no edge node is left.
func (r *relocator) sweep(ctx context.Context) error {
	services, err := kube.List(ctx, r.kube, kube.Services, kube.ListOptions{})
	if err != nil {
		return err
	}
	var failed []error
	for i := range services {
		if _, there := services[i].Annotations[relocatedAnnotation]; there {
			_, err := r.ask(ctx, &services[i], "")
			failed = append(failed, err)
		}
	}
	return errors.Join(failed...)
}

// turns lets one at a time do something to a cluster.
type turns struct{ clusters *iks.KeyedLocks }

func newTurns() *turns { return &turns{iks.NewKeyedLocks()} }

// take waits for its turn, or for the end of ctx.
func (t *turns) take(ctx context.Context, clusterID string) (release func(), err error) {
	release, err = t.clusters.Lock(ctx, clusterID)
	if err != nil {
		return nil, fmt.Errorf("waiting until another resource has moved the load balancers of this cluster: %w", err)
	}
	return release, nil
}
