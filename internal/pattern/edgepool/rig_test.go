package edgepool

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// rig is the part against a running localiks: a real Kubernetes control plane,
// a fake IKS and simulated cloud controllers.
type rig struct {
	t       *testing.T
	env     *localiks.Environment
	cluster *localiks.Cluster
	client  kubernetes.Interface
	fleet   *cluster.Fleet
	part    *part
	warned  []string

	mu       sync.Mutex
	requests []string // METHOD path of each request to the API server, and whether it was refused
	cutAt    int      // call cut at that many requests
	cut      func()
	onSent   func(request string) // hears of each request that was answered
}

const clusterName = "prod"

// lab is a running localiks with one cluster, which tests use one after the
// other.
type lab struct {
	env *localiks.Environment
}

// newLab starts a cluster. It needs the control plane's programs, so it runs
// where acceptance tests are asked for.
func newLab(t *testing.T, spec fakeiks.Cluster) *lab {
	t.Helper()
	if os.Getenv("TF_ACC") == "" {
		t.Skip("runs against a real control plane with TF_ACC=1, as `make test` sets it")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	env, err := localiks.Start(ctx, localiks.Options{Clusters: []localiks.ClusterOptions{{Cluster: spec}}})
	if err != nil {
		t.Fatalf("localiks did not start: %v", err)
	}
	t.Cleanup(func() {
		if err := env.Close(); err != nil {
			t.Errorf("closing localiks: %v", err)
		}
	})
	return &lab{env: env}
}

// run gives each test the cluster as it was made.
func (l *lab) run(t *testing.T, name string, test func(*testing.T, *rig)) {
	t.Run(name, func(t *testing.T) {
		r := &rig{t: t, env: l.env, cluster: l.env.Cluster(clusterName)}
		var err error
		if r.client, err = kubernetes.NewForConfig(r.cluster.RESTConfig()); err != nil {
			t.Fatal(err)
		}
		r.restart()
		test(t, r)
		r.cleanUp()
	})
}

// cleanUp takes away what a test left.
func (r *rig) cleanUp() {
	r.t.Helper()
	r.restart()
	for _, p := range r.env.IKS.Pools(clusterName) {
		r.mustRemove(byPool(p.Name, withEffects("NoSchedule", "NoExecute")))
	}
	r.mustRemove(bySelector("team", "net"))
	ctx, all := r.t.Context(), metav1.ListOptions{}
	for _, err := range []error{
		r.client.AppsV1().Deployments("default").DeleteCollection(ctx, metav1.DeleteOptions{}, all),
		r.client.PolicyV1().PodDisruptionBudgets("default").DeleteCollection(ctx, metav1.DeleteOptions{}, all),
	} {
		if err != nil {
			r.t.Error(err)
		}
	}
	services, err := r.client.CoreV1().Services("default").List(ctx, all)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, s := range services.Items {
		if s.Name == "kubernetes" {
			continue
		}
		if err := r.client.CoreV1().Services("default").Delete(ctx, s.Name, metav1.DeleteOptions{}); err != nil {
			r.t.Error(err)
		}
	}
	r.eventually("the load balancers are gone", func() error {
		left, err := r.client.CoreV1().Services("default").List(ctx, all)
		if err == nil && len(left.Items) > 1 {
			err = &unexpected{"default", fmt.Sprint(len(left.Items)) + " services"}
		}
		return err
	})
	r.eventually("the pods are gone", func() error {
		if left := r.whereabouts("default", app); len(left) > 0 {
			return &unexpected{"default", fmt.Sprint(left)}
		}
		return nil
	})
}

// restart gives a new process: nothing in memory, nothing applied yet.
func (r *rig) restart() {
	r.part = newPart(time.Now)
	r.fleet = cluster.NewFleet(cluster.Options{
		IKS: sync.OnceValues(func() (*iks.Client, error) {
			return iks.New(iks.Config{APIKey: localiks.APIKey, Endpoint: r.env.IKS.URL(), IAMEndpoint: r.env.IKS.IAMURL(), Deadline: 5 * time.Second})
		}),
		Kube: kube.Options{Observe: func(e kube.Exchange) {
			r.mu.Lock()
			defer r.mu.Unlock()
			path, _, _ := strings.Cut(e.Path, "?")
			one := e.Method + " " + path
			if e.Status == http.StatusConflict {
				one += refused
			}
			r.requests = append(r.requests, one)
			if r.onSent != nil {
				r.onSent(e.Method + " " + path)
			}
			if r.cut != nil && len(r.requests) == r.cutAt {
				r.cut()
			}
		}},
	})
}

func (r *rig) find() *cluster.Cluster {
	r.t.Helper()
	c, err := r.fleet.Find(r.t.Context(), clusterName)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// sent gives the requests since the last call, and forgets them.
func (r *rig) sent() requests {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := r.requests
	r.requests = nil
	return out
}

type requests []string

func (all requests) of(methods ...string) requests {
	var out requests
	for _, one := range all {
		method, _, _ := strings.Cut(one, " ")
		if slices.Contains(methods, method) {
			out = append(out, one)
		}
	}
	return out
}

func (all requests) to(part string) requests {
	var out requests
	for _, one := range all {
		if strings.Contains(one, part) {
			out = append(out, one)
		}
	}
	return out
}

func (all requests) writes() requests { return all.of("POST", "PUT", "PATCH", "DELETE") }

// refused ends a write that came too late: somebody else had just written the
// object, as IKS does with a pool's marks, and so it is sent again.
const refused = " (conflict)"

// taken are the writes that changed something.
func (all requests) taken() requests {
	return slices.DeleteFunc(all.writes(), func(one string) bool { return strings.HasSuffix(one, refused) })
}

// stopAt bounds a wait that should have ended long before.
const stopAt = time.Minute

// apply does what the engine does: Apply, then Observe until nothing is missing.
func (r *rig) apply(m, prior *model) error {
	r.t.Helper()
	r.fleet.BeginApply()
	ctx, cancel := context.WithTimeout(r.t.Context(), stopAt)
	defer cancel()
	c := r.find()
	request := framework.ApplyRequest[model]{Want: m, Prior: prior, Warn: func(summary, detail string) { r.warned = append(r.warned, summary+": "+detail) }}
	if err := r.part.Apply(ctx, c, request); err != nil {
		return err
	}
	for {
		o, err := r.part.Observe(ctx, c, m, framework.Owner{Known: true})
		if err != nil {
			return err
		}
		if !o.Gone && len(o.Drift) == 0 && len(o.Missing) == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not settled: %+v", o)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (r *rig) mustApply(m, prior *model) {
	r.t.Helper()
	if err := r.apply(m, prior); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) mustRemove(m *model) {
	r.t.Helper()
	r.fleet.BeginApply()
	ctx, cancel := context.WithTimeout(r.t.Context(), stopAt)
	defer cancel()
	warnings, err := r.part.Remove(ctx, r.find(), m, framework.Owner{Known: true})
	r.warned = append(r.warned, warnings...)
	if err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) observe(m *model) framework.Observation {
	r.t.Helper()
	o, err := r.part.Observe(r.t.Context(), r.find(), m, framework.Owner{Known: true})
	if err != nil {
		r.t.Fatal(err)
	}
	return o
}

// wantDrift wants exactly these sentences of a look by a new process.
func (r *rig) wantDrift(m *model, want ...string) {
	r.t.Helper()
	r.restart()
	if got := r.observe(m).Drift; !slices.Equal(got, want) {
		r.t.Errorf("drift %q, want %q", got, want)
	}
}

// nodes gives all nodes, those of a pool with its name.
func (r *rig) nodes(poolName string) []corev1.Node {
	r.t.Helper()
	selector := ""
	if poolName != "" {
		selector = poolNameLabel + "=" + poolName
	}
	list, err := r.client.CoreV1().Nodes().List(r.t.Context(), metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		r.t.Fatal(err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.Node) int { return compareAddresses(a.Name, b.Name) })
	return list.Items
}

// wantMarks wants all nodes of a pool to bear this.
func (r *rig) wantMarks(poolName, want string) {
	r.t.Helper()
	for _, n := range r.nodes(poolName) {
		if got := marks(&n); got != want {
			r.t.Errorf("node %s of pool %s bears %q, want %q", n.Name, poolName, got, want)
		}
	}
}

// wantPool wants the pool in IKS to bear this label and taint.
func (r *rig) wantPool(name, label, taint string) {
	r.t.Helper()
	for _, p := range r.env.IKS.Pools(clusterName) {
		if p.Name == name && (p.Labels[markKey] != label || p.Taints[markKey] != taint) {
			r.t.Errorf("pool %s bears label %q and taint %q, want %q and %q", name, p.Labels[markKey], p.Taints[markKey], label, taint)
		}
	}
}

// edit changes one node as somebody else would.
func (r *rig) edit(name string, change func(*corev1.Node)) {
	r.t.Helper()
	for {
		n, err := r.client.CoreV1().Nodes().Get(r.t.Context(), name, metav1.GetOptions{})
		if err != nil {
			r.t.Fatal(err)
		}
		change(n)
		if _, err = r.client.CoreV1().Nodes().Update(r.t.Context(), n, metav1.UpdateOptions{}); err == nil {
			return
		}
		if r.t.Context().Err() != nil {
			r.t.Fatal(err)
		}
	}
}

func untaint(effect corev1.TaintEffect) func(*corev1.Node) {
	return func(n *corev1.Node) {
		n.Spec.Taints = slices.DeleteFunc(n.Spec.Taints, func(t corev1.Taint) bool { return t.Key == markKey && t.Effect == effect })
	}
}

func unlabel(n *corev1.Node) { delete(n.Labels, markKey) }

// app is what runs in the cluster: its label, and the name of its deployment
// and its budget.
const app = "web"

// deploy runs eight pods, spread over the nodes.
func (r *rig) deploy() {
	r.t.Helper()
	replicas, set := int32(8), map[string]string{"app": app}
	d := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: app},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas, Selector: &metav1.LabelSelector{MatchLabels: set},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: set}, Spec: corev1.PodSpec{
				Containers: []corev1.Container{{Name: "c", Image: "example.com/c:1"}},
				TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
					MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway,
					LabelSelector: &metav1.LabelSelector{MatchLabels: set},
				}},
			}},
		},
	}
	if _, err := r.client.AppsV1().Deployments("default").Create(r.t.Context(), d, metav1.CreateOptions{}); err != nil {
		r.t.Fatal(err)
	}
	r.eventually("the app runs", func() error {
		d, err := r.client.AppsV1().Deployments("default").Get(r.t.Context(), app, metav1.GetOptions{})
		if err == nil && d.Status.ReadyReplicas < replicas {
			err = fmt.Errorf("%d of %d pods are ready", d.Status.ReadyReplicas, replicas)
		}
		return err
	})
}

