package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// home is the folder of one running localiks.
type home struct{ dir string }

// record is what a running localiks leaves for the other verbs.
type record struct {
	PID      int       `json:"pid"`
	Env      []string  `json:"env"`
	IKS      string    `json:"iks"`
	Clusters []cluster `json:"clusters"`
}

type cluster struct {
	Name string `json:"name"`
	ID   string `json:"id"`
}

var errNotRunning = errors.New("localiks is not running; start it with `localiks up`")

func (h home) recordFile() string { return filepath.Join(h.dir, "localiks.json") }
func (h home) kubeconfig() string { return filepath.Join(h.dir, "kubeconfig") }
func (h home) logFile() string    { return filepath.Join(h.dir, "localiks.log") }

func (h home) write(r record) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	// Written whole or not at all: `up` waits for this file.
	draft := h.recordFile() + ".draft"
	if err := os.WriteFile(draft, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(draft, h.recordFile())
}

// read gives the record of a localiks that is alive.
func (h home) read() (record, error) {
	raw, err := os.ReadFile(h.recordFile())
	if errors.Is(err, fs.ErrNotExist) {
		return record{}, errNotRunning
	}
	if err != nil {
		return record{}, err
	}
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return record{}, fmt.Errorf("%s is damaged: %w", h.recordFile(), err)
	}
	if !alive(r.PID) {
		return record{}, errNotRunning
	}
	return r, nil
}

func alive(pid int) bool { return pid > 0 && syscall.Kill(pid, 0) == nil }
