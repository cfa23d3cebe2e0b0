package kube

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// nodeServer holds one node and writes it as the API does: merge patches, refused when they carry another version.
type nodeServer struct {
	mu      sync.Mutex
	node    map[string]any
	version int
	patches []string
	refused int
}

func (n *nodeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Method == http.MethodPatch {
		body, err := io.ReadAll(r.Body)
		var patch map[string]any
		if err != nil || json.Unmarshal(body, &patch) != nil {
			answerStatus(w, 400, metav1.StatusReasonBadRequest)
			return
		}
		n.patches = append(n.patches, string(body))
		metadata, _ := patch["metadata"].(map[string]any)
		if version, ok := metadata["resourceVersion"]; ok && version != strconv.Itoa(n.version) {
			n.refused++
			answerStatus(w, 409, metav1.StatusReasonConflict)
			return
		}
		n.write(patch)
	}
	answerJSON(w, 200, n.node)
}

// write merges a change and counts the version up. The caller holds the lock.
func (n *nodeServer) write(patch map[string]any) {
	n.version++
	n.node, _ = merged(n.node, patch).(map[string]any)
	n.node, _ = merged(n.node, map[string]any{"metadata": map[string]any{"name": "n1", "resourceVersion": strconv.Itoa(n.version)}}).(map[string]any)
}

// merged is a JSON merge patch (RFC 7386).
func merged(target, patch any) any {
	change, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out := map[string]any{}
	if old, ok := target.(map[string]any); ok {
		maps.Copy(out, old)
	}
	for key, value := range change {
		if value == nil {
			delete(out, key)
			continue
		}
		out[key] = merged(out[key], value)
	}
	return out
}

func newNodeServer(t *testing.T, node corev1.Node) (*nodeServer, *Client) {
	t.Helper()
	encoded, err := json.Marshal(node)
	if err != nil {
		t.Fatal(err)
	}
	n := &nodeServer{}
	var fields map[string]any
	if err := json.Unmarshal(encoded, &fields); err != nil {
		t.Fatal(err)
	}
	n.write(fields)
	return n, serve(t, n.ServeHTTP).client(t, Options{MaxInFlight: 32})
}

func TestPatchNodeSendsOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	taint := func(key string, effect corev1.TaintEffect) corev1.Taint {
		return corev1.Taint{Key: key, Value: "v", Effect: effect}
	}
	start := corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"keep": "1", "go": "1", "change": "1"}, Annotations: map[string]string{"a": "1"}},
		Spec:       corev1.NodeSpec{Taints: []corev1.Taint{taint("theirs", corev1.TaintEffectNoSchedule)}},
	}
	for name, test := range map[string]struct {
		change func(*corev1.Node) bool
		want   string
	}{
		"nothing asked":   {func(*corev1.Node) bool { return false }, ""},
		"nothing differs": {func(n *corev1.Node) bool { n.Labels["keep"] = "1"; return true }, ""},
		"labels": {func(n *corev1.Node) bool {
			delete(n.Labels, "go")
			n.Labels["change"], n.Labels["new"] = "2", ""
			return true
		}, `{"metadata":{"labels":{"change":"2","go":null,"new":""},"resourceVersion":"1"}}`},
		"annotations": {func(n *corev1.Node) bool { n.Annotations = nil; return true }, `{"metadata":{"annotations":{"a":null},"resourceVersion":"1"}}`},
		"taint added": {func(n *corev1.Node) bool {
			n.Spec.Taints = append(n.Spec.Taints, taint("ours", corev1.TaintEffectNoExecute))
			return true
		}, `{"metadata":{"resourceVersion":"1"},"spec":{"taints":[{"effect":"NoSchedule","key":"theirs","value":"v"},{"effect":"NoExecute","key":"ours","value":"v"}]}}`},
		"last taint removed":    {func(n *corev1.Node) bool { n.Spec.Taints = nil; return true }, `{"metadata":{"resourceVersion":"1"},"spec":{"taints":null}}`},
		"other fields are left": {func(n *corev1.Node) bool { n.Spec.Unschedulable = true; return true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, c := newNodeServer(t, start)
			node, err := Get(t.Context(), c, Nodes, "", "n1")
			if err != nil {
				t.Fatal(err)
			}
			after, err := PatchNode(t.Context(), c, node, test.change)
			if err != nil {
				t.Fatal(err)
			}
			if test.want == "" {
				if len(n.patches) != 0 {
					t.Errorf("sent %s", n.patches)
				}
				return
			}
			if len(n.patches) != 1 || sortKeys(t, n.patches[0]) != test.want {
				t.Errorf("sent %s", n.patches)
			}
			if after.ResourceVersion != "2" {
				t.Errorf("gave version %s", after.ResourceVersion)
			}
		})
	}
}

