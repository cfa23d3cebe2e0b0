package acctest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// state is a state file as far as tests read it.
type state struct {
	Resources []struct {
		Mode, Type, Name string
		Instances        []struct {
			Key        any            `json:"index_key"`
			Status     string         `json:"status"`
			Attributes map[string]any `json:"attributes"`
		}
	}
}

// Killed runs something and then puts the state back as it was, as if the process
// had been killed when all was written and nothing was saved.
func (w *Workspace) Killed(run func()) {
	w.t.Helper()
	file := filepath.Join(w.dir, "terraform.tfstate")
	before, err := os.ReadFile(file)
	if err != nil {
		w.t.Fatal(err)
	}
	run()
	if err := os.WriteFile(file, before, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

// Attributes are the values of a resource or data source in the state, nil if
// it is not there; one that is tainted fails the test. The file itself is read:
// running `show` for it would take longer than much of what is tested.
func (w *Workspace) Attributes(address string) map[string]any {
	w.t.Helper()
	raw, err := os.ReadFile(filepath.Join(w.dir, "terraform.tfstate"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		w.t.Fatal(err)
	}
	var s state
	if err := json.Unmarshal(raw, &s); err != nil {
		w.t.Fatalf("the state cannot be read: %v\n%s", err, raw)
	}
	for _, r := range s.Resources {
		for _, instance := range r.Instances {
			at := r.Type + "." + r.Name
			if r.Mode == "data" {
				at = "data." + at
			}
			switch key := instance.Key.(type) {
			case string:
				at += fmt.Sprintf("[%q]", key)
			case float64:
				at += fmt.Sprintf("[%d]", int(key))
			}
			if at != address {
				continue
			}
			if instance.Status == "tainted" {
				w.t.Errorf("%s is tainted", address)
			}
			return instance.Attributes
		}
	}
	return nil
}
