package charon

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/sandbox"
)

// Gateway is a program in one of the namespaces, strongSwan at the edge of a site
// above all, that runs as it would in a container: with a /run of its own, files
// that are mounted into it, and no capabilities but those that it is given.
type Gateway struct {
	// Env is the environment: "NAME=value".
	Env []string
	// Capabilities that the program has, as setpriv names them: "net_admin".
	Capabilities []string

	files map[string][]byte
	place *sandbox.Sandbox
	ended <-chan error // nil where nothing runs
}

const (
	mounted = "/etc/vpn"
	program = "gateway"
)

// Gateway has files mounted and gives the gateway that finds them.
func (s *Site) Gateway(files map[string]string) (*Gateway, error) {
	return s.lab.place(s.gateway, files)
}

// Beside is a program on the host of the site, likewise.
func (s *Site) Beside(files map[string]string) (*Gateway, error) { return s.lab.place(s.host, files) }

func (l *Lab) place(at *namespace, files map[string]string) (*Gateway, error) {
	g := &Gateway{files: map[string][]byte{}, Capabilities: []string{"chown", "net_admin", "net_bind_service"}}
	for name, content := range files {
		g.files[name] = []byte(content)
	}
	dir := filepath.Join(l.dir.Path, fmt.Sprint(len(l.places)))
	var err error
	g.place, err = sandbox.New(dir, at.Enter, sandbox.Layout{Files: sandbox.Files{mounted: g.files}, Empty: []string{"/run"}})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at.name, err)
	}
	l.places = append(l.places, g.place)
	return g, nil
}

// Files is the folder in which the program finds the files.
func (g *Gateway) Files() string { return mounted }

// Write writes one of the files.
func (g *Gateway) Write(name, content string) error {
	g.files = maps.Clone(g.files)
	g.files[name] = []byte(content)
	return g.place.Write(sandbox.Files{mounted: g.files})
}

func (g *Gateway) command(argv ...string) sandbox.Command {
	return sandbox.Command{Argv: argv, Env: g.Env, Capabilities: g.Capabilities}
}

// Start runs a program as the gateway. Its output goes to the log.
func (g *Gateway) Start(argv ...string) (err error) {
	// An earlier run may have left its sockets and process IDs.
	argv = append([]string{"/bin/sh", "-c", `rm -rf /run/* && exec "$@"`, "sh"}, argv...)
	g.ended, err = g.place.Start(program, g.command(argv...))
	return err
}

// Do runs a program beside the gateway's, as `kubectl exec` would, and gives what it prints.
func (g *Gateway) Do(ctx context.Context, argv ...string) (string, error) {
	c := g.command(argv...)
	if g.Running() {
		c.Beside = program
	}
	return g.place.Output(ctx, c)
}

// Running tells whether the program has not ended.
func (g *Gateway) Running() bool { return g.ended != nil && len(g.ended) == 0 }

// stopLimit is what Kubernetes gives a pod. A charon that says good-bye to its
// peer takes 40 ms, at times 2 s, on a crowded machine more than 10.
const stopLimit = 30 * time.Second

// Stop asks the program to end, and ends it when it does not.
func (g *Gateway) Stop() error {
	if !g.Running() {
		return nil
	}
	g.ended = nil
	if !g.place.End(program, stopLimit) {
		return fmt.Errorf("what runs with %s did not stop on SIGTERM", strings.Join(g.Env, " "))
	}
	return nil
}

// Kill ends the program and its charon without a word to their peer.
func (g *Gateway) Kill() {
	g.ended = nil
	g.place.Kill(program)
}

// Log is all that was printed so far.
func (g *Gateway) Log() string { return g.place.Log(program) }
