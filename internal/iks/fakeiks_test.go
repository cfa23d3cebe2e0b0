package iks_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// The tests of this file run the client against a fake IKS that others wrote
// from IBM's own clients: the two must agree on the API.

const apiKey = "key-of-an-operator-0123456789"

const pem = "-----BEGIN CERTIFICATE-----\nY2E=\n-----END CERTIFICATE-----\n"

type rig struct {
	server       *fakeiks.Server
	client       *iks.Client
	classic, vpc iks.Cluster
}

func newRig(t *testing.T, role fakeiks.Role, change ...func(*fakeiks.Options, *iks.Config)) *rig {
	t.Helper()
	options := fakeiks.Options{Delay: -1}
	config := iks.Config{APIKey: apiKey, UserAgent: "test"}
	for _, c := range change {
		c(&options, &config)
	}
	server, err := fakeiks.Start(options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	server.AddAPIKey(apiKey, role)
	access := fakeiks.Access{Server: "https://127.0.0.1:6443", CA: []byte(pem), AdminCertificate: []byte(pem), AdminKey: []byte("key")}
	for _, spec := range []fakeiks.Cluster{
		{Name: "classic-one", Provider: fakeiks.Classic, Kubernetes: access, Zones: []fakeiks.Zone{{ID: "dal10"}, {ID: "dal12"}}, Pools: []fakeiks.WorkerPool{
			{Name: "default", PerZone: 2}, {Name: "edge", PerZone: 1, Labels: map[string]string{"team": "net"}, Taints: map[string]string{"gpu": "yes:NoSchedule"}},
		}},
		{Name: "vpc-one", Provider: fakeiks.VPC, Kubernetes: access, Zones: []fakeiks.Zone{{ID: "us-south-1"}}},
	} {
		if _, err := server.AddCluster(spec); err != nil {
			t.Fatal(err)
		}
	}
	config.Endpoint, config.IAMEndpoint, config.VPCEndpoint = server.URL()+"/global", server.IAMURL(), server.VPCURL()
	client, err := iks.New(config)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{server: server, client: client}
	r.classic, r.vpc = r.known(t, "classic-one", iks.Classic), r.known(t, "vpc-one", iks.VPC)
	return r
}

// known are the facts that the fake's own side tells, so that no request is made.
func (r *rig) known(t *testing.T, name string, infrastructure iks.Infrastructure) iks.Cluster {
	t.Helper()
	c, ok := r.server.Cluster(name)
	if !ok {
		t.Fatalf("no cluster %s", name)
	}
	return iks.Cluster{ID: c.ID, Name: c.Name, Infrastructure: infrastructure, ResourceGroupID: c.ResourceGroupID}
}

func (r *rig) clusters() map[string]iks.Cluster {
	return map[string]iks.Cluster{"classic": r.classic, "VPC": r.vpc}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func TestFakeClusters(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Viewer)
	for name, known := range r.clusters() {
		for _, nameOrID := range []string{known.Name, known.ID} {
			before := len(r.server.Requests())
			found, err := r.client.Cluster(t.Context(), nameOrID)
			ok(t, err)
			if found.ID != known.ID || found.Name != known.Name || found.Infrastructure != known.Infrastructure ||
				found.ResourceGroupID == "" || found.Region != "us-south" || found.State != "normal" || found.Version == "" ||
				found.PodSubnet != "172.30.0.0/16" || !found.Endpoints.PublicEnabled || !found.Endpoints.PrivateEnabled ||
				found.Endpoints.PublicURL == "" || found.WorkerCount == 0 || len(found.Zones) == 0 || found.Type != iks.TypeKubernetes ||
				found.IngressHostname == "" || found.MasterStatus == "" {
				t.Errorf("%s: %+v", name, found)
			}
			if n := len(r.server.Requests()) - before; n > 2 {
				t.Errorf("%d requests", n)
			}
		}
	}
	_, err := r.client.Cluster(t.Context(), "nowhere")
	var e *iks.Error
	if !errors.As(err, &e) || !iks.IsNotFound(err) || e.Code != "E0008" || e.RecoveryCLI == "" || e.IncidentID == "" {
		t.Errorf("error: %#v", err)
	}
	if n := r.server.Count("POST", "/identity/token"); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
	vlans, err := r.client.VLANs(t.Context(), r.classic)
	ok(t, err)
	public, private := 0, 0
	for _, v := range vlans {
		for _, s := range v.Subnets {
			if s.Public {
				public++
			} else {
				private++
			}
		}
	}
	if public == 0 || private == 0 {
		t.Errorf("%d public and %d private subnets: %+v", public, private, vlans)
	}
}

func TestFakeAccess(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Administrator, func(o *fakeiks.Options, _ *iks.Config) { o.KubeTokenLifetime = 10 * time.Minute })
	for name, known := range r.clusters() {
		facts, err := r.client.Cluster(t.Context(), known.ID)
		ok(t, err)
		access, err := r.client.Access(t.Context(), facts, iks.AccessOptions{})
		ok(t, err)
		life := time.Until(access.TokenExpiry)
		if access.Server != "https://127.0.0.1:6443" || access.Token == "" || string(access.CACertificate) != pem ||
			life < 8*time.Minute || life > 11*time.Minute || access.ClientKey != nil {
			t.Errorf("%s: %v", name, access)
		}
		admin, err := r.client.Access(t.Context(), facts, iks.AccessOptions{Admin: true, EndpointType: iks.EndpointPrivate})
		ok(t, err)
		if len(admin.ClientCertificate) == 0 || len(admin.ClientKey) == 0 {
			t.Errorf("%s: %v", name, admin)
		}
	}
}

