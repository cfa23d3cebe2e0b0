package privateservice

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// mostEvents is how many events are quoted.
const mostEvents = 2

// pendingText says that a load balancer has no address yet, in the words of the
// newest events of its Service.
func pendingText(ctx context.Context, k *kube.Client, live corev1.Service) string {
	text := fmt.Sprintf("an address for the load balancer of Service %s/%s", live.Namespace, live.Name)
	events, err := kube.List(ctx, k, kube.Events, kube.ListOptions{
		Namespace: live.Namespace, Fields: "involvedObject.kind=Service,involvedObject.uid=" + string(live.UID),
	})
	if err != nil { // a help that a wait can do without
		return text
	}
	if said := quoteEvents(events); len(said) > 0 {
		return text + " (the cluster says: " + strings.Join(said, "; ") + ")"
	}
	return text
}

// quoteEvents gives the newest different messages, warnings before the rest.
func quoteEvents(events []corev1.Event) []string {
	warning := func(e corev1.Event) bool { return e.Type == corev1.EventTypeWarning }
	if slices.ContainsFunc(events, warning) {
		events = slices.DeleteFunc(slices.Clone(events), func(e corev1.Event) bool { return !warning(e) })
	}
	slices.SortStableFunc(events, func(a, b corev1.Event) int { return eventTime(b).Compare(eventTime(a)) })
	var out []string
	for _, e := range events {
		message := strings.TrimSpace(e.Message)
		// One controller quotes the other.
		i := slices.IndexFunc(out, func(said string) bool { return strings.Contains(said, message) || strings.Contains(message, said) })
		switch {
		case message == "":
		case i >= 0 && len(message) < len(out[i]):
			out[i] = message
		case i < 0 && len(out) < mostEvents:
			out = append(out, message)
		}
	}
	return out
}

func eventTime(e corev1.Event) time.Time {
	newest := e.CreationTimestamp.Time
	for _, t := range []time.Time{e.LastTimestamp.Time, e.EventTime.Time} {
		if t.After(newest) {
			newest = t
		}
	}
	if e.Series != nil && e.Series.LastObservedTime.After(newest) {
		newest = e.Series.LastObservedTime.Time
	}
	return newest
}
