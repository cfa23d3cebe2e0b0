package helm

import (
	"context"
	"testing"
	"time"
)

// An operation may take as long as its caller has for it.
func TestTimeout(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ callers, own, want time.Duration }{
		"nobody says":           {want: defaultTimeout},
		"the caller's":          {callers: time.Hour, want: time.Hour},
		"its own":               {own: time.Minute, want: time.Minute},
		"its own, within":       {callers: time.Hour, own: time.Minute, want: time.Minute},
		"the caller's, shorter": {callers: time.Minute, own: time.Hour, want: time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			began, ctx := time.Now(), t.Context()
			if test.callers > 0 {
				within, cancel := context.WithTimeout(ctx, test.callers)
				defer cancel()
				ctx = within
			}
			ctx, cancel := timeout(ctx, test.own)
			defer cancel()
			end, ends := ctx.Deadline()
			if got := end.Sub(began).Round(time.Second); !ends || got != test.want {
				t.Errorf("it ends after %v (%v), want %v", got, ends, test.want)
			}
		})
	}
}
