package iks

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// dialError is what the net package gives when no connection comes about.
func dialError(cause error) error { return &net.OpError{Op: "dial", Net: "tcp", Err: cause} }

type timeoutError struct{}

func (timeoutError) Error() string   { return "i/o timeout" }
func (timeoutError) Timeout() bool   { return true }
func (timeoutError) Temporary() bool { return true }

// Each fault of a single read: how often it is tried, and what comes of it.
func TestFaultsOfARead(t *testing.T) {
	t.Parallel()
	status := func(code int, header ...string) func(context.Context) (*http.Response, error) {
		return func(context.Context) (*http.Response, error) { return iksError(code, "E0001", "no.", header...) }
	}
	fails := func(err error) func(context.Context) (*http.Response, error) {
		return func(context.Context) (*http.Response, error) { return nil, err }
	}
	answers := func(code int, body string, header ...string) func(context.Context) (*http.Response, error) {
		return func(context.Context) (*http.Response, error) { return plainAnswer(code, body, header...) }
	}
	for name, tt := range map[string]struct {
		fault    func(context.Context) (*http.Response, error)
		times    int // that it happens; then all is well
		requests int
		is       func(error) bool // of the error; nil for success
		within   time.Duration
	}{
		"throttled once":                {status(429, "Retry-After", "7"), 1, 2, nil, 7 * time.Second},
		"throttled by date":             {nil, 1, 2, nil, 9 * time.Second}, // set below
		"throttled beyond the deadline": {status(429, "Retry-After", "3600"), 9, 1, IsTransient, 0},
		"500 twice":                     {status(500), 2, 3, nil, 2 * time.Second},
		"502":                           {status(502), 1, 2, nil, time.Second},
		"503 with Retry-After":          {status(503, "Retry-After", "2"), 2, 3, nil, 4 * time.Second},
		"504":                           {status(504), 1, 2, nil, time.Second},
		"520":                           {status(520), 1, 2, nil, time.Second},
		"408":                           {status(408), 1, 2, nil, time.Second},
		"400":                           {status(400), 9, 1, func(e error) bool { return !IsTransient(e) }, 0},
		"403":                           {status(403), 9, 1, IsForbidden, 0},
		"404":                           {status(404), 9, 1, IsNotFound, 0},
		"404 of a web server":           {answers(404, "404 page not found"), 9, 1, func(e error) bool { return !IsNotFound(e) }, 0},
		"409":                           {status(409), 9, 1, IsConflict, 0},
		"501":                           {status(501), 9, 1, func(e error) bool { return !IsTransient(e) }, 0},
		"redirect":                      {answers(302, "", "Location", "https://evil.example.test"), 9, 1, func(e error) bool { return !IsUnreachable(e) }, 0},
		"reset":                         {fails(syscall.ECONNRESET), 2, 3, nil, 2 * time.Second},
		"body cut off":                  {func(context.Context) (*http.Response, error) { return truncated(`{"id":`) }, 2, 3, nil, 2 * time.Second},
		"half a JSON":                   {answers(200, `{"id":"x`), 1, 2, nil, time.Second},
		"nothing":                       {answers(200, ``), 1, 2, nil, time.Second},
		"a web page":                    {answers(200, `<html>log in</html>`), 9, 3, func(e error) bool { return !IsTransient(e) }, 2 * time.Second},
		"refused connection":            {fails(dialError(syscall.ECONNREFUSED)), 9, 3, IsUnreachable, 2 * time.Second},
		"silent address":                {fails(dialError(timeoutError{})), 9, 2, IsUnreachable, time.Second},
		"no such host":                  {fails(dialError(&net.DNSError{Err: "no such host", Name: "iks.example.test", IsNotFound: true})), 9, 1, IsUnreachable, 0},
		"strange certificate":           {fails(x509.UnknownAuthorityError{}), 9, 1, IsUnreachable, 0},
		"hanging connection":            {hang, 1, 2, nil, 31 * time.Second},
		"too large":                     {answers(200, strings.Repeat(" ", maxAnswer+1)), 9, 1, func(e error) bool { return !IsTransient(e) }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				fault := tt.fault
				if fault == nil {
					fault = status(429, "Retry-After", time.Now().Add(9*time.Second).UTC().Format(http.TimeFormat))
				}
				l, client := newLab(t, func(ctx context.Context, n int, _ sent) (*http.Response, error) {
					if n <= tt.times {
						return fault(ctx)
					}
					return clusterAnswer()
				})
				start := time.Now()
				_, err := client.Cluster(t.Context(), "prod")
				if elapsed := time.Since(start); elapsed > tt.within {
					t.Errorf("it took %s, want at most %s", elapsed, tt.within)
				}
				count(t, "requests", len(l.requests()), tt.requests)
				switch {
				case tt.is == nil && err != nil:
					t.Errorf("unexpected error: %v", err)
				case tt.is != nil && err == nil:
					t.Error("no error")
				case tt.is != nil && !tt.is(err):
					t.Errorf("an error of another kind: %v", err)
				}
				var e *Error
				if err != nil && (!errors.As(err, &e) || e.Operation == "" || e.CorrelationID == "" || e.Attempts != tt.requests) {
					t.Errorf("error lacks operation, correlation ID or attempts: %#v", e)
				}
			})
		})
	}
}

