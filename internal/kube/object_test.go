package kube

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// contains reports whether a request's body has the text, and puts the body back.
func contains(r *http.Request, text string) bool {
	body, err := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return err == nil && strings.Contains(string(body), text)
}

func TestWrites(t *testing.T) {
	t.Parallel()
	service := corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "s", ResourceVersion: "7"}}
	deployment := appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "d", ResourceVersion: "7", UID: "u", Labels: map[string]string{"a": "b"}},
		Status:     appsv1.DeploymentStatus{Replicas: 3},
	}
	seconds := int64(5)
	for name, test := range map[string]struct {
		call        func(*testing.T, *Client) error
		asked       string
		contentType string
		body        string
	}{
		"create": {
			func(t *testing.T, c *Client) error {
				_, err := Create(t.Context(), c, Services, service, WriteOptions{FieldManager: "me"})
				return err
			}, "POST /api/v1/namespaces/ns/services?fieldManager=me", "application/json",
			`{"apiVersion":"v1","kind":"Service","metadata":{"name":"s","namespace":"ns","resourceVersion":"7"},"spec":{},"status":{"loadBalancer":{}}}`,
		},
		"dry run": {func(t *testing.T, c *Client) error {
			_, err := Create(t.Context(), c, Services, service, WriteOptions{DryRun: true})
			return err
		}, "POST /api/v1/namespaces/ns/services?dryRun=All", "application/json", ""},
		"update": {func(t *testing.T, c *Client) error {
			_, err := Update(t.Context(), c, Services, service, WriteOptions{})
			return err
		}, "PUT /api/v1/namespaces/ns/services/s", "application/json", ""},
		"patch": {func(t *testing.T, c *Client) error {
			_, err := Patch(t.Context(), c, Services, "ns", "s", types.StrategicMergePatchType, []byte(`{"a":1}`), PatchOptions{DryRun: true, FieldManager: "me"})
			return err
		}, "PATCH /api/v1/namespaces/ns/services/s?dryRun=All&fieldManager=me", "application/strategic-merge-patch+json", `{"a":1}`},
		"apply": {
			func(t *testing.T, c *Client) error {
				_, err := Apply(t.Context(), c, Deployments, deployment, PatchOptions{FieldManager: "me/x", Force: true})
				return err
			}, "PATCH /apis/apps/v1/namespaces/ns/deployments/d?fieldManager=me%2Fx&force=true", "application/apply-patch+yaml",
			`{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"labels":{"a":"b"},"name":"d","namespace":"ns"},"spec":{"strategy":{},"template":{"metadata":{},"spec":{}}}}`,
		},
		"delete": {
			func(t *testing.T, c *Client) error {
				return Delete(t.Context(), c, Services, "ns", "s", DeleteOptions{ResourceVersion: "7", DryRun: true, Propagation: metav1.DeletePropagationForeground, GracePeriodSeconds: &seconds})
			}, "DELETE /api/v1/namespaces/ns/services/s", "application/json",
			`{"apiVersion":"v1","dryRun":["All"],"gracePeriodSeconds":5,"kind":"DeleteOptions","preconditions":{"resourceVersion":"7"},"propagationPolicy":"Foreground"}`,
		},
		"evict": {
			func(t *testing.T, c *Client) error { return Evict(t.Context(), c, "ns", "p", 1500e6) },
			"POST /api/v1/namespaces/ns/pods/p/eviction", "application/json",
			`{"apiVersion":"policy/v1","deleteOptions":{"gracePeriodSeconds":2},"kind":"Eviction","metadata":{"name":"p","namespace":"ns"}}`,
		},
		"evict at the pod's own pace": {
			func(t *testing.T, c *Client) error { return Evict(t.Context(), c, "ns", "p", -1) },
			"POST /api/v1/namespaces/ns/pods/p/eviction", "application/json",
			`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"p","namespace":"ns"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var contentType, body string
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				read, err := io.ReadAll(r.Body)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				contentType, body = r.Header.Get("Content-Type"), string(read)
				answerJSON(w, 201, object("x"))
			})
			if err := test.call(t, s.client(t, Options{})); err != nil {
				t.Fatal(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if got := s.asked(); !slices.Equal(got, []string{test.asked}) {
				t.Errorf("asked %q", got)
			}
			if contentType != test.contentType {
				t.Errorf("content type %s", contentType)
			}
			if test.body != "" && sortKeys(t, body) != test.body {
				t.Errorf("sent %s", sortKeys(t, body))
			}
		})
	}
}

func sortKeys(t *testing.T, document string) string {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(document), &value); err != nil {
		t.Fatal(err)
	}
	sorted, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(sorted)
}

func TestWritesThatAreNotMade(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, object("x")) })
	c := s.client(t, Options{})
	ctx := t.Context()
	named := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}
	_, noVersion := Update(ctx, c, Nodes, named, WriteOptions{})
	_, noName := Create(ctx, c, Nodes, corev1.Node{}, WriteOptions{})
	_, noManager := Apply(ctx, c, Nodes, named, PatchOptions{})
	_, noPatchName := Patch(ctx, c, Nodes, "", "", types.MergePatchType, nil, PatchOptions{})
	_, noObject := Create(ctx, c, Kind[struct{}]{Version: "v1", Resource: "x", Name: "X"}, struct{}{}, WriteOptions{})
	for name, err := range map[string]error{
		"update without version": noVersion, "create without name": noName, "apply without manager": noManager,
		"patch without name": noPatchName, "no object": noObject,
		"delete without name": Delete(ctx, c, Nodes, "", "", DeleteOptions{}), "evict without namespace": Evict(ctx, c, "", "p", 0),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if s.count() != 0 {
		t.Error(s.asked())
	}
}

func TestConflictOwners(t *testing.T) {
	t.Parallel()
	cause := func(message string) metav1.StatusCause {
		return metav1.StatusCause{Type: metav1.CauseTypeFieldManagerConflict, Field: ".spec.replicas", Message: message}
	}
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			answerStatus(w, 409, metav1.StatusReasonConflict)
			return
		}
		answerStatus(w, 409, metav1.StatusReasonConflict,
			cause(`conflict with "kubectl" using v1 at 2001-02-03T04:05:06Z`), cause(`conflict with "a\"b" with subresource "scale" using v1`),
			cause(`conflict with "kubectl"`), cause("conflict with nobody"), metav1.StatusCause{Message: `"x"`})
	})
	c := s.client(t, Options{})
	node := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n", ResourceVersion: "1"}}
	_, err := Apply(t.Context(), c, Nodes, node, PatchOptions{FieldManager: "me"})
	if got := ConflictOwners(err); !slices.Equal(got, []string{"kubectl", `a"b`}) {
		t.Errorf("got %q from %v", got, err)
	}
	_, err = Update(t.Context(), c, Nodes, node, WriteOptions{})
	if got := ConflictOwners(err); !apierrors.IsConflict(err) || got != nil {
		t.Errorf("got %q from %v", got, err)
	}
	if got := ConflictOwners(errors.New("x")); got != nil {
		t.Errorf("got %q", got)
	}
}

