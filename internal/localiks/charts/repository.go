package charts

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

func length(body []byte) string { return strconv.Itoa(len(body)) }

// known says whether the credentials are those that are wanted.
func (s *Server) known(r *http.Request) bool {
	if s.options.Username == "" {
		return true
	}
	name, password, _ := r.BasicAuth()
	return name == s.options.Username && password == s.options.Password
}

func (s *Server) admitted(w http.ResponseWriter, r *http.Request) bool {
	if s.known(r) {
		return true
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="charts"`)
	http.Error(w, "unauthorized", http.StatusUnauthorized)
	return false
}

func (s *Server) all() []Archive {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.archives)
}

// index lists what there is. Archives are given by relative URLs, as most repositories do.
func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	if !s.admitted(w, r) {
		return
	}
	entries := map[string][]Archive{}
	var names []string
	for _, a := range s.all() {
		if entries[a.Name] == nil {
			names = append(names, a.Name)
		}
		entries[a.Name] = append(entries[a.Name], a)
	}
	var text strings.Builder
	text.WriteString("apiVersion: v1\ngenerated: \"2025-08-11T00:00:00Z\"\nentries:\n")
	if len(names) == 0 {
		text.WriteString("  {}\n")
	}
	for _, name := range names {
		fmt.Fprintf(&text, "  %s:\n", name)
		for _, a := range entries[name] {
			fmt.Fprintf(&text, "  - name: %s\n    version: %q\n    digest: %s\n    urls:\n    - %s\n", a.Name, a.Version, digest(a.Data), a.file())
		}
	}
	w.Header().Set("Content-Type", "text/yaml")
	_, _ = w.Write([]byte(text.String()))
}

func (a Archive) file() string { return a.Name + "-" + a.Version + ".tgz" }

func (s *Server) file(w http.ResponseWriter, r *http.Request) {
	if !s.admitted(w, r) {
		return
	}
	for _, a := range s.all() {
		if a.file() == r.PathValue("file") {
			w.Header().Set("Content-Type", "application/gzip")
			_, _ = w.Write(a.Data)
			return
		}
	}
	http.NotFound(w, r)
}
