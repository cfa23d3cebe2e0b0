package dataplane

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"
)

// explained is how many failures are explained: one cause often fails many.
const explained = 2

// explain sends probes that fail once more and tells, of the workers on their
// way, the rules whose counters grew meanwhile, and the policies.
func (l *Lab) explain(ctx context.Context, expectations []Expectation) error {
	var reports []error
	clusters := map[*Cluster]bool{}
	for _, e := range expectations {
		if len(reports) == explained {
			break
		}
		workers := l.onTheWay(e.Probe)
		before := countersOf(ctx, workers, e.Probe)
		answer, err := e.Send(ctx)
		if err == nil && e.met(answer) {
			continue
		}
		after := countersOf(ctx, workers, e.Probe)
		report := fmt.Sprintf("the path of %s, which was answered by %q:", e.Probe, answer.From)
		for i, w := range workers {
			report += fmt.Sprintf("\n  on worker %s of %s (nsenter --net=%s), rules whose counters grew:%s", w.Name, w.cluster.Name, w.Path(), grown(before[i], after[i]))
			clusters[w.cluster] = true
		}
		reports = append(reports, errors.New(report))
	}
	for c := range clusters {
		reports = append(reports, errors.New(c.policies(ctx)))
	}
	return errors.Join(reports...)
}

// onTheWay are the workers that a probe's packets come by: those that bear its
// addresses, and those that pods run on that a load balancer may choose.
func (l *Lab) onTheWay(p Probe) []*Worker {
	var list []*Worker
	for _, c := range l.clusters {
		for _, w := range c.Workers {
			if w.Host == p.From || w.bears(p.To.Addr()) || c.hosts(p.From, w) {
				list = append(list, w)
			}
		}
	}
	return list
}

// bears says whether an address is one of the worker's, or of a pod on it.
func (w *Worker) bears(address netip.Addr) bool {
	if address == w.Address || address == w.Public || address == w.PrivateIPv6() || address == w.PublicIPv6() {
		return true
	}
	f := w.cluster.follow
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.borne[address] == w {
		return true
	}
	for _, p := range f.plugged {
		if p.worker == w && (p.Address == address || podIPv6(p.Address) == address) {
			return true
		}
	}
	return false
}

// hosts says whether a host is a pod on a worker.
func (c *Cluster) hosts(h *Host, w *Worker) bool {
	c.follow.mu.Lock()
	defer c.follow.mu.Unlock()
	for _, p := range c.follow.plugged {
		if p.Host == h && p.worker == w {
			return true
		}
	}
	return false
}

// countersOf are the rules of each worker for a probe's kind of packets, with
// their counters.
func countersOf(ctx context.Context, workers []*Worker, p Probe) []string {
	program := "iptables-nft-save"
	if p.To.Addr().Is6() {
		program = "ip6tables-nft-save"
	}
	list := make([]string, len(workers))
	for i, w := range workers {
		out, err := w.Run(ctx, "", program, "-c")
		if err != nil {
			out = err.Error()
		}
		list[i] = out
	}
	return list
}

// grown lists the rules that counted more packets after than before.
func grown(before, after string) string {
	counted, table := map[string]int{}, ""
	read := func(line string) (key string, packets int) {
		if name, found := strings.CutPrefix(line, "*"); found {
			table = name
		}
		counter, rule, found := strings.Cut(line, "] ")
		if !found || !strings.HasPrefix(line, "[") {
			return "", 0
		}
		count, _, _ := strings.Cut(strings.TrimPrefix(counter, "["), ":")
		packets, err := strconv.Atoi(count)
		if err != nil {
			return "", 0
		}
		return table + ": " + rule, packets
	}
	for line := range strings.Lines(before) {
		if key, packets := read(strings.TrimSpace(line)); key != "" {
			counted[key] += packets
		}
	}
	if len(counted) == 0 {
		return "\n    " + before // why there are none
	}
	var out strings.Builder
	for line := range strings.Lines(after) {
		if key, packets := read(strings.TrimSpace(line)); key != "" && packets > counted[key] {
			fmt.Fprintf(&out, "\n    +%d %s", packets-counted[key], key)
		}
	}
	return out.String()
}

// policies are the cluster's, as they are stored.
func (c *Cluster) policies(ctx context.Context) string {
	client, err := dynamic.NewForConfig(c.RESTConfig())
	if err != nil {
		return err.Error()
	}
	list, err := client.Resource(stored("globalnetworkpolicies")).List(ctx, metav1.ListOptions{})
	if err != nil {
		return err.Error()
	}
	var out strings.Builder
	fmt.Fprintf(&out, "the policies of cluster %s:", c.Name)
	for _, item := range list.Items {
		spec, err := yaml.Marshal(item.Object["spec"])
		if err != nil {
			return err.Error()
		}
		fmt.Fprintf(&out, "\n  %s\n    %s", item.GetName(), strings.ReplaceAll(strings.TrimSpace(string(spec)), "\n", "\n    "))
	}
	return out.String()
}
