package iks

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestTokenIsSharedAndRenewedInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return clusterAnswer() })
		call := func() string {
			t.Helper()
			_, err := client.Cluster(t.Context(), "prod")
			mustNot(t, err)
			synctest.Wait() // for what was begun in the background
			requests := l.requests()
			return requests[len(requests)-1].header.Get("Authorization")
		}
		for _, step := range []struct {
			after    time.Duration
			uses     string
			requests int
			why      string
		}{
			{0, "Bearer token-1", 1, "the first one"},
			{44 * time.Minute, "Bearer token-1", 1, "still good"},
			{2 * time.Minute, "Bearer token-1", 2, "good, but renewed in the background"},
			{time.Second, "Bearer token-2", 2, "the renewed one"},
			{2 * time.Hour, "Bearer token-3", 3, "expired long since"},
		} {
			time.Sleep(step.after)
			if used := call(); used != step.uses {
				t.Errorf("%s: used %q, want %q", step.why, used, step.uses)
			}
			count(t, step.why+": token requests", len(l.tokenRequests()), step.requests)
		}
	})
}

// Whoever looked before a flight ended and joins after it fetches nothing more.
func TestLateComersFetchNothing(t *testing.T) {
	t.Parallel()
	asked := 0
	for name, ask := range map[string]func(context.Context) (token, error){
		"a token":   func(context.Context) (token, error) { asked++; return newToken("x", time.Now(), time.Hour), nil },
		"a refusal": func(context.Context) (token, error) { asked++; return token{}, &Error{Status: 401} },
	} {
		s := fetchedToken("", ask, time.Minute)
		asked = 0
		first, second := <-s.fetch(), <-s.fetch()
		if asked != 1 || first.Val != second.Val || !errors.Is(second.Err, first.Err) {
			t.Errorf("%s: asked %d times, got %v and %v", name, asked, first, second)
		}
	}
}

func TestFailedRenewalAheadDoesNoHarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return clusterAnswer() })
		l.iam = func(_ context.Context, n int) (*http.Response, error) {
			if n == 1 {
				return jsonAnswer(200, map[string]any{"access_token": "token-1", "expires_in": 3600})
			}
			return jsonAnswer(400, map[string]any{"errorCode": "BXNIM0415E", "errorMessage": "gone"})
		}
		for _, pause := range []time.Duration{0, 50 * time.Minute, time.Second, time.Second, time.Second} {
			time.Sleep(pause)
			_, err := client.Cluster(t.Context(), "prod")
			mustNot(t, err)
			synctest.Wait()
		}
		count(t, "token requests", len(l.tokenRequests()), 2)
	})
}

func TestRefusedTokenIsRenewedOnce(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		accepts  string
		tokens   int
		requests int
	}{
		"the next one is accepted": {"Bearer token-2", 2, 2},
		"none is accepted":         {"Bearer none", 2, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, client := newLab(t, func(_ context.Context, _ int, r sent) (*http.Response, error) {
					if r.header.Get("Authorization") != tt.accepts {
						return iksError(401, "E0401", "The token has expired.")
					}
					return clusterAnswer()
				})
				_, err := client.Cluster(t.Context(), "prod")
				if tt.accepts == "Bearer none" != IsUnauthorized(err) {
					t.Errorf("error: %v", err)
				}
				count(t, "token requests", len(l.tokenRequests()), tt.tokens)
				count(t, "requests", len(l.requests()), tt.requests)
			})
		})
	}
}

func TestWrongKeyCostsOneRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) {
			t.Error("IKS was asked")
			return clusterAnswer()
		})
		l.iam = func(context.Context, int) (*http.Response, error) {
			return jsonAnswer(400, map[string]any{
				"errorCode": "BXNIM0415E", "errorMessage": "Provided API key could not be found.",
				"context": map[string]any{"requestId": "req-1"},
			})
		}
		start := time.Now()
		var group sync.WaitGroup
		for range 50 {
			group.Go(func() {
				_, err := client.Cluster(t.Context(), "prod")
				e, ok := asError(err)
				if !ok || !IsUnauthorized(err) || IsNotFound(err) || e.Code != "BXNIM0415E" || e.IncidentID != "req-1" ||
					e.Description != "Provided API key could not be found." {
					t.Errorf("not recognisable as a wrong key: %v", err)
				}
			})
		}
		group.Wait()
		if elapsed := time.Since(start); elapsed > 0 {
			t.Errorf("it took %s", elapsed)
		}
		count(t, "token requests", len(l.tokenRequests()), 1)
		time.Sleep(refusalLifetime)
		if _, err := client.Cluster(t.Context(), "prod"); !IsUnauthorized(err) {
			t.Error(err)
		}
		count(t, "token requests later", len(l.tokenRequests()), 2)
	})
}

func TestIAMIsRetriedLikeIKS(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func() (*http.Response, error){
		"hanging": nil,
		"throttled": func() (*http.Response, error) {
			return jsonAnswer(429, map[string]any{"errorCode": "BXNIM0429E"}, "Retry-After", "3")
		},
		"down":       func() (*http.Response, error) { return plainAnswer(503, "<html>down</html>") },
		"reset":      func() (*http.Response, error) { return nil, syscall.ECONNRESET },
		"truncated":  func() (*http.Response, error) { return truncated(`{"access_token":"tok`) },
		"half a one": func() (*http.Response, error) { return plainAnswer(200, `{"access_token":"tok`) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return clusterAnswer() })
				l.iam = func(ctx context.Context, n int) (*http.Response, error) {
					if n == 1 && fault == nil {
						return hang(ctx)
					}
					if n == 1 {
						return fault()
					}
					return jsonAnswer(200, map[string]any{"access_token": "token-x", "expires_in": 3600})
				}
				_, err := client.Cluster(t.Context(), "prod")
				mustNot(t, err)
				count(t, "token requests", len(l.tokenRequests()), 2)
			})
		})
	}
}

func TestIAMThatIsDownIsNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return clusterAnswer() })
		l.iam = func(context.Context, int) (*http.Response, error) { return jsonAnswer(503, map[string]any{}) }
		_, err := client.Cluster(t.Context(), "prod")
		if e, ok := asError(err); !ok || e.Operation != operationToken || e.Status != 503 || IsUnauthorized(err) {
			t.Errorf("IAM's own error is lost: %v", err)
		}
	})
}

// A 404 of IAM (an unknown profile, say) must not look like a cluster that is gone.
func TestNotFoundOfIAMIsNotThatOfACluster(t *testing.T) {
	t.Parallel()
	l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return clusterAnswer() })
	l.iam = func(context.Context, int) (*http.Response, error) {
		return jsonAnswer(404, map[string]any{"errorCode": "BXNIM0513E", "errorMessage": "no such profile"})
	}
	if _, err := client.Cluster(t.Context(), "prod"); IsNotFound(err) || !IsUnauthorized(err) {
		t.Errorf("misread: %v", err)
	}
}

func TestGivenToken(t *testing.T) {
	t.Parallel()
	l := &lab{t: t, answer: func(_ context.Context, n int, _ sent) (*http.Response, error) {
		if n == 1 {
			return clusterAnswer()
		}
		return iksError(401, "E0401", "The token has expired.")
	}}
	client := l.client(Config{Token: "  bearer given-token-of-somebody\n"})
	_, err := client.Cluster(t.Context(), "prod")
	mustNot(t, err)
	if got := l.requests()[0].header.Get("Authorization"); got != "Bearer given-token-of-somebody" {
		t.Errorf("sent %q", got)
	}
	_, err = client.Cluster(t.Context(), "prod")
	if !IsUnauthorized(err) || !errors.Is(err, errGivenToken) || !strings.Contains(err.Error(), "The token has expired.") {
		t.Errorf("the reason is lost: %v", err)
	}
	count(t, "requests", len(l.requests()), 2)
	count(t, "token requests", len(l.tokenRequests()), 0)
}

func TestTrustedProfile(t *testing.T) {
	t.Parallel()
	l := &lab{t: t, lifetime: time.Hour, answer: func(context.Context, int, sent) (*http.Response, error) { return clusterAnswer() }}
	client := l.client(Config{APIKey: labKey, TrustedProfileID: "Profile-1"})
	_, err := client.Cluster(t.Context(), "prod")
	mustNot(t, err)
	requests := l.tokenRequests()
	count(t, "token requests", len(requests), 2)
	for i, want := range []url.Values{
		{"grant_type": {"urn:ibm:params:oauth:grant-type:apikey"}, "apikey": {labKey}, "response_type": {"cloud_iam"}},
		{"grant_type": {"urn:ibm:params:oauth:grant-type:assume"}, "access_token": {"token-1"}, "profile_id": {"Profile-1"}},
	} {
		if form, err := url.ParseQuery(requests[i].body); err != nil || form.Encode() != want.Encode() || requests[i].path != "/identity/token" {
			t.Errorf("request %d to %s: %q, want %q", i, requests[i].path, requests[i].body, want.Encode())
		}
	}
	if got := l.requests()[0].header.Get("Authorization"); got != "Bearer token-2" {
		t.Errorf("sent %q, want the profile's token", got)
	}
}

func TestTokenExpiry(t *testing.T) {
	t.Parallel()
	jwt := func(payload string) string {
		return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2lnbmF0dXJl"
	}
	for name, tt := range map[string]struct {
		token string
		want  int64
	}{
		"a claim":       {jwt(`{"exp":1767225600}`), 1767225600},
		"a fraction":    {jwt(`{"exp":1767225600.75}`), 1767225600},
		"no claim":      {jwt(`{}`), 0},
		"a word":        {jwt(`{"exp":"soon"}`), 0},
		"before time":   {jwt(`{"exp":-5}`), 0},
		"beyond time":   {jwt(`{"exp":1e300}`), 0},
		"no JSON":       {jwt(`exp`), 0},
		"two parts":     {"a.b", 0},
		"opaque":        {"opaque", 0},
		"no base64":     {"a.!!!.c", 0},
		"with padding":  {"a." + base64.URLEncoding.EncodeToString([]byte(`{"exp":7}`)) + ".c", 7},
		"nothing given": {"", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := tokenExpiry(tt.token)
			if want := time.Unix(tt.want, 0); tt.want == 0 && !got.IsZero() || tt.want != 0 && !got.Equal(want) {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

// A lifetime shorter than the margins still gives a token that is used.
func TestShortLivedToken(t *testing.T) {
	t.Parallel()
	now := time.Now()
	tok := newToken("x", now, 20*time.Second)
	for after, want := range map[time.Duration]bool{0: true, 14 * time.Second: true, 16 * time.Second: false} {
		if got := tok.usable(now.Add(after)); got != want {
			t.Error(fmt.Sprintf("after %s:", after), got)
		}
	}
}
