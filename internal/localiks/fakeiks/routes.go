package fakeiks

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"slices"
)

// call is one authenticated request to IKS.
type call struct {
	*http.Request
	server *Server
	who    Identity
}

// handler answers a call: a status and a body to be sent as JSON (nil for
// none), or an error. It runs with the server's lock held.
type handler func(c *call) (int, any, error)

// raw is a body that is not JSON.
type raw struct {
	kind string
	data []byte
}

type route struct {
	pattern string
	need    Role
	handle  handler
}

// routes makes the handler of everything that IKS and IAM serve.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /identity/token", s.token)
	mux.HandleFunc("POST /identity/passcode", s.passcode)
	mux.HandleFunc("GET /identity/keys", s.signingKeys)
	mux.HandleFunc("GET /identity/.well-known/openid-configuration", s.discovery)
	mux.HandleFunc("POST /tokenreview", s.tokenReview)
	all := slices.Concat(clusterRoutes(), kubeconfigRoutes(), poolRoutes(), workerRoutes(),
		classicALBRoutes(), vpcALBRoutes(), ingressRoutes(), networkRoutes(), versionRoutes(), accountRoutes(), vpcRoutes())
	for _, r := range all {
		mux.Handle(r.pattern, s.guarded(r))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { writeError(w, errNotFound()) })
	return mux
}

// guarded checks token and role, runs the handler and writes its answer.
func (s *Server) guarded(r route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		fail := func(err error) { writeErrorOf(w, request, err) }
		who, err := s.authenticate(request)
		if err != nil {
			fail(err)
			return
		}
		if who.Role < r.need {
			fail(errForbidden(r.need))
			return
		}
		status, body, err := s.locked(r.handle, &call{Request: request, server: s, who: who})
		if err != nil {
			fail(err)
			return
		}
		switch body := body.(type) {
		case nil:
			w.WriteHeader(status)
		case raw:
			w.Header().Set("Content-Type", body.kind)
			w.WriteHeader(status)
			write(w, body.data)
		default:
			writeJSON(w, status, body)
		}
	})
}

// locked runs a handler with the lock held, and gives the lock back even when
// the handler panics: that becomes an answer with status 500, so that a mistake
// here shows as what it is.
func (s *Server) locked(handle handler, c *call) (status int, body any, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() {
		if reason := recover(); reason != nil {
			s.log.Error("a handler panicked", "path", c.URL.Path, "reason", reason, "stack", string(debug.Stack()))
			err = fmt.Errorf("the fake IKS panicked: %v", reason)
		}
	}()
	return handle(c)
}

// decode reads the JSON body into v. An empty body is fine where the call has
// no required field.
func (c *call) decode(v any) error {
	err := json.NewDecoder(c.Body).Decode(v)
	if err != nil && !errors.Is(err, io.EOF) {
		return errBadRequest("The request body is not valid: %v", err)
	}
	return nil
}

// cluster finds the cluster named by name or ID, as far as the caller's target
// headers reach.
func (c *call) cluster(nameOrID string) (*cluster, error) {
	if nameOrID == "" {
		return nil, errBadRequest("Specify a cluster.")
	}
	found := c.server.find(nameOrID)
	if found == nil || !c.inResourceGroup(found) {
		return nil, errClusterNotFound()
	}
	return found, nil
}

// clusterOf is cluster, for calls that serve one infrastructure only.
func (c *call) clusterOf(provider Provider, nameOrID string) (*cluster, error) {
	found, err := c.cluster(nameOrID)
	if err != nil {
		return nil, err
	}
	if found.Provider != provider {
		return nil, errClusterNotFound()
	}
	return found, nil
}

// inResourceGroup holds the X-Auth-Resource-Group header against the cluster.
func (c *call) inResourceGroup(k *cluster) bool {
	group := c.Header.Get("X-Auth-Resource-Group")
	return group == "" || group == k.ResourceGroupID
}
