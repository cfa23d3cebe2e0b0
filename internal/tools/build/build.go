// Package build makes the programs that this repository needs but does not
// contain (a Kubernetes control plane, Calico, linters, OpenTofu) from their
// source, once, into a cache outside the tree. What is made, and at which
// version, stands in the Go modules beside this package; nothing but the Go
// toolchain and a Go module proxy is needed.
package build

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Builder makes programs and finds the ones that are made already. It may be
// used by several goroutines, and several processes may share one cache.
type Builder struct {
	Source   string        // folder that holds the modules: internal/tools
	Cache    string        // folder that holds what is made
	Progress io.Writer     // one line for each thing that takes longer than a few seconds
	Interval time.Duration // between two progress lines about the same program

	output sync.Mutex
}

// New is a Builder for this repository's modules and the user's cache
// ($LOCALIKS_CACHE, else $XDG_CACHE_HOME, else ~/.cache, and below it
// terraform-provider-iks/bin). progress may be nil.
func New(progress io.Writer) (*Builder, error) {
	source, err := sourceFolder()
	if err != nil {
		return nil, err
	}
	cache, err := cacheFolder()
	if err != nil {
		return nil, err
	}
	if progress == nil {
		progress = io.Discard
	}
	return &Builder{Source: source, Cache: cache, Progress: progress, Interval: 10 * time.Second}, nil
}

// Path gives the absolute path of a program's binary (for a program without
// binary: of its folder) and makes it first where it is missing, which takes
// seconds to minutes; progress goes to standard error. The files that
// belong to the program lie beside the binary.
func Path(ctx context.Context, program string) (string, error) {
	b, err := New(os.Stderr)
	if err != nil {
		return "", err
	}
	return b.Path(ctx, program)
}

// Path is the function Path with this Builder's folders and progress.
func (b *Builder) Path(ctx context.Context, program string) (string, error) {
	selected, err := Select(program)
	if err != nil {
		return "", err
	}
	if len(selected) != 1 {
		return "", fmt.Errorf("%s is a group of %d programs, not one", program, len(selected))
	}
	return b.ensure(ctx, selected[0])
}

// Built says where a program lies and whether it is there, without making it.
func (b *Builder) Built(p Program) (path string, ok bool, err error) {
	t, err := b.target(p)
	if err != nil {
		return "", false, err
	}
	return t.path(), t.exists(), nil
}

// Ensure makes whatever is missing of the programs and groups that are named,
// one after the other: two at a time would compile what they share twice.
func (b *Builder) Ensure(ctx context.Context, names ...string) error {
	selected, err := Select(names...)
	if err != nil {
		return err
	}
	for _, p := range selected {
		if _, err := b.ensure(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// ensure gives the program's path, and makes it where it is missing. A folder
// in the cache is complete from the moment it bears its final name.
func (b *Builder) ensure(ctx context.Context, p Program) (string, error) {
	t, err := b.target(p)
	if err != nil {
		return "", err
	}
	if t.exists() {
		t.touch()
		return t.path(), nil
	}
	if err := os.MkdirAll(b.Cache, 0o755); err != nil {
		return "", fmt.Errorf("cache of %s: %w", p.Name, err)
	}
	unlock, err := b.lock(ctx, p.Name)
	if err != nil {
		return "", err
	}
	defer unlock()
	if t.exists() { // another process made it while this one waited
		return t.path(), nil
	}
	if err := b.make(ctx, t); err != nil {
		return "", fmt.Errorf("making %s %s: %w", p.Name, t.version, err)
	}
	b.prune(t)
	return t.path(), nil
}

func (b *Builder) make(ctx context.Context, t target) error {
	done := b.report("building "+t.Name, fmt.Sprintf("%s %s", t.Module, t.version))
	partial := t.folder + ".partial"
	if err := os.RemoveAll(partial); err != nil {
		return err
	}
	err := b.fill(ctx, t, partial)
	if err == nil {
		err = os.Rename(partial, t.folder)
	}
	if err != nil {
		_ = os.RemoveAll(partial) // what failed is worth more than what cannot be cleared
	}
	done(err)
	return err
}

func (b *Builder) fill(ctx context.Context, t target, folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	module := filepath.Join(b.Source, t.Folder)
	if t.Package != "" {
		args := []string{"build", "-buildvcs=false", "-ldflags", t.flags, "-o", filepath.Join(folder, t.Name), t.Package}
		if _, err := runGo(ctx, module, args...); err != nil {
			return err
		}
	}
	if len(t.Files) == 0 {
		return nil
	}
	source, err := moduleFolder(ctx, module, t.Module)
	if err != nil {
		return err
	}
	for _, files := range t.Files {
		if err := copyFiles(filepath.Join(source, files.From), filepath.Join(folder, files.To)); err != nil {
			return err
		}
	}
	return nil
}
