package kube

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// pages serves nodes n0 to n(total-1), honouring limit and continue. Expired, if set, is asked before each later page.
func pages(t *testing.T, total int, binary bool, expired func() bool) *server {
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		from, _ := strconv.Atoi(r.URL.Query().Get("continue"))
		limit, _ := strconv.Atoi(r.URL.Query().Get("limit"))
		if r.URL.Query().Has("resourceVersion") {
			t.Error("a resource version was asked for")
		}
		if from > 0 && expired != nil && expired() {
			answerStatus(w, 410, metav1.StatusReasonExpired)
			return
		}
		list := corev1.NodeList{Items: []corev1.Node{}}
		for i := from; i < total && (limit == 0 || i < from+limit); i++ {
			list.Items = append(list.Items, sampleNode(i))
		}
		if next := from + len(list.Items); next < total {
			list.Continue = strconv.Itoa(next)
		}
		if !binary {
			answerJSON(w, 200, list)
			return
		}
		w.Header().Set("Content-Type", typeProtobuf)
		_, _ = w.Write(envelope(t, &list))
	})
}

// envelope encodes a message as the API does.
func envelope(t testing.TB, message interface{ Marshal() ([]byte, error) }) []byte {
	t.Helper()
	raw, err := message.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	outer, err := (&runtime.Unknown{Raw: raw}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return append([]byte("k8s\x00"), outer...)
}

// sampleNode is a node of about the size that IKS has: many labels, conditions and 50 images.
func sampleNode(i int) corev1.Node {
	node := corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Name: "n" + strconv.Itoa(i), ResourceVersion: strconv.Itoa(1000 + i), UID: "0123",
		Labels: map[string]string{"ibm-cloud.kubernetes.io/worker-pool-name": "edge", "dedicated": "edge"},
	}}
	for j := range 20 {
		node.Labels["ibm-cloud.kubernetes.io/label-"+strconv.Itoa(j)] = "value-" + strconv.Itoa(j)
	}
	node.Spec.Taints = []corev1.Taint{{Key: "dedicated", Value: "edge", Effect: corev1.TaintEffectNoSchedule}}
	for j := range 6 {
		node.Status.Conditions = append(node.Status.Conditions, corev1.NodeCondition{Type: corev1.NodeConditionType(strconv.Itoa(j)), Message: "kubelet is posting ready status"})
	}
	for j := range 50 {
		name := fmt.Sprintf("registry.example/armada/image-%d-of-the-node@sha256:%064d", j, j)
		node.Status.Images = append(node.Status.Images, corev1.ContainerImage{Names: []string{name, name[:50]}, SizeBytes: 12345678})
	}
	return node
}

func TestListReadsEveryPage(t *testing.T) {
	t.Parallel()
	for _, binary := range []bool{false, true} {
		for total, requests := range map[int]int{0: 1, 1: 1, 2: 1, 3: 2, 5: 3, 6: 3} {
			t.Run(fmt.Sprintf("%d objects, binary %v", total, binary), func(t *testing.T) {
				t.Parallel()
				s := pages(t, total, binary, nil)
				nodes, err := List(t.Context(), s.client(t, Options{PageSize: 2}), Nodes, ListOptions{})
				if err != nil {
					t.Fatal(err)
				}
				if len(nodes) != total || s.count() != requests {
					t.Errorf("%d objects in %d requests", len(nodes), s.count())
				}
				for i, node := range nodes {
					if node.Name != "n"+strconv.Itoa(i) || len(node.Status.Images) != 50 || node.Labels["dedicated"] != "edge" {
						t.Errorf("object %d is %s", i, node.Name)
					}
				}
			})
		}
	}
}

