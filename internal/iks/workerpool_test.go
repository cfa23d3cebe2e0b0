package iks

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const classicPool = `{"id":"p1","poolName":"edge","provider":"classic","flavor":"b3c.4x16","workerCount":2,"autoscaleEnabled":true,
 "labels":{"dedicated":"edge","ibm-cloud.kubernetes.io/worker-pool-id":"p1","node-role.kubernetes.io/x":"","kubernetes.io/os":"linux"},
 "taints":{"dedicated":"edge:NoExecute","odd":"x"},"lifecycle":{"actualState":"active","desiredState":"active"},
 "zones":[{"id":"dal10","workerCount":2,"privateVLAN":"1","publicVLAN":"2"}]}`

const vpcPool = `{"id":"p2","poolName":"default","provider":"vpc-gen2","workerCount":1,"lifecycle":{"actualState":"normal"},
 "zones":[{"id":"eu-de-1","workerCount":1,"subnets":[{"id":"s1","primary":true}]}]}`

// IKS shows a pool for some time after its deletion.
func TestDeletedWorkerPool(t *testing.T) {
	t.Parallel()
	l, client := newLab(t, func(_ context.Context, _ int, r sent) (*http.Response, error) {
		deleted := strings.Replace(classicPool, `"actualState":"active"`, `"actualState":"deleted"`, 1)
		if strings.HasSuffix(r.path, "Pools") {
			return plainAnswer(200, "["+deleted+","+vpcPool+"]")
		}
		return plainAnswer(200, deleted)
	})
	cluster := Cluster{ID: labCluster}
	pools, err := client.WorkerPools(t.Context(), cluster)
	mustNot(t, err)
	if len(pools) != 1 || pools[0].ID != "p2" {
		t.Errorf("listed are %+v", pools)
	}
	if _, err := client.WorkerPool(t.Context(), cluster, "edge"); !IsNotFound(err) || !strings.Contains(err.Error(), `worker pool "edge"`) {
		t.Errorf("reading it gives %v", err)
	}
	changed, err := client.MergeWorkerPoolLabels(t.Context(), cluster, "p1", nil, []string{"dedicated"})
	if changed || !IsNotFound(err) {
		t.Errorf("changing it gives %t, %v", changed, err)
	}
	count(t, "requests", len(l.requests()), 3)
}

func TestWorkerPools(t *testing.T) {
	t.Parallel()
	l, client := newLab(t, func(_ context.Context, _ int, r sent) (*http.Response, error) {
		if strings.HasSuffix(r.path, "Pools") {
			return plainAnswer(200, "["+classicPool+","+vpcPool+"]")
		}
		return plainAnswer(200, classicPool)
	})
	want := []WorkerPool{
		{
			ID: "p1", Name: "edge", ClusterID: labCluster, Infrastructure: Classic, State: "active", Flavor: "b3c.4x16",
			Labels:       map[string]string{"dedicated": "edge", "node-role.kubernetes.io/x": ""},
			SystemLabels: map[string]string{"ibm-cloud.kubernetes.io/worker-pool-id": "p1", "kubernetes.io/os": "linux"},
			Taints:       map[string]PoolTaint{"dedicated": {"edge", "NoExecute"}, "odd": {"x", ""}}, WorkersPerZone: 2, Autoscaled: true,
			Zones: []PoolZone{{ID: "dal10", WorkerCount: 2, PrivateVLAN: "1", PublicVLAN: "2"}},
		},
		{
			ID: "p2", Name: "default", ClusterID: labCluster, Infrastructure: VPC, State: "normal",
			Labels: map[string]string{}, SystemLabels: map[string]string{}, Taints: map[string]PoolTaint{}, WorkersPerZone: 1,
			Zones: []PoolZone{{ID: "eu-de-1", WorkerCount: 1, SubnetIDs: []string{"s1"}}},
		},
	}
	cluster := Cluster{ID: labCluster}
	pools, err := client.WorkerPools(t.Context(), cluster)
	mustNot(t, err)
	if !reflect.DeepEqual(pools, want) {
		t.Errorf("got  %+v\nwant %+v", pools, want)
	}
	pool, err := client.WorkerPool(t.Context(), cluster, "edge")
	mustNot(t, err)
	if !reflect.DeepEqual(pool, want[0]) {
		t.Errorf("got %+v", pool)
	}
	if r := l.requests()[1]; r.path != "/global/v2/getWorkerPool" || r.query != "cluster="+labCluster+"&workerpool=edge" {
		t.Errorf("asked %s?%s", r.path, r.query)
	}
	for _, name := range []string{"", "a/b", "a&cluster=x"} {
		if _, err := client.WorkerPool(t.Context(), cluster, name); err == nil {
			t.Errorf("%q was asked for", name)
		}
	}
}

