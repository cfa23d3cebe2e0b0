package fakeiks

import (
	"sync"
	"time"
)

// ChangeKind says what happened.
type ChangeKind string

// The kinds of change. Those of ALBs and of the master are requests that the
// cloud controllers are to carry out.
const (
	ClusterAdded      ChangeKind = "cluster added"
	ClusterRemoved    ChangeKind = "cluster removed"
	MasterRefreshed   ChangeKind = "master refreshed"
	PoolAdded         ChangeKind = "pool added"
	PoolRemoved       ChangeKind = "pool removed"
	PoolLabelsChanged ChangeKind = "pool labels changed"
	PoolTaintsChanged ChangeKind = "pool taints changed"
	WorkerAdded       ChangeKind = "worker added"
	WorkerRemoved     ChangeKind = "worker removed"
	WorkerReloaded    ChangeKind = "worker reloaded"
	WorkerHealth      ChangeKind = "worker health changed"
	ALBEnabled        ChangeKind = "ALB enable requested"
	ALBDisabled       ChangeKind = "ALB disable requested"
	ALBUpdated        ChangeKind = "ALB update requested"
	SubnetAdded       ChangeKind = "portable subnet added"
	AddressReleased   ChangeKind = "portable address released"
)

// Change is one event. Subject is the ID of the pool, worker or ALB, the CIDR
// of the subnet, the address.
type Change struct {
	Kind    ChangeKind
	Cluster string
	Subject string
	// At is when it happened.
	At time.Time
}

// Subscribe delivers every change from now on, in order and without loss: a
// slow reader makes the queue grow, never the server wait. The channel is
// closed by cancel and when the server closes.
func (s *Server) Subscribe() (<-chan Change, func()) {
	sub := newSubscriber()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		sub.close()
		return sub.out, func() {}
	}
	s.subscribers[sub] = struct{}{}
	return sub.out, func() {
		s.mu.Lock()
		delete(s.subscribers, sub)
		s.mu.Unlock()
		sub.close()
	}
}

// emit tells all subscribers. Call it with the lock held.
func (s *Server) emit(kind ChangeKind, cluster, subject string) {
	now := time.Now()
	for sub := range s.subscribers {
		sub.push(Change{Kind: kind, Cluster: cluster, Subject: subject, At: now})
	}
}

type subscriber struct {
	out  chan Change
	wake chan struct{}
	done chan struct{}
	once sync.Once

	mu    sync.Mutex
	queue []Change
}

func newSubscriber() *subscriber {
	sub := &subscriber{
		out:  make(chan Change),
		wake: make(chan struct{}, 1),
		done: make(chan struct{}),
	}
	go sub.pump()
	return sub
}

func (sub *subscriber) push(c Change) {
	sub.mu.Lock()
	sub.queue = append(sub.queue, c)
	sub.mu.Unlock()
	select {
	case sub.wake <- struct{}{}:
	default:
	}
}

func (sub *subscriber) take() []Change {
	sub.mu.Lock()
	defer sub.mu.Unlock()
	batch := sub.queue
	sub.queue = nil
	return batch
}

func (sub *subscriber) pump() {
	defer close(sub.out)
	for {
		for _, change := range sub.take() {
			select {
			case sub.out <- change:
			case <-sub.done:
				return
			}
		}
		select {
		case <-sub.wake:
		case <-sub.done:
			return
		}
	}
}

func (sub *subscriber) close() { sub.once.Do(func() { close(sub.done) }) }
