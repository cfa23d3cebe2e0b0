package calico

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// store is an API server that keeps objects by their path and knows nothing of Calico.
type store struct {
	mu        sync.Mutex
	groups    []string // served, for example "crd.projectcalico.org/v1"
	objects   map[string]map[string]any
	version   int
	requests  []string
	forbidden string // a request that is refused
}

func newStore(t testing.TB, groups ...string) (*store, *kube.Client) {
	t.Helper()
	s := &store{groups: groups, objects: map[string]map[string]any{}}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	c, err := kube.New(kube.Access{Host: server.URL}, kube.Options{RetryFor: -1})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// put stores an object under its collection's path, past the API.
func (s *store) put(t testing.TB, collection, document string) {
	t.Helper()
	var object map[string]any
	if err := json.Unmarshal([]byte(document), &object); err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(collection, object)
}

// write stores an object in a new version. The caller holds the lock.
func (s *store) write(collection string, object map[string]any) {
	s.version++
	metadata, _ := object["metadata"].(map[string]any)
	metadata["resourceVersion"] = strconv.Itoa(s.version)
	name, _ := metadata["name"].(string)
	s.objects[collection+"/"+name] = object
}

// names of the objects that are stored, sorted.
func (s *store) names() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for path := range s.objects {
		names = append(names, path[strings.LastIndexByte(path, '/')+1:])
	}
	slices.Sort(names)
	return names
}

// asked gives the requests since the last time.
func (s *store) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.requests
	s.requests = nil
	return asked
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	request := r.Method + " " + strings.TrimPrefix(r.URL.RequestURI(), "/apis/")
	s.requests = append(s.requests, request)
	path := strings.TrimPrefix(r.URL.Path, "/apis/")
	parts := strings.Split(path, "/")
	var body map[string]any
	if r.Body != nil {
		_ = json.NewDecoder(r.Body).Decode(&body) // GET has none
	}
	switch {
	case s.forbidden == request:
		refuse(w, http.StatusForbidden, metav1.StatusReasonForbidden)
	case len(parts) < 2 || !slices.Contains(s.groups, parts[0]+"/"+parts[1]):
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
	case len(parts) == 2:
		respond(w, http.StatusOK, metav1.APIResourceList{})
	case len(parts)%2 == 1: // a collection
		s.serveCollection(w, r.Method, path, body, r.URL.Query().Has("dryRun"))
	default:
		s.serveObject(w, r.Method, path, body, r.URL.Query().Has("dryRun"))
	}
}

func (s *store) serveCollection(w http.ResponseWriter, method, path string, body map[string]any, dryRun bool) {
	if method == http.MethodGet {
		items := []any{}
		for _, key := range slices.Sorted(keys(s.objects)) {
			if strings.HasPrefix(key, path+"/") {
				items = append(items, s.objects[key])
			}
		}
		respond(w, http.StatusOK, map[string]any{"items": items})
		return
	}
	metadata, _ := body["metadata"].(map[string]any)
	name, _ := metadata["name"].(string)
	if s.objects[path+"/"+name] != nil {
		refuse(w, http.StatusConflict, metav1.StatusReasonAlreadyExists)
		return
	}
	if !dryRun {
		s.write(path, body)
	}
	respond(w, http.StatusCreated, body)
}

func (s *store) serveObject(w http.ResponseWriter, method, path string, body map[string]any, dryRun bool) {
	object := s.objects[path]
	if object == nil {
		refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound)
		return
	}
	metadata, _ := object["metadata"].(map[string]any)
	var version any
	switch method {
	case http.MethodPut:
		sent, _ := body["metadata"].(map[string]any)
		version = sent["resourceVersion"]
	case http.MethodDelete:
		preconditions, _ := body["preconditions"].(map[string]any)
		version = preconditions["resourceVersion"]
	default:
		respond(w, http.StatusOK, object)
		return
	}
	switch {
	case version != metadata["resourceVersion"]:
		refuse(w, http.StatusConflict, metav1.StatusReasonConflict)
	case method == http.MethodPut:
		if !dryRun {
			s.write(path[:strings.LastIndexByte(path, '/')], body)
		}
		respond(w, http.StatusOK, body)
	default:
		if !dryRun && body["dryRun"] == nil {
			delete(s.objects, path)
		}
		respond(w, http.StatusOK, metav1.Status{Status: metav1.StatusSuccess})
	}
}

func respond(w http.ResponseWriter, code int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(body) // the client sees if it fails
}

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason) {
	respond(w, code, metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: string(reason),
	})
}