// budget forbids any disruption of the app.
func (r *rig) budget() {
	r.t.Helper()
	least := intstr.FromInt32(8)
	b := &policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: app}, Spec: policyv1.PodDisruptionBudgetSpec{
		MinAvailable: &least, Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}},
	}}
	if _, err := r.client.PolicyV1().PodDisruptionBudgets("default").Create(r.t.Context(), b, metav1.CreateOptions{}); err != nil {
		r.t.Fatal(err)
	}
	r.eventually("the budget is counted", func() error {
		b, err := r.client.PolicyV1().PodDisruptionBudgets("default").Get(r.t.Context(), app, metav1.GetOptions{})
		if err == nil && b.Status.ObservedGeneration == 0 {
			err = errors.New("not observed")
		}
		return err
	})
}

// whereabouts gives the names of the nodes that pods of an app run on.
func (r *rig) whereabouts(namespace, app string) []string {
	r.t.Helper()
	list, err := r.client.CoreV1().Pods(namespace).List(r.t.Context(), metav1.ListOptions{LabelSelector: labels.Set{"app": app}.String()})
	if err != nil {
		r.t.Fatal(err)
	}
	var out []string
	for _, p := range list.Items {
		if p.DeletionTimestamp == nil {
			out = append(out, p.Spec.NodeName)
		}
	}
	return out
}

