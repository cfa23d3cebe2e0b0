package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// picture is what the demo shows of a cluster, and what it compares.
type picture struct {
	cluster  string
	nodes    []node
	policies []string // names, sorted
	albs     []alb
	apps     []app    // what the provider exposes, by kind and name
	refusals []string // admission policies of the provider, sorted
}

type node struct {
	name, zone, pool string
	labels           map[string]string
	taints           []string // key=value:effect, sorted
	pods             []string // "shop", "ALB ...", one for each pod that is ready
}

type alb struct {
	id, address string
	enabled     bool
	state       string
}

// app is something that is reached on an address.
type app struct{ kind, name, address string }

// show puts a picture on the screen.
func (s *screen) show(p picture) {
	s.print("")
	s.line("%s", s.style(bold, p.cluster))
	rows := make([][]string, 0, len(p.nodes))
	for _, n := range p.nodes {
		rows = append(rows, []string{n.name, n.zone, n.pool, orDash(n.labels[edgeKey]), orDash(strings.Join(n.taints, " ")), orDash(tally(n.pods))})
	}
	s.table([]string{"NODE", "ZONE", "POOL", "LABEL " + edgeKey, "TAINTS", "PODS"}, rows)
	s.print("")
	rows = rows[:0]
	for _, a := range p.albs {
		rows = append(rows, []string{a.id, a.state, orDash(a.address)})
	}
	s.table([]string{"ALB", "STATE", "ADDRESS"}, rows)
	s.print("")
	if len(p.apps) > 0 {
		rows = rows[:0]
		for _, a := range p.apps {
			rows = append(rows, []string{a.kind, a.name, orDash(a.address)})
		}
		s.table([]string{"APP", "NAME", "ADDRESS"}, rows)
		s.print("")
	}
	s.line("guard policy: %s", orDash(strings.Join(guards(p.policies), ", ")))
	s.line("exposure policy: %s", orDash(strings.Join(p.refusals, ", ")))
}

// tally counts what is the same: "2 shop, 1 private ALB".
func tally(names []string) string {
	count := map[string]int{}
	for _, name := range names {
		count[name]++
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(count)) {
		parts = append(parts, fmt.Sprintf("%d %s", count[name], name))
	}
	return strings.Join(parts, ", ")
}

// guards are the policies that the provider makes, among all.
func guards(policies []string) []string {
	var ours []string
	for _, name := range policies {
		if strings.HasSuffix(name, guardName) {
			ours = append(ours, strings.TrimPrefix(name, "default."))
		}
	}
	return ours
}

// differences says where a later picture is not what this one was: labels and
// taints of nodes, policies, and which ALBs are on. Pods may run elsewhere.
func (p picture) differences(later picture) []string {
	var out []string
	if !slices.Equal(p.policies, later.policies) {
		out = append(out, fmt.Sprintf("policies were %v and are %v", p.policies, later.policies))
	}
	was := map[string]node{}
	for _, n := range p.nodes {
		was[n.name] = n
	}
	for _, n := range later.nodes {
		before, ok := was[n.name]
		delete(was, n.name)
		switch {
		case !ok:
			out = append(out, "node "+n.name+" is new")
		case !maps.Equal(before.labels, n.labels):
			out = append(out, fmt.Sprintf("labels of node %s were %v and are %v", n.name, before.labels, n.labels))
		case !slices.Equal(before.taints, n.taints):
			out = append(out, fmt.Sprintf("taints of node %s were %v and are %v", n.name, before.taints, n.taints))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(was)) {
		out = append(out, "node "+name+" is gone")
	}
	if !slices.Equal(p.apps, later.apps) {
		out = append(out, fmt.Sprintf("apps were %v and are %v", p.apps, later.apps))
	}
	if !slices.Equal(p.refusals, later.refusals) {
		out = append(out, fmt.Sprintf("exposure policies were %v and are %v", p.refusals, later.refusals))
	}
	same := func(a, b alb) bool { return a.id == b.id && a.enabled == b.enabled && a.state == b.state }
	if !slices.EqualFunc(p.albs, later.albs, same) {
		out = append(out, fmt.Sprintf("ALBs were %v and are %v", p.albs, later.albs))
	}
	return out
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