func FuzzPoolTaint(f *testing.F) {
	for _, s := range []string{"edge:NoExecute", ":NoSchedule", "edge", "edge:", ":", "", "a:b:c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if got := parsePoolTaint(s).String(); got != s {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func TestMerge(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		current, set map[string]string
		remove       []string
		want         map[string]string
		differs      bool
	}{
		"nothing":          {nil, nil, nil, map[string]string{}, false},
		"ours is new":      {map[string]string{"a": "1"}, map[string]string{"b": "2"}, nil, map[string]string{"a": "1", "b": "2"}, true},
		"ours is there":    {map[string]string{"a": "1"}, map[string]string{"a": "1"}, nil, map[string]string{"a": "1"}, false},
		"ours differs":     {map[string]string{"a": "1"}, map[string]string{"a": "2"}, nil, map[string]string{"a": "2"}, true},
		"removed":          {map[string]string{"a": "1", "b": ""}, nil, []string{"b"}, map[string]string{"a": "1"}, true},
		"removed already":  {map[string]string{"a": "1"}, nil, []string{"b"}, map[string]string{"a": "1"}, false},
		"removed and set":  {map[string]string{"a": "1"}, map[string]string{"a": "2"}, []string{"a"}, map[string]string{"a": "2"}, true},
		"the empty string": {map[string]string{}, map[string]string{"a": ""}, nil, map[string]string{"a": ""}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := maps.Clone(tt.current)
			got, differs := merge(tt.current, tt.set, tt.remove)
			if !maps.Equal(got, tt.want) || differs != tt.differs || !maps.Equal(before, tt.current) {
				t.Errorf("got %v, %t", got, differs)
			}
		})
	}
}

// poolLab keeps the labels and taints of a pool, and lets tests interfere.
type poolLab struct {
	*lab
	mu             sync.Mutex
	labels, taints map[string]string
	// onWrite runs in place of the nth write's answer, after (or instead of)
	// the write; nil answers in time.
	onWrite func(n int, apply func()) (*http.Response, error)
	writes  int
}

func newPoolLab(t *testing.T) (*poolLab, *Client) {
	t.Helper()
	p := &poolLab{labels: map[string]string{"team": "net"}, taints: map[string]string{"gpu": "yes:NoSchedule"}}
	l, client := newLab(t, func(_ context.Context, _ int, r sent) (*http.Response, error) { return p.serve(r) })
	p.lab = l
	return p, client
}

func (p *poolLab) serve(r sent) (*http.Response, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.method == "GET" {
		labels := maps.Clone(p.labels)
		labels["ibm-cloud.kubernetes.io/worker-pool-name"] = "edge"
		return jsonAnswer(200, map[string]any{"id": "p1", "poolName": "edge", "provider": "classic", "labels": labels, "taints": p.taints})
	}
	var body struct {
		Cluster, WorkerPool string
		Labels, Taints      map[string]string
	}
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		return nil, err
	}
	apply := func() {
		if strings.HasSuffix(r.path, "Labels") {
			p.labels = body.Labels
		} else {
			p.taints = body.Taints
		}
	}
	p.writes++
	if p.onWrite != nil {
		if resp, err := p.onWrite(p.writes, apply); resp != nil || err != nil {
			return resp, err
		}
	}
	apply()
	return plainAnswer(200, "")
}

