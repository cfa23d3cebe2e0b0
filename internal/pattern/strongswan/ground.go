package strongswan

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

const (
	// manager is the field manager of the Secret.
	manager = "terraform-provider-iks/strongswan_vpn"
	// ownerLabel on Helm's record bears the ownership stamp.
	ownerLabel = framework.OwnerAnnotation
	// versionAnnotation on the Secret says which version of the key it has.
	versionAnnotation = "terraform-provider-iks/key-version"

	waitNone, waitPods, waitEstablished = "none", "pods", "established"
)

// ground is a cluster, as far as a tunnel needs it.
type ground struct {
	conn     *kube.Client
	releases *helm.Client
	secrets  ownership.Object[corev1.Secret]
	facts    facts
}

func reach(ctx context.Context, c *cluster.Cluster) (ground, error) {
	conn, err := c.Kube(ctx)
	if err != nil {
		return ground{}, err
	}
	of := facts{vpc: c.OnVPC()}
	if known, ok := c.Facts(); ok {
		of.podSubnet = known.PodSubnet
	}
	return ground{
		conn: conn, releases: helm.New(conn), facts: of,
		secrets: ownership.Object[corev1.Secret]{
			Kind: kube.Secrets, Manager: manager, Path: path.Root("preshared_key_wo"),
			WayOut: "If nothing uses it, delete it and apply again; else choose another `name` for the tunnel.",
		},
	}, nil
}

func (g ground) findSecret(ctx context.Context, t tunnel) (*corev1.Secret, error) {
	return g.secrets.Find(ctx, g.conn, t.namespace, t.secretName(), false)
}

// keyUndo takes back what [ground.ensureKey] wrote. untouched tells that the
// release is as it was, its owner included.
type keyUndo func(ctx context.Context, untouched bool) error

// ensureKey writes the Secret of the key unless it is as it was left, or makes
// sure that the user's own has one. undo takes back what was written, nil for
// nothing.
func (g ground) ensureKey(ctx context.Context, t tunnel, d delivery, in ownership.Intent) (undo keyUndo, err error) {
	if !t.ownsSecret() {
		_, err := g.userSecret(ctx, t)
		return nil, err
	}
	live, err := g.findSecret(ctx, t)
	if err != nil {
		return nil, err
	}
	owner := in.Owner
	owner.Stamp, owner.Known = in.Stamp, true
	if live != nil && len(t.secretDrift(live, owner)) == 0 && d.holds(live) {
		return nil, nil
	}
	if _, err = g.secrets.Ensure(ctx, g.conn, t.secret(d), in); err != nil {
		return nil, err
	}
	return func(ctx context.Context, untouched bool) error {
		if live == nil {
			_, err := g.secrets.Remove(ctx, g.conn, t.namespace, t.secretName(), owner)
			return err
		}
		if !wroteKey(live.ManagedFields, slices.Collect(maps.Keys(live.Data))...) {
			return nil // what somebody else wrote is not to come back as ours
		}
		before := in
		if stamp := g.secrets.Stamp(*live); untouched && stamp != "" {
			before.Stamp, before.Held, before.Owner = stamp, true, owner
		}
		_, err := g.secrets.Ensure(ctx, g.conn, t.secret(delivery{secret: live.Data, keyVersion: live.Annotations[versionAnnotation]}), before)
		return err
	}, nil
}

// noOwnSecret removes the Secret of a tunnel that has its key in the user's own now.
func (g ground) noOwnSecret(ctx context.Context, t tunnel, in ownership.Intent) error {
	if t.ownsSecret() || t.keySecret == t.ownSecretName() || !in.Held {
		return nil
	}
	owner := in.Owner
	owner.Stamp, owner.Known = in.Stamp, true
	_, err := g.secrets.Remove(ctx, g.conn, t.namespace, t.ownSecretName(), owner)
	return err
}

func (t tunnel) secret(d delivery) corev1.Secret {
	return corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: t.namespace, Name: t.secretName(), Annotations: map[string]string{versionAnnotation: d.keyVersion},
		},
		Data: d.secret,
	}
}

// secretDrift says how the Secret is not as it was left. Nobody knows the key
// any more; who wrote it last stands in the object.
func (t tunnel) secretDrift(live *corev1.Secret, owner framework.Owner) []string {
	name := "Secret " + t.secretName()
	switch {
	case live == nil:
		return []string{name + " is gone"}
	case !t.ownsSecret() && len(live.Data[t.keyKey]) == 0:
		return []string{t.lacksKey()}
	case !t.ownsSecret():
		return nil
	}
	var out []string
	if !wroteKey(live.ManagedFields, t.secretKey()) {
		out = append(out, name+": somebody else has written the pre-shared key")
	}
	if version := live.Annotations[versionAnnotation]; t.keySecret == "" && version != fmt.Sprint(t.keyVersion) {
		out = append(out, fmt.Sprintf("%s has version %q of the pre-shared key, declared %d", name, version, t.keyVersion))
	}
	for _, sentence := range ownership.MarkDrift(owner, live.Labels, live.Annotations) {
		out = append(out, name+": "+sentence)
	}
	return out
}