func TestListBeginsAnewWhenExpired(t *testing.T) {
	t.Parallel()
	t.Run("once", func(t *testing.T) {
		t.Parallel()
		left := 1
		s := pages(t, 5, true, func() bool { left--; return left >= 0 })
		nodes, err := List(t.Context(), s.client(t, Options{PageSize: 2}), Nodes, ListOptions{})
		if err != nil || len(nodes) != 5 || s.count() != 2+3 {
			t.Errorf("%d objects in %d requests, %v", len(nodes), s.count(), err)
		}
	})
	t.Run("always", func(t *testing.T) {
		t.Parallel()
		s := pages(t, 5, true, func() bool { return true })
		nodes, err := List(t.Context(), s.client(t, Options{PageSize: 2}), Nodes, ListOptions{})
		if err != nil || len(nodes) != 5 || s.count() != 2*listRestarts+1 {
			t.Errorf("%d objects in %d requests, %v", len(nodes), s.count(), err)
		}
		if last := s.asked()[s.count()-1]; last != "GET /api/v1/nodes" {
			t.Error(last)
		}
	})
	t.Run("not at the first page", func(t *testing.T) {
		t.Parallel()
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerStatus(w, 410, metav1.StatusReasonExpired) })
		_, err := List(t.Context(), s.client(t, Options{}), Nodes, ListOptions{})
		if !apierrors.IsResourceExpired(err) || s.count() != 1 {
			t.Errorf("got %v after %d requests", err, s.count())
		}
	})
}

func TestListPaths(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) { answerJSON(w, 200, map[string]any{"items": []any{}}) })
	c := s.client(t, Options{})
	ctx := t.Context()
	_, err1 := List(ctx, c, Nodes, ListOptions{Namespace: "ignored", Labels: "a in (b,c)", Fields: "metadata.name=x"})
	_, err2 := List(ctx, c, Services, ListOptions{})
	_, err3 := List(ctx, c, Deployments, ListOptions{Namespace: "kube-system"})
	if err1 != nil || err2 != nil || err3 != nil {
		t.Fatal(err1, err2, err3)
	}
	want := []string{
		"GET /api/v1/nodes?fieldSelector=metadata.name%3Dx&labelSelector=a+in+%28b%2Cc%29&limit=1000",
		"GET /api/v1/services?limit=1000",
		"GET /apis/apps/v1/namespaces/kube-system/deployments?limit=1000",
	}
	if got := s.asked(); !slices.Equal(got, want) {
		t.Errorf("got %s", strings.Join(got, "\n"))
	}
}

func TestListOfAnythingElseIsAnError(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"items is a string": `{"items":"x"}`, "no JSON": "<html>", "cut": `{"items":[`} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", typeJSON)
			_, _ = w.Write([]byte(body))
		})
		if _, err := List(t.Context(), s.client(t, Options{}), Nodes, ListOptions{}); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func BenchmarkDecode1000Nodes(b *testing.B) {
	list := corev1.NodeList{}
	for i := range 1000 {
		list.Items = append(list.Items, sampleNode(i))
	}
	body, err := encodeObject(Kind[corev1.NodeList]{Version: "v1", Name: "NodeList"}, &list)
	if err != nil {
		b.Fatal(err)
	}
	for name, got := range map[string]answer{
		"json":     {contentType: typeJSON, body: body},
		"protobuf": {contentType: typeProtobuf, body: envelope(b, &list)},
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(got.body)))
			for b.Loop() {
				if nodes, _, err := decodeList[corev1.Node](got, nil); err != nil || len(nodes) != 1000 {
					b.Fatal(err)
				}
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	list := corev1.NodeList{ListMeta: metav1.ListMeta{Continue: "x"}, Items: []corev1.Node{sampleNode(1)}}
	body := envelope(f, &list)
	f.Add(body, true)
	f.Add([]byte(`{"kind":"Status","status":"Failure","code":409,"details":{"causes":[{"reason":"FieldManagerConflict","message":"conflict with \"a\""}]}}`), false)
	f.Add(envelope(f, &metav1.Status{Status: metav1.StatusFailure, Code: 404}), true)
	f.Fuzz(func(t *testing.T, body []byte, binary bool) {
		got := answer{contentType: typeJSON, body: body, status: 409}
		if binary {
			got.contentType = typeProtobuf
		}
		nodes, meta, err := decodeList[corev1.Node](got, nil)
		if err != nil && nodes != nil {
			t.Errorf("%d objects and an error, %v", len(nodes), meta)
		}
		if _, err := decodeObject[corev1.Node](got); err != nil && err.Error() == "" {
			t.Error("an error without words")
		}
		_ = ConflictOwners(statusError(call{}, got))
	})
}