func TestMergeWorkerPool(t *testing.T) {
	t.Parallel()
	ours := map[string]string{"dedicated": "edge"}
	merged := map[string]string{"team": "net", "dedicated": "edge"}
	for name, tt := range map[string]struct {
		labels  map[string]string // before; nil for the lab's own
		set     map[string]string
		remove  []string
		onWrite func(p *poolLab, n int, apply func()) (*http.Response, error)
		want    map[string]string
		changed bool
		writes  int
		is      func(error) bool // of the error, nil for success
	}{
		"new":              {set: ours, want: merged, changed: true, writes: 1},
		"there already":    {labels: merged, set: ours, want: merged},
		"removed":          {labels: merged, remove: []string{"dedicated"}, want: map[string]string{"team": "net"}, changed: true, writes: 1},
		"the last removed": {labels: ours, remove: []string{"dedicated"}, want: map[string]string{}, changed: true, writes: 1},
		"someone overwrites once": {
			set: ours, want: map[string]string{"other": "x", "dedicated": "edge"}, changed: true, writes: 2,
			onWrite: func(p *poolLab, n int, _ func()) (*http.Response, error) {
				if n == 1 {
					p.labels = map[string]string{"other": "x"}
					return plainAnswer(200, "")
				}
				return nil, nil
			},
		},
		"someone overwrites for ever": {
			set: ours, want: map[string]string{"other": "x"}, changed: true, writes: mergeTries,
			onWrite: func(p *poolLab, _ int, _ func()) (*http.Response, error) {
				p.labels = map[string]string{"other": "x"}
				return plainAnswer(200, "")
			},
			is: func(err error) bool { return strings.Contains(err.Error(), "undoing") },
		},
		"lost answer, and someone else wrote since": {
			set: ours, want: map[string]string{"team": "net", "dedicated": "edge", "other": "x"}, changed: true, writes: 1,
			onWrite: func(p *poolLab, _ int, apply func()) (*http.Response, error) {
				apply()
				p.labels["other"] = "x"
				return nil, syscall.ECONNRESET
			},
		},
		"lost request": {
			set: ours, want: merged, changed: true, writes: 2,
			onWrite: func(_ *poolLab, n int, _ func()) (*http.Response, error) {
				if n == 1 {
					return nil, syscall.ECONNRESET
				}
				return nil, nil
			},
		},
		"throttled": {
			set: ours, want: merged, changed: true, writes: 2,
			onWrite: func(_ *poolLab, n int, _ func()) (*http.Response, error) {
				if n == 1 {
					return iksError(429, "E0429", "slow", "Retry-After", "11")
				}
				return nil, nil
			},
		},
		"refused": {
			set: ours, want: map[string]string{"team": "net"}, writes: 1,
			onWrite: func(*poolLab, int, func()) (*http.Response, error) { return iksError(403, "E0003", "no") },
			is:      IsForbidden,
		},
		"IBM is down": {
			set: ours, want: map[string]string{"team": "net"}, changed: true, writes: mergeTries,
			onWrite: func(*poolLab, int, func()) (*http.Response, error) { return iksError(500, "A0002", "backend") },
			is:      IsTransient,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p, client := newPoolLab(t)
				if tt.labels != nil {
					p.labels = maps.Clone(tt.labels)
				}
				if tt.onWrite != nil {
					p.onWrite = func(n int, apply func()) (*http.Response, error) { return tt.onWrite(p, n, apply) }
				}
				changed, err := client.MergeWorkerPoolLabels(t.Context(), Cluster{ID: labCluster}, "p1", tt.set, tt.remove)
				if tt.is == nil && err != nil || tt.is != nil && (err == nil || !tt.is(err)) {
					t.Errorf("error: %v", err)
				}
				if changed != tt.changed || !maps.Equal(p.labels, tt.want) {
					t.Errorf("changed %t, labels %v; want %t, %v", changed, p.labels, tt.changed, tt.want)
				}
				count(t, "writes", p.writes, tt.writes)
			})
		})
	}
}

