package cloud_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// enable turns an ALB on or off through the API of its infrastructure.
func (r *rig) enable(t *testing.T, alb fakeiks.ALB, on bool) {
	t.Helper()
	var err error
	switch {
	case r.cluster.Provider == fakeiks.Classic && on:
		err = r.v1.Albs().EnableALB(alb.ID, containerv1.ALBConfig{ALBID: alb.ID, Enable: true}, containerv1.ClusterTargetHeader{})
	case r.cluster.Provider == fakeiks.Classic:
		err = r.v1.Albs().DisableALB(alb.ID, containerv1.ClusterTargetHeader{})
	case on:
		err = r.v2.Albs().EnableAlb(containerv2.AlbConfig{AlbID: alb.ID, Enable: true}, containerv2.ClusterTargetHeader{})
	default:
		err = r.v2.Albs().DisableAlb(containerv2.AlbConfig{AlbID: alb.ID}, containerv2.ClusterTargetHeader{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// settled waits until an ALB is enabled and healthy, or disabled.
func (r *rig) settled(t *testing.T, id string, on bool) fakeiks.ALB {
	t.Helper()
	var alb fakeiks.ALB
	eventually(t, "ALB "+id+" settles", func() error {
		albs := r.iks.ALBs(r.cluster.ID)
		alb = albs[slices.IndexFunc(albs, func(a fakeiks.ALB) bool { return a.ID == id })]
		if on && alb.State == "enabled" && alb.Status == "healthy" && alb.Address != "" || !on && alb.State == "disabled" && alb.Address == "" {
			return nil
		}
		return fmt.Errorf("state %q, status %q, address %q", alb.State, alb.Status, alb.Address)
	})
	return alb
}

func (r *rig) deployment(t *testing.T, id string) (*appsv1.Deployment, error) {
	t.Helper()
	return r.kube.AppsV1().Deployments(metav1.NamespaceSystem).Get(t.Context(), id, metav1.GetOptions{})
}

// wantsEdge says whether a Deployment's pods must run on edge nodes.
func wantsEdge(d *appsv1.Deployment) bool {
	terms := d.Spec.Template.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	return slices.ContainsFunc(terms[0].MatchExpressions, func(e corev1.NodeSelectorRequirement) bool {
		return e.Key == "dedicated" && e.Operator == corev1.NodeSelectorOpIn && slices.Equal(e.Values, []string{"edge"})
	})
}

// podsOn are the pools whose nodes an ALB's running pods are on.
func (r *rig) podsOn(t *testing.T, id string) (pools []string, err error) {
	t.Helper()
	pods, err := r.kube.CoreV1().Pods(metav1.NamespaceSystem).List(t.Context(), metav1.ListOptions{LabelSelector: "app=" + id})
	if err != nil {
		return nil, err
	}
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp != nil || pod.Status.Phase != corev1.PodRunning {
			continue
		}
		for _, w := range r.iks.Workers(r.cluster.ID) {
			if w.PrivateIP == pod.Spec.NodeName {
				pools = append(pools, w.PoolName)
			}
		}
	}
	slices.Sort(pools)
	return pools, nil
}

func testALBsRun(t *testing.T, r *rig) {
	zone := r.cluster.Zones[0].ID
	public, private := r.alb(t, "public", zone), r.alb(t, "private", zone)
	if public.Status != "healthy" {
		t.Errorf("the public ALB at the start: %+v", public)
	}
	r.checkALB(t, public)
	if _, err := r.deployment(t, private.ID); gone(err) != nil {
		t.Error("a disabled ALB runs:", err)
	}
	r.enable(t, private, true)
	private = r.settled(t, private.ID, true)
	r.checkALB(t, private)

	r.enable(t, private, false)
	r.settled(t, private.ID, false)
	if _, err := r.deployment(t, private.ID); gone(err) != nil {
		t.Error("deployment:", err)
	}
	if _, err := r.kube.CoreV1().Services(metav1.NamespaceSystem).Get(t.Context(), private.ID, metav1.GetOptions{}); gone(err) != nil {
		t.Error("service:", err)
	}
	eventually(t, "the private class goes", func() error {
		_, err := r.kube.NetworkingV1().IngressClasses().Get(t.Context(), "private-iks-k8s-nginx", metav1.GetOptions{})
		return gone(err)
	})
	if _, err := r.kube.NetworkingV1().IngressClasses().Get(t.Context(), "public-iks-k8s-nginx", metav1.GetOptions{}); err != nil {
		t.Error("the public class:", err)
	}
}

// checkALB looks at the objects of an enabled ALB.
func (r *rig) checkALB(t *testing.T, alb fakeiks.ALB) {
	t.Helper()
	deployment, err := r.deployment(t, alb.ID)
	if err != nil {
		t.Fatal(err)
	}
	if *deployment.Spec.Replicas != 2 || deployment.Status.AvailableReplicas != 2 || deployment.Labels["app"] != alb.ID {
		t.Errorf("deployment %s: %+v", alb.ID, deployment.Status)
	}
	for _, value := range []string{"edge", "gateway"} {
		if !slices.ContainsFunc(deployment.Spec.Template.Spec.Tolerations, func(t corev1.Toleration) bool {
			return t.Key == "dedicated" && t.Value == value && t.Effect == ""
		}) {
			t.Errorf("deployment %s does not tolerate %s nodes", alb.ID, value)
		}
	}
	service, err := r.kube.CoreV1().Services(metav1.NamespaceSystem).Get(t.Context(), alb.ID, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ingress := service.Status.LoadBalancer.Ingress
	if len(ingress) != 1 || ingress[0].IP+ingress[0].Hostname != alb.Address || (ingress[0].IP != "") != (r.cluster.Provider == fakeiks.Classic) {
		t.Errorf("service %s: %+v, want the address %s", alb.ID, ingress, alb.Address)
	}
	if _, err := r.kube.NetworkingV1().IngressClasses().Get(t.Context(), alb.IngressClass(), metav1.GetOptions{}); err != nil {
		t.Errorf("ingress class: %v", err)
	}
}

// testALBsFollowTheEdgeWhenDeployed labels one and two edge nodes in a zone.
func testALBsFollowTheEdgeWhenDeployed(t *testing.T, r *rig) {
	none := containerv2.ClusterTargetHeader{}
	zone := r.cluster.Zones[0].ID
	public, private := r.alb(t, "public", zone), r.alb(t, "private", zone)
	if err := r.v1.Albs().ChangeALBUpdatePolicy(r.cluster.ID, containerv1.ALBUpdatePolicy{}, containerv1.ClusterTargetHeader{}); err != nil {
		t.Fatal(err)
	}
	r.setLabels(t, "edge", map[string]string{"dedicated": "edge"})
	for _, w := range r.workers("edge") {
		eventually(t, "the label arrives", func() error { return r.looks(t, w, "edge", nil) })
	}
	if d, err := r.deployment(t, public.ID); err != nil || wantsEdge(d) {
		t.Errorf("the label alone moved the ALB (%v)", err)
	}
	update := func(id string) {
		t.Helper()
		request := containerv2.UpdateALBReq{ClusterID: r.cluster.ID, ALBBuild: public.Build, ALBList: []string{id}}
		if err := r.v2.Albs().UpdateAlb(request, none); err != nil {
			t.Fatal(err)
		}
		r.settled(t, id, true)
	}
	update(public.ID)
	d, err := r.deployment(t, public.ID)
	if err != nil || !wantsEdge(d) {
		t.Fatalf("an update with two edge nodes does not ask for them (%v)", err)
	}
	eventually(t, "the ALB's pods move to the edge nodes", func() error {
		pools, err := r.podsOn(t, public.ID)
		if err == nil && !slices.Equal(pools, []string{"edge", "edge"}) {
			err = fmt.Errorf("pods on %v", pools)
		}
		return err
	})
	r.setTaints(t, map[string]string{"dedicated": "edge:NoExecute"})
	eventually(t, "the taint arrives", func() error { return r.looks(t, r.workers("edge")[0], "edge", []string{"dedicated=edge:NoExecute"}) })
	r.enable(t, private, true)
	r.settled(t, private.ID, true)
	if d, err := r.deployment(t, private.ID); err != nil || !wantsEdge(d) {
		t.Errorf("an ALB that is enabled now does not ask for edge nodes (%v)", err)
	}
	if d, err := r.deployment(t, r.alb(t, "public", r.cluster.Zones[1].ID).ID); err != nil || wantsEdge(d) {
		t.Errorf("an ALB of another zone was deployed anew (%v)", err)
	}

	// One edge node in the zone is not enough: the label is ignored.
	inZone := slices.DeleteFunc(r.workers("edge"), func(w fakeiks.Worker) bool { return w.Zone != zone })
	if err := r.iks.RemoveWorker(r.cluster.ID, inZone[0].ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the edge node is gone", func() error {
		_, err := r.node(t, inZone[0])
		return gone(err)
	})
	update(private.ID)
	if d, err := r.deployment(t, private.ID); err != nil || wantsEdge(d) {
		t.Errorf("one edge node is enough (%v)", err)
	}
	r.setTaints(t, nil)
	r.setLabels(t, "edge", nil)
	if _, err := r.iks.AddWorker(r.cluster.ID, "edge", zone); err != nil {
		t.Fatal(err)
	}
	r.enable(t, private, false)
	r.settled(t, private.ID, false)
}

// testALBHealth scales an ALB's nodes away.
func testALBHealth(t *testing.T, r *rig) {
	zone := r.cluster.Zones[1].ID
	public := r.alb(t, "public", zone)
	var cordoned []fakeiks.Worker
	cordon := func(w fakeiks.Worker, on bool) {
		t.Helper()
		node, err := r.node(t, w)
		if err != nil {
			t.Fatal(err)
		}
		eventually(t, "cordon "+node.Name, func() error {
			if node, err = r.node(t, w); err != nil {
				return err
			}
			node.Spec.Unschedulable = on
			_, err = r.kube.CoreV1().Nodes().Update(t.Context(), node, metav1.UpdateOptions{})
			return err
		})
	}
	for _, w := range r.iks.Workers(r.cluster.ID) {
		if w.Zone == zone {
			cordon(w, true)
			cordoned = append(cordoned, w)
		}
	}
	err := r.kube.CoreV1().Pods(metav1.NamespaceSystem).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{LabelSelector: "app=" + public.ID})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the ALB is critical", func() error {
		if alb := r.alb(t, "public", zone); alb.Status != "critical" {
			return fmt.Errorf("status %q", alb.Status)
		}
		return nil
	})
	for _, w := range cordoned {
		cordon(w, false)
	}
	r.settled(t, public.ID, true)
}

// testTraefik switches an ALB to the other kind of controller.
func testTraefik(t *testing.T, r *rig) {
	none := containerv2.ClusterTargetHeader{}
	alb := r.alb(t, "private", r.cluster.Zones[0].ID)
	images, err := r.v2.Albs().ListAlbImages(none)
	if err != nil {
		t.Fatal(err)
	}
	build := images.SupportedK8sVersions[len(images.SupportedK8sVersions)-1]
	if r.cluster.Provider == fakeiks.Classic {
		err = r.v1.Albs().EnableALB(alb.ID, containerv1.ALBConfig{ALBID: alb.ID, Enable: true, ALBBuild: build}, containerv1.ClusterTargetHeader{})
	} else {
		err = r.v2.Albs().EnableAlb(containerv2.AlbConfig{AlbID: alb.ID, Enable: true, AlbBuild: build}, none)
	}
	if err != nil {
		t.Fatal(err)
	}
	alb = r.settled(t, alb.ID, true)
	if alb.IngressClass() != "private-iks-traefik" {
		t.Errorf("class %q of build %q", alb.IngressClass(), build)
	}
	r.checkALB(t, alb)
	r.enable(t, alb, false)
	r.settled(t, alb.ID, false)
}
