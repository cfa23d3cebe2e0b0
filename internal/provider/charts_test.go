package provider

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
)

// TestUnknownCredentials sees that they are an error when a chart is got, and not before.
func TestUnknownCredentials(t *testing.T) {
	t.Parallel()
	entry := types.ObjectType{AttrTypes: map[string]attr.Type{"username": types.StringType, "password": types.StringType}}
	of := func(username, password types.String) types.Map {
		return types.MapValueMust(entry, map[string]attr.Value{
			"oci://us.icr.io/team": types.ObjectValueMust(entry.AttrTypes, map[string]attr.Value{"username": username, "password": password}),
		})
	}
	for name, c := range map[string]struct {
		registries types.Map
		logins     int
		unknown    string
	}{
		"left out":         {registries: types.MapNull(entry)},
		"known":            {registries: of(types.StringValue("iamapikey"), types.StringValue("secret")), logins: 1},
		"unknown password": {registries: of(types.StringValue("iamapikey"), types.StringUnknown()), logins: 1, unknown: "password"},
		"unknown map":      {registries: types.MapUnknown(entry), logins: 1, unknown: "all"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			loader, d := configuration{ChartRegistries: c.registries}.charts(t.Context())
			if d.HasError() || len(loader.Logins) != c.logins {
				t.Fatalf("%d logins, %v", len(loader.Logins), d)
			}
			if c.logins == 0 {
				return
			}
			username, password, err := loader.Logins[0].Credentials()
			if cluster.IsUnknownConfiguration(err) != (c.unknown != "") {
				t.Errorf("got %v", err)
			}
			if err == nil && username+password != "iamapikey"+"secret" {
				t.Error("the credentials are others")
			}
		})
	}
}

func TestRegistryPrefix(t *testing.T) {
	t.Parallel()
	for prefix, good := range map[string]bool{
		"https://charts.example.com": true, "https://charts.example.com:8443/team/": true, "oci://us.icr.io/team": true,
		"http://charts.example.com": false, "charts.example.com": false, "https://me:secret@charts.example.com": false,
		"https://": false, "oci://us.icr.io/team@sha256:0": false, "https://charts.example.com?token=secret": false,
	} {
		if registryPrefix.MatchString(prefix) != good {
			t.Errorf("%s: want %v", prefix, good)
		}
	}
}