// What somebody else set between two writes is not overwritten.
func TestMergeOnCondition(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, client := newPoolLab(t)
		p.onWrite = func(int, func()) (*http.Response, error) {
			p.labels = map[string]string{"dedicated": "gateway"}
			return plainAnswer(200, "")
		}
		foreign := errors.New("somebody else's")
		ours := func(pool WorkerPool) error {
			if v, there := pool.Labels["dedicated"]; there && v != "edge" {
				return foreign
			}
			return nil
		}
		changed, err := client.MergeWorkerPoolLabels(t.Context(), Cluster{ID: labCluster}, "p1", map[string]string{"dedicated": "edge"}, nil, ours)
		if !errors.Is(err, foreign) || !changed || p.labels["dedicated"] != "gateway" {
			t.Errorf("changed %t, %v, labels %v", changed, err, p.labels)
		}
		count(t, "writes", p.writes, 1)
		if changed, err = client.MergeWorkerPoolLabels(t.Context(), Cluster{ID: labCluster}, "p1", nil, []string{"dedicated"}, ours); !errors.Is(err, foreign) || changed {
			t.Errorf("changed %t, %v", changed, err)
		}
		count(t, "writes", p.writes, 1)
	})
}

func TestMergeHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, client := newPoolLab(t)
		p.onWrite = func(n int, _ func()) (*http.Response, error) {
			if n == 1 {
				return iksError(429, "E0429", "slow", "Retry-After", "11")
			}
			return nil, nil
		}
		start := time.Now()
		_, err := client.MergeWorkerPoolLabels(t.Context(), Cluster{ID: labCluster}, "p1", map[string]string{"a": "b"}, nil)
		mustNot(t, err)
		if took := time.Since(start); took != 11*time.Second {
			t.Errorf("took %s, want 11s", took)
		}
	})
}

// Many at once on one pool: all keys arrive, nobody else's goes.
func TestMergeIsSerialisedPerPool(t *testing.T) {
	t.Parallel()
	p, client := newPoolLab(t)
	cluster := Cluster{ID: labCluster}
	var group sync.WaitGroup
	for i := range 20 {
		key := string(rune('a' + i))
		group.Go(func() {
			_, err := client.MergeWorkerPoolLabels(t.Context(), cluster, "p1", map[string]string{key: "x"}, nil)
			mustSucceed(t, err)
		})
		group.Go(func() {
			_, err := client.MergeWorkerPoolTaints(t.Context(), cluster, "p1", map[string]PoolTaint{key: {"x", "NoExecute"}}, nil)
			mustSucceed(t, err)
		})
	}
	group.Wait()
	if len(p.labels) != 21 || p.labels["team"] != "net" || len(p.taints) != 21 || p.taints["gpu"] != "yes:NoSchedule" {
		t.Errorf("labels %v, taints %v", p.labels, p.taints)
	}
	count(t, "writes", p.writes, 40)
}

func TestSetWorkerPool(t *testing.T) {
	t.Parallel()
	l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return plainAnswer(202, "") })
	cluster := Cluster{ID: labCluster}
	mustNot(t, client.SetWorkerPoolLabels(t.Context(), cluster, "p1", nil))
	mustNot(t, client.SetWorkerPoolTaints(t.Context(), cluster, "p1", map[string]PoolTaint{"dedicated": {"edge", "NoExecute"}}))
	for i, want := range []string{
		`/global/v2/setWorkerPoolLabels {"cluster":"` + labCluster + `","workerpool":"p1","labels":{}}`,
		`/global/v2/setWorkerPoolTaints {"cluster":"` + labCluster + `","workerpool":"p1","taints":{"dedicated":"edge:NoExecute"}}`,
	} {
		if r := l.requests()[i]; r.path+" "+r.body != want {
			t.Errorf("sent %s %s, want %s", r.path, r.body, want)
		}
	}
}

func TestWaitingForAPoolIsCancelled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, client := newLab(t, func(ctx context.Context, _ int, _ sent) (*http.Response, error) { return hang(ctx) })
		cluster := Cluster{ID: labCluster}
		var group sync.WaitGroup
		group.Go(func() { _ = client.SetWorkerPoolLabels(t.Context(), cluster, "p1", nil) }) // holds the lock
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := client.MergeWorkerPoolTaints(ctx, cluster, "p1", nil, nil)
		if took := time.Since(start); took != time.Second || err == nil {
			t.Errorf("after %s: %v", took, err)
		}
		group.Wait()
	})
}
