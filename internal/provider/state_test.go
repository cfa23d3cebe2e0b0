package provider_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"

	"github.com/iks-patterns/terraform-provider-iks/internal/pattern"
	"github.com/iks-patterns/terraform-provider-iks/internal/provider"
)

// Every schema version that was ever released has a state in testdata/state,
// <resource>-v<version>.json. This version of the provider must read all of
// them: what people have in their states does not go away.
func TestStatesOfAllSchemaVersions(t *testing.T) {
	t.Parallel()
	server, err := providerserver.NewProtocol6WithError(provider.New("test", pattern.Resources(), pattern.DataSources())())()
	if err != nil {
		t.Fatal(err)
	}
	schemas, err := server.GetProviderSchema(t.Context(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/state/*.json")
	if err != nil {
		t.Fatal(err)
	}
	covered := map[string]bool{}
	for _, file := range files {
		resource, version, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".json"), "-v")
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var of int64
			if err := json.Unmarshal([]byte(version), &of); err != nil {
				t.Fatalf("version %q: %v", version, err)
			}
			upgraded, err := server.UpgradeResourceState(t.Context(), &tfprotov6.UpgradeResourceStateRequest{
				TypeName: resource, Version: of, RawState: &tfprotov6.RawState{JSON: raw},
			})
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range upgraded.Diagnostics {
				t.Errorf("%s: %s", d.Summary, d.Detail)
			}
			if t.Failed() {
				return
			}
			value, err := upgraded.UpgradedState.Unmarshal(schemas.ResourceSchemas[resource].ValueType())
			if err != nil {
				t.Fatal(err)
			}
			if value.IsNull() || !value.IsFullyKnown() {
				t.Errorf("the state became %s", value)
			}
		})
		if of := schemas.ResourceSchemas[resource]; of != nil && version == jsonOf(t, of.Version) {
			covered[resource] = true
		}
	}
	for _, resource := range slices.Sorted(maps.Keys(schemas.ResourceSchemas)) {
		if !covered[resource] {
			t.Errorf("%s has no state of its present schema version in testdata/state", resource)
		}
	}
}

func jsonOf(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
