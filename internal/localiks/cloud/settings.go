package cloud

import (
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// poolSettings are what a pool wants on its Nodes.
type poolSettings struct {
	labels map[string]string
	taints []corev1.Taint
}

// settingsOf reads a pool; its taints are in the order of their keys.
func settingsOf(pool fakeiks.WorkerPool) poolSettings {
	s := poolSettings{labels: maps.Clone(pool.Labels)}
	for _, key := range slices.Sorted(maps.Keys(pool.Taints)) {
		value, effect, _ := strings.Cut(pool.Taints[key], ":")
		s.taints = append(s.taints, corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)})
	}
	return s
}

// only is the part of it that is set at a time: the taints, or the labels.
func (s poolSettings) only(taints bool) poolSettings {
	if taints {
		return poolSettings{taints: s.taints}
	}
	return poolSettings{labels: s.labels}
}

// and is what either wants; of labels, the later value.
func (s poolSettings) and(later poolSettings) poolSettings {
	both := poolSettings{labels: map[string]string{}, taints: slices.Clone(s.taints)}
	maps.Copy(both.labels, s.labels)
	maps.Copy(both.labels, later.labels)
	for _, taint := range later.taints {
		if !slices.ContainsFunc(both.taints, sameTaint(taint)) {
			both.taints = append(both.taints, taint)
		}
	}
	return both
}

// sameTaint finds a taint by key and effect.
func sameTaint(a corev1.Taint) func(corev1.Taint) bool {
	return func(b corev1.Taint) bool { return a.Key == b.Key && a.Effect == b.Effect }
}

// change is what is to be patched on a Node: labels (nil removes one) and the
// whole list of taints.
type change struct {
	labels map[string]*string
	taints []corev1.Taint
	// taintsDiffer says that the list is another one than before.
	taintsDiffer bool
}

func (c change) empty() bool { return len(c.labels) == 0 && !c.taintsDiffer }

// decide finds what must change on a Node so that it has what its pool wants
// now, and no longer what the pool wanted before. Labels and taints that the
// pool never wanted stay; a taint is one by key and effect.
func decide(labels map[string]string, taints []corev1.Taint, before, now poolSettings) change {
	c := change{labels: map[string]*string{}}
	for key := range before.labels {
		_, wanted := now.labels[key]
		if _, has := labels[key]; has && !wanted {
			c.labels[key] = nil
		}
	}
	for key, value := range now.labels {
		if has, found := labels[key]; !found || has != value {
			c.labels[key] = &value
		}
	}
	for _, taint := range taints {
		wantedNow := slices.IndexFunc(now.taints, sameTaint(taint))
		switch {
		case wantedNow >= 0 && taint.Value != now.taints[wantedNow].Value:
			taint.Value = now.taints[wantedNow].Value
			c.taintsDiffer = true
		case wantedNow < 0 && slices.ContainsFunc(before.taints, sameTaint(taint)):
			c.taintsDiffer = true
			continue
		}
		c.taints = append(c.taints, taint)
	}
	for _, taint := range now.taints {
		if !slices.ContainsFunc(c.taints, sameTaint(taint)) {
			c.taints = append(c.taints, taint)
			c.taintsDiffer = true
		}
	}
	return c
}
