package privateservice_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// onePort is the least that a Service needs; brief gives up early.
const (
	onePort = "  ports = [{ port = 443, target_port = 8443 }]\n"
	brief   = "  timeouts = { create = \"3s\", update = \"3s\" }\n"
)

// until waits for a condition.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	acctest.Eventually(t, what, func() error {
		if !holds() {
			return errors.New("not yet")
		}
		return nil
	})
}

// acted tells whether an action is planned for the Service.
func acted(r acctest.Result, action string) bool {
	return slices.Contains(r.Planned, acctest.Change{Address: resourceName, Action: action})
}

func says(t *testing.T, what string, texts []string, want ...string) {
	t.Helper()
	all := strings.Join(texts, "\n")
	for _, w := range want {
		if !strings.Contains(all, w) {
			t.Errorf("%s does not say %q: %s", what, w, all)
		}
	}
}

func has(t *testing.T, w *acctest.Workspace, want map[string]any) {
	t.Helper()
	attributes := w.Attributes(resourceName)
	if attributes == nil {
		t.Fatal("the resource is not in the state")
	}
	for name, value := range want {
		if attributes[name] != value {
			t.Errorf("%s is %v, want %v", name, attributes[name], value)
		}
	}
}

func gone(t *testing.T, c *localiks.Cluster) {
	t.Helper()
	if _, err := client(t, c).CoreV1().Services("default").Get(kept(t), "api", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Errorf("the Service is there (%v)", err)
	}
}

// bothClusters runs a test on either infrastructure.
func bothClusters(t *testing.T, test func(t *testing.T, e *localiks.Environment, c *localiks.Cluster)) {
	e := acctest.Environment(t)
	for _, name := range []string{acctest.Classic, acctest.VPC} {
		t.Run(name, func(t *testing.T) { test(t, e, e.Cluster(name)) })
	}
}

// A load balancer that takes too long: no taint, no replacement, the next apply carries on.
func TestAccLateAddress(t *testing.T) {
	bothClusters(t, func(t *testing.T, e *localiks.Environment, c *localiks.Cluster) {
		c.LoadBalancers.Hold()
		t.Cleanup(c.LoadBalancers.Release)
		w := acctest.NewWorkspace(t, block(e, c.Name, onePort+brief))
		r := w.MustApply()
		says(t, "the warning", r.Warnings(), "is not ready", "an address for the load balancer of Service default/api")
		has(t, w, map[string]any{"ready": false, "ip": nil, "hostname": nil, "exposure": "unverified"})
		uid := get(t, c).UID

		// Once more in vain: that is an error now, and still nothing is lost.
		r = w.Apply()
		if r.ExitCode == 0 || !acted(r, "update") {
			t.Errorf("exit code %d, planned %v", r.ExitCode, r.Planned)
		}
		says(t, "the error", r.Errors(), "an address for the load balancer")

		c.LoadBalancers.Release()
		if r := w.MustApply(); acted(r, "create") || acted(r, "replace") {
			t.Errorf("planned is %v", r.Planned)
		}
		has(t, w, map[string]any{"ready": true, "exposure": "private"})
		w.MustPlanEmpty()
		if now := get(t, c).UID; now != uid {
			t.Error("the Service was replaced")
		}
		w.MustDestroy()
	})
}

// A load balancer that never comes: the message has the words of IBM's events.
func TestAccNoAddress(t *testing.T) {
	e := acctest.Environment(t)
	const patient = "  timeouts = { create = \"10s\" }\n" // on a busy machine the event takes a while
	w := acctest.NewWorkspace(t, block(e, acctest.Classic, onePort+patient+`  load_balancer_ip = "192.168.77.1"`))
	r := w.MustApply()
	says(t, "the warning", r.Warnings(), "Requested cloud provider IP 192.168.77.1 is not available")
	has(t, w, map[string]any{"ready": false, "ip": nil})

	// Without the wish it gets another one, in place.
	w.Write(block(e, acctest.Classic, onePort))
	if r := w.MustApply(); !acted(r, "update") {
		t.Errorf("planned is %v", r.Planned)
	}
	has(t, w, map[string]any{"ready": true, "exposure": "private"})
	w.MustDestroy()
}

// Declared private, assigned public: apply fails and nothing stays, neither the
// Service nor a state.
func TestAccAssignedPublic(t *testing.T) {
	bothClusters(t, func(t *testing.T, e *localiks.Environment, c *localiks.Cluster) {
		c.LoadBalancers.AssignWrongKind(true)
		defer c.LoadBalancers.AssignWrongKind(false)
		w := acctest.NewWorkspace(t, block(e, c.Name, onePort))
		r := w.Apply()
		if r.ExitCode == 0 {
			t.Error("apply works")
		}
		says(t, "the error", r.Errors(), "came up public", "removed again")
		if w.Attributes(resourceName) != nil {
			t.Error("there is a state")
		}
		gone(t, c)

		c.LoadBalancers.AssignWrongKind(false)
		if r := w.MustApply(); !acted(r, "create") {
			t.Errorf("planned is %v", r.Planned)
		}
		has(t, w, map[string]any{"ready": true, "exposure": "private"})
		w.MustPlanEmpty()
		w.MustDestroy()
	})
}

