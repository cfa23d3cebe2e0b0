package strongswan

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Preview says what speaks against the tunnel on this cluster.
func (part) Preview(ctx context.Context, c *cluster.Cluster, r framework.PreviewRequest[model]) ([]string, error) {
	t, _ := r.Want.tunnel()
	if err := refuse(t.against(c)); err != nil {
		return nil, err
	}
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	var warnings []string
	switch err := g.refuseHijacks(ctx, t); {
	case apierrors.IsForbidden(err):
		warnings = append(warnings, "whether the workers have addresses in the remote subnets could not be seen: this identity may not list nodes. Applying needs to know")
	case err != nil:
		return nil, err
	}
	touched, err := g.touches(ctx, t, r)
	if err != nil {
		return nil, err
	}
	about, err := g.previewChart(ctx, t, r)
	return slices.Concat(warnings, touched, about), err
}

// touches says what an apply would meet and disturb.
func (g ground) touches(ctx context.Context, t tunnel, r framework.PreviewRequest[model]) ([]string, error) {
	if !t.known("namespace", "name") {
		return nil, nil
	}
	now, err := g.releases.Release(ctx, t.namespace, t.name)
	unseen := apierrors.IsForbidden(err)
	if err != nil && !unseen {
		return nil, err
	}
	switch {
	case unseen:
		return []string{fmt.Sprintf("whether there is a Helm release %s/%s already could not be seen: that is read from Secrets, which this identity may not read", t.namespace, t.name)}, nil
	case now != nil && r.Prior == nil && !r.Replaces:
		return []string{fmt.Sprintf("Helm release %s/%s is there already (revision %d of chart %s %s); it is taken over if it is what is declared, else the apply fails", t.namespace, t.name, now.Revision, now.Chart, now.ChartVersion)}, nil
	case now != nil && r.Prior != nil && r.Prior.restarts(t):
		return []string{"the VPN pod starts anew, and the tunnel is down meanwhile"}, nil
	}
	return nil, nil
}

// restarts tells whether the pod has to read its configuration or its key anew.
func (m *model) restarts(t tunnel) bool {
	before, _ := m.tunnel()
	return len(t.unknown) == 0 && (before.source != t.source || before.version != t.version || before.keyVersion != t.keyVersion || !alike(before.given(), t.given()))
}

// against finds what this kind of cluster cannot do, and what of its own the
// tunnel would take away.
func (t tunnel) against(c *cluster.Cluster) []objection {
	var out []objection
	if c.OnVPC() && !t.builtin() && t.known("chart.source") {
		out = append(out, one("chart.source", "IBM's chart is for classic clusters, and this one is on VPC: use `chart = { source = \"builtin\" }`, or IBM Cloud's VPN for VPC")...)
	}
	if c.OnVPC() && t.balancerIP != "" {
		out = append(out, one("load_balancer_ip", "on VPC a load balancer gets its address from the VPC; leave this out, and give the remote end what load_balancer_ips shows")...)
	}
	if c.OnVPC() && len(t.zoneBalancers) > 0 {
		out = append(out, one("zone_load_balancers", "on VPC load balancers get their addresses from the VPC; leave this out, and make one release for each `zone`")...)
	}
	known, ok := c.Facts()
	if !ok {
		return out
	}
	var own []ownNetwork
	for what, cidr := range map[string]string{"the cluster's pod subnet": known.PodSubnet, "the cluster's service subnet": known.ServiceSubnet} {
		if network, err := netip.ParsePrefix(cidr); err == nil {
			own = append(own, ownNetwork{network: network, what: what})
		}
	}
	return append(out, t.hijacks(own)...)
}

// refuseHijacks refuses a tunnel into which the workers would send what they
// say to each other. Who may not list nodes cannot know that.
func (g ground) refuseHijacks(ctx context.Context, t tunnel) error {
	nodes, err := kube.List(ctx, g.conn, kube.Nodes, kube.ListOptions{})
	if err != nil {
		return fmt.Errorf("finding out whether the workers have addresses in the remote subnets: %w", err)
	}
	return refuse(t.hijacks(addressesOf(nodes)))
}

// addressesOf are the addresses of workers as networks of one.
func addressesOf(nodes []corev1.Node) []ownNetwork {
	var out []ownNetwork
	for _, node := range nodes {
		for _, address := range node.Status.Addresses {
			ip, err := netip.ParseAddr(address.Address)
			if err == nil && ip.Is4() {
				out = append(out, ownNetwork{network: netip.PrefixFrom(ip, ip.BitLen()), what: "worker " + node.Name})
			}
		}
	}
	return out
}

// refuse makes an error of what speaks against a tunnel; warnings do not.
func refuse(objections []objection) error {
	var wrong []framework.Problem
	for _, p := range problemsOf(objections) {
		if !p.Warning {
			wrong = append(wrong, p)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return &framework.Refusal{Problems: wrong}
}
