package charts

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.cncf.helm.config.v1+json"
	layerType    = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

func describe(mediaType string, data []byte) descriptor {
	return descriptor{MediaType: mediaType, Digest: "sha256:" + digest(data), Size: len(data)}
}

// tag of a version: a plus cannot be in one.
func (a Archive) tag() string { return strings.ReplaceAll(a.Version, "+", "_") }

func (a Archive) config() []byte {
	return []byte(fmt.Sprintf(`{"name":%q,"version":%q}`, a.Name, a.Version))
}

func (a Archive) manifest() []byte {
	raw, err := json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": describe(configType, a.config()), "layers": []descriptor{describe(layerType, a.Data)},
	})
	if err != nil {
		return nil // strings and numbers can be encoded
	}
	return raw
}

// token gives one to whoever knows the credentials.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if !s.known(r) {
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED")
		return
	}
	s.mu.Lock()
	made := "t" + strconv.Itoa(len(s.tokens)+1)
	s.tokens[made] = true
	s.mu.Unlock()
	answer(w, map[string]any{"token": made, "expires_in": 60})
}

// allowed asks for what the registry wants to see.
func (s *Server) allowed(w http.ResponseWriter, r *http.Request) bool {
	if !s.options.Tokens {
		return s.admitted(w, r)
	}
	s.mu.Lock()
	known := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	s.mu.Unlock()
	if !known {
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s/token",service="charts",scope="repository:charts:pull"`, s.http.URL))
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED")
	}
	return known
}

func (s *Server) version(w http.ResponseWriter, r *http.Request) {
	if s.allowed(w, r) {
		answer(w, map[string]any{})
	}
}

func (s *Server) tags(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(w, r) {
		return
	}
	tags := []string{}
	for _, a := range s.all() {
		if a.Name == r.PathValue("name") {
			tags = append(tags, a.tag())
		}
	}
	if len(tags) == 0 {
		refuse(w, http.StatusNotFound, "NAME_UNKNOWN")
		return
	}
	answer(w, map[string]any{"name": "charts/" + r.PathValue("name"), "tags": tags})
}

func (s *Server) manifest(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(w, r) {
		return
	}
	for _, a := range s.all() {
		raw := a.manifest()
		at := "sha256:" + digest(raw)
		if a.Name != r.PathValue("name") || r.PathValue("reference") != a.tag() && r.PathValue("reference") != at {
			continue
		}
		w.Header().Set("Content-Type", manifestType)
		w.Header().Set("Docker-Content-Digest", at)
		_, _ = w.Write(raw)
		return
	}
	refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN")
}

func (s *Server) blob(w http.ResponseWriter, r *http.Request) {
	if !s.allowed(w, r) {
		return
	}
	for _, a := range s.all() {
		for _, data := range [][]byte{a.Data, a.config()} {
			if a.Name == r.PathValue("name") && "sha256:"+digest(data) == r.PathValue("digest") {
				w.Header().Set("Content-Type", "application/octet-stream")
				w.Header().Set("Docker-Content-Digest", r.PathValue("digest"))
				_, _ = w.Write(data)
				return
			}
		}
	}
	refuse(w, http.StatusNotFound, "BLOB_UNKNOWN")
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"errors": []any{map[string]any{"code": code, "message": strings.ToLower(code)}}})
}
