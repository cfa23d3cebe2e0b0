package strongswan

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charts"
)

// ibmRelease is a release of the chart that stands in for IBM's, with these values given.
func ibmRelease(t *testing.T, values map[string]any) *helm.Release {
	t.Helper()
	files, err := charts.StrongSwan()
	if err != nil {
		t.Fatal(err)
	}
	chart, err := helm.LoadFS(files)
	if err != nil {
		t.Fatal(err)
	}
	read := func(of map[string]any) map[string]any {
		out, is := jsonOf(of).(map[string]any)
		if !is {
			t.Fatal("the values are no JSON")
		}
		return out
	}
	return &helm.Release{
		Namespace: "default", Name: "vpn", Chart: "strongswan", ChartVersion: "2.10.7",
		Values: read(values), Defaults: read(chart.Values()),
	}
}

// everything is a tunnel of IBM's chart in which every group of values is set.
func everything() tunnel {
	t := onPrem()
	ofIBM(func(*tunnel) {})(&t)
	t.serviceType, t.preSharedKey = "", ""
	t.remote.ping, t.remote.subnets = "10.91.152.130", []string{"10.91.152.128/26", "10.92.0.0/16"}
	t.local.nonCluster, t.local.subnets = []string{"10.5.0.0/16"}, []string{"10.5.0.0/16", "172.21.0.0/16", "172.30.0.0/16"}
	t.extraOptions = []string{"rekey = no", "fragmentation = yes"}
	t.localNAT = map[string]string{"172.30.0.0/24": "10.7.0.0/24"}
	t.remoteNAT = map[string]string{"10.92.0.0/16": "10.93.0.0/16"}
	t.zoneBalancers = map[string]string{"dal10": "169.60.1.1", "dal12": "169.60.1.2"}
	t.nodeSelector, t.zone, t.zoneRoutes = map[string]string{"tier": "vpn"}, "dal10", true
	t.tolerations = []toleration{{key: "gpu", operator: "Exists", effect: "NoSchedule"}}
	t.validate, t.connectUsing, t.privileged, t.serviceSourceIP, t.podSNAT = "off", "false", true, true, snatOn
	t.monitoring = &monitoring{clusterName: "prod", privateIPs: []string{"10.91.152.130", "10.91.152.131"}, endpoints: []string{"http://10.91.152.130/up"}, delay: 60}
	t.logging = map[string]int64{"default": 0, "ike": 2}
	t.extraValues = map[string]any{"helmTestsToRun": "check-config", "monitoring": map[string]any{"slackChannel": "#vpn"}}
	return t
}

// TestIBMValuesAndBack sees that a release of ours tells its tunnel.
func TestIBMValuesAndBack(t *testing.T) {
	t.Parallel()
	plain := onPrem()
	ofIBM(func(*tunnel) {})(&plain)
	plain.serviceType, plain.preSharedKey = "", ""
	plain.local.subnets = []string{"172.21.0.0/16", "172.30.0.0/16"} // in their order
	zones := plain
	zones.local.subnets, zones.local.zoneSubnets = nil, map[string]string{"dal10": "172.30.0.0/17", "dal12": "172.30.128.0/17"}
	theirs := plain
	theirs.keySecret, theirs.keyKey, theirs.keyVersion = "office", "psk", 0
	older := plain
	older.version = "2.10.6"
	for name, want := range map[string]tunnel{"plain": plain, "everything": everything(), "zones": zones, "key in the user's Secret": theirs, "another version": older} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			version := "1"
			if want.keySecret != "" {
				version = "81723"
			}
			release := ibmRelease(t, want.ibmValues(keyInRelease{placeholder: placeholderOf(nil), version: version}))
			if want.version != "" {
				release.ChartVersion = want.version
			}
			got, err := ibmTunnelOf(release)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if holdsKey(release) {
				t.Error("the placeholder is taken for a key")
			}
			if again := placeholderOf(release); again != textAt(release.Values, "preshared", "secret") {
				t.Error("another apply has another placeholder")
			}
		})
	}
}

// TestReleaseOfAPerson reads one that somebody made with helm and values of their own.
func TestReleaseOfAPerson(t *testing.T) {
	t.Parallel()
	const key = "a-key-of-theirs"
	release := ibmRelease(t, map[string]any{
		"validate": false, // off, without quotes
		"ipsec":    map[string]any{"auto": "start", "ikelifetime": "4h", "additionalOptions": "rekey=no\n"},
		"local":    map[string]any{"subnet": "172.30.0.0/16, 172.21.0.0/16"},
		"remote":   map[string]any{"gateway": "198.51.100.2", "subnet": "10.92.0.0/16,10.91.0.0/16", "id": "office"},
		"preshared": map[string]any{
			"secret": key,
		},
		"overRideIpsecConf": "conn k8s-conn", "helmTestsToRun": "ALL", "nodeSelector": map[string]any{"dedicated": true},
		"monitoring": map[string]any{"enable": true, "slackWebhook": "https://hooks.example.com/secret", "slackUsername": "vpn"},
	})
	got, err := ibmTunnelOf(release)
	if err != nil {
		t.Fatal(err)
	}
	want := onPrem()
	ofIBM(func(*tunnel) {})(&want)
	want.serviceType, want.preSharedKey, want.keyVersion, want.validate = "", "", 0, "off"
	want.ike, want.esp = ikeTerms{version: ikeV2, lifetime: "4h"}, espTerms{lifetime: "1h", margin: "9m"}
	want.extraOptions = []string{"rekey=no"}
	want.remote = remoteEnd{gateway: "198.51.100.2", subnets: []string{"10.92.0.0/16", "10.91.0.0/16"}, id: "office"}
	want.nodeSelector, want.monitoring = map[string]string{"dedicated": "true"}, &monitoring{}
	want.extraValues = map[string]any{"overRideIpsecConf": "conn k8s-conn", "monitoring": map[string]any{"slackUsername": "vpn"}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if !holdsKey(release) || strings.HasPrefix(placeholderOf(release), key) {
		t.Error("the key is taken for a placeholder")
	}
}

func TestReleaseWithKeysOfItsOwn(t *testing.T) {
	t.Parallel()
	_, err := ibmTunnelOf(ibmRelease(t, map[string]any{"overRideIpsecSecrets": ": PSK \"zzz\""}))
	var refusal *framework.Refusal
	if !errors.As(err, &refusal) || strings.Contains(err.Error(), "zzz") || !strings.Contains(err.Error(), "--reset-values") {
		t.Errorf("got %v", err)
	}
}

// TestPlaceholders are all different, for whoever upgrades a release by hand makes a key of one.
func TestPlaceholders(t *testing.T) {
	t.Parallel()
	first, second := placeholderOf(nil), placeholderOf(&helm.Release{})
	if first == second || len(first) < len(placeholderStart)+32 {
		t.Errorf("%q and %q", first, second)
	}
}
