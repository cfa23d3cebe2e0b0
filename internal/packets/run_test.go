package packets

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/dataplane"
)

// TestPackets plays the scenarios with Calico policies, one after the other, on
// clusters with Calico's own API, projectcalico.org/v3.
func TestPackets(t *testing.T) {
	t.Parallel()
	playAll(t, "v3", slices.DeleteFunc(scenarios(), func(sc scenario) bool { return !sc.policies() }))
}

// TestPacketsByStorage plays them on clusters that have crd.projectcalico.org/v1
// alone, at the same time: much of it is waiting. It also plays those to which
// Calico's API makes no difference.
func TestPacketsByStorage(t *testing.T) {
	t.Parallel()
	playAll(t, "v1", slices.DeleteFunc(scenarios(), func(sc scenario) bool { return sc.policies() && !sc.throughBothDoors() }))
}

// playAll plays scenarios on a stage whose clusters have that Calico API.
func playAll(t *testing.T, door string, all []scenario) {
	t.Helper()
	s := newStage(t, door == "v3")
	for _, sc := range all {
		t.Run(sc.resource+"/"+sc.name, func(t *testing.T) { played.watch(t, sc, door, s.play) })
	}
}

// run is a scenario that is played.
type run struct {
	stage     *stage
	scenario  scenario
	workspace *acctest.Workspace
	head      string // of each configuration: provider and variables
	probes    *int   // that were sent
	known     map[where][]netip.Addr
}

// play plays a scenario: before, after, after destroy.
func (s *stage) play(t *testing.T, sc scenario, probes *int) {
	t.Helper()
	if !sc.tells() {
		t.Fatal("no probe of the scenario tells the resource from its absence, so it proves nothing")
	}
	environment, declarations := s.variables(t)
	r := &run{stage: s, scenario: sc, probes: probes}
	r.head = r.provider(t) + declarations
	r.workspace = acctest.NewWorkspace(t, r.head+sc.config)
	r.workspace.Env = environment
	if sc.tunnel != nil {
		r.workspace.Env = append(r.workspace.Env, s.proxy...)
		r.company(t)
		r.routed(t, "before", false)
	}
	r.forget(t)
	r.check(t, "before", sc.lines, line.verdictWithout)
	if sc.changed != "" {
		r.streamControl(t)
	}
	used := r.hold(t)
	destroyed := false
	t.Cleanup(func() {
		if !destroyed {
			r.workspace.Destroy() // what comes next must not fail because of this one
		}
	})
	r.workspace.MustApply()
	r.learn(t)
	r.check(t, "after apply", sc.lines, line.verdictWith)
	if sc.tunnel != nil {
		r.routed(t, "after apply", true)
	}
	used(t)
	if sc.then != nil {
		sc.then(t, r)
	}
	if sc.changed != "" {
		r.change(t, r.head+sc.changed)
	}
	for _, v := range sc.variants {
		r.workspace.Write(r.head + v.config)
		r.workspace.MustApply()
		r.check(t, "with "+v.title, v.lines(sc), line.verdictWith)
	}
	gone := r.workspace.MustDestroy()
	destroyed = true
	if sc.tunnel != nil {
		r.routed(t, "after destroy", false)
		for _, warning := range gone.Warnings() {
			if strings.Contains(warning, "there were still") {
				t.Errorf("the destroy has not seen everything go: %s", warning)
			}
		}
	}
	r.forget(t)
	r.check(t, "after destroy", sc.lines, line.verdictWithout)
}

// tells says whether a line has another verdict with the resource than without.
func (sc scenario) tells() bool {
	for _, l := range sc.lines {
		if l.without != l.with {
			return true
		}
	}
	return false
}