func TestRetryAfterIsHonouredExactly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, client := newLab(t, func(_ context.Context, n int, _ sent) (*http.Response, error) {
			if n < 3 {
				return iksError(429, "E0429", "slow down", "Retry-After", "7")
			}
			return clusterAnswer()
		})
		_, err := client.Cluster(t.Context(), "prod")
		mustNot(t, err)
		for _, wait := range l.waits() {
			if wait != 7*time.Second {
				t.Errorf("waited %s, want 7s", wait)
			}
		}
	})
}

// The waits grow, vary, and end with the deadline; there is no storm.
func TestBackoff(t *testing.T) {
	t.Parallel()
	var firstWaits sync.Map
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return iksError(500, "A0002", "backend") })
			start := time.Now()
			_, err := client.Cluster(t.Context(), "prod")
			if elapsed := time.Since(start); elapsed > DefaultDeadline {
				t.Errorf("gave up after %s, later than the deadline", elapsed)
			}
			e, ok := asError(err)
			if !ok || e.Status != 500 || e.Code != "A0002" || e.Attempts != len(l.requests()) {
				t.Errorf("the last answer is lost: %v", err)
			}
			if n := len(l.requests()); n < 6 || n > 60 {
				t.Errorf("%d requests within the deadline", n)
			}
			for i, wait := range l.waits() {
				if limit := min(500*time.Millisecond<<i, 10*time.Second); wait > limit+time.Millisecond {
					t.Errorf("wait %d is %s, want at most %s", i, wait, limit)
				}
			}
			firstWaits.Store(l.waits()[0], true)
		})
	}
	distinct := 0
	firstWaits.Range(func(any, any) bool { distinct++; return true })
	if distinct < 15 {
		t.Errorf("%d different first waits of 20: no jitter", distinct)
	}
}

func TestCancelling(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]func(ctx context.Context) (*http.Response, error){
		"while a request is under way": hang,
		"between two requests": func(context.Context) (*http.Response, error) {
			return iksError(429, "E0429", "slow down", "Retry-After", "30")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, client := newLab(t, func(ctx context.Context, _ int, _ sent) (*http.Response, error) { return answer(ctx) })
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(5*time.Second, cancel)
				start := time.Now()
				_, err := client.Cluster(ctx, "prod")
				if elapsed := time.Since(start); elapsed != 5*time.Second {
					t.Errorf("returned after %s, want at once after 5s", elapsed)
				}
				if !errors.Is(err, context.Canceled) || IsUnreachable(err) || IsTransient(err) {
					t.Errorf("not recognisable as cancelled: %v", err)
				}
				count(t, "requests", len(l.requests()), 1)
			})
		})
	}
}

func TestCancellingWhileATokenIsFetched(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return clusterAnswer() })
		l.iam = func(ctx context.Context, _ int) (*http.Response, error) { return hang(ctx) }
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := client.Cluster(ctx, "prod")
		if elapsed := time.Since(start); elapsed != time.Second || !errors.Is(err, context.Canceled) {
			t.Errorf("after %s: %v", elapsed, err)
		}
		time.Sleep(DefaultDeadline) // until the flight is over
	})
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		own, callers, want time.Duration
	}{
		"the client's":   {40 * time.Second, 0, 40 * time.Second},
		"the caller's":   {40 * time.Second, 12 * time.Second, 12 * time.Second},
		"the default":    {0, 0, DefaultDeadline},
		"caller's later": {10 * time.Second, time.Hour, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := &lab{t: t, lifetime: time.Hour, answer: func(ctx context.Context, _ int, _ sent) (*http.Response, error) { return hang(ctx) }}
				client := l.client(Config{APIKey: labKey, Deadline: tt.own})
				ctx := t.Context()
				if tt.callers > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.callers)
					defer cancel()
				}
				start := time.Now()
				_, err := client.Cluster(ctx, "prod")
				if elapsed := time.Since(start); elapsed != tt.want {
					t.Errorf("ended after %s, want %s", elapsed, tt.want)
				}
				if !errors.Is(err, context.DeadlineExceeded) || !IsUnreachable(err) {
					t.Errorf("not recognisable as a deadline: %v", err)
				}
			})
		})
	}
}

