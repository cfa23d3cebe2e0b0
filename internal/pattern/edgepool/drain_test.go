package edgepool

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// failure is how an API server that has one pod, shop/web on node a, answers.
type failure func(http.ResponseWriter)

func answer(code int, reason metav1.StatusReason, causes ...metav1.StatusCause) failure {
	return func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		status := metav1.Status{
			TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure,
			Code: int32(code), Reason: reason, Message: "no", Details: &metav1.StatusDetails{Causes: causes},
		}
		if err := json.NewEncoder(w).Encode(status); err != nil {
			panic(err)
		}
	}
}

func hangUp(http.ResponseWriter) { panic(http.ErrAbortHandler) }

var (
	overBudget = answer(http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests, metav1.StatusCause{Type: policyv1.DisruptionBudgetCause, Message: "The budget needs it."})
	goingSpace = answer(http.StatusForbidden, metav1.StatusReasonForbidden, metav1.StatusCause{Type: corev1.NamespaceTerminatingCause})
)

func onNodeA() []*corev1.Pod {
	pod := aPod("web", "a")
	return []*corev1.Pod{&pod}
}

// onePod serves the API. Looking and evicting fail as long as there are failures.
func onePod(t *testing.T, lists, evictions []failure, onEviction func()) *kube.Client {
	t.Helper()
	var mu sync.Mutex
	gone := false
	next := func(failures *[]failure, w http.ResponseWriter) bool {
		if len(*failures) == 0 {
			return false
		}
		fail := (*failures)[0]
		*failures = (*failures)[1:]
		fail(w)
		return true
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Method == http.MethodPost {
			onEviction()
			if next(&evictions, w) {
				return
			}
			gone = true
			answer(http.StatusCreated, "")(w)
			return
		}
		if next(&lists, w) {
			return
		}
		pods := corev1.PodList{TypeMeta: metav1.TypeMeta{Kind: "PodList", APIVersion: "v1"}}
		if !gone {
			pods.Items = append(pods.Items, aPod("web", "a"))
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(pods); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	client, err := kube.New(kube.Access{Host: server.URL}, kube.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// What may pass is waited through until time is up, and said then. What will
// not ends the drain.
func TestDrainThroughTrouble(t *testing.T) {
	t.Parallel()
	const long, short = time.Minute, time.Second
	ever := func(f failure) []failure { return slices.Repeat([]failure{f}, 100) }
	for name, test := range map[string]struct {
		lists, evictions []failure
		timeout          time.Duration
		want             string // what the error says, "" for none
	}{
		"nothing is wrong":             {nil, nil, long, ""},
		"looking breaks off":           {[]failure{hangUp}, nil, long, ""},
		"looking fails inside":         {[]failure{answer(500, metav1.StatusReasonInternalError)}, nil, long, ""},
		"the connection breaks":        {nil, []failure{hangUp}, long, ""},
		"evicting conflicts":           {nil, []failure{answer(409, metav1.StatusReasonConflict)}, long, ""},
		"evicting fails inside":        {nil, []failure{answer(500, metav1.StatusReasonInternalError)}, long, ""},
		"a proxy without a server":     {nil, []failure{func(w http.ResponseWriter) { http.Error(w, "bad gateway", http.StatusBadGateway) }}, long, ""},
		"a proxy that waited":          {nil, []failure{answer(504, metav1.StatusReasonTimeout)}, long, ""},
		"its namespace goes":           {nil, []failure{goingSpace}, long, ""},
		"a budget":                     {nil, []failure{overBudget}, long, ""},
		"it is gone":                   {nil, []failure{answer(404, metav1.StatusReasonNotFound)}, long, ""},
		"a right is missing":           {nil, []failure{answer(403, metav1.StatusReasonForbidden)}, long, "draining node a"},
		"a right to look is missing":   {[]failure{answer(403, metav1.StatusReasonForbidden)}, nil, long, "draining node a"},
		"a budget until time is up":    {nil, ever(overBudget), short, "after 1s these pods are still on nodes that are to become edge nodes: shop/web on a (The budget needs it)."},
		"its namespace does not go":    {nil, ever(goingSpace), short, "shop/web on a (its namespace is being deleted)"},
		"evicting goes on to conflict": {nil, ever(answer(409, metav1.StatusReasonConflict)), short, "shop/web on a (evict Pod shop/web at "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &drainer{kube: onePod(t, test.lists, test.evictions, func() {}), policy: drainPolicy{timeout: test.timeout}, givenUp: map[string]bool{}}
			err := d.drain(t.Context(), onNodeA())
			if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// A run that is ended while a node is drained says so, and not that the drain's
// own time was too short, whatever drain.on_timeout is.
func TestDrainIsEnded(t *testing.T) {
	t.Parallel()
	for _, force := range []bool{false, true} {
		ctx, cancel := context.WithCancel(t.Context())
		d := &drainer{kube: onePod(t, nil, []failure{overBudget}, cancel), policy: drainPolicy{timeout: time.Hour, force: force}, givenUp: map[string]bool{}}
		err := d.drain(ctx, onNodeA())
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "the run was ended") || !strings.Contains(err.Error(), "shop/web on a") ||
			strings.Contains(err.Error(), "drain.timeout") {
			t.Errorf("force %t: %v", force, err)
		}
	}
}

// With on_timeout = "continue" each pod that does not leave in time is given up
// once, and said; one that is found only then gets no time of its own.
func TestDrainGivesUp(t *testing.T) {
	t.Parallel()
	var warned []string
	d := &drainer{
		kube: onePod(t, nil, slices.Repeat([]failure{overBudget}, 100), func() {}), policy: drainPolicy{timeout: time.Second, force: true},
		warn: func(_, detail string) { warned = append(warned, detail) }, givenUp: map[string]bool{},
	}
	if err := d.drain(t.Context(), d.remaining(onNodeA())); err != nil {
		t.Fatal(err)
	}
	late := aPod("late", "b")
	began := time.Now()
	left := d.remaining(append(onNodeA(), &late))
	if err := d.drain(t.Context(), left); err != nil {
		t.Fatal(err)
	}
	if len(left) != 1 || len(d.remaining(append(onNodeA(), &late))) != 0 || time.Since(began) > d.policy.timeout/2 {
		t.Errorf("left %q, after %s", podNames(left), time.Since(began))
	}
	if len(warned) != 2 || !strings.Contains(warned[0], "shop/web on a (The budget needs it)") || strings.Contains(warned[1], "shop/web") || !strings.Contains(warned[1], "shop/late on b") {
		t.Errorf("warned %q", warned)
	}
}
