package albstate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// rig is a part with a cluster on a fake IKS.
type rig struct {
	t       *testing.T
	fake    *fakeiks.Server
	fleet   *cluster.Fleet
	part    *part
	cluster fakeiks.Cluster
	warned  []string
}

func newRig(t *testing.T, spec fakeiks.Cluster) *rig {
	t.Helper()
	fake, err := fakeiks.Start(fakeiks.Options{Delay: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := fake.Close(); err != nil {
			t.Error(err)
		}
	})
	fake.AddAPIKey("an-operators-key", fakeiks.Operator)
	spec.Name = "prod"
	added, err := fake.AddCluster(spec)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, fake: fake, cluster: added}
	r.restart()
	return r
}

// restart gives a new process: nothing in memory, nothing applied yet.
func (r *rig) restart() {
	r.part = newPart()
	r.fleet = cluster.NewFleet(cluster.Options{IKS: sync.OnceValues(func() (*iks.Client, error) {
		return iks.New(iks.Config{APIKey: "an-operators-key", Endpoint: r.fake.URL(), IAMEndpoint: r.fake.IAMURL(), Deadline: 3 * time.Second})
	})})
}

func (r *rig) find() *cluster.Cluster {
	r.t.Helper()
	c, err := r.fleet.Find(r.t.Context(), "prod")
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// alb is one of the cluster's ALBs as it is in IKS.
func (r *rig) alb(name string) fakeiks.ALB {
	r.t.Helper()
	for _, a := range r.fake.ALBs("prod") {
		if a.ID == r.id(name) {
			return a
		}
	}
	r.t.Fatalf("there is no ALB %s", name)
	return fakeiks.ALB{}
}

// id is the ALB ID of "private1" and the like.
func (r *rig) id(name string) string {
	number := strings.TrimLeft(name, "abcdefghijklmnopqrstuvwxyz")
	return fmt.Sprintf("%s-cr%s-alb%s", strings.TrimSuffix(name, number), r.cluster.ID, number)
}

// apply does what the engine does: Apply, then Observe until nothing is missing.
func (r *rig) apply(m, prior *model) error {
	r.t.Helper()
	r.fleet.BeginApply()
	c := r.find()
	m.Ready = types.BoolUnknown()
	m.ALBs, m.Previous = types.ListUnknown(albType()), types.MapUnknown(types.BoolType)
	request := framework.ApplyRequest[model]{Want: m, Prior: prior, Warn: func(_, detail string) { r.warned = append(r.warned, detail) }}
	if err := r.part.Apply(r.t.Context(), c, request); err != nil {
		return err
	}
	for {
		o, err := r.part.Observe(r.t.Context(), c, m, framework.Owner{})
		if err != nil {
			return err
		}
		if !o.Gone && len(o.Drift) == 0 && len(o.Missing) == 0 {
			m.Ready = types.BoolValue(true)
			return nil
		}
		select {
		case <-r.t.Context().Done():
			return context.Cause(r.t.Context())
		case <-time.After(5 * time.Millisecond):
		}
	}
}

func (r *rig) mustApply(m, prior *model) {
	r.t.Helper()
	if err := r.apply(m, prior); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) observe(m *model) framework.Observation {
	r.t.Helper()
	o, err := r.part.Observe(r.t.Context(), r.find(), m, framework.Owner{})
	if err != nil {
		r.t.Fatal(err)
	}
	return o
}

// switchOffByHand disables an ALB as somebody else does.
func (r *rig) switchOffByHand(name string) {
	r.t.Helper()
	api, facts, err := r.find().IKS("test")
	if err != nil {
		r.t.Fatal(err)
	}
	if err := api.DisableALB(r.t.Context(), facts, iks.ALB{ID: r.id(name)}); err != nil {
		r.t.Fatal(err)
	}
}

// until waits for something to become true.
func (r *rig) until(done func() bool) {
	r.t.Helper()
	for !done() {
		select {
		case <-r.t.Context().Done():
			r.t.Fatal(context.Cause(r.t.Context()))
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// lists counts the looks at the list of ALBs.
func (r *rig) lists() int {
	return r.fake.Count("GET", "/v1/alb/clusters/*") + r.fake.Count("GET", "/v2/alb/getClusterAlbs")
}

// writes are the requests that change something, since the last call, as
// "enable private1".
func (r *rig) writes() []string {
	var out []string
	short := strings.NewReplacer("-cr"+r.cluster.ID+"-alb", "")
	for _, request := range r.fake.Requests() {
		name := request.Path[strings.LastIndexByte(request.Path, '/')+1:]
		if _, rest, found := strings.Cut(request.Body, `"albID":"`); found {
			name, _, _ = strings.Cut(rest, `"`)
		}
		switch {
		case request.Method == "POST" && (request.Path == "/v1/alb/albs" || request.Path == "/v2/alb/vpc/enableAlb"):
			out = append(out, "enable "+short.Replace(name))
		case request.Method == "DELETE", request.Path == "/v2/alb/vpc/disableAlb":
			out = append(out, "disable "+short.Replace(name))
		case request.Method != "GET" && !strings.HasPrefix(request.Path, "/identity/"):
			out = append(out, request.Method+" "+request.Path)
		}
	}
	r.fake.ResetRequests()
	return out
}

func (r *rig) wantWrites(want ...string) {
	r.t.Helper()
	if got := r.writes(); !slices.Equal(got, want) {
		r.t.Errorf("written: %v, want %v", got, want)
	}
}

func (r *rig) previous(m *model) map[string]bool {
	r.t.Helper()
	out, err := m.previous(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// declare is a resource with its defaults, as a plan has it.
func declare(enabled bool, change func(*model)) *model {
	m := &model{
		ALBID: types.StringNull(), Type: types.StringNull(), Zone: types.StringNull(),
		Enabled: types.BoolValue(enabled), OnDestroy: types.StringValue(onDestroyLeave),
		AllowNoALB: types.BoolValue(false), AllowPublicOnDestroy: types.BoolValue(false),
		ALBs: types.ListNull(albType()), Previous: types.MapNull(types.BoolType),
	}
	m.Cluster = types.StringValue("prod")
	change(m)
	return m
}

func ofType(kind string) func(*model) {
	return func(m *model) { m.Type = types.StringValue(kind) }
}

func restoring(kind string, allowPublic bool) func(*model) {
	return func(m *model) {
		m.Type, m.OnDestroy, m.AllowPublicOnDestroy = types.StringValue(kind), types.StringValue(onDestroyRestore), types.BoolValue(allowPublic)
	}
}

func zones(ids ...string) []fakeiks.Zone {
	var out []fakeiks.Zone
	for _, id := range ids {
		out = append(out, fakeiks.Zone{ID: id})
	}
	return out
}

func infrastructures() map[string]fakeiks.Cluster {
	return map[string]fakeiks.Cluster{
		"classic": {Provider: fakeiks.Classic, Zones: zones("dal10", "dal12")},
		"vpc":     {Provider: fakeiks.VPC, Zones: zones("us-south-1", "us-south-2")},
	}
}
