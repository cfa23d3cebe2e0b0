package acctest

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
)

// answerLifetime is how long the provider gives an answer to whoever asks the
// same within a plan.
const answerLifetime = 30 * time.Second

// ConstantRequests applies a configuration of a few objects and one of many, and
// fails where a plan without a change sends more requests because they are many:
// to the API server, by its audit log, or to IKS and the APIs beside it. On a
// machine where the plan takes longer than an answer lives, the same may be asked
// anew. What it gives are the requests for the few, as "get /api/v1/nodes".
func ConstantRequests(t testing.TB, e *localiks.Environment, c *localiks.Cluster, config func(count int) string, few, many int) (toCluster, toIKS []string) {
	t.Helper()
	w := NewWorkspace(t, config(few))
	w.MustApply()
	toCluster, toIKS, _ = planRequests(t, e, c, w)
	w.Write(config(many))
	w.MustApply()
	toClusterMany, toIKSMany, took := planRequests(t, e, c, w)
	times := 1 + int(took/answerLifetime)
	for _, more := range [][]string{beyond(toClusterMany, toCluster, times), beyond(toIKSMany, toIKS, times)} {
		if len(more) > 0 {
			t.Errorf("a plan without a change for %d sends more than one for %d: %q", many, few, more)
		}
	}
	w.MustDestroy()
	return toCluster, toIKS
}

// planRequests are what a plan without a change sends, without the further pages
// of a list.
func planRequests(t testing.TB, e *localiks.Environment, c *localiks.Cluster, w *Workspace) (toCluster, toIKS []string, took time.Duration) {
	t.Helper()
	mark, err := c.MarkAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	e.IKS.ResetRequests()
	began := time.Now()
	w.MustPlanEmpty()
	took = time.Since(began)
	events, err := c.Audit(t.Context(), mark)
	if err != nil {
		t.Fatal(err)
	}
	for _, event := range events.FromAgent("terraform-provider-iks") {
		if at, err := url.Parse(event.URI); err != nil || !at.Query().Has("continue") {
			toCluster = append(toCluster, event.Verb+" "+event.URI)
		}
	}
	for _, r := range e.IKS.Requests() {
		if !r.Query.Has("start") {
			toIKS = append(toIKS, r.Method+" "+r.Path)
		}
	}
	if len(toCluster) == 0 || len(toIKS) == 0 {
		t.Fatalf("a plan is seen to send %d requests to the cluster and %d to IKS; is it not looked at where they are counted?", len(toCluster), len(toIKS))
	}
	t.Logf("a plan without a change, %.1f s: %d requests to the cluster, %d to IKS", took.Seconds(), len(toCluster), len(toIKS))
	return toCluster, toIKS, took
}

// beyond are the requests that stand in sent more than so many times as often as
// in allowed.
func beyond(sent, allowed []string, times int) []string {
	left := slices.Repeat(allowed, times)
	return slices.DeleteFunc(slices.Clone(sent), func(request string) bool {
		at := slices.Index(left, request)
		if at < 0 {
			return false
		}
		left = slices.Delete(left, at, at+1)
		return true
	})
}
