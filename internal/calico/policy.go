package calico

import (
	"context"
	"fmt"
	"strings"
	"time"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Spec is what a policy says. Of the two kinds, the one of global policies has all fields of the other; a policy of a
// namespace leaves out what it does not have (see [CheckNamespaced]).
type Spec = v3.GlobalNetworkPolicySpec

// Policy is one policy as users see it, the same through both doors. A policy that was read is updated and deleted as
// the stored object that it was read from.
type Policy struct {
	// Namespace is empty for global policies.
	Namespace string
	// Name is the one that [PolicyName] gives.
	Name                string
	Labels, Annotations map[string]string
	Spec                Spec
	// ResourceVersion is empty for a policy that was not read.
	ResourceVersion string
	// Unknown are paths of spec fields that are set and that this version of the types does not know. Their effect is
	// unknown too, and an update removes them.
	Unknown []string
	// Unreadable is set, and Spec is not whole, if the stored spec could not be understood.
	Unreadable error

	served *metav1.ObjectMeta // nil if the policy was not read
	tier   string             // of the spec that was read
}

// Policies are the policies of one kind: all global ones, or those of a namespace.
type Policies struct {
	client    *Client
	kind      kube.Kind[object[Spec]]
	namespace string
}

// GlobalNetworkPolicies are the cluster's.
func (c *Client) GlobalNetworkPolicies() Policies {
	return Policies{
		client: c, kind: kindOf[Spec](c.door, "globalnetworkpolicies", v3.KindGlobalNetworkPolicy, false),
	}
}

// NetworkPolicies are those of Calico's kind in one namespace.
func (c *Client) NetworkPolicies(namespace string) Policies {
	return Policies{
		client: c, kind: kindOf[Spec](c.door, "networkpolicies", v3.KindNetworkPolicy, true), namespace: namespace,
	}
}

// Namespace of the policies, empty for global ones.
func (p Policies) Namespace() string { return p.namespace }

// Title names a policy of these for people, and as import IDs do: with its namespace before a '/' if it has one.
func (p Policies) Title(name string) string {
	return strings.TrimPrefix(p.namespace+"/"+name, "/")
}

// List gives all policies that the identity may see. Cached allows an answer that other reads share; what then is
// missing is not proven to be absent. A policy that exists under both forms of its name is given twice.
func (p Policies) List(ctx context.Context, cached bool) ([]Policy, error) {
	objects, err := p.list(ctx, cached)
	if err != nil {
		return nil, err
	}
	policies := make([]Policy, 0, len(objects))
	for i := range objects {
		policies = append(policies, p.fromObject(&objects[i]))
	}
	return policies, nil
}

func (p Policies) list(ctx context.Context, cached bool) ([]object[Spec], error) {
	options := kube.ListOptions{Namespace: p.namespace}
	if cached {
		return kube.CachedList(ctx, p.client.kube, p.kind, options)
	}
	return kube.List(ctx, p.client.kube, p.kind, options)
}

// Get asks the server for the policy, under either form of its name.
func (p Policies) Get(ctx context.Context, name string) (Policy, error) {
	var missing error
	for _, form := range p.client.door.otherNames(name) {
		got, err := kube.Get(ctx, p.client.kube, p.kind, p.namespace, form)
		switch {
		case apierrors.IsNotFound(err):
			if missing == nil {
				missing = err
			}
		case underOtherForm(err): // on to the other form
		case err != nil:
			return Policy{}, err
		default:
			// Another tier's policy can have the bare name.
			if policy := p.fromObject(&got); policy.Name == wantedName(name) {
				return policy, nil
			}
		}
	}
	if missing == nil {
		missing = apierrors.NewNotFound(p.groupResource(), name)
	}
	return Policy{}, missing
}

// underOtherForm recognises what the Calico API server answers for a policy that is stored under the name, but shown
// under its other form: not "not found", but an internal error with these words.
func underOtherForm(err error) bool {
	return apierrors.IsInternalError(err) && strings.Contains(err.Error(), "resource not found")
}

// CachedGet takes the policy from the shared list. What is missing there is asked for before it is called not found,
// and so is everything when listing is forbidden or the cache is off.
func (p Policies) CachedGet(ctx context.Context, name string) (Policy, error) {
	if !p.client.kube.Caching() {
		return p.Get(ctx, name)
	}
	objects, err := p.list(ctx, true)
	if err != nil && !apierrors.IsForbidden(err) {
		return Policy{}, err
	}
	for _, form := range p.client.door.otherNames(name) {
		for i := range objects {
			if objects[i].Name == form && p.nameOf(&objects[i]) == wantedName(name) {
				return p.fromObject(&objects[i]), nil
			}
		}
	}
	return p.Get(ctx, name)
}

// Create makes a new policy from the name, labels, annotations and spec, and gives it as it was stored. It refuses what
// Calico would not enforce (see [Check]) and what exists already under either form of its name. A dry run stores nothing.
func (p Policies) Create(ctx context.Context, policy Policy, dryRun bool) (Policy, error) {
	policy.Name = PolicyName(policy.Spec.Tier, policy.Name)
	form, err := p.formOfNew(ctx, policy.Name)
	if err != nil {
		return Policy{}, err
	}
	made, err := p.toObject(policy, metav1.ObjectMeta{Name: form, Namespace: p.namespace})
	if err != nil {
		return Policy{}, err
	}
	stored, err := kube.Create(ctx, p.client.kube, p.kind, made, kube.WriteOptions{DryRun: dryRun})
	if err != nil {
		return Policy{}, err
	}
	return p.fromObject(&stored), nil
}

// Update replaces a policy that was read by what its labels, annotations and spec are now, as a whole. It is a conflict
// if somebody wrote it since it was read.
func (p Policies) Update(ctx context.Context, policy Policy, dryRun bool) (Policy, error) {
	if policy.served == nil {
		return Policy{}, fmt.Errorf("update of %s %s: it was not read from the server", p.kind.Name, policy.Name)
	}
	if tier := tierOr(policy.Spec.Tier); tier != policy.tier {
		return Policy{}, fmt.Errorf("update of %s %s: tier %s cannot become %s, that is another policy", p.kind.Name, policy.Name, policy.tier, tier)
	}
	meta := metav1.ObjectMeta{
		Name: policy.served.Name, Namespace: p.namespace, ResourceVersion: policy.ResourceVersion,
		Annotations: policy.served.Annotations, CreationTimestamp: policy.served.CreationTimestamp,
		OwnerReferences: policy.served.OwnerReferences, Finalizers: policy.served.Finalizers,
	}
	wanted, err := p.toObject(policy, meta)
	if err != nil {
		return Policy{}, err
	}
	stored, err := kube.Update(ctx, p.client.kube, p.kind, wanted, kube.WriteOptions{DryRun: dryRun})
	if err != nil {
		return Policy{}, err
	}
	return p.fromObject(&stored), nil
}

// Delete removes a policy that was read, in the version that was read: it is a conflict if somebody wrote it since.
func (p Policies) Delete(ctx context.Context, policy Policy, dryRun bool) error {
	if policy.served == nil || policy.ResourceVersion == "" {
		return fmt.Errorf("delete of %s %s: it was not read from the server", p.kind.Name, policy.Name)
	}
	return kube.Delete(ctx, p.client.kube, p.kind, p.namespace, policy.served.Name,
		kube.DeleteOptions{ResourceVersion: policy.ResourceVersion, DryRun: dryRun})
}

// StoredName is the name that the API in use serves the policy under, for messages. Empty if it was not read.
func (p Policy) StoredName() string {
	if p.served == nil {
		return ""
	}
	return p.served.Name
}

// Drift says in short sentences how the policy differs from a spec, fields that are not known here included. It is
// empty if they mean the same.
func (p Policy) Drift(want Spec) []string {
	if p.Unreadable != nil {
		return []string{"the stored policy cannot be understood: " + p.Unreadable.Error()}
	}
	drift := Diff(p.Spec, want)
	for _, path := range p.Unknown {
		// Only in rules, where it can change what they match. Elsewhere it may be a default of a newer Calico, which
		// an update could never remove.
		if strings.HasPrefix(path, "ingress[") || strings.HasPrefix(path, "egress[") {
			drift = append(drift, path+" is set, with an effect that is not known here")
		}
	}
	return drift
}

// wantedName is a name as typed, in the form of [PolicyName].
func wantedName(name string) string { return PolicyName(defaultTier, name) }

func (p Policies) nameOf(o *object[Spec]) string {
	return PolicyName(o.Spec.value.Tier, o.Name)
}

func (p Policies) groupResource() schema.GroupResource {
	return schema.GroupResource{Group: p.kind.Group, Resource: p.kind.Resource}
}

func (p Policies) fromObject(o *object[Spec]) Policy {
	labels, annotations := userMetadata(p.client.door, &o.ObjectMeta)
	policy := Policy{
		Namespace: o.Namespace, Name: p.nameOf(o), Labels: withoutTierLabel(labels), Annotations: annotations,
		Spec: *o.Spec.value.DeepCopy(), ResourceVersion: o.ResourceVersion, Unreadable: o.Spec.err,
		served: o.ObjectMeta.DeepCopy(), tier: tierOr(o.Spec.value.Tier),
	}
	if o.Spec.err == nil {
		policy.Unknown = unknownFields(o.Spec.raw, o.Spec.value)
	}
	return policy
}

// toObject is the whole object to write.
func (p Policies) toObject(policy Policy, meta metav1.ObjectMeta) (object[Spec], error) {
	spec := writable(*policy.Spec.DeepCopy())
	check := Check
	if p.namespace != "" {
		check = CheckNamespaced
	}
	if problems := check(policy.Name, spec); len(problems) > 0 {
		return object[Spec]{}, apierrors.NewInvalid(schema.GroupKind{Group: p.kind.Group, Kind: p.kind.Name}, policy.Name, problems)
	}
	labels := withoutTierLabel(over(nil, policy.Labels))
	tier := tierOr(spec.Tier)
	if p.client.door.raw && tier != defaultTier {
		labels = over(labels, map[string]string{v3.LabelTier: tier}) // Calico finds the policies of a tier by it
	}
	if err := setUserMetadata(p.client.door, &meta, policy.Name, labels, policy.Annotations, time.Now()); err != nil {
		return object[Spec]{}, fmt.Errorf("metadata of %s %s: %w", p.kind.Name, policy.Name, err)
	}
	return object[Spec]{ObjectMeta: meta, Spec: payload[Spec]{value: spec}}, nil
}
