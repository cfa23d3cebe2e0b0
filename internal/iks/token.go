package iks

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

const (
	// tokenMargin is how long before its expiry a token is no longer used: a
	// request takes its time, and clocks differ.
	tokenMargin = 30 * time.Second
	// refusalLifetime is how long IAM's refusal of the credentials is believed,
	// so that a hundred resources with a wrong key cost one request. Not for
	// ever: a key made in the same run needs a moment to be known.
	refusalLifetime = 10 * time.Second
	// renewalPause is how long to wait after a renewal ahead of time failed.
	renewalPause = 30 * time.Second
)

// errGivenToken is why a token that somebody else obtained is not renewed.
var errGivenToken = errors.New("the IAM token was given and cannot be renewed here; get a new one, or give an API key")

// token is one access token. It is renewed ahead from renew on, and not used
// from end on; the zero end is a token whose life is not known.
type token struct {
	value      string
	renew, end time.Time
}

// newToken reckons with this machine's clock from the lifetime, so that a clock
// that is wrong does no harm.
func newToken(value string, now time.Time, lifetime time.Duration) token {
	margin := min(tokenMargin, lifetime/4)
	return token{value: value, renew: now.Add(lifetime * 3 / 4), end: now.Add(lifetime - margin)}
}

func (t token) usable(now time.Time) bool {
	return t.value != "" && (t.end.IsZero() || now.Before(t.end))
}

// tokenSource is the one token of a client. Whoever needs a new one while it
// is being fetched waits for the same answer.
type tokenSource struct {
	ask      func(context.Context) (token, error) // nil for a given token
	apiKey   string                               // only to keep it out of messages
	deadline time.Duration
	flight   singleflight.Group

	mu       sync.Mutex
	current  token
	refusal  error     // IAM's last word on the credentials
	believed time.Time // until when
	notAhead time.Time // no renewal ahead of time before this
}

func givenToken(value string) *tokenSource {
	return &tokenSource{current: token{value: value}}
}

func fetchedToken(apiKey string, ask func(context.Context) (token, error), deadline time.Duration) *tokenSource {
	return &tokenSource{ask: ask, apiKey: apiKey, deadline: deadline}
}

// get gives a token that is good for a while. When its life nears the end, a
// new one is fetched in the background.
func (s *tokenSource) get(ctx context.Context) (string, error) {
	s.mu.Lock()
	now := time.Now()
	current, refusal := s.current, s.refusal
	refused := refusal != nil && now.Before(s.believed)
	ahead := s.ask != nil && current.usable(now) && now.After(current.renew) && now.After(s.notAhead)
	if ahead {
		s.notAhead = now.Add(renewalPause)
	}
	s.mu.Unlock()
	switch {
	case ahead:
		s.fetch()
		return current.value, nil
	case s.ask == nil || current.usable(now):
		return current.value, nil
	case refused:
		return "", refusal
	}
	return s.wait(ctx)
}

// renew gives another token than refused, which IKS did not accept.
func (s *tokenSource) renew(ctx context.Context, refused string) (string, error) {
	if s.ask == nil {
		return "", errGivenToken
	}
	s.mu.Lock()
	if s.current.value == refused {
		s.current = token{}
	}
	s.mu.Unlock()
	return s.get(ctx)
}

func (s *tokenSource) wait(ctx context.Context) (string, error) {
	select {
	case result := <-s.fetch():
		if result.Err != nil {
			return "", result.Err
		}
		value, ok := result.Val.(string)
		if !ok {
			return "", fmt.Errorf("%s: %T is no token", operationToken, result.Val)
		}
		return value, nil
	case <-ctx.Done():
		return "", errors.New("waiting for an IAM token") // the call's end says the rest
	}
}

// fetch joins or starts a flight. It runs on its own context: the one who
// happened to start it may be cancelled, the others still want the token.
func (s *tokenSource) fetch() <-chan singleflight.Result {
	return s.flight.DoChan("", func() (any, error) {
		if value, done, err := s.settled(); done {
			return value, err
		}
		ctx, cancel := context.WithTimeout(context.Background(), s.deadline)
		defer cancel()
		fetched, err := s.ask(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		if err != nil {
			s.refusal, s.believed = nil, time.Time{}
			if IsUnauthorized(err) {
				s.refusal, s.believed = err, time.Now().Add(refusalLifetime)
			}
			return "", err
		}
		s.current, s.refusal = fetched, nil
		return fetched.value, nil
	})
}

// settled tells whether a flight has ended between a caller's look and its
// joining, so that there is nothing left to fetch.
func (s *tokenSource) settled() (value string, done bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if s.current.usable(now) {
		return s.current.value, !now.After(s.current.renew), nil
	}
	return "", s.refusal != nil && now.Before(s.believed), s.refusal
}

// secrets are what must not be quoted from an answer to a request with that
// Authorization header.
func (s *tokenSource) secrets(authorization string) []string {
	_, sent, _ := strings.Cut(authorization, " ")
	s.mu.Lock()
	defer s.mu.Unlock()
	return []string{sent, s.current.value, s.apiKey}
}
