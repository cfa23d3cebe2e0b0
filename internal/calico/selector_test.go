package calico

import (
	"slices"
	"testing"
)

func TestRoleSelector(t *testing.T) {
	t.Parallel()
	for want, roles := range map[string][]string{
		"ibm.role == 'worker_public'":                      {"worker_public"},
		"ibm.role in { 'worker_public', 'master_public' }": {"worker_public", "master_public"},
	} {
		got := RoleSelector(roles...)
		if got != want {
			t.Errorf("got %s", got)
		}
		back, ok := RolesOf(got)
		slices.Sort(roles)
		if !ok || !slices.Equal(back, roles) {
			t.Errorf("%s reads as %q, %v", got, back, ok)
		}
	}
}

func TestRolesOf(t *testing.T) {
	t.Parallel()
	for selector, want := range map[string][]string{
		"ibm.role=='worker_public'":                  {"worker_public"},
		`ibm.role == "worker_private"`:               {"worker_private"},
		"ibm.role in {'b','a', 'a'}":                 {"a", "b"},
		"  ibm.role  in{ 'a' }":                      {"a"},
		"":                                           nil,
		"all()":                                      nil,
		"ibm.role":                                   nil,
		"ibm.role == worker_public":                  nil,
		"ibm.role != 'a'":                            nil,
		"ibm.role not in {'a'}":                      nil,
		"ibm.role in {}":                             nil,
		"ibm.role in {'a'":                           nil,
		"ibm.role == 'a' && node == 'b'":             nil,
		"ibm.role in {'a'} || ibm.role == 'b'":       nil,
		"other == 'a'":                               nil,
		"ibm.role == 'a":                             nil,
		"ibm.role = 'a'":                             nil,
		"(ibm.role == 'a')":                          nil,
		"ibm.role in {'a', b}":                       nil,
		"has(ibm.role)":                              nil,
		"ibm.role starts with 'worker'":              nil,
		"projectcalico.org/orchestrator == 'k8s'":    nil,
		"ibm.role == 'a' ; drop":                     nil,
		"ibm.role\n== 'a'":                           nil,
		"ibm.role == 'it\"s'":                        nil,
		"ibm.role in { 'x' } && ibm.role in { 'y' }": nil,
	} {
		got, ok := RolesOf(selector)
		if !slices.Equal(got, want) || ok != (want != nil) {
			t.Errorf("%q: got %q, %v", selector, got, ok)
		}
	}
}

func TestNormalSelector(t *testing.T) {
	t.Parallel()
	for selector, want := range map[string]string{
		"":                              "",
		"  all( ) ":                     "all()",
		"!has( a )||b contains 'c'":     `!has(a) || b contains "c"`,
		"(a=='x')&&( b in {\"z\",'y'})": `(a == "x") && (b in {"y", "z"})`,
		"a in { }":                      "a in {}",
		"a == 'say \"hi\"'":             `a == 'say "hi"'`,
		" not a selector ; ":            "not a selector ;",
		"a in {'x' 'y'}":                `a in {"x", "y"}`,
	} {
		got := normalSelector(selector)
		if got != want {
			t.Errorf("%q: got %q, want %q", selector, got, want)
		}
		if again := normalSelector(got); again != got {
			t.Errorf("%q: normal form of %q is %q", selector, got, again)
		}
	}
}