// A failure that leaves it open whether the request was carried out is repeated
// only where twice is as good as once.
func TestWritesAreRepeatedOnlyWhereThatIsSafe(t *testing.T) {
	t.Parallel()
	classic := Cluster{ID: labCluster, Name: "prod", Infrastructure: Classic}
	vpc := Cluster{ID: labCluster, Name: "prod", Infrastructure: VPC}
	alb := ALB{ID: "private-cr" + labCluster + "-alb1"}
	reset := func() (*http.Response, error) { return nil, syscall.ECONNRESET }
	busy := func() (*http.Response, error) { return iksError(503, "E0503", "busy") }
	failed := func() (*http.Response, error) { return iksError(500, "A0002", "backend") }
	refused := func() (*http.Response, error) { return nil, dialError(syscall.ECONNREFUSED) }
	for name, tt := range map[string]struct {
		do    func(context.Context, *Client) error
		fault func() (*http.Response, error)
		want  int
	}{
		"enable classic after a reset": {func(ctx context.Context, c *Client) error { return c.EnableALB(ctx, classic, alb) }, reset, 2},
		"disable VPC after a reset":    {func(ctx context.Context, c *Client) error { return c.DisableALB(ctx, vpc, alb) }, reset, 2},
		"labels after a reset":         {func(ctx context.Context, c *Client) error { return c.SetWorkerPoolLabels(ctx, vpc, "p1", nil) }, reset, 2},
		"taints after a 500":           {func(ctx context.Context, c *Client) error { return c.SetWorkerPoolTaints(ctx, vpc, "p1", nil) }, failed, 2},
		"auto-update after a 500":      {func(ctx context.Context, c *Client) error { return c.SetALBAutoUpdate(ctx, vpc, true) }, failed, 2},
		"refresh after a reset":        {func(ctx context.Context, c *Client) error { return c.RefreshMaster(ctx, vpc) }, reset, 1},
		"refresh after a 500":          {func(ctx context.Context, c *Client) error { return c.RefreshMaster(ctx, vpc) }, failed, 1},
		"refresh after a 503":          {func(ctx context.Context, c *Client) error { return c.RefreshMaster(ctx, vpc) }, busy, 2},
		"refresh without connection":   {func(ctx context.Context, c *Client) error { return c.RefreshMaster(ctx, vpc) }, refused, 2},
		"update after a reset":         {func(ctx context.Context, c *Client) error { return c.UpdateALB(ctx, vpc, alb.ID, "1.2.3_4_iks") }, reset, 1},
		"update after a 503":           {func(ctx context.Context, c *Client) error { return c.UpdateALB(ctx, vpc, alb.ID, "1.2.3_4_iks") }, busy, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, client := newLab(t, func(_ context.Context, n int, _ sent) (*http.Response, error) {
					if n == 1 {
						return tt.fault()
					}
					return plainAnswer(200, "")
				})
				err := tt.do(t.Context(), client)
				if (err == nil) != (tt.want == 2) {
					t.Errorf("error: %v", err)
				}
				count(t, "requests", len(l.requests()), tt.want)
			})
		})
	}
}

func TestConcurrentRequestsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) {
			n := now.Add(1)
			for seen := most.Load(); n > seen && !most.CompareAndSwap(seen, n); seen = most.Load() {
			}
			time.Sleep(time.Second)
			now.Add(-1)
			return clusterAnswer()
		})
		var group sync.WaitGroup
		start := time.Now()
		for range 100 {
			group.Go(func() {
				_, err := client.Cluster(t.Context(), "prod")
				mustSucceed(t, err)
			})
		}
		group.Wait()
		count(t, "most at once", int(most.Load()), maxConcurrent)
		count(t, "requests", len(l.requests()), 100)
		count(t, "token requests", len(l.tokenRequests()), 1)
		if elapsed := time.Since(start); elapsed != 7*time.Second {
			t.Errorf("took %s, want 7s: 100 of 1s, 16 at a time", elapsed)
		}
	})
}

