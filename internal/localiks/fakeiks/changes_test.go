package fakeiks_test

import (
	"slices"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestSubscribersGetEveryChangeInOrder(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{Delay: -1})
	changes, stop := s.Subscribe()
	cluster := add(t, s, fakeiks.Cluster{NoALBs: true, Pools: []fakeiks.WorkerPool{{Name: "default", PerZone: 1}}})
	worker := s.Workers(cluster.ID)[0].ID
	const reloads = 500
	for range reloads {
		if err := s.ReloadWorker(cluster.ID, worker); err != nil {
			t.Fatal(err)
		}
	}
	s.RemoveCluster(cluster.ID)
	want := []fakeiks.ChangeKind{fakeiks.PoolAdded, fakeiks.WorkerAdded, fakeiks.ClusterAdded}
	for range reloads {
		want = append(want, fakeiks.WorkerReloaded, fakeiks.WorkerHealth)
	}
	want = append(want, fakeiks.ClusterRemoved)
	var got []fakeiks.ChangeKind
	for range want {
		select {
		case c := <-changes:
			got = append(got, c.Kind)
		case <-time.After(10 * time.Second):
			t.Fatalf("only %d changes arrived", len(got))
		}
	}
	if !slices.Equal(got, want) {
		t.Error("changes are missing or out of order")
	}
	stop()
	for range changes {
		t.Error("a change after the end of the subscription")
	}
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	s, err := fakeiks.Start(fakeiks.Options{Delay: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	cluster := add(t, s, fakeiks.Cluster{})
	changes, stop := s.Subscribe()
	defer stop()
	if _, err := s.ReplaceWorker(cluster.ID, s.Workers(cluster.ID)[0].ID); err != nil {
		t.Fatal(err)
	}
	s.Fail(fakeiks.Fault{Delay: time.Hour})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the subscription ends", func() bool {
		select {
		case _, open := <-changes:
			return !open
		default:
			return false
		}
	})
	if again, stop := s.Subscribe(); true {
		stop()
		if _, open := <-again; open {
			t.Error("a subscription to a closed server")
		}
	}
}
