package controlplane_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	authentication "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

const lender = "LOCALIKS_LENDER"

// The tests of this package start what they test.
func TestMain(m *testing.M) {
	if err := os.Unsetenv(lender); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// What one has borrowed and left in any state, the next one has as new.
func TestLender(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "socket")
	ctx, end := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- controlplane.Lend(ctx, socket, t.Output()) }()
	await(t, "the lender listens", func(context.Context) error {
		_, err := os.Stat(socket)
		return err
	})
	t.Setenv(lender, socket)

	first := start(t, controlplane.Options{Name: "first", CalicoAPI: true, TokenReviewURL: knowing(t, "of-first")})
	address := first.Server()
	if _, err := client(t, first.RESTConfig()).Discovery().ServerResourcesForGroupVersion("projectcalico.org/v3"); err != nil {
		t.Errorf("the first one asked for the Calico API: %v", err)
	}
	knows(t, first, "of-first", true)
	revisions(t, first)
	leave(t, first)
	if err := first.Rewind(t.Context()); err != nil {
		t.Fatal(err)
	}
	untouched(t, first)
	leave(t, first)
	if err := first.StopAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}

	second := start(t, controlplane.Options{Name: "second", TokenReviewURL: knowing(t, "of-second")})
	if second.Server() != address {
		t.Errorf("the second one was given %s, not %s", second.Server(), address)
	}
	if events, err := second.Audit(t.Context(), controlplane.AuditMark{}); err != nil || len(events.OfVerb("create", "patch")) > 0 {
		t.Errorf("the second one sees what the first one asked: %v, %v", events, err)
	}
	untouched(t, second)
	if _, err := client(t, second.RESTConfig()).Discovery().ServerResourcesForGroupVersion("projectcalico.org/v3"); !apierrors.IsNotFound(err) {
		t.Errorf("the second one did not ask for the Calico API: %v", err)
	}
	knows(t, second, "of-second", true)
	knows(t, second, "of-nobody", false)
	third := start(t, controlplane.Options{Name: "third", CalicoAPI: true})
	if third.Server() == address {
		t.Error("two have the same one at a time")
	}
	if err := second.PauseAPI(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := second.Stop(); err != nil {
		t.Fatal(err)
	}
	fourth := start(t, controlplane.Options{Name: "fourth", CalicoAPI: true})
	if fourth.Server() != address {
		t.Errorf("the fourth one was given %s, not %s", fourth.Server(), address)
	}
	untouched(t, fourth)

	end()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := client(t, fourth.RESTConfig()).Discovery().ServerVersion(); err == nil {
		t.Error("it outlives its lender")
	}
}

// knowing reviews tokens, of which it knows one.
func knowing(t *testing.T, token string) (url string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review authentication.TokenReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			t.Error(err)
		}
		review.Status.Authenticated = review.Spec.Token == token
		review.Status.User = authentication.UserInfo{Username: token, Groups: []string{"system:masters"}}
		if err := json.NewEncoder(w).Encode(review); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL + "/review"
}

// knows checks whether a token is taken.
func knows(t *testing.T, c *controlplane.ControlPlane, token string, want bool) {
	t.Helper()
	config := rest.AnonymousClientConfig(c.RESTConfig())
	config.BearerToken = token
	_, err := client(t, config).CoreV1().Namespaces().List(t.Context(), metav1.ListOptions{})
	if (err == nil) != want || err != nil && !apierrors.IsUnauthorized(err) {
		t.Errorf("with the token %s: %v", token, err)
	}
}

// leave makes one thing and deletes another.
func leave(t *testing.T, c *controlplane.ControlPlane) {
	t.Helper()
	k := client(t, c.RESTConfig())
	if _, err := k.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "left"}}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := k.RbacV1().ClusterRoles().Delete(t.Context(), "edit", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := c.AddNode(t.Context(), controlplane.Node{Name: "left"}); err != nil {
		t.Fatal(err)
	}
}

// untouched checks that nothing is there of what leave did.
func untouched(t *testing.T, c *controlplane.ControlPlane) {
	t.Helper()
	k := client(t, c.RESTConfig())
	await(t, "the cluster is as new", func(ctx context.Context) error {
		if _, err := k.CoreV1().Namespaces().Get(ctx, "left", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return errors.New("its namespace is there")
		}
		if _, err := k.RbacV1().ClusterRoles().Get(ctx, "edit", metav1.GetOptions{}); err != nil {
			return err
		}
		if nodes, err := k.CoreV1().Nodes().List(ctx, metav1.ListOptions{}); err != nil || len(nodes.Items) > 0 {
			return errors.New("its node is there")
		}
		return nil
	})
}

// revisions checks that a rewind shows as changes of one revision each. Who
// watches and begins again behind the last one that it saw would miss others with
// the same one: controllers went on with nodes that were gone.
func revisions(t *testing.T, c *controlplane.ControlPlane) {
	t.Helper()
	const count = 20
	k := client(t, c.RESTConfig())
	watching, err := k.CoreV1().Nodes().Watch(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer watching.Stop()
	var nodes []controlplane.Node
	for i := range count {
		nodes = append(nodes, controlplane.Node{Name: fmt.Sprintf("one-of-%d", i)})
	}
	if err := c.AddNodes(t.Context(), nodes...); err != nil {
		t.Fatal(err)
	}
	if err := c.Rewind(t.Context()); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for gone := 0; gone < count; {
		select {
		case event, open := <-watching.ResultChan():
			if !open {
				t.Fatalf("the watch ended after %d of %d nodes", gone, count)
			}
			if node, ok := event.Object.(*corev1.Node); ok && event.Type == watch.Deleted {
				gone++
				seen[node.ResourceVersion] = true
			}
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
	if len(seen) != count {
		t.Errorf("%d nodes went with %d revisions", count, len(seen))
	}
}
