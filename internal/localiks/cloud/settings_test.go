package cloud

import (
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestDecide(t *testing.T) {
	t.Parallel()
	taint := func(key, value, effect string) corev1.Taint {
		return corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)}
	}
	edge := fakeiks.WorkerPool{Labels: map[string]string{"dedicated": "edge"}, Taints: map[string]string{"dedicated": "edge:NoExecute"}}
	nothing := fakeiks.WorkerPool{}
	tests := map[string]struct {
		labels      map[string]string
		taints      []corev1.Taint
		before, now fakeiks.WorkerPool
		wantLabels  map[string]string // "" removes
		wantTaints  []corev1.Taint
		wantTouched bool
	}{
		"everything is there": {
			labels: map[string]string{"dedicated": "edge"}, taints: []corev1.Taint{taint("dedicated", "edge", "NoExecute")},
			before: edge, now: edge, wantTaints: []corev1.Taint{taint("dedicated", "edge", "NoExecute")},
		},
		"both are added beside others": {
			labels: map[string]string{"mine": "x"}, taints: []corev1.Taint{taint("mine", "x", "NoSchedule")},
			before: nothing, now: edge, wantLabels: map[string]string{"dedicated": "edge"},
			wantTaints: []corev1.Taint{taint("mine", "x", "NoSchedule"), taint("dedicated", "edge", "NoExecute")}, wantTouched: true,
		},
		"another effect on the same key is somebody else's": {
			labels: map[string]string{"dedicated": "edge"},
			taints: []corev1.Taint{taint("dedicated", "edge", "NoSchedule"), taint("dedicated", "edge", "NoExecute")},
			before: edge, now: nothing, wantLabels: map[string]string{"dedicated": ""},
			wantTaints: []corev1.Taint{taint("dedicated", "edge", "NoSchedule")}, wantTouched: true,
		},
		"values are mended": {
			labels: map[string]string{"dedicated": "other"}, taints: []corev1.Taint{taint("dedicated", "other", "NoExecute")},
			before: edge, now: edge, wantLabels: map[string]string{"dedicated": "edge"},
			wantTaints: []corev1.Taint{taint("dedicated", "edge", "NoExecute")}, wantTouched: true,
		},
		"what the pool never had stays": {
			labels: map[string]string{"mine": "x"}, taints: []corev1.Taint{taint("mine", "x", "NoSchedule")},
			before: nothing, now: nothing, wantTaints: []corev1.Taint{taint("mine", "x", "NoSchedule")},
		},
		"a removed label that is gone already": {before: edge, now: nothing},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := decide(test.labels, test.taints, settingsOf(test.before), settingsOf(test.now))
			labels := map[string]string{}
			for key, value := range got.labels {
				if value == nil {
					labels[key] = ""
				} else {
					labels[key] = *value
				}
			}
			if !maps.Equal(labels, test.wantLabels) {
				t.Errorf("labels %v, want %v", labels, test.wantLabels)
			}
			if !slices.Equal(got.taints, test.wantTaints) || got.taintsDiffer != test.wantTouched {
				t.Errorf("taints %v (%v), want %v (%v)", got.taints, got.taintsDiffer, test.wantTaints, test.wantTouched)
			}
			if got.empty() != (len(test.wantLabels) == 0 && !test.wantTouched) {
				t.Errorf("empty %v", got.empty())
			}
		})
	}
}

func TestServiceChange(t *testing.T) {
	t.Parallel()
	balancer := func(note string) *corev1.Service {
		s := &corev1.Service{Spec: corev1.ServiceSpec{Type: corev1.ServiceTypeLoadBalancer}}
		s.Name, s.Namespace = "app", "default"
		s.Annotations = map[string]string{"note": note}
		return s
	}
	plain := balancer("")
	plain.Spec.Type = corev1.ServiceTypeClusterIP
	status := balancer("1")
	status.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "10.0.0.1"}}
	other, classy := "somebody/else", balancer("1")
	classy.Spec.LoadBalancerClass = &other
	leaving := balancer("1")
	leaving.DeletionTimestamp = &metav1.Time{Time: time.Unix(1, 0)}
	reborn := balancer("1")
	reborn.UID = "another"
	alb := balancer("1")
	alb.Labels = map[string]string{albLabel: "x"}
	tests := map[string]struct {
		before, after *corev1.Service
		want          bool
	}{
		"new":                  {after: balancer("1"), want: true},
		"gone":                 {before: balancer("1"), want: true},
		"annotation touched":   {before: balancer("1"), after: balancer("2"), want: true},
		"no longer a balancer": {before: balancer("1"), after: plain, want: true},
		"status only":          {before: balancer("1"), after: status},
		"of another class":     {after: classy},
		"being deleted":        {before: balancer("1"), after: leaving, want: true},
		"made anew":            {before: balancer("1"), after: reborn, want: true},
		"another type":         {before: plain, after: plain},
		"an ALB's":             {after: alb},
		"nothing":              {},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := serviceChange(test.before, test.after) != ""; got != test.want {
				t.Errorf("got %v", got)
			}
		})
	}
}
