package main

import (
	"strings"
	"testing"
)

func TestDifferences(t *testing.T) {
	t.Parallel()
	before := func() picture {
		return picture{
			nodes: []node{
				{name: "n1", labels: map[string]string{"zone": "a"}, taints: []string{"gpu=yes:NoSchedule"}, pods: []string{"shop"}},
				{name: "n2", labels: map[string]string{"zone": "b"}},
			},
			policies: []string{"default.allow-icmp"},
			albs:     []alb{{id: "public-cr1-alb1", enabled: true, state: "enabled", address: "169.1.2.3"}},
		}
	}
	for name, test := range map[string]struct {
		later func(*picture)
		want  []string // parts of the sentences, one sentence each
	}{
		"the same":                 {later: func(*picture) {}},
		"pods have moved":          {later: func(p *picture) { p.nodes[0].pods = nil }},
		"the address is new":       {later: func(p *picture) { p.albs[0].address = "169.1.2.4" }},
		"a label is left":          {later: func(p *picture) { p.nodes[1].labels["dedicated"] = "edge" }, want: []string{"labels of node n2"}},
		"a taint is left":          {later: func(p *picture) { p.nodes[1].taints = []string{"dedicated=edge:NoExecute"} }, want: []string{"taints of node n2"}},
		"a taint of others gone":   {later: func(p *picture) { p.nodes[0].taints = nil }, want: []string{"taints of node n1"}},
		"a node is gone":           {later: func(p *picture) { p.nodes = p.nodes[:1] }, want: []string{"node n2 is gone"}},
		"a node is new":            {later: func(p *picture) { p.nodes = append(p.nodes, node{name: "n3"}) }, want: []string{"node n3 is new"}},
		"a policy is left":         {later: func(p *picture) { p.policies = append(p.policies, guardName) }, want: []string{"policies were"}},
		"an app is left":           {later: func(p *picture) { p.apps = []app{{kind: "Service", name: "shop"}} }, want: []string{"apps were"}},
		"a refusal is left":        {later: func(p *picture) { p.refusals = []string{"private-only"} }, want: []string{"exposure policies were"}},
		"an ALB has stayed off":    {later: func(p *picture) { p.albs[0].enabled = false }, want: []string{"ALBs were"}},
		"two things at one time":   {later: func(p *picture) { p.policies, p.albs = nil, nil }, want: []string{"policies were", "ALBs were"}},
		"an ALB is still changing": {later: func(p *picture) { p.albs[0].state = "disabled" }, want: []string{"ALBs were"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			later := before()
			test.later(&later)
			got := before().differences(later)
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %d differences", got, len(test.want))
			}
			for i, part := range test.want {
				if !strings.Contains(got[i], part) {
					t.Errorf("got %q, want %q in it", got[i], part)
				}
			}
		})
	}
}

func TestScreen(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	s := &screen{to: &out}
	s.show(picture{
		cluster: "c",
		nodes: []node{
			{name: "10.0.0.1", zone: "dal10", pool: "edge", labels: map[string]string{edgeKey: "edge"}, taints: []string{"dedicated=edge:NoExecute"}, pods: []string{"private ALB"}},
			{name: "10.0.0.2", zone: "dal10", pool: "default", pods: []string{"shop", "shop"}},
		},
		policies: []string{"default.allow-icmp", "default." + guardName},
		albs:     []alb{{id: "private-cr1-alb1", state: "enabled", address: "10.1.1.1"}},
		apps:     []app{{kind: "Service", name: "shop", address: "10.1.1.9"}},
		refusals: []string{"private-only"},
	})
	const want = `
   c
   NODE       ZONE    POOL      LABEL dedicated   TAINTS                     PODS
   10.0.0.1   dal10   edge      edge              dedicated=edge:NoExecute   1 private ALB
   10.0.0.2   dal10   default   -                 -                          2 shop

   ALB                STATE     ADDRESS
   private-cr1-alb1   enabled   10.1.1.1

   APP       NAME   ADDRESS
   Service   shop   10.1.1.9

   guard policy: deny-kube-node-port-services
   exposure policy: private-only
`
	if out.String() != want {
		t.Errorf("the screen shows\n%s\nwant\n%s", out.String(), want)
	}
}
