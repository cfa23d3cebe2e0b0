package isolation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// prove notes which ways to the cluster and through it work now, and names
// those that do not. after proves, for a while, that all that worked still do,
// and so do those that worked earlier.
type prove func(ctx context.Context, c *kube.Client, lasting time.Duration, earlier func(what string) bool) (after func(context.Context) error, failing []unproven)

// unproven is a way that does not work, or that nobody could try.
type unproven struct {
	what string
	err  error
}

func (u unproven) String() string { return fmt.Sprintf("%s (%v)", u.what, u.err) }

// probe is one way that must stay open. It is tried on connections of its own,
// as policies do not touch those that are open.
type probe struct {
	what string
	try  func(context.Context, *kube.Client) error
}

const (
	probeDeadline = 5 * time.Second
	// probePause lies between rounds, and patience is how often in a row a probe
	// must fail to count: a single packet may be lost.
	probePause = time.Second
	patience   = 3
)

// connections proves that the API server and the aggregated APIs answer on new
// connections, and that the API server reaches a kubelet in every zone.
func connections(ctx context.Context, c *kube.Client, lasting time.Duration, earlier func(what string) bool) (after func(context.Context) error, failing []unproven) {
	probes, failing := probesOf(ctx, c)
	working := probes[:0]
	for _, p := range probes {
		if err := p.run(ctx, c); err != nil && !earlier(p.what) {
			failing = append(failing, unproven{p.what, err})
			continue
		}
		working = append(working, p)
	}
	return func(ctx context.Context) error { return persist(ctx, c, working, lasting, probePause) }, failing
}

// run tries a probe on new connections.
func (p probe) run(ctx context.Context, c *kube.Client) error {
	ctx, cancel := context.WithTimeout(ctx, probeDeadline)
	defer cancel()
	fresh := c.Anew()
	defer fresh.CloseIdleConnections()
	return p.try(ctx, fresh)
}

// persist tries all probes in rounds, for as long as that and until none fails.
func persist(ctx context.Context, c *kube.Client, probes []probe, lasting, pause time.Duration) error {
	failed := make([]int, len(probes))
	for began := time.Now(); ; {
		clean := true
		for n, p := range probes {
			err := p.run(ctx, c)
			if err == nil {
				failed[n] = 0
				continue
			}
			clean = false
			if failed[n]++; failed[n] == patience || ctx.Err() != nil {
				return fmt.Errorf("new connections do not work any more: %s: %w", p.what, err)
			}
		}
		if clean && time.Since(began) >= lasting {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("whether new connections work could not be found out: %w", context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// probesOf finds what can be tried with these credentials, and says what cannot.
func probesOf(ctx context.Context, c *kube.Client) (probes []probe, untried []unproven) {
	probes = []probe{{"the API server", func(ctx context.Context, c *kube.Client) error {
		_, err := c.ClusterUID(ctx)
		return err
	}}}
	apis, err := aggregated(ctx, c)
	if err != nil {
		untried = append(untried, unproven{"aggregated APIs", err})
	}
	for _, api := range apis {
		version := api.Spec.Group + "/" + api.Spec.Version
		probes = append(probes, probe{"the aggregated API " + version, func(ctx context.Context, c *kube.Client) error {
			served, err := c.Serves(ctx, version)
			if err == nil && !served {
				err = fmt.Errorf("%s is not served", version)
			}
			return err
		}})
	}
	zones, err := zonesOf(ctx, c)
	if err != nil {
		untried = append(untried, unproven{"kubelets", err})
	}
	for _, zone := range zones {
		probes = append(probes, probe{"a log from zone " + zone.name, zone.log})
	}
	return probes, untried
}

// zone is a zone with its nodes.
type zone struct {
	name  string
	nodes map[string]bool
}

func zonesOf(ctx context.Context, c *kube.Client) ([]zone, error) {
	nodes, err := kube.List(ctx, c, kube.Nodes, kube.ListOptions{})
	if err != nil {
		return nil, err
	}
	byName := map[string]zone{}
	for _, node := range nodes {
		name := cmp.Or(node.Labels[corev1.LabelTopologyZone], node.Labels["ibm-cloud.kubernetes.io/zone"], "unknown")
		if _, ok := byName[name]; !ok {
			byName[name] = zone{name: name, nodes: map[string]bool{}}
		}
		byName[name].nodes[node.Name] = true
	}
	var out []zone
	for _, z := range byName {
		out = append(out, z)
	}
	slices.SortFunc(out, func(a, b zone) int { return cmp.Compare(a.name, b.name) })
	return out, nil
}

// log reads a line that a running pod of the zone has logged, which the API
// server fetches from the kubelet, through konnectivity.
func (z zone) log(ctx context.Context, c *kube.Client) error {
	pods, err := kube.List(ctx, c, kube.Pods, kube.ListOptions{Namespace: systemNamespace, Fields: "status.phase=Running"})
	if err != nil {
		return err
	}
	at := slices.IndexFunc(pods, func(p corev1.Pod) bool {
		return z.nodes[p.Spec.NodeName] && p.DeletionTimestamp == nil && len(p.Spec.Containers) > 0
	})
	if at < 0 {
		return fmt.Errorf("no pod of namespace %s runs there", systemNamespace)
	}
	_, err = kube.LastLogLine(ctx, c, systemNamespace, pods[at].Name, pods[at].Spec.Containers[0].Name)
	if apierrors.IsNotFound(err) {
		return nil // the pod has gone since it was listed, which says nothing about the way
	}
	return err
}
