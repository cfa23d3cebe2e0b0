package balancers_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/util/retry"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const notes = "service.kubernetes.io/ibm-load-balancer-cloud-provider-"

// rig is a localiks with one cluster.
type rig struct {
	env     *localiks.Environment
	cluster *localiks.Cluster
	kube    kubernetes.Interface
}

func newRig(t *testing.T, spec fakeiks.Cluster) *rig {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("runs against a real control plane with TF_ACC=1, as `make test` sets it")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	env, err := localiks.Start(ctx, localiks.Options{Delay: 20 * time.Millisecond, Clusters: []localiks.ClusterOptions{{Cluster: spec, WithoutCalicoAPI: true}}, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &rig{env: env, cluster: env.Cluster(spec.Name)}
	if r.kube, err = kubernetes.NewForConfig(r.cluster.RESTConfig()); err != nil {
		t.Fatal(err)
	}
	return r
}

// eventually repeats a check until it finds nothing wrong.
func eventually(t *testing.T, what string, check func() error) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("%s: %v", what, err)
		}
	}
}

// balancer makes a Service with annotations, each name given by its last part.
func (r *rig) balancer(t *testing.T, name string, annotations map[string]string, changes ...func(*corev1.Service)) {
	t.Helper()
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Annotations: map[string]string{}},
		Spec:       corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": name}, Ports: []corev1.ServicePort{{Port: 80}}},
	}
	for key, value := range annotations {
		s.Annotations[notes+key] = value
	}
	for _, change := range changes {
		change(s)
	}
	if _, err := r.kube.CoreV1().Services("default").Create(t.Context(), s, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) service(t *testing.T, name string) *corev1.Service {
	t.Helper()
	s, err := r.kube.CoreV1().Services("default").Get(t.Context(), name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// change edits a Service as its owner would.
func (r *rig) change(t *testing.T, name string, change func(*corev1.Service)) {
	t.Helper()
	err := retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		s := r.service(t, name)
		change(s)
		_, err := r.kube.CoreV1().Services("default").Update(t.Context(), s, metav1.UpdateOptions{})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) address(t *testing.T, name string) string {
	t.Helper()
	var all []string
	for _, at := range r.service(t, name).Status.LoadBalancer.Ingress {
		all = append(all, at.IP+at.Hostname)
	}
	return strings.Join(all, ",")
}

// assigned waits for an address.
func (r *rig) assigned(t *testing.T, name string) string {
	t.Helper()
	address := ""
	eventually(t, "service "+name+" has an address", func() error {
		if address = r.address(t, name); address == "" {
			return fmt.Errorf("events: %v", r.events(t, name))
		}
		return nil
	})
	return address
}

// events are the messages of a Service's warnings by their reason.
func (r *rig) events(t *testing.T, name string) map[string]string {
	t.Helper()
	uid := r.service(t, name).UID
	list, err := r.kube.CoreV1().Events("default").List(t.Context(), metav1.ListOptions{FieldSelector: "involvedObject.uid=" + string(uid)})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, e := range list.Items {
		if e.Type == corev1.EventTypeWarning {
			all[e.Reason] += e.Message + "\n"
		}
	}
	return all
}

// warned waits for a warning with these words.
func (r *rig) warned(t *testing.T, name, reason, words string) {
	t.Helper()
	eventually(t, "service "+name+" has the event "+reason, func() error {
		all := r.events(t, name)
		if !strings.Contains(all[reason], words) || !strings.Contains(all["SyncLoadBalancerFailed"], words) {
			return fmt.Errorf("%q; want %q", all, words)
		}
		return nil
	})
}

// remove deletes a Service and waits until it is gone.
func (r *rig) remove(t *testing.T, names ...string) {
	t.Helper()
	for _, name := range names {
		if err := r.kube.CoreV1().Services("default").Delete(t.Context(), name, metav1.DeleteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range names {
		eventually(t, "service "+name+" goes", func() error {
			_, err := r.kube.CoreV1().Services("default").Get(t.Context(), name, metav1.GetOptions{})
			if apierrors.IsNotFound(err) {
				return nil
			}
			return fmt.Errorf("still there (%w)", err)
		})
	}
}

// taken are the portable addresses that are in use, without those of ALBs.
func (r *rig) taken() []string {
	var all []string
	for _, a := range r.env.IKS.PortableAddresses(r.cluster.ID) {
		if a.Owner != "" && !strings.Contains(a.Owner, "-alb") {
			all = append(all, a.Address)
		}
	}
	return all
}

// deployed finds the Deployment of an IP, and the pools that its ready pods
// are on.
func (r *rig) deployed(t *testing.T, ip string) (*appsv1.Deployment, []string, error) {
	t.Helper()
	d, err := r.kube.AppsV1().Deployments("ibm-system").Get(t.Context(), "ibm-cloud-provider-ip-"+strings.ReplaceAll(ip, ".", "-"), metav1.GetOptions{})
	if err != nil {
		return nil, nil, err
	}
	pods, err := r.kube.CoreV1().Pods("ibm-system").List(t.Context(), metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(d.Spec.Selector)})
	if err != nil {
		return nil, nil, err
	}
	pools := map[string]string{}
	for _, w := range r.env.IKS.Workers(r.cluster.ID) {
		pools[w.PrivateIP] = w.PoolName
	}
	var on []string
	for _, pod := range pods.Items {
		if pod.DeletionTimestamp == nil && pod.Status.Phase == corev1.PodRunning {
			on = append(on, pools[pod.Spec.NodeName])
		}
	}
	slices.Sort(on)
	return d, on, nil
}

// demands are what a Deployment demands of its nodes' labels.
func demands(d *appsv1.Deployment) map[string]string {
	all := map[string]string{}
	for _, term := range d.Spec.Template.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
		for _, e := range term.MatchExpressions {
			all[e.Key] = strings.Join(e.Values, ",")
		}
	}
	return all
}

// runsOn waits until two pods of an IP run on nodes of a pool ("" for any) and
// demand exactly these labels.
func (r *rig) runsOn(t *testing.T, ip, pool string, want map[string]string) {
	t.Helper()
	eventually(t, "the load balancer of "+ip+" runs", func() error {
		d, on, err := r.deployed(t, ip)
		if err != nil {
			return err
		}
		if got := demands(d); !maps.Equal(got, want) {
			return fmt.Errorf("demands %v, want %v", got, want)
		}
		if len(on) != 2 || pool != "" && (on[0] != pool || on[1] != pool) {
			return fmt.Errorf("pods on %v, want two on %q", on, pool)
		}
		return nil
	})
}
