package strongswan

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/defaults"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// recorded are values as Helm's record gives them back.
func recorded(t *testing.T, values map[string]any) map[string]any {
	t.Helper()
	raw, err := json.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// A release that is imported declares the very values that it was made with,
// through the attributes as far as they have words for them.
func TestImportedReleaseDeclaresItself(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*tunnel){
		"as it is by default": func(*tunnel) {},
		"listens":             func(t *tunnel) { t.initiate, t.remote.gateway = false, anyPeer },
		"terms": func(t *tunnel) {
			t.ike = ikeTerms{version: ikeV1, proposals: []string{"aes256-sha256-modp2048", "aes128-sha1-modp2048"}, lifetime: "2h"}
			t.esp = espTerms{proposals: []string{"aes128gcm16-ecp256"}, lifetime: "30m", margin: "2m"}
			t.local.subnets = []string{"172.30.0.0/16"}
			t.dpdAction, t.closeAction, t.keyingTries = "clear", "none", "3"
			t.extraOptions = []string{"aggressive = no", "fragmentation = yes"}
		},
		"ends": func(t *tunnel) {
			t.remote.ping, t.remote.id, t.local.id = "10.91.152.129", "gw.example.com", "cluster.example.com"
			t.local.subnets, t.local.nonCluster = append(t.local.subnets, "10.5.0.0/24"), []string{"10.5.0.0/24"}
		},
		"translations": func(t *tunnel) {
			t.local.subnets = []string{"10.50.0.0/16"}
			t.localNAT = map[string]string{"172.30.0.0/16": "10.50.0.0/16"}
			t.remoteNAT = map[string]string{"10.91.152.128/26": "10.60.0.0/26"}
		},
		"one address":       func(t *tunnel) { t.local.subnets, t.singleSourceIP = []string{"10.50.0.1/32"}, true },
		"private":           func(t *tunnel) { t.serviceType, t.serviceSourceIP = servicePrivate, true },
		"address":           func(t *tunnel) { t.balancerIP = "169.48.0.10" },
		"addresses by zone": func(t *tunnel) { t.zone, t.zoneBalancers = "dal10", map[string]string{"dal10": "169.48.0.10"} },
		"placement": func(t *tunnel) {
			t.nodeSelector, t.zone, t.zoneRoutes, t.privileged = map[string]string{"vpn": "yes"}, "dal10", true, true
			t.tolerations = []toleration{{key: "team", operator: "Equal", value: "net", effect: "NoSchedule"}, {operator: "Exists"}}
		},
		"logging": func(t *tunnel) { t.logging = map[string]int64{"default": 0, "net": -1} },
		"secret":  func(t *tunnel) { t.preSharedKey, t.keyVersion, t.keySecret, t.keyKey = "", 0, "mine", "psk" },
		"more values": func(t *tunnel) {
			t.extraValues = map[string]any{"kernel": "libipsec", "retransmit": map[string]any{"tries": 3.0}}
		},
		"other version": func(t *tunnel) { t.keyVersion = 42 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := onPrem()
			change(&made)
			if wrong := made.check(); len(wrong) > 0 {
				t.Fatalf("this is no tunnel: %+v", wrong)
			}
			of := facts{podSubnet: "172.30.0.0/16"}
			values := recorded(t, made.builtinValues(of))
			m := imported(t, values)
			back, wrong := m.tunnel()
			if len(wrong) > 0 || len(back.unknown) > 0 {
				t.Errorf("the imported model is not whole: %+v, unknown %v", wrong, back.unknown)
			}
			if diff := cmp.Diff(values, recorded(t, back.builtinValues(of))); diff != "" {
				t.Errorf("the imported model declares other values (-release +declared):\n%s", diff)
			}
			if name != "more values" && !m.ExtraValues.IsNull() {
				t.Errorf("the attributes lack words for %s", m.ExtraValues.ValueString())
			}
			// What a configuration leaves out is out of the state as well.
			if !m.Key.IsNull() || m.Zone.Equal(types.StringValue("")) || m.Image.ValueString() != made.image {
				t.Errorf("the imported model has key %v, zone %v, image %v", m.Key, m.Zone, m.Image)
			}
		})
	}
}

func imported(t *testing.T, values map[string]any) *model {
	t.Helper()
	m := &model{Namespace: types.StringValue("default"), Name: types.StringValue("vpn")}
	if err := m.adopt(&helm.Release{Namespace: "default", Name: "vpn", Chart: chartName, Values: values}); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestImportRefusesAnotherChart(t *testing.T) {
	t.Parallel()
	err := new(model).adopt(&helm.Release{Namespace: "default", Name: "vpn", Chart: "nginx", ChartVersion: "1.0.0"})
	if err == nil {
		t.Fatal("a release of nginx became a tunnel")
	}
}

func TestImportIDs(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		parts           []string
		namespace, name string
	}{
		{[]string{"vpn"}, "default", "vpn"},
		{[]string{"net/vpn"}, "net", "vpn"},
		{[]string{"net", "vpn"}, "net", "vpn"},
		{[]string{"/vpn"}, "", ""},
		{[]string{"net/"}, "", ""},
		{[]string{"a", "b", "c"}, "", ""},
	} {
		got, err := importID(test.parts)
		if (err != nil) != (test.name == "") || got["namespace"] != test.namespace || got["name"] != test.name {
			t.Errorf("%q gives %v, %v", test.parts, got, err)
		}
	}
}

// The schema plans what a configuration leaves out as the reader understands it.
func TestDefaultsOfSchemaAndReaderAgree(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	described := part{}.Describe().Schema
	if d := described.ValidateImplementation(ctx); d.HasError() {
		t.Fatal(d)
	}
	planned := func(name string) types.Object {
		object, is := described.Attributes[name].(schema.SingleNestedAttribute)
		if !is || object.Default == nil {
			t.Fatalf("%s has no default", name)
		}
		var out defaults.ObjectResponse
		object.Default.DefaultObject(ctx, defaults.ObjectRequest{}, &out)
		return out.PlanValue
	}
	leftOut, _ := new(model).tunnel()
	withDefaults, _ := (&model{Chart: planned("chart"), IKE: planned("ike"), ESP: planned("esp")}).tunnel()
	if diff := cmp.Diff(leftOut, withDefaults, cmp.AllowUnexported(tunnel{}, remoteEnd{}, localEnd{}, ikeTerms{}, espTerms{})); diff != "" {
		t.Errorf("left out (-) and planned (+) differ:\n%s", diff)
	}
	if leftOut.ike.lifetime != "3h" || leftOut.source != sourceIBM || leftOut.remote.gateway != anyPeer {
		t.Errorf("a model without arguments reads as %+v", leftOut)
	}
}