func TestFakePools(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Operator)
	pools, err := r.client.WorkerPools(t.Context(), r.classic)
	ok(t, err)
	if len(pools) != 2 {
		t.Fatalf("pools: %+v", pools)
	}
	edge, err := r.client.WorkerPool(t.Context(), r.classic, "edge")
	ok(t, err)
	if edge.Name != "edge" || edge.WorkersPerZone != 1 || len(edge.Zones) != 2 || edge.Zones[0].PublicVLAN == "" || edge.Infrastructure != iks.Classic ||
		!maps.Equal(edge.Labels, map[string]string{"team": "net"}) || !maps.Equal(edge.Taints, map[string]iks.PoolTaint{"gpu": {Value: "yes", Effect: "NoSchedule"}}) {
		t.Errorf("%+v", edge)
	}
	changed, err := r.client.MergeWorkerPoolLabels(t.Context(), r.classic, edge.ID, map[string]string{"dedicated": "edge"}, nil)
	ok(t, err)
	if !changed {
		t.Error("labels: not changed")
	}
	_, err = r.client.MergeWorkerPoolTaints(t.Context(), r.classic, edge.ID, map[string]iks.PoolTaint{"dedicated": {Value: "edge", Effect: "NoExecute"}}, nil)
	ok(t, err)
	theirs := r.server.Pools("classic-one")[1]
	if !maps.Equal(theirs.Labels, map[string]string{"team": "net", "dedicated": "edge"}) ||
		!maps.Equal(theirs.Taints, map[string]string{"gpu": "yes:NoSchedule", "dedicated": "edge:NoExecute"}) {
		t.Errorf("after the merge: %+v", theirs)
	}
	writes := r.server.Count("POST", "/v2/setWorkerPoolLabels")
	changed, err = r.client.MergeWorkerPoolLabels(t.Context(), r.classic, edge.ID, map[string]string{"dedicated": "edge"}, nil)
	ok(t, err)
	if changed || r.server.Count("POST", "/v2/setWorkerPoolLabels") != writes {
		t.Error("what is there was written again")
	}
	_, err = r.client.MergeWorkerPoolLabels(t.Context(), r.classic, edge.ID, nil, []string{"dedicated"})
	ok(t, err)
	_, err = r.client.MergeWorkerPoolTaints(t.Context(), r.classic, edge.ID, nil, []string{"dedicated"})
	ok(t, err)
	again, err := r.client.WorkerPool(t.Context(), r.classic, edge.ID)
	ok(t, err)
	if !maps.Equal(again.Labels, edge.Labels) || !maps.Equal(again.Taints, edge.Taints) {
		t.Errorf("not as it was: %+v", again)
	}
	ok(t, r.client.SetWorkerPoolLabels(t.Context(), r.classic, edge.ID, nil))
	ok(t, r.client.SetWorkerPoolTaints(t.Context(), r.classic, edge.ID, nil))
	if theirs := r.server.Pools("classic-one")[1]; len(theirs.Labels) != 0 || len(theirs.Taints) != 0 {
		t.Errorf("not empty: %+v", theirs)
	}
	if _, err := r.client.WorkerPool(t.Context(), r.vpc, "edge"); !iks.IsNotFound(err) {
		t.Errorf("error: %v", err)
	}
}

