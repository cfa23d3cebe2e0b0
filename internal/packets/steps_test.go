package packets

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"

	apiv3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/cloud"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/dataplane"
)

// observeSteps gives an address of the cluster's API server at which every
// write of a policy waits until what was written before is in effect and the
// scenario's lines for each step are found to hold.
func (r *run) observeSteps(t *testing.T) (host string) {
	t.Helper()
	m := r.newMarker(t, worker) // whose packets no policy of the sets drops
	t.Cleanup(func() { m.end(t) })
	return acctest.Interpose(t, r.stage.cluster.Cluster, func(_ http.ResponseWriter, q *http.Request) bool {
		writes := q.Method != http.MethodGet && q.URL.Query().Get("dryRun") == ""
		if writes && strings.Contains(q.URL.Path, "networkpolicies") {
			m.flip(t)
			for _, l := range r.scenario.eachStep {
				r.checkStep(t, l, q.Method+" "+q.URL.Path)
			}
		}
		return false
	})
}

// checkStep checks a line without ending the test, which handlers must not.
func (r *run) checkStep(t *testing.T, l line, before string) {
	expectations := r.expect(t, l, l.with)
	*r.probes += len(expectations)
	if err := r.stage.lab.Check(t.Context(), expectations...); err != nil {
		t.Errorf("before %s: %v", before, err)
	}
}

// marker is a policy that closes and opens a port which nothing else is about.
// Felix takes policies in the order in which they change: once packets feel the
// marker, they feel all that was written before it.
type marker struct {
	run      *run
	from     who // sends the packets that are to feel it
	policies dynamic.ResourceInterface
	closed   bool
	flips    int
}

const (
	markerName = "packets-marker"
	markerPort = 9999 // nothing serves it: open, it refuses
)

func (r *run) newMarker(t *testing.T, from who) *marker {
	t.Helper()
	client, err := dynamic.NewForConfig(r.stage.cluster.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	return &marker{run: r, from: from, policies: client.Resource(cloud.StoredPolicies())}
}

// flip changes the marker and waits until packets feel it.
func (m *marker) flip(t *testing.T) {
	m.closed = !m.closed
	m.flips++
	want := refused
	if m.closed {
		want = dropped
		order, protocol := 1.0, numorstring.ProtocolFromString(numorstring.ProtocolTCP)
		object, err := cloud.StoredPolicy(markerName, &apiv3.GlobalNetworkPolicySpec{
			Tier: "default", Order: &order, Selector: "ibm.role == 'worker_private'", PreDNAT: true, ApplyOnForward: true,
			Types: []apiv3.PolicyType{apiv3.PolicyTypeIngress},
			Ingress: []apiv3.Rule{{
				Action: apiv3.Deny, Protocol: &protocol, Destination: apiv3.EntityRule{Ports: []numorstring.Port{numorstring.SinglePort(markerPort)}},
			}},
		})
		if err == nil {
			_, err = m.policies.Create(t.Context(), object, metav1.CreateOptions{})
		}
		if err != nil {
			t.Error(err)
			return
		}
	} else if err := m.policies.Delete(t.Context(), cloud.StoredName(markerName), metav1.DeleteOptions{}); err != nil {
		t.Error(err)
		return
	}
	var expectations []dataplane.Expectation
	senders := m.run.stage.hosts(m.from)
	for _, w := range m.run.stage.cluster.Workers {
		senders = append(senders, w.Host)
	}
	for _, address := range m.run.stage.addresses(workersPrivate) {
		// Not the one that has the address, for what it sends itself meets no policy.
		from := senders[slices.IndexFunc(senders, func(h *dataplane.Host) bool { return h.Address != address })]
		expectations = append(expectations, dataplane.Expectation{
			Probe: dataplane.Probe{From: from, Protocol: dataplane.TCP, To: netip.AddrPortFrom(address, markerPort), Label: "the marker"}, Want: want,
		})
	}
	if err := m.run.stage.lab.Check(t.Context(), expectations...); err != nil {
		t.Error(err)
	}
}

// end takes the marker away. A scenario without steps has proven nothing by them.
func (m *marker) end(t *testing.T) {
	t.Helper()
	if m.flips < 2 {
		t.Errorf("%d steps were seen", m.flips)
	}
	err := m.policies.Delete(context.WithoutCancel(t.Context()), cloud.StoredName(markerName), metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Error(err)
	}
}
