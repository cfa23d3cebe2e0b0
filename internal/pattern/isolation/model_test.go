package isolation

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// declared is a model as a plan has it: what the configuration leaves out is its default.
func declared(network string, change func(*model)) *model {
	m := &model{
		Network: types.StringValue(network), Region: types.StringValue("us-south"), APIPorts: portSet([]uint16{defaultAPIPort}),
		Confirm: types.StringValue(confirmConnections), ConfirmSeconds: types.Int64Value(1), Force: types.BoolValue(false), Canary: types.ObjectNull(canaryType()),
	}
	if change != nil {
		change(m)
	}
	return m
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		model *model
		at    string
	}{
		"no allowance":                   {declared(networkPrivate, func(m *model) { m.Allow = types.SetValueMust(types.StringType, nil) }), "allow"},
		"VRRP in public":                 {declared(networkPublic, func(m *model) { m.Allow = stringSet([]string{allowVRRP}) }), "allow"},
		"Istio in private":               {declared(networkPrivate, func(m *model) { m.Allow = stringSet([]string{allowServices, allowIstio}) }), "allow"},
		"Istio without services":         {declared(networkPublic, func(m *model) { m.Allow = stringSet([]string{allowIstio}) }), "allow"},
		"management over public":         {declared(networkPublic, func(m *model) { m.Infrastructure = stringSet([]string{"10.0.64.0/19"}) }), "infrastructure_cidrs"},
		"every address as a peer":        {declared(networkPrivate, func(m *model) { m.Peers = stringSet([]string{"0.0.0.0/0"}) }), "peer_cidrs"},
		"canary without confirmation":    {declared(networkPrivate, func(m *model) { withCanary(m); m.Confirm = types.StringValue(confirmNone) }), "canary"},
		"host bits":                      {declared(networkPrivate, func(m *model) { m.Registry = stringSet([]string{"10.1.2.3/8"}) }), "registry_cidrs"},
		"IPv6":                           {declared(networkPrivate, func(m *model) { m.Logging = stringSet([]string{"2001:db8::/32"}) }), "logging_cidrs"},
		"no subnet":                      {declared(networkPrivate, func(m *model) { m.PodSubnet = types.StringValue("pods") }), "pod_subnet"},
		"a subnet that has no addresses": {declared(networkPrivate, func(m *model) { m.ServiceSubnet = types.StringValue("10.0.0.1/32") }), "service_subnet"},
		"a port too high": {declared(networkPrivate, func(m *model) {
			m.APIPorts = types.SetValueMust(types.Int64Type, []attr.Value{types.Int64Value(70000)})
		}), "aggregated_api_ports"},
		"no port": {declared(networkPrivate, func(m *model) { m.APIPorts = portSet(nil) }), "aggregated_api_ports"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			problems := part{}.Check(t.Context(), c.model)
			if len(problems) != 1 || !strings.HasPrefix(problems[0].Path.String(), c.at) {
				t.Errorf("problems: %+v, want one at %s", problems, c.at)
			}
		})
	}
	for _, network := range []string{networkPrivate, networkPublic} {
		if problems := (part{}).Check(t.Context(), declared(network, nil)); len(problems) > 0 {
			t.Errorf("%s: %+v", network, problems)
		}
	}
	for name, unknown := range map[string]*model{
		"peers": declared(networkPrivate, func(m *model) { m.Peers = types.SetUnknown(types.StringType) }),
		"what stands beside Istio": declared(networkPublic, func(m *model) {
			m.Allow = types.SetValueMust(types.StringType, []attr.Value{types.StringValue(allowIstio), types.StringUnknown()})
		}),
	} {
		if _, known, problems := unknown.settings(); known || len(problems) > 0 {
			t.Errorf("%s unknown: known %v, %+v", name, known, problems)
		}
	}
}

// What an import makes of the policies of a set declares that very set.
func TestImportedSetIsTheSame(t *testing.T) {
	t.Parallel()
	h := hints{region: "us-south"}
	for name, m := range map[string]*model{
		"private": declared(networkPrivate, func(m *model) { m.Region = types.StringNull() }),
		"public":  declared(networkPublic, func(m *model) { m.Region = types.StringNull() }),
		"private, all": declared(networkPrivate, func(m *model) {
			m.Region, m.Allow = types.StringNull(), stringSet([]string{allowServices, allowVPN, allowVRRP})
			m.Peers, m.APIPorts = stringSet([]string{"10.9.0.0/16", "10.10.1.1/32"}), portSet([]uint16{5443, 9443})
		}),
		"public, all": declared(networkPublic, func(m *model) {
			m.Region, m.Allow = types.StringNull(), stringSet([]string{allowIstio, allowServices, allowVPN})
			m.Peers = stringSet([]string{"192.0.2.0/24"})
		}),
		"own addresses": declared(networkPrivate, func(m *model) {
			m.Region, m.Allow = types.StringNull(), stringSet([]string{allowServices})
			m.ServiceEndpoints, m.Infrastructure = stringSet([]string{"166.9.0.1/32"}), stringSet([]string{"10.0.64.0/19"})
			m.Registry, m.Monitoring, m.Logging = stringSet([]string{"166.9.0.2/32"}), stringSet([]string{"166.9.0.3/32"}), stringSet([]string{"166.9.0.4/32"})
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := mustSet(t, m, h)
			live := standing{}
			for _, policy := range set {
				live[policy.title()] = calico.Policy{Name: policy.name, Namespace: policy.namespace, Spec: policy.spec}
			}
			theirs, err := regional("us-south", m.Network.ValueString())
			if err != nil {
				t.Fatal(err)
			}
			imported := &model{Network: m.Network}
			imported.declare(m.Network.ValueString(), live, theirs)
			imported.ConfirmSeconds = m.ConfirmSeconds
			if diff := cmp.Diff(m, imported, cmp.Comparer(func(a, b types.Set) bool { return a.String() == b.String() }), cmpopts.IgnoreTypes(framework.Common{}, types.List{})); diff != "" {
				t.Errorf("imported (-declared +imported):\n%s", diff)
			}
			if again := mustSet(t, imported, h); len(drift(again, live, framework.Owner{})) > 0 || digest(again) != digest(set) {
				t.Errorf("drift after import: %q", drift(again, live, framework.Owner{}))
			}
		})
	}
}

func mustSet(t *testing.T, m *model, h hints) []member {
	t.Helper()
	s, err := m.read()
	if err != nil {
		t.Fatal(err)
	}
	i, err := s.resolve(h)
	if err != nil {
		t.Fatal(err)
	}
	return i.set()
}

func TestDigest(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, i := range map[string]isolation{
		"private": sample(networkPrivate, nil), "public": sample(networkPublic, nil),
		"private, all": everything(networkPrivate), "public, all": everything(networkPublic),
		"another address": sample(networkPrivate, func(i *isolation) { i.serviceEndpoints = []string{"166.9.0.9/32"} }),
	} {
		sum := digest(i.set())
		if other, taken := seen[sum]; taken || len(sum) != 64 {
			t.Errorf("%s has the digest %q, as %s", name, sum, other)
		}
		seen[sum] = name
	}
}
