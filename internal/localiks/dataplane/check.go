package dataplane

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Expectation is a probe and what must become of it.
type Expectation struct {
	Probe
	Want Verdict
	// By is what the name of who answers must begin with, "" for anybody.
	By string
}

// met says whether an answer is the one that is wanted.
func (e Expectation) met(a Answer) bool {
	return a.Verdict == e.Want && (e.Want != Open || strings.HasPrefix(a.From, e.By))
}

const (
	// settling bounds how long a change may take until packets feel it.
	settling = 15 * time.Second
	// mostPatience is how long an answer may take that is still not there.
	mostPatience = 3 * time.Second
	// again is how often a verdict must come in a row to count.
	again = 2
)

// Check sends all probes at once until each has met its verdict twice running,
// and then all once more: what holds must hold together. The error tells of
// each that does not, with the rules that its packets met on the way.
func (l *Lab) Check(ctx context.Context, expectations ...Expectation) error {
	ctx, cancel := context.WithTimeout(ctx, settling)
	defer cancel()
	err := each(expectations, func(e Expectation) error { return e.await(ctx, again) })
	if err == nil {
		err = each(expectations, func(e Expectation) error { return e.await(ctx, 1) })
	}
	if err != nil {
		return errors.Join(err, l.explain(context.WithoutCancel(ctx), expectations))
	}
	return nil
}

// each does something for all expectations at the same time.
func each(expectations []Expectation, do func(Expectation) error) error {
	failures := make([]error, len(expectations))
	var all sync.WaitGroup
	for i, e := range expectations {
		all.Go(func() { failures[i] = do(e) })
	}
	all.Wait()
	return errors.Join(failures...)
}

// await sends the probe until its verdict has been the one that is wanted so
// many times in a row.
func (e Expectation) await(ctx context.Context, times int) error {
	met, patience := 0, patience
	for {
		answer, err := e.send(context.WithoutCancel(ctx), patience)
		if err == nil && e.met(answer) {
			if met++; met == times {
				return nil
			}
			continue
		}
		met = 0
		if e.Want != Dropped { // on a crowded machine, answers are late
			patience = min(2*patience, mostPatience)
		}
		select {
		case <-ctx.Done():
			if err != nil {
				return fmt.Errorf("%s: %w", e.Probe, err)
			}
			if answer.Verdict == e.Want {
				return fmt.Errorf("%s: answered by %s, want %s", e.Probe, answer.From, e.By)
			}
			return fmt.Errorf("%s: %s, want %s", e.Probe, answer.Verdict, e.Want)
		case <-time.After(20 * time.Millisecond):
		}
	}
}
