package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// report prints a line when something starts, one at each interval, and one at
// its end, which the returned function marks.
func (b *Builder) report(what, detail string) (done func(error)) {
	started := time.Now()
	elapsed := func() time.Duration { return time.Since(started).Round(100 * time.Millisecond) }
	b.print("%s (%s)", what, detail)
	stop := make(chan struct{})
	go func() {
		ticker := time.NewTicker(b.Interval)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				b.print("%s: %s so far", what, elapsed().Round(time.Second))
			case <-stop:
				return
			}
		}
	}()
	return func(err error) {
		close(stop)
		if err != nil {
			b.print("%s: failed after %s", what, elapsed())
			return
		}
		b.print("%s: done in %s", what, elapsed())
	}
}

func (b *Builder) print(format string, args ...any) {
	b.output.Lock()
	defer b.output.Unlock()
	// Progress is for people; a closed terminal must not stop a build.
	_, _ = fmt.Fprintf(b.Progress, "tools: "+format+"\n", args...)
}

// lock waits until no other process builds the program. The lock ends with its
// process, so a killed build blocks nobody.
func (b *Builder) lock(ctx context.Context, name string) (unlock func(), err error) {
	file, err := os.OpenFile(filepath.Join(b.Cache, "."+name+".lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("lock of %s: %w", name, err)
	}
	var done func(error)
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		switch {
		case err == nil:
			if done != nil {
				done(nil)
			}
			return func() { _ = file.Close() }, nil
		case !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR):
			_ = file.Close()
			return nil, fmt.Errorf("lock of %s: %w", name, err)
		}
		if done == nil {
			done = b.report("waiting for "+name, "another process builds it")
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			_ = file.Close()
			done(ctx.Err())
			return nil, fmt.Errorf("waiting for another build of %s: %w", name, context.Cause(ctx))
		}
	}
}
