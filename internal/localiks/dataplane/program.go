package dataplane

import (
	"fmt"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/sandbox"
)

// Program runs on a host that is not a cluster's, with a root file system and a
// /run of its own.
type Program struct {
	name string
	s    *sandbox.Sandbox
}

// Run starts a program on a host. It ends with the lab.
func (l *Lab) Run(h *Host, files sandbox.Files, argv ...string) (*Program, error) {
	l.mu.Lock()
	number := len(l.programs)
	l.mu.Unlock()
	dir, err := l.folder(fmt.Sprintf("program-%d", number))
	if err != nil {
		return nil, err
	}
	s, err := sandbox.New(dir, h.Enter, sandbox.Layout{Files: files, Empty: []string{"/run"}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", h.Name, err)
	}
	p := &Program{name: "program", s: s}
	l.mu.Lock()
	l.programs = append(l.programs, p)
	l.mu.Unlock()
	if _, err := s.Start(p.name, sandbox.Command{Argv: argv}); err != nil {
		return nil, fmt.Errorf("%s: %w", h.Name, err)
	}
	return p, nil
}

// Stop asks the program to end and waits until it has.
func (p *Program) Stop() { p.s.End(p.name, sandbox.Grace) }

// Log is what it has printed.
func (p *Program) Log() string { return p.s.Log(p.name) }
