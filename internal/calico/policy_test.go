package calico

import (
	"errors"
	"iter"
	"maps"
	"slices"
	"strings"
	"testing"

	v3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

func keys[V any](m map[string]V) iter.Seq[string] { return maps.Keys(m) }

const (
	crdDoor = "crd.projectcalico.org/v1"
	apiDoor = "projectcalico.org/v3"
	crdGNPs = crdDoor + "/globalnetworkpolicies"
	apiGNPs = apiDoor + "/globalnetworkpolicies"
)

func open(t testing.TB, c *kube.Client) *Client {
	t.Helper()
	client, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestOpenTakesTheDoorThatIsServed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		served []string
		want   string
	}{
		"both":  {[]string{crdDoor, apiDoor}, apiDoor},
		"v3":    {[]string{apiDoor}, apiDoor},
		"v1":    {[]string{crdDoor}, crdDoor},
		"other": {[]string{"apps/v1"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := newStore(t, test.served...)
			client, err := Open(t.Context(), c)
			if test.want == "" {
				if !errors.Is(err, ErrNoCalico) {
					t.Errorf("got %v", err)
				}
				return
			}
			if err != nil || client.API() != test.want {
				t.Errorf("got %v, %v", client, err)
			}
		})
	}
}

func TestOpenDoesNotTakeTheOtherDoorWhenOneFails(t *testing.T) {
	t.Parallel()
	s, c := newStore(t, crdDoor)
	s.forbidden = "GET " + apiDoor
	if _, err := Open(t.Context(), c); !apierrors.IsForbidden(err) || errors.Is(err, ErrNoCalico) {
		t.Errorf("got %v", err)
	}
}

func TestStoredFormOfNewPolicies(t *testing.T) {
	t.Parallel()
	policy := func(name string, byCalico bool) string {
		if byCalico {
			return `{"metadata":{"name":"` + name + `","annotations":{"projectcalico.org/metadata":"{}"}}}`
		}
		return `{"metadata":{"name":"` + name + `"}}`
	}
	for name, test := range map[string]struct {
		present []string
		new     string
		want    string // empty: exists already
	}{
		"empty cluster":                  {nil, "guard", "default.guard"},
		"Calico before 3.32":             {[]string{policy("default.a", true), policy("default.b", true)}, "guard", "default.guard"},
		"Calico 3.32":                    {[]string{policy("a", true)}, "guard", "guard"},
		"both, as during an upgrade":     {[]string{policy("a", true), policy("default.b", true)}, "guard", "default.guard"},
		"bare one made by hand":          {[]string{policy("a", false)}, "guard", "default.guard"},
		"other tier":                     {[]string{policy("a", true)}, "security.guard", "security.guard"},
		"exists":                         {[]string{policy("default.guard", true)}, "guard", ""},
		"exists bare, before 3.32":       {[]string{policy("default.a", true), policy("guard", false)}, "guard", ""},
		"exists with prefix, since 3.32": {[]string{policy("a", true), policy("default.guard", false)}, "guard", ""},
		"typed with the prefix":          {nil, "default.guard", "default.guard"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := newStore(t, crdDoor)
			for _, document := range test.present {
				s.put(t, crdGNPs, document)
			}
			before := s.names()
			p := Policy{Name: test.new}
			if tier, _, ok := strings.Cut(test.new, "."); ok {
				p.Spec.Tier = tier
			}
			made, err := open(t, c).GlobalNetworkPolicies().Create(t.Context(), p, false)
			if test.want == "" {
				if !apierrors.IsAlreadyExists(err) || !slices.Equal(s.names(), before) {
					t.Errorf("got %v, %v", err, s.names())
				}
				return
			}
			if err != nil || made.StoredName() != test.want || !slices.Contains(s.names(), test.want) || made.Name != PolicyName("", test.new) {
				t.Errorf("got %v, stored as %s", err, made.StoredName())
			}
		})
	}
}

