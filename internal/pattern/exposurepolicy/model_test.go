package exposurepolicy

import (
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func TestSettingsOfAModel(t *testing.T) {
	t.Parallel()
	got, known, problems := (&model{}).settings()
	if !known || len(problems) > 0 {
		t.Fatalf("an empty configuration: known is %t, problems are %v", known, problems)
	}
	compare(t, got, settings{name: defaultName, deny: defaultRules(), mode: modeDeny})

	var m model
	m.declare(whole())
	if got, known, problems = m.settings(); !known || len(problems) > 0 {
		t.Fatalf("known is %t, problems are %v", known, problems)
	}
	compare(t, got, whole())

	// Rules are in order, and a service account has several spellings.
	m = model{
		Deny:     stringSet([]string{"public_ingress", "external_ips"}),
		Accounts: stringSet([]string{"a/b", "c:d", "system:serviceaccount:e:f"}),
	}
	got, _, _ = m.settings()
	slices.SortFunc(got.accounts, func(a, b account) int { return strings.Compare(a.namespace, b.namespace) })
	compare(t, got, settings{
		name: defaultName, deny: []rule{externalIPs, publicIngress}, mode: modeDeny,
		accounts: []account{{"a", "b"}, {"c", "d"}, {"e", "f"}},
	})
}

func TestUnknownSettings(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]*model{
		"name":        {Name: types.StringUnknown()},
		"mode":        {Mode: types.StringUnknown()},
		"message":     {Message: types.StringUnknown()},
		"deny":        {Deny: types.SetUnknown(types.StringType)},
		"one of deny": {Deny: types.SetValueMust(types.StringType, []attr.Value{types.StringUnknown(), types.StringValue("node_port")})},
		"namespaces":  {Namespaces: types.SetUnknown(types.StringType)},
		"accounts":    {Accounts: types.SetUnknown(types.StringType)},
		"classes":     {Classes: types.SetUnknown(types.StringType)},
	} {
		if _, known, problems := m.settings(); known || len(problems) > 0 {
			t.Errorf("%s: known is %t, problems are %v", name, known, problems)
		}
	}
}

func TestBadSettings(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		m  model
		at path.Path
	}{
		"name":            {model{Name: types.StringValue("Not_A_Name")}, path.Root("name")},
		"rule":            {model{Deny: stringSet([]string{"everything"})}, path.Root("deny").AtSetValue(types.StringValue("everything"))},
		"no rule":         {model{Deny: types.SetValueMust(types.StringType, nil)}, path.Root("deny")},
		"null rule":       {model{Deny: types.SetValueMust(types.StringType, []attr.Value{types.StringNull()})}, path.Root("deny").AtSetValue(types.StringNull())},
		"mode":            {model{Mode: types.StringValue("Deny")}, path.Root("mode")},
		"namespace":       {model{Namespaces: stringSet([]string{"a.b"})}, path.Root("exempt_namespaces").AtSetValue(types.StringValue("a.b"))},
		"account":         {model{Accounts: stringSet([]string{"deployer"})}, path.Root("exempt_service_accounts").AtSetValue(types.StringValue("deployer"))},
		"account's parts": {model{Accounts: stringSet([]string{"a/b/c"})}, path.Root("exempt_service_accounts").AtSetValue(types.StringValue("a/b/c"))},
		"account's name":  {model{Accounts: stringSet([]string{"a/"})}, path.Root("exempt_service_accounts").AtSetValue(types.StringValue("a/"))},
		"class":           {model{Classes: stringSet([]string{"a b"})}, path.Root("private_ingress_classes").AtSetValue(types.StringValue("a b"))},
		"public class":    {model{Classes: stringSet([]string{"public-iks-traefik"})}, path.Root("private_ingress_classes").AtSetValue(types.StringValue("public-iks-traefik"))},
		"empty message":   {model{Message: types.StringValue(" ")}, path.Root("message")},
		"two lines":       {model{Message: types.StringValue("a\nb")}, path.Root("message")},
		"long message":    {model{Message: types.StringValue(strings.Repeat("a", longestMessage+1))}, path.Root("message")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, problems := test.m.settings()
			if len(problems) != 1 || !problems[0].Path.Equal(test.at) {
				t.Errorf("problems are %+v, want one at %s", problems, test.at)
			}
		})
	}
}
