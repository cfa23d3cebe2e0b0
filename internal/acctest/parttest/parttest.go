// Package parttest drives one part of the pattern as the engine does, in the
// test's own process and without a command line, on a real control plane. There
// is no IKS: the cluster is one that the provider reaches by a kubeconfig.
package parttest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/controlplane"
)

// clusterName is what a configuration would call the cluster.
const clusterName = "parttest"

// Start brings up a control plane for the time of a test.
func Start(t *testing.T, calicoAPI bool) *controlplane.ControlPlane {
	t.Helper()
	plane, err := controlplane.Start(t.Context(), controlplane.Options{Name: clusterName, Dir: t.TempDir(), CalicoAPI: calicoAPI, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := plane.Stop(); err != nil {
			t.Error(err)
		}
	})
	return plane
}

// ThroughBothDoors runs tests through projectcalico.org/v3 and then, on the same
// cluster, through crd.projectcalico.org/v1, which raw says.
func ThroughBothDoors(t *testing.T, plane *controlplane.ControlPlane, tests func(t *testing.T, raw bool)) {
	t.Helper()
	t.Run("projectcalico.org/v3", func(t *testing.T) { tests(t, false) })
	t.Run("crd.projectcalico.org/v1", func(t *testing.T) {
		if err := plane.SetCalicoAPI(t.Context(), false); err != nil {
			t.Fatal(err)
		}
		tests(t, true)
	})
}

// Admin may do everything.
func Admin(plane *controlplane.ControlPlane) kube.Access {
	certificate, key := plane.AdminCertificate()
	return kube.Access{Host: plane.Server(), CACertificate: plane.CACertificate(), ClientCertificate: certificate, ClientKey: key}
}

// Connect gives the cluster as a new provider process sees it, planning or
// applying.
func Connect(t *testing.T, access kube.Access, options kube.Options, applying bool) *cluster.Cluster {
	t.Helper()
	fleet := cluster.NewFleet(cluster.Options{
		IKS:    func() (*iks.Client, error) { return nil, errors.New("there is no IKS here") },
		Direct: map[string]func() (kube.Access, error){clusterName: func() (kube.Access, error) { return access, nil }},
		Kube:   options,
	})
	if applying {
		fleet.BeginApply()
	}
	c, err := fleet.Find(t.Context(), clusterName)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Held is a resource as its state has it.
type Held[M any] struct {
	Part framework.Part[M]
	// Cluster is where the resource is now.
	Cluster func() *cluster.Cluster
	// State is nil until something was applied or imported.
	State *M
	Owner framework.Owner
	// Warned are the warnings of the last apply.
	Warned []string

	stamp string // for Owner, by the first apply
}

// New is a resource that does not exist yet.
func New[M any](part framework.Part[M], cluster func() *cluster.Cluster) *Held[M] {
	return &Held[M]{Part: part, Cluster: cluster, Owner: Managed(framework.Owner{}), stamp: "stamp-" + rand.Text()}
}

// Managed is an owner whose objects bear the provider's default labels.
func Managed(o framework.Owner) framework.Owner {
	o.Labels = map[string]string{framework.ManagedByLabel: framework.ManagedByValue}
	return o
}

// Apply acts, and makes what was wanted the state if that went well.
func (h *Held[M]) Apply(ctx context.Context, want *M) error {
	h.Warned = nil
	stamp := cmp.Or(h.Owner.Stamp, h.stamp)
	err := h.Part.Apply(ctx, h.Cluster(), framework.ApplyRequest[M]{
		Want: want, Prior: h.State, Owner: h.Owner, Stamp: stamp,
		Warn: func(summary, detail string) { h.Warned = append(h.Warned, summary+": "+detail) },
	})
	if err != nil {
		return err
	}
	h.State, h.Owner = want, Managed(framework.Owner{Stamp: stamp, Known: true})
	return nil
}

// MustApply does what the engine does: it acts, then looks until nothing is missing.
func (h *Held[M]) MustApply(t *testing.T, want *M) {
	t.Helper()
	if err := h.Apply(t.Context(), want); err != nil {
		t.Fatalf("apply: %v", err)
	}
	h.Settle(t)
}

// Settle looks until nothing is missing, and takes nothing that differs.
func (h *Held[M]) Settle(t *testing.T) {
	t.Helper()
	err := kube.Wait(t.Context(), kube.WaitOptions{}, func(context.Context) (bool, string, error) {
		found := h.Observe(t)
		if found.Gone || len(found.Drift) > 0 {
			t.Fatalf("after apply: %+v", found)
		}
		return len(found.Missing) == 0, strings.Join(found.Missing, "; "), nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Observe brings the state up to date.
func (h *Held[M]) Observe(t *testing.T) framework.Observation {
	t.Helper()
	found, err := h.Part.Observe(t.Context(), h.Cluster(), h.State, h.Owner)
	if err != nil {
		t.Fatalf("observe: %v", err)
	}
	return found
}

// MustRemove gives the warnings of the removal.
func (h *Held[M]) MustRemove(t *testing.T) []string {
	t.Helper()
	warnings, err := h.Part.Remove(t.Context(), h.Cluster(), h.State, h.Owner)
	if err != nil {
		t.Fatalf("remove: %v", err)
	}
	return warnings
}

// Refusal gives the text of a refusal, and fails the test if it is none.
func Refusal(t *testing.T, err error) string {
	t.Helper()
	refused, ok := framework.AsRefusal(err)
	if !ok {
		t.Fatalf("%v is no refusal", err)
	}
	return refused.Error()
}