func TestErrorsNameTheObject(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerStatus(w, 403, metav1.StatusReasonForbidden) })
	c := s.client(t, Options{})
	host := strings.TrimPrefix(s.URL, "http://")
	_, get := Get(t.Context(), c, Services, "ns", "s")
	_, list := List(t.Context(), c, Services, ListOptions{Namespace: "ns"})
	_, nodes := List(t.Context(), c, Nodes, ListOptions{})
	for err, want := range map[error]string{
		get:   "get Service ns/s at " + host + ": refused: forbidden",
		list:  "list Service in namespace ns at " + host + ": refused: forbidden",
		nodes: "list Node at " + host + ": refused: forbidden",
	} {
		var wrapped *Error
		if err.Error() != want || !errors.As(err, &wrapped) || wrapped.RequestID == "" {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestEvictBlocked(t *testing.T) {
	t.Parallel()
	answers := []func(http.ResponseWriter){
		func(w http.ResponseWriter) { // the server protecting itself
			w.Header().Set("Retry-After", "0")
			answerStatus(w, 429, metav1.StatusReasonTooManyRequests)
		},
		func(w http.ResponseWriter) {
			answerStatus(w, 429, metav1.StatusReasonTooManyRequests, metav1.StatusCause{Type: "DisruptionBudget", Message: "The disruption budget web needs 2 healthy pods and has 2 currently"})
		},
	}
	n := 0
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		n++
		answers[n-1](w)
	})
	err := Evict(t.Context(), s.client(t, Options{}), "ns", "p", -1)
	var blocked *BlockedError
	if !errors.As(err, &blocked) || !apierrors.IsTooManyRequests(err) || s.count() != 2 {
		t.Fatalf("got %v after %d requests", err, s.count())
	}
	if blocked.Error() != "pod ns/p is protected by a disruption budget: The disruption budget web needs 2 healthy pods and has 2 currently" {
		t.Error(blocked)
	}
}
