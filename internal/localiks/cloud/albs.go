package cloud

import (
	"context"
	"errors"
	"fmt"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// Statuses that an ALB is reported with while it runs.
const (
	statusWarning  = "warning"  // some replicas are missing
	statusCritical = "critical" // all of them are
)

// publicNGINX is the class that Ingresses without a class are given.
const publicNGINX = "public-iks-k8s-nginx"

// albRecord is what runs of an ALB.
type albRecord struct {
	revision   int   // of the ALB in IKS
	generation int64 // of the Deployment
}

// syncALBs brings ALBs up, down and up to date, and reports their health.
func (c *Controllers) syncALBs(ctx context.Context, cluster fakeiks.Cluster) error {
	failures := map[string]error{}
	classes := map[string]fakeiks.Controller{}
	albs := c.options.Server.ALBs(cluster.ID)
	for _, alb := range albs {
		if alb.Enabled {
			classes[alb.IngressClass()] = alb.Controller
		}
	}
	for _, alb := range albs {
		if alb.Enabled {
			failures[alb.ID] = c.runALB(ctx, cluster, alb)
		} else {
			failures[alb.ID] = c.endALB(ctx, alb)
		}
	}
	failures["ingress classes"] = c.syncClasses(ctx, classes)
	return join(failures)
}

// runALB deploys an ALB when IKS asks for it, and reports how it does.
func (c *Controllers) runALB(ctx context.Context, cluster fakeiks.Cluster, alb fakeiks.ALB) error {
	if alb.Reserved == "" {
		return nil // no address is free for it; its status says so
	}
	record, running := c.deployed[alb.ID]
	if !running || record.revision != alb.Revision {
		generation, err := c.deployALB(ctx, cluster, alb)
		if err != nil {
			return err
		}
		record = albRecord{revision: alb.Revision, generation: generation}
		c.deployed[alb.ID] = record
	}
	deployment, err := c.deployments.Deployments(metav1.NamespaceSystem).Get(alb.ID)
	if apierrors.IsNotFound(err) {
		return errUnfinished
	}
	if err != nil {
		return err
	}
	return c.reportALB(cluster, alb, record, deployment.Status)
}

// reportALB tells IKS how a deployed ALB does.
func (c *Controllers) reportALB(cluster fakeiks.Cluster, alb fakeiks.ALB, record albRecord, status appsv1.DeploymentStatus) error {
	wanted := int32(alb.Replicas)
	rolledOut := status.ObservedGeneration >= record.generation && status.UpdatedReplicas == wanted && status.Replicas == wanted
	var verdict string
	switch {
	case rolledOut && status.AvailableReplicas == wanted:
		verdict = fakeiks.ALBHealthy
	case alb.State != fakeiks.ALBStateEnabled || alb.Status != fakeiks.ALBHealthy && alb.Status != statusWarning && alb.Status != statusCritical:
		return c.waitForALB(alb) // still on its way up
	case status.AvailableReplicas == 0:
		verdict = statusCritical
	default:
		verdict = statusWarning
	}
	if alb.State != fakeiks.ALBStateEnabled || alb.Status != verdict || alb.Address != alb.Reserved {
		err := c.options.Server.SetALB(cluster.ID, alb.ID, fakeiks.ALBStateEnabled, verdict, alb.Reserved)
		if err != nil {
			return err
		}
	}
	if verdict != fakeiks.ALBHealthy {
		return c.waitForALB(alb)
	}
	return nil
}

// waitForALB is errUnfinished, unless the ALB's zone has no ready node: then
// there is nothing to wait for.
func (c *Controllers) waitForALB(alb fakeiks.ALB) error {
	nodes, err := c.nodes.List(labels.SelectorFromSet(labels.Set{labelZone: alb.Zone}))
	if err != nil {
		return err
	}
	for _, node := range nodes {
		if ready(node) {
			return errUnfinished
		}
	}
	return nil
}

// edgeNodes counts the ready nodes of the ALB's zone that are labelled as edge
// at this moment.
func (c *Controllers) edgeNodes(ctx context.Context, zone string) (int, error) {
	selector := labels.SelectorFromSet(labels.Set{labelZone: zone, labelDedicated: edgeValue}).String()
	list, err := c.kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return 0, fmt.Errorf("edge nodes of zone %s: %w", zone, err)
	}
	count := 0
	for i := range list.Items {
		if ready(&list.Items[i]) {
			count++
		}
	}
	return count, nil
}

