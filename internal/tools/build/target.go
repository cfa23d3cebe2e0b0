package build

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

const module = "github.com/iks-patterns/terraform-provider-iks"

// keep is how long a build that nobody asked for stays in the cache.
const keep = 30 * 24 * time.Hour

// target is a program at the version that its module names now, and its place
// in the cache.
type target struct {
	Program
	version string // of Program.Module, such as v1.37.2
	flags   string // of the linker
	folder  string // <cache>/<name>-<12 hexadecimal digits of the key>
}

// target computes the place of a program from all that decides what the
// program is: its module's files, the toolchain, the platform and the flags.
func (b *Builder) target(p Program) (target, error) {
	folder := filepath.Join(b.Source, p.Folder)
	gomod, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		return target{}, fmt.Errorf("module of %s: %w", p.Name, err)
	}
	required := regexp.MustCompile(`(?m)^(?:require)?\s*` + regexp.QuoteMeta(p.Module) + ` (v\S+)`).FindSubmatch(gomod)
	if required == nil {
		return target{}, fmt.Errorf("module of %s: %s/go.mod does not require %s", p.Name, folder, p.Module)
	}
	t := target{Program: p, version: string(required[1])}
	t.flags = p.ldflags(t.version)

	sources, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return target{}, fmt.Errorf("sources of %s: %w", p.Name, err)
	}
	key := sha256.New()
	fmt.Fprintln(key, runtime.Version(), runtime.GOOS, runtime.GOARCH, p.Package, t.flags, p.Files)
	for _, file := range append(sources, filepath.Join(folder, "go.mod"), filepath.Join(folder, "go.sum")) {
		content, err := os.ReadFile(file)
		if err != nil {
			return target{}, fmt.Errorf("sources of %s: %w", p.Name, err)
		}
		fmt.Fprintln(key, filepath.Base(file), len(content))
		key.Write(content)
	}
	t.folder = filepath.Join(b.Cache, p.Name+"-"+hex.EncodeToString(key.Sum(nil))[:12])
	return t, nil
}

func (t target) path() string {
	if t.Package == "" {
		return t.folder
	}
	return filepath.Join(t.folder, t.Name)
}

// builtLike tells whether both can be built by one call of the go command.
func (t target) builtLike(other target) bool {
	return t.Folder == other.Folder && t.flags == other.flags
}

// built is the file name that the go command gives the binary.
func (t target) built() string {
	if t.Package == "." {
		return t.Folder
	}
	return path.Base(t.Package)
}

// names lists programs for people.
func names(targets []target) string {
	var all []string
	for _, t := range targets {
		all = append(all, t.Name)
	}
	return strings.Join(all, ", ")
}

func (t target) exists() bool {
	_, err := os.Stat(t.path())
	return err == nil
}

// touch notes that the program is in use. A cache that is read-only serves as well.
func (t target) touch() {
	now := time.Now()
	_ = os.Chtimes(t.folder, now, now)
}

// prune removes other builds of the same program that nobody used for a while;
// each is about 100 MB. What cannot be removed is left to the next build.
func (b *Builder) prune(t target) {
	others, err := filepath.Glob(filepath.Join(b.Cache, t.Name+"-"+strings.Repeat("[0-9a-f]", 12)))
	if err != nil {
		return
	}
	for _, other := range others {
		info, err := os.Stat(other)
		if err == nil && other != t.folder && time.Since(info.ModTime()) > keep {
			_ = os.RemoveAll(other)
		}
	}
}

func cacheFolder() (string, error) {
	base := os.Getenv("LOCALIKS_CACHE")
	if base == "" {
		base = os.Getenv("XDG_CACHE_HOME")
	}
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("no place for the programs' cache, set LOCALIKS_CACHE: %w", err)
		}
		base = filepath.Join(home, ".cache")
	}
	base, err := filepath.Abs(base)
	if err != nil {
		return "", fmt.Errorf("programs' cache: %w", err)
	}
	return filepath.Join(base, "terraform-provider-iks", "bin"), nil
}

// sourceFolder finds internal/tools above the working directory, where go test
// and go run start, else where this file was compiled.
func sourceFolder() (string, error) {
	var starts []string
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		starts = append(starts, filepath.Dir(file))
	}
	for _, start := range starts {
		for dir := start; ; dir = filepath.Dir(dir) {
			gomod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
			if err == nil && strings.HasPrefix(string(gomod), "module "+module+"\n") {
				return filepath.Join(dir, "internal", "tools"), nil
			}
			if dir == filepath.Dir(dir) {
				break
			}
		}
	}
	return "", errors.New("the source of " + module + " is not above the working directory; run this inside a checkout")
}
