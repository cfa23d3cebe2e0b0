package strongswan

import "testing"

// ofIBM is a tunnel of IBM's chart to which nobody objects, changed.
func ofIBM(change func(*tunnel)) func(*tunnel) {
	return func(t *tunnel) {
		t.source, t.image, t.validate, t.connectUsing = sourceIBM, "", "strict", "auto"
		change(t)
	}
}

func from(source string) func(*tunnel) {
	return ofIBM(func(t *tunnel) { t.source = source })
}

func TestChartSources(t *testing.T) {
	t.Parallel()
	checkRules(t, []ruleCase{
		{name: "IBM's", change: from(sourceIBM)},
		{name: "repository", change: from("https://charts.example.com/mirror")},
		{name: "archive", change: from("https://charts.example.com/strongswan-2.10.7.tgz")},
		{name: "registry", change: from("oci://us.icr.io/team/strongswan")},
		{name: "path", change: from("./charts/strongswan")},
		{name: "unencrypted", change: from("http://charts.example.com"), at: "chart.source", says: "unencrypted", warning: true},
		{name: "another scheme", change: from("ftp://charts.example.com/strongswan"), at: "chart.source", says: "neither an https:// nor an oci://"},
		{name: "no host", change: from("https:///charts"), at: "chart.source", says: "not the address"},
		{name: "credentials", change: from("https://me:secret@charts.example.com"), at: "chart.source", says: "chart_registries"},
		{name: "registry without a chart", change: from("oci://us.icr.io/"), at: "chart.source", says: "names the chart itself"},
		{name: "not known", change: ofIBM(func(t *tunnel) { t.source, t.unknown["chart.source"] = "", true })},
		{name: "version", change: ofIBM(func(t *tunnel) { t.version = "2.10.6" })},
		{name: "constraint", change: ofIBM(func(t *tunnel) { t.version = "~2.10" })},
		{name: "no version", change: ofIBM(func(t *tunnel) { t.version = "the newest" }), at: "chart.version", says: "the newest"},
		{name: "version of the builtin one", change: func(t *tunnel) { t.version = "1.0.0" }, at: "chart.version", says: "comes with the provider"},
	})
}

// TestWhatOneChartHas has each attribute set to something other than its default.
func TestWhatOneChartHas(t *testing.T) {
	t.Parallel()
	checkRules(t, []ruleCase{
		{name: "defaults with the builtin one", change: func(t *tunnel) { t.validate, t.connectUsing = "strict", "auto" }},
		{name: "image", change: ofIBM(func(t *tunnel) { t.image = "registry.example.com/vpn:1" }), at: "image", says: "names its own image"},
		{name: "private load balancer", change: ofIBM(func(t *tunnel) { t.serviceType = servicePrivate }), at: "service_type", says: "is public"},
		{name: "no load balancer", change: ofIBM(func(t *tunnel) { t.serviceType = serviceNone }), at: "service_type", says: "is public"},
		{name: "validate", change: func(t *tunnel) { t.validate = "off" }, at: "validate", says: "checked at plan"},
		{name: "validate with IBM's", change: ofIBM(func(t *tunnel) { t.validate = "off" })},
		{name: "caller's address", change: func(t *tunnel) { t.connectUsing = "true" }, at: "connect_using_load_balancer_ip", says: "IBM's chart"},
		{name: "caller's address with IBM's", change: ofIBM(func(t *tunnel) { t.connectUsing = "false" })},
		{name: "monitoring", change: func(t *tunnel) { t.monitoring = &monitoring{} }, at: "monitoring", says: "IBM's chart"},
		{name: "monitoring with IBM's", change: ofIBM(func(t *tunnel) { t.monitoring = &monitoring{} })},
		{name: "node's identity with IBM's", change: ofIBM(func(t *tunnel) { t.local.id = nodeAsID })},
		{name: "level of the log", change: ofIBM(func(t *tunnel) { t.logging = map[string]int64{"ike": 1} }), at: "logging", says: "watches the log"},
		{name: "level of a mirror's log", change: ofIBM(func(t *tunnel) { t.source, t.logging = "oci://a/b", map[string]int64{"ike": 1} }), at: "logging", says: "watches the log"},
		{name: "our own Secret's name", change: ofIBM(func(t *tunnel) { t.preSharedKey, t.keySecret, t.keyKey = "", "vpn-strongswan-key", "key" }), at: "preshared_key_secret", says: "another name"},
		{name: "key in values", change: ofIBM(func(t *tunnel) { t.extraValues = map[string]any{"preshared": map[string]any{"secret": "x"}} }), at: "extra_values", says: "Helm records them"},
		{name: "keys in values", change: ofIBM(func(t *tunnel) { t.extraValues = map[string]any{"overRideIpsecSecrets": ": PSK \"x\""} }), at: "extra_values", says: "Helm records them"},
		{name: "key in values of the builtin one", change: func(t *tunnel) { t.extraValues = map[string]any{"presharedKey": map[string]any{}} }, at: "extra_values", says: "Helm records them"},
		{name: "another namespace", change: ofIBM(func(t *tunnel) { t.extraValues = map[string]any{"enableRBAC": false} }), at: "extra_values", says: "kube-system"},
		{name: "that namespace", change: ofIBM(func(t *tunnel) { t.namespace, t.extraValues = "kube-system", map[string]any{"enableRBAC": false} })},
	})
}