func TestPatchNodeWithoutVersionIsNotSent(t *testing.T) {
	t.Parallel()
	n, c := newNodeServer(t, corev1.Node{})
	_, err := PatchNode(t.Context(), c, corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}, func(n *corev1.Node) bool {
		n.Labels = map[string]string{"a": "b"}
		return true
	})
	if err == nil || len(n.patches) != 0 {
		t.Errorf("got %v, sent %q", err, n.patches)
	}
}

// TestPatchNodeConcurrently lets many writers change one node at once, each starting from what it last saw: two
// effects of one key, two keys, labels, and somebody who writes past PatchNode. Nobody's work may be lost.
func TestPatchNodeConcurrently(t *testing.T) {
	t.Parallel()
	n, c := newNodeServer(t, corev1.Node{Spec: corev1.NodeSpec{Taints: []corev1.Taint{{Key: "theirs", Effect: corev1.TaintEffectNoSchedule}}}})
	c.backoff = backoff{first: 10 * time.Millisecond, limit: 80 * time.Millisecond}
	const writers, rounds = 4, 12
	var wait sync.WaitGroup
	for w := range writers {
		wait.Go(func() {
			taint := corev1.Taint{Key: "dedicated" + strconv.Itoa(w/2), Value: "edge", Effect: []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute}[w%2]}
			node, err := Get(t.Context(), c, Nodes, "", "n1")
			for round := 0; round < rounds && err == nil; round++ {
				add := round%2 == 1 // ends with the taint in place
				node, err = PatchNode(t.Context(), c, node, func(node *corev1.Node) bool {
					node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(other corev1.Taint) bool { return other.MatchTaint(&taint) })
					if add {
						node.Spec.Taints = append(node.Spec.Taints, taint)
					}
					if node.Labels == nil {
						node.Labels = map[string]string{}
					}
					node.Labels["writer"+strconv.Itoa(w)] = strconv.Itoa(round)
					return true
				})
			}
			if err != nil {
				t.Errorf("writer %d: %v", w, err)
			}
		})
	}
	wait.Go(func() { // somebody else's controller
		for i := range 20 {
			n.mu.Lock()
			n.write(map[string]any{"metadata": map[string]any{"labels": map[string]any{"heartbeat": strconv.Itoa(i)}}})
			n.mu.Unlock()
		}
	})
	wait.Wait()
	node, err := Get(t.Context(), c, Nodes, "", "n1")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"heartbeat": "19"}
	for w := range writers {
		want["writer"+strconv.Itoa(w)] = strconv.Itoa(rounds - 1)
	}
	if !maps.Equal(node.Labels, want) {
		t.Errorf("labels %v, want %v", node.Labels, want)
	}
	var taints []string
	for _, taint := range node.Spec.Taints {
		taints = append(taints, taint.ToString())
	}
	slices.Sort(taints)
	if got := strings.Join(taints, " "); got != "dedicated0=edge:NoExecute dedicated0=edge:NoSchedule dedicated1=edge:NoExecute dedicated1=edge:NoSchedule theirs:NoSchedule" {
		t.Error(got)
	}
	if n.refused == 0 {
		t.Error("no two writers met, so this proved nothing")
	}
}

func TestPatchNodeGivesUp(t *testing.T) {
	t.Parallel()
	version := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			answerStatus(w, 409, metav1.StatusReasonConflict)
			return
		}
		version++
		answerJSON(w, 200, map[string]any{"metadata": map[string]any{"name": "n1", "resourceVersion": fmt.Sprint(version)}})
	})
	start := corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", ResourceVersion: "0"}}
	_, err := PatchNode(t.Context(), s.client(t, Options{}), start, func(n *corev1.Node) bool {
		n.Labels = map[string]string{"a": "b"}
		return true
	})
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), "gave up after 20 attempts") || s.count() != 39 {
		t.Errorf("got %v after %d requests", err, s.count())
	}
}