// It becomes public later: a refresh says so and what it means, the next apply
// makes it anew. Where that comes up public as well, nothing stays.
func TestAccBecomesPublic(t *testing.T) {
	bothClusters(t, func(t *testing.T, e *localiks.Environment, c *localiks.Cluster) {
		w := acctest.NewWorkspace(t, block(e, c.Name, onePort))
		w.MustApply()
		before := get(t, c)
		public := func() {
			t.Helper()
			if _, err := c.LoadBalancers.Reassign(t.Context(), "default", "api", true); err != nil {
				t.Fatal(err)
			}
		}
		public()
		plan := w.Plan()
		if !acted(plan, "update") {
			t.Errorf("planned is %v", plan.Planned)
		}
		says(t, "the plan", plan.Warnings(), "taken down and made anew")
		if r := w.Run("refresh"); r.ExitCode != 0 {
			t.Fatal(r.Output)
		}
		says(t, "drift", strs(w.Attributes(resourceName)["drift"]), "the load balancer is public")
		has(t, w, map[string]any{"exposure": "public", "ready": false})
		w.MustApply()
		has(t, w, map[string]any{"exposure": "private", "ready": true})
		w.MustPlanEmpty()
		if after := get(t, c); after.UID == before.UID {
			t.Error("the Service was not made anew")
		}

		public()
		c.LoadBalancers.AssignWrongKind(true)
		defer c.LoadBalancers.AssignWrongKind(false)
		r := w.Apply()
		if r.ExitCode == 0 {
			t.Error("apply works")
		}
		says(t, "the error", r.Errors(), "came up public")
		gone(t, c)
		c.LoadBalancers.AssignWrongKind(false)
		w.MustApply()
		has(t, w, map[string]any{"exposure": "private", "ready": true})
		w.MustPlanEmpty()
		w.MustDestroy()
	})
}

// Another private address is no drift: the next plan hands it on.
func TestAccAddressChanges(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	w := acctest.NewWorkspace(t, block(e, acctest.Classic, onePort))
	w.MustApply()
	address, err := c.LoadBalancers.Reassign(t.Context(), "default", "api", false)
	if err != nil {
		t.Fatal(err)
	}
	w.MustPlanEmpty()
	w.MustApply()
	has(t, w, map[string]any{"ip": address, "exposure": "private", "ready": true})
	w.MustDestroy()
}

// Without waiting it is ready at once; the address comes with a refresh.
func TestAccWithoutWaiting(t *testing.T) {
	bothClusters(t, func(t *testing.T, e *localiks.Environment, c *localiks.Cluster) {
		c.LoadBalancers.Hold()
		t.Cleanup(c.LoadBalancers.Release)
		w := acctest.NewWorkspace(t, block(e, c.Name, onePort+"  wait_for_load_balancer = false\n"))
		w.MustApply()
		has(t, w, map[string]any{"ready": true, "ip": nil, "hostname": nil, "exposure": "unverified"})
		w.MustPlanEmpty()
		c.LoadBalancers.Release()
		until(t, "there is an address", func() bool { return len(get(t, c).Status.LoadBalancer.Ingress) > 0 })
		w.MustPlanEmpty()
		w.MustApply()
		has(t, w, map[string]any{"ready": true, "exposure": "private"})
		if a := w.Attributes(resourceName); a["ip"] == nil && a["hostname"] == nil {
			t.Error("the state has no address")
		}
		w.MustDestroy()
	})
}

func strs(list any) []string {
	var out []string
	elements, _ := list.([]any)
	for _, e := range elements {
		s, _ := e.(string)
		out = append(out, s)
	}
	return out
}

// Nothing proves that it is private: not ready, but not taken down either. What
// was proven stays proven while nobody may be asked.
func TestAccUnverified(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.VPC)
	hide := func() (show func()) { return e.IKS.Fail(fakeiks.Fault{Path: "/vpc/v1/load_balancers", Status: 403}) }
	show := hide()
	defer func() { show() }()
	w := acctest.NewWorkspace(t, block(e, acctest.VPC, onePort+brief))
	r := w.MustApply()
	says(t, "the warning", r.Warnings(), "is not ready", "proof")
	has(t, w, map[string]any{"ready": false, "exposure": "unverified"})
	uid := get(t, c).UID
	r = w.Apply()
	if r.ExitCode == 0 {
		t.Error("apply works without a proof")
	}
	says(t, "the error", r.Errors(), "proof")
	show()
	w.MustApply()
	has(t, w, map[string]any{"ready": true, "exposure": "private"})
	w.MustPlanEmpty()
	if get(t, c).UID != uid {
		t.Error("the Service was made anew")
	}
	show = hide()
	w.MustPlanEmpty()
	has(t, w, map[string]any{"ready": true, "exposure": "private"})
	show()
	w.MustDestroy()
}