func TestGetFindsEitherForm(t *testing.T) {
	t.Parallel()
	for _, d := range []string{crdDoor, apiDoor} {
		for name, test := range map[string]struct {
			stored, tier, asked string
			found               bool
		}{
			"bare":                         {"guard", "", "guard", true},
			"prefixed":                     {"default.guard", "", "guard", true},
			"asked with the prefix":        {"guard", "default", "default.guard", true},
			"other tier":                   {"security.guard", "security", "security.guard", true},
			"other tier, bare since 3.32":  {"guard", "security", "security.guard", true},
			"not the other tier's":         {"guard", "security", "guard", false},
			"not the default tier's":       {"guard", "default", "security.guard", false},
			"something else":               {"other", "", "guard", false},
			"not a suffix of another name": {"my-guard", "", "guard", false},
		} {
			t.Run(d+" "+name, func(t *testing.T) {
				t.Parallel()
				s, c := newStore(t, d)
				s.put(t, d+"/globalnetworkpolicies", `{"metadata":{"name":"`+test.stored+`"},"spec":{"tier":"`+test.tier+`"}}`)
				policies := open(t, c).GlobalNetworkPolicies()
				for how, get := range map[string]func() (Policy, error){
					"Get":       func() (Policy, error) { return policies.Get(t.Context(), test.asked) },
					"CachedGet": func() (Policy, error) { return policies.CachedGet(t.Context(), test.asked) },
				} {
					got, err := get()
					if test.found && (err != nil || got.StoredName() != test.stored || got.Name != wantedName(test.asked)) {
						t.Errorf("%s: got %+v, %v", how, got, err)
					}
					if !test.found && !apierrors.IsNotFound(err) {
						t.Errorf("%s: got %+v, %v", how, got, err)
					}
				}
			})
		}
	}
}

