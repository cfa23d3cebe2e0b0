package kube

import (
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// backoff is an exponential delay with jitter.
type backoff struct {
	first, limit time.Duration
}

// delay of the wait after the given attempt (from 1): between half and the whole of first, doubled each time.
func (b backoff) delay(attempt int) time.Duration {
	d := b.limit
	if attempt < 16 {
		d = min(b.limit, b.first<<(attempt-1))
	}
	return d/2 + rand.N(d/2+1)
}

// next says whether the request may be sent again, and after how long.
func (b backoff) next(r call, got answer, err error, attempt int) (time.Duration, bool) {
	delay := b.delay(attempt)
	if got.status == 0 {
		return delay, b.afterFailure(r, err, attempt)
	}
	var refused *refusal
	if errors.As(err, &refused) && r.final != nil && r.final(&refused.status.ErrStatus) {
		return 0, false
	}
	wait, asked := retryAfter(got.header, time.Now())
	if asked {
		// A little later than asked, so that not everybody is back at the same moment.
		delay = wait + delay/4
	}
	switch got.status {
	case http.StatusTooManyRequests:
		return delay, true // refused before it was looked at
	case http.StatusServiceUnavailable:
		return delay, r.repeatable || asked
	case http.StatusBadGateway, http.StatusGatewayTimeout:
		return delay, r.repeatable
	default:
		return 0, false
	}
}

// afterFailure says whether to go on after an attempt that brought no response.
func (b backoff) afterFailure(r call, err error, attempt int) bool {
	var broken *transportFailure
	if !errors.As(err, &broken) {
		return false // no token, too large, cancelled: sending again changes nothing
	}
	switch broken.stage {
	case stageTrust:
		return false
	case stageDial:
		// Nothing was sent, so it is safe for every request; but an address that does not answer should be said soon.
		var silent net.Error
		if errors.As(broken.err, &silent) && silent.Timeout() {
			return attempt < 2
		}
		return attempt < 3
	default:
		return r.repeatable
	}
}

// open says that an attempt that failed may have been carried out. A proxy says 502 and 504 where it has no answer; the
// server's own 503 is a refusal, and its 500 comes after the storage.
func open(got answer, err error) bool {
	if got.status != 0 {
		return got.status >= http.StatusInternalServerError && got.status != http.StatusServiceUnavailable
	}
	var broken *transportFailure
	return errors.As(err, &broken) && broken.stage == stageExchange
}

// retryAfter reads the Retry-After header, in seconds or as a date.
func retryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	value := header.Get("Retry-After")
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.Atoi(value); err == nil && seconds >= 0 {
		return time.Duration(min(seconds, 3600)) * time.Second, true
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now)), true
	}
	return 0, false
}
