package albstate

import (
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestList(t *testing.T) {
	t.Parallel()
	r := newRig(t, fakeiks.Cluster{Zones: zones("dal10", "dal12"), Controller: fakeiks.Traefik})
	for name, test := range map[string]struct {
		kind, zone types.String
		want       string
	}{
		"all":               {types.StringNull(), types.StringNull(), "private1 private2 public1 public2"},
		"a type":            {types.StringValue("public"), types.StringNull(), "public1 public2"},
		"a zone":            {types.StringNull(), types.StringValue("dal12"), "private2 public2"},
		"a type and a zone": {types.StringValue("private"), types.StringValue("dal10"), "private1"},
		"none":              {types.StringNull(), types.StringValue("dal99"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := listModel{Type: test.kind, Zone: test.zone}
			if err := readList(t.Context(), r.find(), &m); err != nil {
				t.Fatal(err)
			}
			got := strings.ReplaceAll(strings.Join(albIDs(m.ALBs), " "), "-cr"+r.cluster.ID+"-alb", "")
			if got != test.want || m.ALBs.IsNull() {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
	m := listModel{Type: types.StringValue("public"), Zone: types.StringValue("dal10")}
	if err := readList(t.Context(), r.find(), &m); err != nil {
		t.Fatal(err)
	}
	only, ok := m.ALBs.Elements()[0].(types.Object)
	if !ok {
		t.Fatalf("got %v", m.ALBs)
	}
	for name, want := range map[string]string{
		"type": `"public"`, "zone": `"dal10"`, "enabled": "true", "state": `"enabled"`, "status": `"healthy"`,
		"controller": `"traefik"`, "ingress_class": `"public-iks-traefik"`, "address": `"` + r.alb("public1").Address + `"`,
		"build": `"` + r.alb("public1").Build + `"`,
	} {
		if got := only.Attributes()[name].String(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
