package strongswan

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// NewResource is the resource iks_strongswan_vpn.
func NewResource() func() resource.Resource {
	return framework.NewResource[model, *model](part{})
}

// part is the tunnel's side of the lifecycle.
type part struct{}

// Check finds what is wrong whatever the cluster looks like.
func (part) Check(_ context.Context, config *model) []framework.Problem { return config.problems() }

// Upsets implements framework.Unsteady: another kind of load balancer, or
// another zone, is another address. So is one that is still to be assigned, or
// whose Service is gone.
func (part) Upsets(prior, want *model) []string {
	same := want.ServiceType.Equal(prior.ServiceType) && want.BalancerIP.Equal(prior.BalancerIP) &&
		want.ZoneBalancers.Equal(prior.ZoneBalancers) && want.Zone.Equal(prior.Zone) && want.Chart.Equal(prior.Chart) && want.ExtraValues.Equal(prior.ExtraValues)
	if same && len(prior.Balancers.Elements()) >= want.balancers() {
		return nil
	}
	return []string{"load_balancer_ips"}
}

// balancers is how many load balancers there are to be.
func (m *model) balancers() int {
	if m.ServiceType.ValueString() == serviceNone {
		return 0
	}
	return max(1, len(m.ZoneBalancers.Elements()))
}

// Observe compares the release, its objects and the Secret with what was made.
func (part) Observe(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) (framework.Observation, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return framework.Observation{}, err
	}
	namespace, name := m.Namespace.ValueString(), m.Name.ValueString()
	now, err := g.releases.Release(ctx, namespace, name)
	if apierrors.IsForbidden(err) && !m.imported() && !m.Digest.IsUnknown() {
		return g.lookWithoutSecrets(ctx, m, owner)
	}
	if err != nil {
		return framework.Observation{}, err
	}
	if m.imported() {
		if now == nil {
			return framework.Observation{Gone: true}, nil
		}
		if err := m.adopt(now); err != nil {
			return framework.Observation{}, err
		}
	}
	t, _ := m.tunnel()
	secret, err := g.findSecret(ctx, t)
	if err != nil {
		return framework.Observation{}, err
	}
	if now == nil {
		if secret == nil || !t.ownsSecret() {
			return framework.Observation{Gone: true}, nil
		}
		_, err := g.look(ctx, m) // at what is left of it
		return framework.Observation{Drift: []string{"the Helm release is gone"}, Stamp: owner.Stamp}, err
	}
	m.record(now)
	found := framework.Observation{Stamp: now.Labels[ownerLabel], Drift: append(m.mark().Changed(now), recordDrift(now, owner)...)}
	differs, err := g.releases.Drift(ctx, now)
	if err != nil {
		return found, err
	}
	found.Drift = append(append(found.Drift, differs...), t.secretDrift(secret, owner)...)
	kept, err := g.ibmDrift(ctx, t, now, secret)
	if err != nil {
		return found, err
	}
	found.Drift = append(found.Drift, kept...)
	if found.Missing, err = g.look(ctx, m); err != nil {
		return found, err
	}
	return found, nil
}

// lookWithoutSecrets is for an identity that may only look, to which Kubernetes
// shows no Secrets: neither the key nor Helm's record of the release.
func (g ground) lookWithoutSecrets(ctx context.Context, m *model, owner framework.Owner) (framework.Observation, error) {
	found := framework.Observation{Stamp: owner.Stamp, Unseen: []string{
		fmt.Sprintf("Helm's record of release %s/%s and the pre-shared key are Secrets, which this identity may not read; only the pods, load balancers and their readiness were looked at", m.Namespace.ValueString(), m.Name.ValueString()),
	}}
	deployments, err := kube.List(ctx, g.conn, kube.Deployments, m.workloads())
	if err != nil {
		return found, err
	}
	if len(deployments) == 0 {
		found.Drift = []string{"the Deployment of the Helm release is gone"}
	}
	found.Missing, err = g.look(ctx, m)
	return found, err
}

// recordDrift says that a release is not marked as ours.
func recordDrift(now *helm.Release, owner framework.Owner) []string {
	switch stamp := now.Labels[ownerLabel]; {
	case owner.Expects(stamp):
		return nil
	case stamp == "":
		return []string{"the Helm release does not bear the ownership stamp"}
	}
	return []string{"the Helm release bears the ownership stamp of another resource"}
}

// record writes down what the release says of itself. Which revision is this
// resource's own is not overwritten: that is how another one shows.
func (m *model) record(now *helm.Release) {
	m.ChartVersion, m.AppVersion = framework.StringOrNull(now.ChartVersion), framework.StringOrNull(now.AppVersion)
	if m.Digest.IsNull() || m.Digest.IsUnknown() {
		m.remember(now)
	}
}

func (m *model) remember(made *helm.Release) {
	m.Revision, m.Digest = types.Int64Value(int64(made.Revision)), types.StringValue(made.Digest)
}

func (m *model) mark() helm.Mark {
	return helm.Mark{Revision: int(m.Revision.ValueInt64()), Digest: m.Digest.ValueString()}
}

// Remove uninstalls the release if it is ours, and then removes its Secret.
func (part) Remove(ctx context.Context, c *cluster.Cluster, m *model, owner framework.Owner) ([]string, error) {
	g, err := reach(ctx, c)
	if err != nil {
		return nil, err
	}
	t, _ := m.tunnel()
	now, err := g.releases.Release(ctx, t.namespace, t.name)
	if err != nil {
		return nil, err
	}
	if now != nil && !owner.Owns(now.Labels[ownerLabel]) {
		return []string{fmt.Sprintf("Helm release %s/%s is left as it is: it does not bear this resource's ownership stamp", t.namespace, t.name)}, nil
	}
	warnings, err := g.depart(ctx, t, now, owner)
	if err != nil || t.keySecret == t.ownSecretName() {
		return warnings, err
	}
	warning, err := g.secrets.Remove(ctx, g.conn, t.namespace, t.ownSecretName(), owner)
	if warning != "" {
		warnings = append(warnings, warning)
	}
	return warnings, err
}

// depart takes the release away that is there (nil for none). One of IBM's chart
// needs help with that, whatever is declared: a change of chart may have failed,
// and pools are made for the networks that the release has.
func (g ground) depart(ctx context.Context, t tunnel, now *helm.Release, owner framework.Owner) ([]string, error) {
	labels := map[string]string{ownerLabel: owner.Stamp}
	if now != nil && ofBuiltin(now) || now == nil && t.builtin() {
		kept, err := g.releases.Uninstall(ctx, helm.UninstallOptions{Namespace: t.namespace, Name: t.name, Labels: labels})
		return leftBehind(kept), err
	}
	d := departure{kube: g.conn, releases: g.releases, namespace: t.namespace, name: t.name, labels: labels, remote: t.routed()}
	if now != nil {
		if there, err := ibmTunnelOf(now); err == nil {
			d.remote = append(d.remote, there.routed()...)
		}
	}
	return d.run(ctx)
}
