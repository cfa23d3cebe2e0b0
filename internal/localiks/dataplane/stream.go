package dataplane

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// Flow is what a stream has sent of one probe, and what was answered.
type Flow struct {
	Probe
	Sent, Answered int
}

// streamers is how many connections of a flow are tried at a time.
const streamers = 4

// Stream is probes that are sent over and over, each as a new connection.
type Stream struct {
	flows   []*flow
	cancel  context.CancelFunc
	sending sync.WaitGroup
}

// Stream begins to send, until [Stream.Stop]. What is to be dropped all the
// time rains: UDP comes every millisecond then.
func (l *Lab) Stream(ctx context.Context, expectations ...Expectation) *Stream {
	s := &Stream{flows: make([]*flow, len(expectations))}
	ctx, s.cancel = context.WithCancel(ctx)
	for i, e := range expectations {
		f := &flow{probe: e.Probe, patience: patience}
		if e.Want == Open {
			f.patience = longPatience
		}
		s.flows[i] = f
		if e.Want != Open && e.Protocol == UDP {
			s.sending.Go(func() { f.rain(ctx) })
			continue
		}
		for range streamers {
			s.sending.Go(func() { f.knock(ctx) })
		}
	}
	return s
}

// Flows says how the probes have fared up to now, in the order in which they
// were given. An error says that one could not be sent.
func (s *Stream) Flows() ([]Flow, error) {
	var list []Flow
	for _, f := range s.flows {
		if err := f.failure.Load(); err != nil {
			return nil, *err
		}
		list = append(list, Flow{Probe: f.probe, Sent: int(f.sent.Load()), Answered: int(f.answered.Load())})
	}
	return list, nil
}

// Stop ends the stream and waits for the last answers.
func (s *Stream) Stop() ([]Flow, error) {
	s.cancel()
	s.sending.Wait()
	return s.Flows()
}

// flow is a Flow that goes on.
type flow struct {
	probe          Probe
	patience       time.Duration
	sent, answered atomic.Int64
	failure        atomic.Pointer[error]
}

// knock tries the probe again and again, and ends between two tries.
func (f *flow) knock(ctx context.Context) {
	for ctx.Err() == nil {
		answer, err := f.probe.send(context.WithoutCancel(ctx), f.patience)
		if err != nil {
			f.failure.Store(&err)
			return
		}
		f.sent.Add(1)
		if answer.Verdict == Open {
			f.answered.Add(1)
		}
	}
}

// rain sends a packet each millisecond. Packets that are dropped leave no
// connection behind, so each is judged anew.
func (f *flow) rain(ctx context.Context) {
	connection, err := f.probe.From.dial(ctx, UDP, f.probe.Source, f.probe.To)
	if err != nil {
		f.failure.Store(&err)
		return
	}
	defer func() { _ = connection.Close() }()
	var reading sync.WaitGroup
	reading.Go(func() {
		buffer := make([]byte, 1500)
		for {
			if _, err := connection.Read(buffer); err != nil {
				return // closed, or nobody has answered until the end
			}
			f.answered.Add(1)
		}
	})
	drop := time.NewTicker(time.Millisecond)
	defer drop.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-drop.C:
			if _, err := connection.Write([]byte("who is there?\n")); err == nil {
				f.sent.Add(1)
			}
		}
	}
	if err := connection.SetReadDeadline(time.Now().Add(patience)); err != nil {
		f.failure.Store(&err)
		return
	}
	reading.Wait()
}