// wantOn wants all pods of an app on nodes of a pool, or none of them.
func (r *rig) wantOn(namespace, app, poolName string, on bool) {
	r.t.Helper()
	of := map[string]bool{}
	for _, n := range r.nodes(poolName) {
		of[n.Name] = true
	}
	for _, node := range r.whereabouts(namespace, app) {
		if of[node] != on {
			r.t.Errorf("a pod of %s runs on %s; on pool %s is %t, want %t", app, node, poolName, of[node], on)
		}
	}
}

func (r *rig) eventually(what string, check func() error) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), stopAt)
	defer cancel()
	for {
		err := check()
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			r.t.Fatalf("%s: %v", what, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// byPool, byNames and bySelector make what a configuration declares.
func byPool(name string, changes ...func(*model)) *model {
	return declare(func(m *model) { m.WorkerPool = types.StringValue(name) }, changes)
}

func byNames(names []string, changes ...func(*model)) *model {
	return declare(func(m *model) { m.NodeNames = stringSet(names...) }, changes)
}

func bySelector(key, value string) *model {
	return declare(func(m *model) {
		m.NodeSelector = types.MapValueMust(types.StringType, map[string]attr.Value{key: types.StringValue(value)})
	}, nil)
}

func declare(selected func(*model), changes []func(*model)) *model {
	m := &model{
		NodeNames: types.SetNull(types.StringType), NodeSelector: types.MapNull(types.StringType), TaintEffects: types.SetNull(types.StringType),
		Drain: types.ObjectNull(drainTypes()),
	}
	selected(m)
	for _, change := range changes {
		change(m)
	}
	m.fill()
	return m
}

func stringSet(values ...string) types.Set {
	elements := make([]attr.Value, len(values))
	for i, v := range values {
		elements[i] = types.StringValue(v)
	}
	return types.SetValueMust(types.StringType, elements)
}

func withEffects(names ...string) func(*model) {
	return func(m *model) { m.TaintEffects = stringSet(names...) }
}

func onlyWarn(m *model) { m.SafetyChecks = types.StringValue(checksWarn) }

func stayPut(m *model) { m.RelocateLoadBalancers = types.BoolValue(false) }

func draining(timeout, onTimeout string) func(*model) {
	return func(m *model) {
		m.Drain = types.ObjectValueMust(drainTypes(), map[string]attr.Value{
			"timeout": types.StringValue(timeout), "max_unavailable": types.Int64Value(2), "on_timeout": types.StringValue(onTimeout),
		})
	}
}
