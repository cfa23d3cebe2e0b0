package strongswan

import (
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// What is not known before the apply is no reason to refuse a plan.
func TestUnknownIsNotWrong(t *testing.T) {
	t.Parallel()
	overlapping := func(m *model) {
		t := onPrem()
		t.remote.subnets = []string{"172.30.5.0/24"}
		m.declare(t)
	}
	for name, change := range map[string]func(*model){
		"name of the Secret": func(m *model) {
			m.Key, m.KeyVersion = types.StringNull(), types.Int64Null()
			m.KeySecret = objectOf(attributes()["preshared_key_secret"], map[string]attr.Value{"name": types.StringUnknown(), "key": types.StringValue("psk")})
		},
		"Secret": func(m *model) {
			m.Key, m.KeyVersion = types.StringNull(), types.Int64Null()
			m.KeySecret = types.ObjectUnknown(kindsOf(attributes()["preshared_key_secret"]))
		},
		"key": func(m *model) { m.Key = types.StringUnknown() },
		"what the cluster sees of an overlapping network": func(m *model) {
			overlapping(m)
			m.Key = types.StringValue("correct-horse-battery-staple")
			m.RemoteNAT = types.MapValueMust(types.StringType, map[string]attr.Value{"172.30.5.0/24": types.StringUnknown()})
		},
		"networks of the zones": func(m *model) {
			m.Key, m.Zone = types.StringValue("correct-horse-battery-staple"), types.StringValue("dal10")
			m.Local = objectOf(attributes()["local"], map[string]attr.Value{
				"subnets": types.SetNull(types.StringType), "id": types.StringValue("ibm-cloud"),
				"zone_subnets": types.MapUnknown(types.StringType), "non_cluster_subnets": setOf([]string{"10.5.0.0/24"}),
			})
			m.LocalNAT = mapOf(map[string]string{"172.30.0.0/16": "10.50.0.0/16"})
		},
		"what the cluster sees of the remote networks": func(m *model) {
			overlapping(m)
			m.Key = types.StringValue("correct-horse-battery-staple")
			m.RemoteNAT = types.MapUnknown(types.StringType)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &model{Namespace: types.StringValue("default"), Name: types.StringValue("vpn")}
			m.declare(onPrem())
			change(m)
			if problems := m.problems(); len(problems) > 0 {
				t.Errorf("got %+v", problems)
			}
		})
	}
	t.Run("networks of the cluster's own", func(t *testing.T) {
		t.Parallel()
		pods, err := parseNetwork("172.30.0.0/16")
		if err != nil {
			t.Fatal(err)
		}
		m := &model{Namespace: types.StringValue("default"), Name: types.StringValue("vpn")}
		overlapping(m)
		m.RemoteNAT = types.MapUnknown(types.StringType)
		unsettled, _ := m.tunnel()
		if found := unsettled.hijacks([]ownNetwork{{network: pods, what: "the cluster's pod subnet"}}); len(found) > 0 {
			t.Errorf("got %+v", found)
		}
	})
}
