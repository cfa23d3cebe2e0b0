package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// event is a line of Terraform's machine-readable output, as far as the demo
// shows it.
type event struct {
	Type    string `json:"type"`
	Message string `json:"@message"`
	Hook    hook   `json:"hook"`

	Diagnostic struct {
		Severity string `json:"severity"`
		Summary  string `json:"summary"`
		Detail   string `json:"detail"`
		Address  string `json:"address"`
	} `json:"diagnostic"`
}

type hook struct {
	Action   string `json:"action"`
	Resource struct {
		Addr string `json:"addr"`
	} `json:"resource"`
}

// done says what has happened to a resource.
func (h hook) done() string {
	switch h.Action {
	case "create":
		return "created"
	case "update":
		return "updated"
	case "delete":
		return "removed"
	case "read":
		return "read"
	}
	return h.Action
}

// change is what a plan will do to one resource, and the drift that it found there.
type change struct {
	Address string
	Action  string // create, update, delete, replace
	Drift   []string
}

func (c change) equal(other change) bool {
	return c.Address == other.Address && c.Action == other.Action && slices.Equal(c.Drift, other.Drift)
}

// sign is the one that Terraform's plans use.
func (c change) sign() string {
	switch c.Action {
	case "create":
		return "+"
	case "update":
		return "~"
	case "delete":
		return "-"
	}
	return "-/+"
}

// planned reads the changes out of a saved plan, as `terraform show -json`
// prints it, sorted by address. What is only read, or left alone, is no change.
func planned(raw []byte) ([]change, error) {
	var plan struct {
		ResourceChanges []struct {
			Address string `json:"address"`
			Change  struct {
				Actions []string `json:"actions"`
				Before  struct {
					Drift []string `json:"drift"`
				} `json:"before"`
			} `json:"change"`
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal(raw, &plan); err != nil {
		return nil, fmt.Errorf("reading the saved plan: %w", err)
	}
	var out []change
	for _, r := range plan.ResourceChanges {
		c := change{Address: r.Address, Action: strings.Join(r.Change.Actions, " "), Drift: r.Change.Before.Drift}
		switch c.Action {
		case "no-op", "read":
			continue
		case "delete create", "create delete":
			c.Action = "replace"
		}
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b change) int { return strings.Compare(a.Address, b.Address) })
	return out, nil
}
