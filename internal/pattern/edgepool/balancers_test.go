package edgepool

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// balancers plays the controller of classic load balancers: a Service's load
// balancer is a deployment in ibm-system that has to be on the Service's VLAN,
// and on edge nodes if there are any on it when the Service is looked at, which
// is when it changes.
type balancers struct {
	t      *testing.T
	client kubernetes.Interface
	vlan   string
	seen   map[string]string // resource version by Service
	ips    map[string]string // by Service
}

func (r *rig) playBalancers(vlan string) {
	r.t.Helper()
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: balancerNamespace}}
	if _, err := r.client.CoreV1().Namespaces().Create(r.t.Context(), namespace, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		r.t.Fatal(err)
	}
	b := &balancers{t: r.t, client: r.client, vlan: vlan, seen: map[string]string{}, ips: map[string]string{}}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		for ctx.Err() == nil {
			// After a conflict with another writer it looks again, as a controller does.
			if err := b.sync(ctx); err != nil && ctx.Err() == nil && !apierrors.IsConflict(err) {
				b.t.Errorf("playing load balancers: %v", err)
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
	r.t.Cleanup(func() {
		cancel()
		running.Wait()
	})
}

func (b *balancers) sync(ctx context.Context) error {
	services, err := b.client.CoreV1().Services("default").List(ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	for i := range services.Items {
		s := &services.Items[i]
		if s.Spec.Type != corev1.ServiceTypeLoadBalancer || b.seen[s.Name] == s.ResourceVersion {
			continue
		}
		if _, known := b.ips[s.Name]; !known {
			b.ips[s.Name] = fmt.Sprintf("169.61.9.%d", len(b.ips)+10)
		}
		if err := b.deploy(ctx, b.ips[s.Name]); err != nil {
			return err
		}
		if len(s.Status.LoadBalancer.Ingress) > 0 {
			b.seen[s.Name] = s.ResourceVersion
			continue
		}
		s.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: b.ips[s.Name]}}
		_, err := b.client.CoreV1().Services("default").UpdateStatus(ctx, s, metav1.UpdateOptions{})
		if err != nil && !apierrors.IsConflict(err) && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

func (b *balancers) deploy(ctx context.Context, ip string) error {
	edge, err := b.client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: publicVLANLabel + "=" + b.vlan + "," + markKey + "=" + markValue})
	if err != nil {
		return err
	}
	demands := []string{publicVLANLabel, b.vlan}
	if len(edge.Items) > 0 {
		demands = append(demands, markKey, markValue)
	}
	name := balancerNamePrefix + strings.ReplaceAll(ip, ".", "-")
	d := demanding(balancerNamespace, name, demands...)
	d.Generation, d.Status = 0, appsv1.DeploymentStatus{}
	d.Spec.Template.Labels = d.Spec.Selector.MatchLabels
	d.Spec.Template.Spec.Containers = []corev1.Container{{Name: "keepalived", Image: "example.com/keepalived:1"}}
	d.Spec.Template.Spec.Tolerations = []corev1.Toleration{edgeToleration()}
	there, err := b.client.AppsV1().Deployments(balancerNamespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = b.client.AppsV1().Deployments(balancerNamespace).Create(ctx, d, metav1.CreateOptions{})
		return err
	}
	if err != nil {
		return err
	}
	there.Spec.Template = d.Spec.Template
	_, err = b.client.AppsV1().Deployments(balancerNamespace).Update(ctx, there, metav1.UpdateOptions{})
	return err
}

func (r *rig) balancer(name string) {
	r.t.Helper()
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{"team": "web"}}, Spec: corev1.ServiceSpec{
		Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Port: 80}},
	}}
	if _, err := r.client.CoreV1().Services("default").Create(r.t.Context(), s, metav1.CreateOptions{}); err != nil {
		r.t.Fatal(err)
	}
}

// Classic load balancers follow the edge nodes, and leave them.
func testClassicLoadBalancers(t *testing.T, r *rig) {
	vlan := r.nodes("edge")[0].Labels[publicVLANLabel]
	r.playBalancers(vlan)
	r.balancer("web")
	r.balancer("api")
	var names []string
	r.eventually("the load balancers run", func() error {
		list, err := r.client.AppsV1().Deployments(balancerNamespace).List(t.Context(), metav1.ListOptions{})
		if err != nil {
			return err
		}
		names = nil
		for _, d := range list.Items {
			if d.Status.AvailableReplicas == 2 {
				names = append(names, d.Name)
			}
		}
		if len(names) != 2 {
			return &unexpected{"ibm-system", fmt.Sprint(names)}
		}
		return nil
	})

	m := byPool("edge")
	r.mustApply(m, nil)
	for _, name := range names {
		r.wantOn(balancerNamespace, name, "edge", true)
	}
	r.sent()
	r.mustApply(byPool("edge"), m)
	if writes := r.sent().writes(); len(writes) > 0 {
		t.Errorf("a second apply writes %v", writes)
	}

	// One that is made now is put on edge nodes without us, and has to leave
	// them as the others do.
	r.balancer("later")
	r.eventually("the third one runs", func() error {
		list, err := r.client.AppsV1().Deployments(balancerNamespace).List(t.Context(), metav1.ListOptions{})
		if err == nil && len(list.Items) != 3 {
			err = &unexpected{"ibm-system", "two"}
		}
		return err
	})
	r.mustRemove(m)
	list, err := r.client.AppsV1().Deployments(balancerNamespace).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range list.Items {
		if demanded := requiredNode(&list.Items[i], markKey); demanded != "" {
			t.Errorf("load balancer %s demands %q", list.Items[i].Name, demanded)
		}
	}
	r.wantNoTraces()
}

// Without permission to move them, they are named.
func testLoadBalancersStayPut(t *testing.T, r *rig) {
	m := byPool("edge")
	r.mustApply(m, nil)
	defer r.mustApply(byPool("edge"), nil) // and so clean up
	stay := byPool("edge", stayPut)
	r.mustApply(stay, m)
	r.mustRemove(stay)
	r.wantALBs("edge", true) // they demand edge nodes still
	if len(r.warned) != 1 || !strings.Contains(r.warned[0], "demand edge nodes") || !strings.Contains(r.warned[0], "ALB public-cr") {
		t.Errorf("warned %q", r.warned)
	}
}

// VPC load balancers are told, and the master is refreshed where that is allowed.
func testVPCLoadBalancers(t *testing.T, r *rig) {
	r.balancer("web")
	note := func() string {
		s, err := r.client.CoreV1().Services("default").Get(t.Context(), "web", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return s.Annotations[relocatedAnnotation]
	}
	revision := func() int {
		c, _ := r.env.IKS.Cluster(clusterName)
		return c.MasterRevision
	}
	m := byPool("edge")
	r.mustApply(m, nil)
	first := note()
	if first == "" || revision() != 0 {
		t.Errorf("note %q, master refreshed %d times", first, revision())
	}
	refresh := byPool("default", onlyWarn, func(m *model) { m.AllowMasterRefresh = types.BoolValue(true) })
	r.mustApply(refresh, m)
	if second := note(); second == first || second == "" || revision() != 1 {
		t.Errorf("note %q after %q, master refreshed %d times", second, first, revision())
	}
	r.mustRemove(refresh)
	if note() != "" {
		t.Errorf("note %q is left", note())
	}
	r.wantNoTraces()
}
