package privateservice

import (
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
)

func TestQuoteEvents(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	event := func(kind, message string, minute int) corev1.Event {
		return corev1.Event{Type: kind, Message: message, LastTimestamp: metav1.NewTime(began.Add(time.Duration(minute) * time.Minute))}
	}
	const normal, warning = corev1.EventTypeNormal, corev1.EventTypeWarning
	newer := event(warning, "in series", 0)
	newer.Series = &corev1.EventSeries{LastObservedTime: metav1.NewMicroTime(began.Add(time.Hour))}
	for _, test := range []struct {
		name   string
		events []corev1.Event
		want   []string
	}{
		{"none", nil, nil},
		{"normal only", []corev1.Event{event(normal, "Ensuring load balancer", 1)}, []string{"Ensuring load balancer"}},
		{"warnings first", []corev1.Event{event(normal, "Ensuring load balancer", 9), event(warning, "no IP is free", 1)}, []string{"no IP is free"}},
		{"newest first, two of them", []corev1.Event{event(warning, "a", 1), event(warning, "c", 3), event(warning, "b", 2)}, []string{"c", "b"}},
		{"each once", []corev1.Event{event(warning, "a", 1), event(warning, "a", 3), event(warning, "b", 2)}, []string{"a", "b"}},
		{"not quoted twice", []corev1.Event{event(warning, "Error syncing: Error: no IP", 3), event(warning, "Error: no IP", 3), event(warning, "Failed: Error: no IP", 3)}, []string{"Error: no IP"}},
		{"by the time of a series", []corev1.Event{event(warning, "a", 1), newer}, []string{"in series", "a"}},
	} {
		if got := quoteEvents(test.events); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

func TestExposedPorts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		port port
		want int
	}{
		"plain":             {port{port: 443, protocol: corev1.ProtocolTCP}, 0},
		"node port":         {port{port: 30000, protocol: corev1.ProtocolTCP}, 1},
		"failsafe":          {port{port: 2379, protocol: corev1.ProtocolTCP}, 1},
		"failsafe, not UDP": {port{port: 2379, protocol: corev1.ProtocolUDP}, 0},
	} {
		got := exposedPorts([]port{test.port}, failsafePorts())
		if len(got) != test.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func failsafePorts() []calico.FailsafePort {
	return []calico.FailsafePort{{Protocol: "TCP", Port: 2379}}
}
