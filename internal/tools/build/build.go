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
	t, err := b.target(selected[0])
	if err != nil {
		return "", err
	}
	return t.path(), b.ensure(ctx, t)
}

// Built says where a program lies and whether it is there, without making it.
func (b *Builder) Built(p Program) (path string, ok bool, err error) {
	t, err := b.target(p)
	if err != nil {
		return "", false, err
	}
	return t.path(), t.exists(), nil
}

// Ensure makes whatever is missing of the programs and groups that are named:
// those of a module together, so that compilers have work while one is linked,
// and one module after the other, for two at a time would compile what they
// share twice.
func (b *Builder) Ensure(ctx context.Context, names ...string) error {
	selected, err := Select(names...)
	if err != nil {
		return err
	}
	var together []target
	for _, p := range selected {
		t, err := b.target(p)
		if err != nil {
			return err
		}
		if len(together) > 0 && !t.builtLike(together[0]) {
			if err := b.ensure(ctx, together...); err != nil {
				return err
			}
			together = nil
		}
		together = append(together, t)
	}
	return b.ensure(ctx, together...)
}

// ensure makes those of some programs that are missing; they are built alike. A
// folder in the cache is complete from the moment it bears its final name.
func (b *Builder) ensure(ctx context.Context, programs ...target) error {
	var missing []target
	for _, t := range programs {
		if t.exists() {
			t.touch()
			continue
		}
		if err := os.MkdirAll(b.Cache, 0o755); err != nil {
			return fmt.Errorf("cache of %s: %w", t.Name, err)
		}
		unlock, err := b.lock(ctx, t.Name) // in everybody's order, that of Programs
		if err != nil {
			return err
		}
		defer unlock()
		if !t.exists() { // another process may have made it while this one waited
			missing = append(missing, t)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	if err := b.make(ctx, missing); err != nil {
		return fmt.Errorf("making %s %s: %w", names(missing), missing[0].version, err)
	}
	for _, t := range missing {
		b.prune(t)
	}
	return nil
}

func (b *Builder) make(ctx context.Context, missing []target) error {
	done := b.report("building "+names(missing), fmt.Sprintf("%s %s", missing[0].Module, missing[0].version))
	partial := missing[0].folder + ".partial"
	err := os.RemoveAll(partial)
	if err == nil {
		err = b.fill(ctx, missing, partial)
	}
	for _, t := range missing {
		if err == nil {
			err = os.Rename(filepath.Join(partial, t.Name), t.folder)
		}
	}
	_ = os.RemoveAll(partial) // what failed is worth more than what cannot be cleared
	done(err)
	return err
}

// fill makes a folder for each program, in one that is there for it.
func (b *Builder) fill(ctx context.Context, missing []target, partial string) error {
	module := filepath.Join(b.Source, missing[0].Folder)
	built := filepath.Join(partial, "built") + string(filepath.Separator)
	var packages []string
	for _, t := range missing {
		if t.Package != "" {
			packages = append(packages, t.Package)
		}
	}
	if len(packages) > 0 {
		args := append([]string{"build", "-buildvcs=false", "-ldflags", missing[0].flags, "-o", built}, packages...)
		if _, err := runGo(ctx, module, args...); err != nil {
			return err
		}
	}
	for _, t := range missing {
		folder := filepath.Join(partial, t.Name)
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		if t.Package != "" {
			if err := os.Rename(filepath.Join(built, t.built()), filepath.Join(folder, t.Name)); err != nil {
				return err
			}
		}
		if err := t.copyFiles(ctx, module, folder); err != nil {
			return err
		}
	}
	return nil
}

// copyFiles copies the files that belong to the program beside it.
func (t target) copyFiles(ctx context.Context, module, folder string) error {
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
