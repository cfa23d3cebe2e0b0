package inboundguard_test

import (
	"context"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kubewatch "k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
)

// watch sees what comes and goes among stored objects, in the order of the
// store: "+default.web", "-default.web". What it gives waits for so many.
func watch(t *testing.T, kind dynamic.ResourceInterface) (next func(count int) []string) {
	t.Helper()
	list, err := kind.List(context.Background(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	stream, err := kind.Watch(context.Background(), metav1.ListOptions{ResourceVersion: list.GetResourceVersion()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stream.Stop)
	return func(count int) []string {
		t.Helper()
		var seen []string
		end := time.After(time.Minute)
		for len(seen) < count {
			select {
			case event := <-stream.ResultChan():
				object, ok := event.Object.(*unstructured.Unstructured)
				sign := map[kubewatch.EventType]string{kubewatch.Added: "+", kubewatch.Deleted: "-"}[event.Type]
				if ok && sign != "" {
					seen = append(seen, sign+object.GetName())
				}
			case <-end:
				t.Fatalf("seen %v, and then nothing more", seen)
			}
		}
		return seen
	}
}