// lacksKey says that the user's Secret has no key.
func (t tunnel) lacksKey() string {
	return fmt.Sprintf("Secret %s has no entry %q any more, from which the tunnel has its key", t.keySecret, t.keyKey)
}

// wroteKey tells whether entries are the ones that were applied here last.
func wroteKey(entries []metav1.ManagedFieldsEntry, keys ...string) bool {
	for _, e := range entries {
		if e.Manager != manager || e.Operation != metav1.ManagedFieldsOperationApply || e.FieldsV1 == nil {
			continue
		}
		var fields struct {
			Data map[string]any `json:"f:data"`
		}
		if json.Unmarshal(e.FieldsV1.GetRawBytes(), &fields) != nil {
			continue
		}
		return !slices.ContainsFunc(keys, func(key string) bool { return fields.Data["f:"+key] == nil })
	}
	return false
}

// workloads are what both charts label as the release's own.
func (m *model) workloads() kube.ListOptions {
	return kube.ListOptions{Namespace: m.Namespace.ValueString(), Labels: "app in (strongswan,strongswan-routes),release=" + m.Name.ValueString()}
}

// look reads the addresses of the load balancers, and says what is still to
// come. What was ready once and is not now is the tunnel's business, and no
// reason for an apply.
func (g ground) look(ctx context.Context, m *model) (missing []string, err error) {
	of := m.workloads()
	services, err := kube.List(ctx, g.conn, kube.Services, of)
	if err != nil {
		return nil, err
	}
	for _, s := range services {
		if s.Spec.Type == corev1.ServiceTypeLoadBalancer && len(s.Status.LoadBalancer.Ingress) == 0 {
			missing = append(missing, fmt.Sprintf("Service %s/%s has no address of a load balancer yet", s.Namespace, s.Name))
		}
	}
	m.Balancers = framework.StringList(balancersOf(services))
	if m.WaitFor.ValueString() == waitNone || m.Ready.ValueBool() {
		return nil, nil
	}
	deployments, err := kube.List(ctx, g.conn, kube.Deployments, of)
	if err != nil {
		return nil, err
	}
	for _, d := range deployments {
		if d.Status.ObservedGeneration < d.Generation || d.Status.ReadyReplicas < d.Status.Replicas || d.Status.UpdatedReplicas == 0 {
			missing = append(missing, fmt.Sprintf("Deployment %s/%s has %d of %d pods ready%s", d.Namespace, d.Name, d.Status.ReadyReplicas, d.Status.Replicas, g.whyNoPod(ctx, d)))
		}
	}
	sets, err := kube.List(ctx, g.conn, kube.DaemonSets, of)
	for _, d := range sets {
		// Pods of before count as ready until they are gone.
		have := min(d.Status.NumberReady, d.Status.UpdatedNumberScheduled)
		if d.Status.ObservedGeneration < d.Generation || have < d.Status.DesiredNumberScheduled {
			missing = append(missing, fmt.Sprintf("DaemonSet %s/%s has %d of %d pods ready%s", d.Namespace, d.Name, have, d.Status.DesiredNumberScheduled, g.why(ctx, d.Namespace, d.Spec.Selector)))
		}
	}
	if err != nil || len(missing) > 0 || m.WaitFor.ValueString() != waitEstablished {
		return missing, err
	}
	return established(ctx, g.conn, of.Namespace, m.Name.ValueString())
}

// whyNoPod is why a Deployment makes no pod, or why that is not ready.
func (g ground) whyNoPod(ctx context.Context, d appsv1.Deployment) string {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			return ": " + c.Message
		}
	}
	return g.why(ctx, d.Namespace, d.Spec.Selector)
}

// why is what keeps one of a workload's pods from being ready, behind a colon;
// empty if nobody says.
func (g ground) why(ctx context.Context, namespace string, selector *metav1.LabelSelector) string {
	pods, err := kube.List(ctx, g.conn, kube.Pods, kube.ListOptions{Namespace: namespace, Labels: metav1.FormatLabelSelector(selector)})
	if err != nil {
		return "" // what is missing has been seen
	}
	for i := range pods {
		pod := vpnPod{&pods[i]}
		if trouble := pod.trouble(); trouble != "" && !pod.leaving() {
			return ": " + trouble
		}
	}
	return ""
}
