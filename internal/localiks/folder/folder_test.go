package folder_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/folder"
)

// orphan has the test below make a folder as a process that is killed.
const orphan = "FOLDER_TEST_ORPHAN"

func TestLeftoversOfOthersGo(t *testing.T) {
	if os.Getenv(orphan) != "" {
		if _, err := folder.New("swept-"); err != nil {
			t.Fatal(err)
		}
		os.Exit(7) // nothing is cleared up
	}
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	mine, err := folder.New("swept-")
	if err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(temporary, "swept-by-hand")
	if err := os.Mkdir(foreign, 0o700); err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestLeftoversOfOthersGo$")
	child.Env = append(os.Environ(), orphan+"=yes")
	if err := child.Run(); child.ProcessState.ExitCode() != 7 {
		t.Fatalf("the child: %v", err)
	}
	if there := folders(t, temporary); len(there) != 3 {
		t.Fatalf("there are %q, want mine, the one by hand and the child's", there)
	}
	second, err := folder.New("swept-")
	if err != nil {
		t.Fatal(err)
	}
	want := []string{mine.Path, second.Path, foreign}
	if there := folders(t, temporary); len(there) != 3 || !strings.Contains(strings.Join(there, " "), mine.Path) {
		t.Errorf("there are %q, want %q", there, want)
	}
	for _, f := range []*folder.Folder{mine, second} {
		if err := f.Remove(); err != nil {
			t.Error(err)
		}
	}
	if there := folders(t, temporary); len(there) != 1 || there[0] != foreign {
		t.Errorf("left is %q", there)
	}
}

// TestFoldersOfManyAtOnce has many make folders at the same time: nobody's may go
// while its owner lives.
func TestFoldersOfManyAtOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			f, err := folder.New("swept-")
			if err != nil {
				t.Error(err)
				return
			}
			for range 16 {
				if other, err := folder.New("swept-"); err != nil {
					t.Error(err)
				} else if err := other.Remove(); err != nil {
					t.Error(err)
				}
			}
			if _, err := os.Stat(f.Path); err != nil {
				t.Errorf("another one has taken it away: %v", err)
			}
			if err := f.Remove(); err != nil { // not before: it is held by f
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func folders(t *testing.T, temporary string) []string {
	t.Helper()
	there, err := filepath.Glob(filepath.Join(temporary, "swept-*"))
	if err != nil {
		t.Fatal(err)
	}
	return there
}