// forget has everybody forget the neighbours that were found over IPv6 under
// policies which let neighbours be found, once these are gone: who is known is
// reached where nothing but finding is closed.
func (r *run) forget(t *testing.T) {
	t.Helper()
	overIPv6 := func(l line) bool { return l.to == workersIPv6 || l.to == workersIPv6Out }
	if !slices.ContainsFunc(r.scenario.lines, overIPv6) {
		return
	}
	m := r.newMarker(t, neighbour)
	defer m.end(t)
	m.flip(t)
	m.flip(t)
	if err := r.stage.lab.ForgetIPv6(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (l line) verdictWithout() dataplane.Verdict { return l.without }
func (l line) verdictWith() dataplane.Verdict    { return l.with }

// check sends the probes of all lines.
func (r *run) check(t *testing.T, when string, lines []line, verdict func(line) dataplane.Verdict) {
	t.Helper()
	var expectations []dataplane.Expectation
	for _, l := range lines {
		expectations = append(expectations, r.expect(t, l, verdict(l))...)
	}
	*r.probes += len(expectations)
	if err := r.stage.lab.Check(t.Context(), expectations...); err != nil {
		t.Fatalf("%s: %v", when, err)
	}
}

// expect are the probes of a line with the verdict that they are to have now.
// There are none to a place that only the resources name, before they have.
func (r *run) expect(t *testing.T, l line, want dataplane.Verdict) []dataplane.Expectation {
	t.Helper()
	to := r.known[l.to]
	if _, named := r.scenario.named[l.to]; !named {
		to = r.stage.addresses(l.to)
	} else if to == nil {
		return nil
	}
	var list []dataplane.Expectation
	for _, from := range l.from {
		for _, host := range r.stage.hosts(from) {
			if l.to.isName() {
				list = append(list, l.expectations(from, host, netip.Addr{}, want)...)
			}
			for _, address := range to {
				if address == host.Address {
					continue // what one says to oneself passes no policy
				}
				list = append(list, l.expectations(from, host, address, want)...)
			}
		}
	}
	if len(list) == 0 {
		t.Errorf("the line from %v to %s has no probe", l.from, l.to)
	}
	return list
}

// expectations are those between two hosts.
func (l line) expectations(from who, host *dataplane.Host, to netip.Addr, want dataplane.Verdict) []dataplane.Expectation {
	protocols := l.protocols
	if protocols == nil {
		protocols = []string{dataplane.TCP, dataplane.UDP}
	}
	name := ""
	if l.to.isName() {
		name = string(l.to)
	}
	var list []dataplane.Expectation
	for _, port := range l.ports {
		for _, protocol := range protocols {
			list = append(list, dataplane.Expectation{Want: want, By: l.by, Probe: dataplane.Probe{
				From: host, Protocol: protocol, To: netip.AddrPortFrom(to, port), Name: name, Label: fmt.Sprintf("%s to %s", from, l.to),
			}})
		}
	}
	return list
}

// learn finds out what the resources have named.
func (r *run) learn(t *testing.T) {
	t.Helper()
	r.known = map[where][]netip.Addr{}
	for place, attribute := range r.scenario.named {
		at := strings.LastIndex(attribute, ".")
		address, err := netip.ParseAddr(fmt.Sprint(r.workspace.Attributes(attribute[:at])[attribute[at+1:]]))
		if err != nil {
			t.Fatalf("%s: %v", attribute, err)
		}
		r.known[place] = []netip.Addr{address}
	}
}

// provider is the provider block, which leads through each step of an apply
// where the scenario wants that.
func (r *run) provider(t *testing.T) string {
	t.Helper()
	if r.scenario.eachStep == nil {
		return acctest.ProviderBlock(r.stage.environment)
	}
	host := r.observeSteps(t)
	return fmt.Sprintf("provider \"iks\" {\n  cluster_access = {\n    %s = { host = %q }\n  }\n}\n", clusterName, host)
}

// steady are the probes of all lines with the verdict that the resource gives them.
func (r *run) steady(t *testing.T) []dataplane.Expectation {
	t.Helper()
	var list []dataplane.Expectation
	for _, l := range r.scenario.lines {
		list = append(list, r.expect(t, l, l.with)...)
	}
	return list
}

// streamControl sends the stream that a change is judged by while the resource
// is not there: each of its flows must notice. It waits until each has.
func (r *run) streamControl(t *testing.T) {
	t.Helper()
	stream := r.stage.lab.Stream(t.Context(), r.steady(t)...)
	acctest.Eventually(t, "the stream notices that the resource is not there", func() error {
		flows, err := stream.Flows()
		for _, f := range flows {
			if f.Answered == 0 {
				return fmt.Errorf("%s: none of %d was answered", f.Probe, f.Sent)
			}
		}
		return err
	})
	if _, err := stream.Stop(); err != nil {
		t.Fatal(err)
	}
}

// change applies another configuration under a stream of probes.
func (r *run) change(t *testing.T, config string) {
	t.Helper()
	steady := r.steady(t)
	stream := r.stage.lab.Stream(t.Context(), steady...)
	r.workspace.Write(config)
	r.workspace.MustApply()
	flows, err := stream.Stop()
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range flows {
		*r.probes += f.Sent
		want := 0
		if steady[i].Want == open {
			want = f.Sent
		}
		if f.Sent == 0 || f.Answered != want {
			t.Errorf("%s, during the change: %d of %d were answered, want %d", f.Probe, f.Answered, f.Sent, want)
		}
	}
	r.check(t, "after the change", r.scenario.lines, line.verdictWith)
}

// hold opens the connections that must outlive the apply, or must not; the
// function that it gives uses them once more.
func (r *run) hold(t *testing.T) (used func(t *testing.T)) {
	t.Helper()
	keeps, breaks := r.open(t, r.scenario.keeps), r.open(t, r.scenario.breaks)
	return func(t *testing.T) {
		t.Helper()
		for _, c := range keeps {
			if err := c.Echo(t.Context()); err != nil {
				t.Errorf("the connection %s was open before the apply and has broken: %v", c.Probe, err)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), silence)
		defer cancel()
		var all sync.WaitGroup
		for _, c := range breaks {
			all.Go(func() {
				if c.Echo(ctx) == nil {
					t.Errorf("the connection %s was open before the apply and goes on", c.Probe)
				}
			})
		}
		all.Wait()
		*r.probes += len(keeps) + len(breaks)
	}
}

// silence is how long nothing must come back on a connection that is to be
// broken: TCP has sent again several times by then.
const silence = 3 * time.Second

// open opens the connections of these lines.
func (r *run) open(t *testing.T, lines []line) []*dataplane.Connection {
	t.Helper()
	var held []*dataplane.Connection
	for _, l := range lines {
		for _, e := range r.expect(t, l, open) {
			c, err := e.Hold(t.Context())
			if err != nil {
				t.Fatalf("%s: %v", e.Probe, err)
			}
			t.Cleanup(c.Close)
			held = append(held, c)
		}
	}
	return held
}