func TestFakeWorkers(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Viewer)
	for name, tt := range map[string]struct {
		cluster iks.Cluster
		pool    string
		want    int
	}{
		"classic": {r.classic, "", 6}, "classic, a pool": {r.classic, "edge", 2}, "VPC": {r.vpc, "", 2}, "VPC, a pool": {r.vpc, "default", 2},
	} {
		workers, err := r.client.Workers(t.Context(), tt.cluster, tt.pool)
		ok(t, err)
		if len(workers) != tt.want {
			t.Errorf("%s: %d workers, want %d", name, len(workers), tt.want)
		}
		for _, w := range workers {
			isClassic := tt.cluster.Infrastructure == iks.Classic
			if w.ID == "" || w.PoolID == "" || w.PoolName == "" || w.Zone == "" || w.PrivateIP == "" || (w.PublicIP != "") != isClassic || w.State == "" || w.Health == "" || w.Version == "" {
				t.Errorf("%s: %+v", name, w)
			}
		}
	}
}

func TestFakeALBs(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Administrator)
	for name, cluster := range r.clusters() {
		albs, err := r.client.ALBs(t.Context(), cluster)
		ok(t, err)
		var private iks.ALB
		for _, a := range albs {
			parsed, err := iks.ParseALBID(a.ID)
			ok(t, err)
			if parsed.Type != a.Type || parsed.ClusterID != cluster.ID || a.ClusterID != cluster.ID || a.Zone == "" {
				t.Errorf("%s: %+v", name, a)
			}
			if a.Type == iks.ALBPrivate {
				private = a
			}
		}
		if private.ID == "" || private.Enabled {
			t.Fatalf("%s: %+v", name, albs)
		}
		for _, enable := range []bool{true, true, false, false} { // twice each: done already is no error
			do := r.client.DisableALB
			if enable {
				do = r.client.EnableALB
			}
			ok(t, do(t.Context(), cluster, private))
			now := r.await(t, cluster, private.ID, enable)
			if enable && (now.Address == "" || now.Build == "" || now.Status != "healthy" || now.Replicas == 0) {
				t.Errorf("%s: %+v", name, now)
			}
		}
		ok(t, r.client.SetALBAutoUpdate(t.Context(), cluster, false))
		automatic, err := r.client.ALBAutoUpdate(t.Context(), cluster)
		ok(t, err)
		if automatic {
			t.Errorf("%s: auto-update is on", name)
		}
		ok(t, r.client.EnableALB(t.Context(), cluster, private))
		r.await(t, cluster, private.ID, true)
		ok(t, r.client.UpdateALB(t.Context(), cluster, private.ID, ""))
		ok(t, r.client.SetALBAutoUpdate(t.Context(), cluster, true))
		before, _ := r.server.Cluster(cluster.ID)
		ok(t, r.client.RefreshMaster(t.Context(), cluster))
		if after, _ := r.server.Cluster(cluster.ID); after.MasterRevision == before.MasterRevision {
			t.Errorf("%s: the master was not refreshed", name)
		}
		if _, err := r.client.ALB(t.Context(), cluster, "private-cr"+cluster.ID+"-alb99"); !iks.IsNotFound(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// await waits until the ALB is where it is wanted.
func (r *rig) await(t *testing.T, cluster iks.Cluster, id string, enabled bool) iks.ALB {
	t.Helper()
	want := map[bool]string{true: "enabled", false: "disabled"}[enabled]
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		alb, err := r.client.ALB(ctx, cluster, id)
		ok(t, err)
		if alb.State == want && (alb.Status == "healthy" || !enabled) {
			return alb
		}
	}
}

func TestFakeCredentials(t *testing.T) {
	t.Parallel()
	t.Run("a wrong key", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, fakeiks.Viewer, func(_ *fakeiks.Options, c *iks.Config) { c.APIKey = "a-key-that-nobody-knows" })
		_, err := r.client.Cluster(t.Context(), "classic-one")
		var e *iks.Error
		if !errors.As(err, &e) || !iks.IsUnauthorized(err) || !strings.HasPrefix(e.Code, "BXNIM") {
			t.Errorf("error: %v", err)
		}
		if n := len(r.server.Requests()); n != 1 {
			t.Errorf("%d requests", n)
		}
	})
	t.Run("no permission", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, fakeiks.Viewer)
		err := r.client.SetWorkerPoolLabels(t.Context(), r.classic, "edge", map[string]string{"a": "b"})
		if !iks.IsForbidden(err) || r.server.Count("POST", "/v2/setWorkerPoolLabels") != 1 {
			t.Errorf("error: %v", err)
		}
	})
	t.Run("a trusted profile", func(t *testing.T) {
		t.Parallel()
		const profile = "Profile-11111111-2222-3333-4444-555555555555"
		r := newRig(t, fakeiks.NoRole, func(_ *fakeiks.Options, c *iks.Config) { c.TrustedProfileID = profile })
		r.server.AddTrustedProfile(profile, fakeiks.Viewer)
		_, err := r.client.Cluster(t.Context(), "classic-one")
		ok(t, err)
		_, err = r.client.Access(t.Context(), r.classic, iks.AccessOptions{})
		ok(t, err) // which bluemix-go cannot: it wants a refresh token
	})
	t.Run("tokens that end", func(t *testing.T) {
		t.Parallel()
		r := newRig(t, fakeiks.Viewer)
		for range 3 {
			_, err := r.client.Cluster(t.Context(), "classic-one")
			ok(t, err)
			r.server.ExpireTokens()
		}
		if n := r.server.Count("POST", "/identity/token"); n != 3 {
			t.Errorf("%d token requests, want 3", n)
		}
	})
}