// deployALB applies Service and Deployment, and decides about the edge.
func (c *Controllers) deployALB(ctx context.Context, cluster fakeiks.Cluster, alb fakeiks.ALB) (int64, error) {
	edge, err := c.edgeNodes(ctx, alb.Zone)
	if err != nil {
		return 0, err
	}
	if err := c.applyALBService(ctx, cluster, alb); err != nil {
		return 0, fmt.Errorf("service %s: %w", alb.ID, err)
	}
	wanted := albDeployment(cluster, alb, edge >= enoughEdgeNodes)
	deployments := c.kube.AppsV1().Deployments(metav1.NamespaceSystem)
	applied, err := deployments.Create(ctx, wanted, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		applied, err = deployments.Update(ctx, wanted, metav1.UpdateOptions{})
	}
	if err != nil {
		return 0, fmt.Errorf("deployment %s: %w", alb.ID, err)
	}
	return applied.Generation, nil
}

// applyALBService makes the Service and gives it the ALB's address.
func (c *Controllers) applyALBService(ctx context.Context, cluster fakeiks.Cluster, alb fakeiks.ALB) error {
	services := c.kube.CoreV1().Services(metav1.NamespaceSystem)
	service, err := services.Get(ctx, alb.ID, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		service, err = services.Create(ctx, albService(cluster, alb), metav1.CreateOptions{})
	}
	if err != nil {
		return err
	}
	ingress := corev1.LoadBalancerIngress{IP: alb.Reserved}
	if cluster.Provider == fakeiks.VPC {
		ingress = corev1.LoadBalancerIngress{Hostname: alb.Reserved}
	}
	if present := service.Status.LoadBalancer.Ingress; len(present) == 1 && present[0].IP == ingress.IP && present[0].Hostname == ingress.Hostname {
		return nil
	}
	service.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{ingress}
	_, err = services.UpdateStatus(ctx, service, metav1.UpdateOptions{})
	return err
}

// endALB takes an ALB down and reports it gone.
func (c *Controllers) endALB(ctx context.Context, alb fakeiks.ALB) error {
	_, running := c.deployed[alb.ID]
	if !running && alb.State == fakeiks.ALBStateDisabled && alb.Status == "" {
		return nil
	}
	propagation := metav1.DeletePropagationBackground
	gone := metav1.DeleteOptions{PropagationPolicy: &propagation}
	failures := []error{ignoreNotFound(c.kube.AppsV1().Deployments(metav1.NamespaceSystem).Delete(ctx, alb.ID, gone))}
	address := ""
	if alb.KeepService {
		address = alb.Address
	} else {
		failures = append(failures, ignoreNotFound(c.kube.CoreV1().Services(metav1.NamespaceSystem).Delete(ctx, alb.ID, gone)))
	}
	if err := errors.Join(failures...); err != nil {
		return fmt.Errorf("ALB %s: %w", alb.ID, err)
	}
	delete(c.deployed, alb.ID)
	return c.options.Server.SetALB(alb.ClusterID, alb.ID, fakeiks.ALBStateDisabled, "", address)
}

func ignoreNotFound(err error) error {
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}

// syncClasses makes the IngressClasses of the enabled ALBs and removes those of
// ours that no ALB serves any more.
func (c *Controllers) syncClasses(ctx context.Context, wanted map[string]fakeiks.Controller) error {
	classes := c.kube.NetworkingV1().IngressClasses()
	present, err := c.classes.List(labels.Everything())
	if err != nil {
		return err
	}
	missing := maps.Clone(wanted)
	for _, class := range present {
		_, found := wanted[class.Name]
		delete(missing, class.Name)
		if _, ours := class.Labels[albLabel]; found || !ours {
			continue
		}
		if err := ignoreNotFound(classes.Delete(ctx, class.Name, metav1.DeleteOptions{})); err != nil {
			return fmt.Errorf("ingress class %s: %w", class.Name, err)
		}
	}
	for name, controller := range missing {
		_, err := classes.Create(ctx, ingressClass(name, controller), metav1.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("ingress class %s: %w", name, err)
		}
	}
	return nil
}

// ingressClass is the IngressClass of the ALBs of one type and controller. The
// public one of NGINX is the default, so that an Ingress without a class is public.
func ingressClass(name string, controller fakeiks.Controller) *networkingv1.IngressClass {
	program := "k8s.io/ingress-nginx"
	if controller == fakeiks.Traefik {
		program = "traefik.io/ingress-controller"
	}
	var notes map[string]string
	if name == publicNGINX {
		notes = map[string]string{networkingv1.AnnotationIsDefaultIngressClass: "true"}
	}
	return &networkingv1.IngressClass{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{albLabel: string(controller)}, Annotations: notes},
		Spec:       networkingv1.IngressClassSpec{Controller: program},
	}
}