func TestCachedReadsShareOneList(t *testing.T) {
	t.Parallel()
	s, c := newStore(t, crdDoor)
	for _, name := range []string{"a", "b", "c"} {
		s.put(t, crdGNPs, `{"metadata":{"name":"default.`+name+`"},"spec":{"ingress":[{"action":"Deny"}]}}`)
	}
	client := open(t, c)
	policies := client.GlobalNetworkPolicies()
	s.asked()
	for _, name := range []string{"a", "b", "c", "a"} {
		got, err := policies.CachedGet(t.Context(), name)
		if err != nil || got.Name != name {
			t.Fatalf("got %s, %v", got.Name, err)
		}
		got.Spec.Ingress[0].Action = v3.Allow // the cache must not see it
	}
	all, err := policies.List(t.Context(), true)
	if err != nil || len(all) != 3 || all[0].Spec.Ingress[0].Action != v3.Deny {
		t.Errorf("got %+v, %v", all, err)
	}
	if got := s.asked(); !slices.Equal(got, []string{"GET " + crdGNPs + "?limit=1000"}) {
		t.Errorf("asked %q", got)
	}
	if _, err := policies.CachedGet(t.Context(), "gone"); !apierrors.IsNotFound(err) {
		t.Errorf("got %v", err)
	}
	if got := s.asked(); !slices.Equal(got, []string{"GET " + crdGNPs + "/default.gone", "GET " + crdGNPs + "/gone"}) {
		t.Errorf("asked %q", got)
	}
	c.StopCaching()
	if _, err := policies.CachedGet(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if got := s.asked(); !slices.Equal(got, []string{"GET " + crdGNPs + "/default.a"}) {
		t.Errorf("asked %q", got)
	}
}

func TestCachedGetWhereListIsForbidden(t *testing.T) {
	t.Parallel()
	s, c := newStore(t, apiDoor)
	s.put(t, apiGNPs, `{"metadata":{"name":"guard"}}`)
	s.forbidden = "GET " + apiGNPs + "?limit=1000"
	if got, err := open(t, c).GlobalNetworkPolicies().CachedGet(t.Context(), "guard"); err != nil || got.Name != "guard" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestWritesAreGuarded(t *testing.T) {
	t.Parallel()
	for _, d := range []string{crdDoor, apiDoor} {
		t.Run(d, func(t *testing.T) {
			t.Parallel()
			s, c := newStore(t, d)
			ctx := t.Context()
			policies := open(t, c).GlobalNetworkPolicies()
			p := Policy{Name: "guard", Annotations: map[string]string{"owner": "me"}, Labels: map[string]string{v3.LabelTier: "default"}}
			if _, err := policies.Create(ctx, p, true); err != nil || len(s.names()) != 0 {
				t.Errorf("dry run: %v, stored %v", err, s.names())
			}
			made, err := policies.Create(ctx, p, false)
			if err != nil {
				t.Fatal(err)
			}
			if made.Labels != nil || made.Annotations["owner"] != "me" || made.Spec.Tier != "default" || !slices.Equal(made.Spec.Types, []v3.PolicyType{"Ingress"}) {
				t.Errorf("got %+v", made)
			}
			stale := made
			made.Spec.Selector = "a == 'b'"
			if dry, err := policies.Update(ctx, made, true); err != nil || dry.Spec.Selector != "a == 'b'" {
				t.Errorf("dry run: %+v, %v", dry, err)
			}
			updated, err := policies.Update(ctx, made, false)
			if err != nil || updated.ResourceVersion == made.ResourceVersion || updated.Annotations["owner"] != "me" {
				t.Errorf("got %+v, %v", updated, err)
			}
			if _, err := policies.Update(ctx, stale, false); !apierrors.IsConflict(err) {
				t.Errorf("update of an old version: %v", err)
			}
			if err := policies.Delete(ctx, stale, false); !apierrors.IsConflict(err) {
				t.Errorf("delete of an old version: %v", err)
			}
			moved := updated
			moved.Spec.Tier = "security"
			if _, err := policies.Update(ctx, moved, false); err == nil {
				t.Error("the tier was changed")
			}
			bad := updated
			bad.Spec.PreDNAT = true
			if _, err := policies.Update(ctx, bad, false); !apierrors.IsInvalid(err) {
				t.Errorf("update to what Calico leaves out: %v", err)
			}
			if err := policies.Delete(ctx, updated, true); err != nil || len(s.names()) != 1 {
				t.Errorf("dry run: %v, stored %v", err, s.names())
			}
			if err := policies.Delete(ctx, updated, false); err != nil || len(s.names()) != 0 {
				t.Errorf("%v, stored %v", err, s.names())
			}
			if _, err := policies.Update(ctx, p, false); err == nil {
				t.Error("updated what was not read")
			}
			if err := policies.Delete(ctx, p, false); err == nil {
				t.Error("deleted what was not read")
			}
			if _, err := policies.Create(ctx, Policy{Name: "Bad Name"}, false); !apierrors.IsInvalid(err) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestStrangePolicyHidesNoOther has a spec that these types cannot read.
func TestStrangePolicyHidesNoOther(t *testing.T) {
	t.Parallel()
	s, c := newStore(t, apiDoor)
	s.put(t, apiGNPs, `{"metadata":{"name":"a"},"spec":{"tier":"default","ingress":[{"action":"Deny","protocol":"TCP","destination":{"ports":["from 1 to 2"]}}]}}`)
	s.put(t, apiGNPs, `{"metadata":{"name":"b"},"spec":{"selector":"x"}}`)
	all, err := open(t, c).GlobalNetworkPolicies().List(t.Context(), false)
	if err != nil || len(all) != 2 {
		t.Fatalf("got %v, %v", all, err)
	}
	if all[0].Unreadable == nil || len(all[0].Drift(all[1].Spec)) != 1 || all[1].Unreadable != nil || all[1].Spec.Selector != "x" {
		t.Errorf("got %+v", all)
	}
}

func TestNetworkPolicies(t *testing.T) {
	t.Parallel()
	for _, d := range []string{crdDoor, apiDoor} {
		t.Run(d, func(t *testing.T) {
			t.Parallel()
			s, c := newStore(t, d)
			ctx := t.Context()
			policies := open(t, c).NetworkPolicies("kube-system")
			made, err := policies.Create(ctx, Policy{Name: "allow-konnectivity", Spec: Spec{Egress: []v3.Rule{{Action: v3.Allow}}}}, false)
			if err != nil || made.Namespace != "kube-system" || !slices.Equal(made.Spec.Types, []v3.PolicyType{"Egress"}) {
				t.Fatalf("got %+v, %v", made, err)
			}
			got, err := policies.Get(ctx, "allow-konnectivity")
			if err != nil {
				t.Fatal(err)
			}
			if err := policies.Delete(ctx, got, false); err != nil || len(s.names()) != 0 {
				t.Errorf("%v, stored %v", err, s.names())
			}
		})
	}
}