// Many calls at once share one token request, and none fails.
func TestFakeManyAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Viewer)
	var group sync.WaitGroup
	for i := range 60 {
		group.Go(func() {
			cluster := []iks.Cluster{r.classic, r.vpc}[i%2]
			_, err1 := r.client.ALBs(t.Context(), cluster)
			_, err2 := r.client.WorkerPools(t.Context(), cluster)
			if err := errors.Join(err1, err2); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := r.server.Count("POST", "/identity/token"); n != 1 {
		t.Errorf("%d token requests, want 1", n)
	}
}

// Each call, failed once in each way that heals, succeeds all the same.
func TestFakeFaults(t *testing.T) {
	t.Parallel()
	calls := map[string]struct {
		path string
		do   func(ctx context.Context, r *rig) error
	}{
		"token":   {"/identity/token", func(ctx context.Context, r *rig) error { _, err := r.client.Cluster(ctx, "vpc-one"); return err }},
		"cluster": {"/v2/getCluster", func(ctx context.Context, r *rig) error { _, err := r.client.Cluster(ctx, "vpc-one"); return err }},
		"access": {"/v2/applyRBACAndGetKubeconfig", func(ctx context.Context, r *rig) error {
			_, err := r.client.Access(ctx, r.vpc, iks.AccessOptions{})
			return err
		}},
		"pools":   {"/v2/getWorkerPools", func(ctx context.Context, r *rig) error { _, err := r.client.WorkerPools(ctx, r.classic); return err }},
		"workers": {"/v1/clusters/*/workers", func(ctx context.Context, r *rig) error { _, err := r.client.Workers(ctx, r.classic, ""); return err }},
		"albs":    {"/v2/alb/getClusterAlbs", func(ctx context.Context, r *rig) error { _, err := r.client.ALBs(ctx, r.vpc); return err }},
		"set taint": {"/v2/setWorkerPoolTaints", func(ctx context.Context, r *rig) error {
			return r.client.SetWorkerPoolTaints(ctx, r.vpc, "default", nil)
		}},
		"merge": {"/v2/setWorkerPoolLabels", func(ctx context.Context, r *rig) error {
			_, err := r.client.MergeWorkerPoolLabels(ctx, r.vpc, "default", map[string]string{"a": "b"}, nil)
			return err
		}},
		"enable": {"/v1/alb/albs", func(ctx context.Context, r *rig) error {
			return r.client.EnableALB(ctx, r.classic, iks.ALB{ID: fmt.Sprintf("private-cr%s-alb1", r.classic.ID)})
		}},
	}
	for fault, f := range map[string]fakeiks.Fault{
		"throttled":             {Status: 429, RetryAfter: time.Second},
		"down":                  {Status: 503},
		"failed":                {Status: 500, Served: true},
		"gateway":               {Status: 502, Body: "<html>bad gateway</html>"},
		"reset":                 {Reset: true},
		"done, but answer lost": {Reset: true, Served: true},
		"truncated":             {Truncate: true},
		"unauthorized":          {Status: 401},
	} {
		t.Run(fault, func(t *testing.T) {
			t.Parallel()
			shared := newRig(t, fakeiks.Administrator)
			var group sync.WaitGroup // not subtests: they mostly wait, and should all wait at once
			for name, call := range calls {
				r := shared
				if name == "token" {
					if fault == "unauthorized" {
						continue // is final, as it should be
					}
					r = newRig(t, fakeiks.Administrator)
				}
				group.Go(func() {
					f := f
					f.Path, f.Times = call.path, 1
					r.server.Fail(f)
					err := call.do(t.Context(), r)
					if err == nil {
						err = r.awaitFault(t.Context(), call.path)
					}
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			group.Wait()
		})
	}
}

// awaitFault waits until the server has noted the one fault of a path, which it
// does only when the connection is done with.
func (r *rig) awaitFault(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		faulty := 0
		for _, request := range r.server.Requests() {
			if request.Faulty && request.Path[strings.LastIndexByte(request.Path, '/'):] == path[strings.LastIndexByte(path, '/'):] {
				faulty++
			}
		}
		if faulty == 1 {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the fault came %d times: it was not tested", faulty)
		}
	}
}