// mustSucceed is mustNot for other goroutines than the test's.
func mustSucceed(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Errorf("unexpected error: %v", err)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	l := &lab{t: t, lifetime: time.Hour, answer: func(_ context.Context, _ int, r sent) (*http.Response, error) {
		if r.path == "/global/v2/getCluster" {
			return clusterAnswer()
		}
		return jsonAnswer(200, map[string]any{"autoUpdate": true})
	}}
	client := l.client(Config{APIKey: labKey, ResourceGroupID: "group", UserAgent: "terraform-provider-iks/1.2.3"})
	cluster, err := client.Cluster(t.Context(), "prod")
	mustNot(t, err)
	cluster.ResourceGroupID = "its-own"
	_, err = client.ALBAutoUpdate(t.Context(), cluster)
	mustNot(t, err)
	seen := map[string]bool{}
	for i, r := range l.requests() {
		for header, want := range map[string]string{
			"Authorization": "Bearer token-1", "User-Agent": "terraform-provider-iks/1.2.3", "Accept": "application/json",
			"X-Auth-Resource-Group": []string{"group", "its-own"}[i],
		} {
			if got := r.header.Get(header); got != want {
				t.Errorf("%s %s: header %s is %q, want %q", r.method, r.path, header, got, want)
			}
		}
		id := r.header.Get("X-Correlation-ID")
		if id == "" || id != r.header.Get("Transaction-Id") || seen[id] {
			t.Errorf("%s: correlation ID %q", r.path, id)
		}
		seen[id] = true
	}
}

// What never had a connection was not carried out, unless an earlier request was.
func TestNoConnection(t *testing.T) {
	t.Parallel()
	refused, reset := dialError(syscall.ECONNREFUSED), error(syscall.ECONNRESET)
	for name, tt := range map[string]struct {
		faults   []error
		declined bool
	}{
		"refused":        {[]error{refused}, true},
		"reset":          {[]error{reset}, false},
		"reset, refused": {[]error{reset, refused}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				_, client := newLab(t, func(_ context.Context, n int, _ sent) (*http.Response, error) {
					return nil, tt.faults[min(n, len(tt.faults))-1]
				})
				err := client.DisableALB(t.Context(), Cluster{ID: labCluster, Infrastructure: Classic}, classicALBWant())
				if !IsUnreachable(err) || IsDeclined(err) != tt.declined {
					t.Errorf("%v, declined: %t", err, IsDeclined(err))
				}
			})
		})
	}
}

// What was sent, and brought no word, may have been carried out, whatever a later
// request brings.
func TestUnsure(t *testing.T) {
	t.Parallel()
	type answer = func(context.Context) (*http.Response, error)
	status := func(code int, header ...string) answer {
		return func(context.Context) (*http.Response, error) { return iksError(code, "E0001", "no.", header...) }
	}
	reset := func(context.Context) (*http.Response, error) { return nil, syscall.ECONNRESET }
	refused := func(context.Context) (*http.Response, error) { return nil, dialError(syscall.ECONNREFUSED) }
	for name, tt := range map[string]struct {
		answers []answer
		status  int
		want    bool
	}{
		"refused":                      {[]answer{status(403)}, 403, false},
		"throttled, refused":           {[]answer{status(429), status(403)}, 403, false},
		"a gateway's trouble, refused": {[]answer{status(503), status(403)}, 403, true},
		"not connected, refused":       {[]answer{refused, status(403)}, 403, false},
		"no word, throttled for long":  {[]answer{status(504), status(429, "Retry-After", "3600")}, 429, true},
		"reset, refused":               {[]answer{reset, status(403)}, 403, true},
		"no word, the key is gone":     {[]answer{status(504), status(401)}, 400, true},
		"throttled, no word in time":   {[]answer{status(429, "Retry-After", "40"), hang}, 429, true},
		"throttled until the end":      {[]answer{status(429, "Retry-After", "40"), status(429, "Retry-After", "3600")}, 429, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, client := newLab(t, func(ctx context.Context, n int, _ sent) (*http.Response, error) {
					return tt.answers[min(n, len(tt.answers))-1](ctx)
				})
				l.iam = func(_ context.Context, n int) (*http.Response, error) {
					if n > 1 {
						return plainAnswer(400, `{"errorCode":"BXNIM0415E","errorMessage":"Provided API key could not be found."}`)
					}
					return jsonAnswer(200, map[string]any{"access_token": "token", "token_type": "Bearer", "expires_in": 3600})
				}
				err := client.DisableALB(t.Context(), Cluster{ID: labCluster, Infrastructure: Classic}, classicALBWant())
				var failed *Error
				if !errors.As(err, &failed) || failed.Status != tt.status || failed.Unsure != tt.want {
					t.Errorf("%v, unsure: %t", err, failed != nil && failed.Unsure)
				}
			})
		})
	}
}
