package strongswan

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// ibmTunnelOf reads the tunnel of a release of IBM's chart, whoever made it: the
// inverse of [tunnel.ibmValues]. Values that no attribute stands for become extra
// values, if they are not the chart's own. Where the chart was from a release
// does not say.
func ibmTunnelOf(now *helm.Release) (tunnel, error) {
	given := chartValues(now.Values)
	v := chartValues(merged(now.Defaults, now.Values))
	if v.text("overRideIpsecSecrets") != "" {
		return tunnel{}, framework.Refuse(path.Root("name"), "The release has a file of keys of its own",
			fmt.Sprintf("Release %s/%s sets overRideIpsecSecrets, so its keys stand in Helm's record and in a ConfigMap, and which one is the tunnel's cannot be told. Let it have preshared.secret instead (`helm upgrade --reset-values -f`), and import it then.", now.Namespace, now.Name))
	}
	t := tunnelOf(now.Namespace, now.Name, sourceIBM, v)
	if now.ChartVersion != ibmChartVersion {
		t.version = now.ChartVersion
	}
	t.validate, t.connectUsing = v.text("validate"), v.text("connectUsingLoadBalancerIP")
	if t.validate == "false" {
		t.validate = "off" // which YAML takes for a truth value, unless it is in quotes
	}
	t.monitoring = v.monitoring("monitoring")
	t.keySecret, t.keyKey = given.text("preshared", "secretName"), given.text("preshared", "secretKey")
	if version, err := strconv.ParseInt(given.text("preshared", "version"), 10, 64); err == nil && t.keySecret == "" {
		t.keyVersion = version
	}
	t.extraValues = beyond(untyped(now.Values, t.ibmValues(keyInRelease{})), now.Defaults)
	return t, nil
}

// untyped are values for which the typed ones have none. A key is never among
// them, nor an address that is as good as one.
func untyped(have, typed map[string]any) map[string]any {
	out := map[string]any{}
	for name, value := range have {
		below, is := typed[name]
		inner, isTable := value.(map[string]any)
		table, wasTable := below.(map[string]any)
		switch {
		case name == "preshared" || name == slackValue:
		case isTable && wasTable && len(table) > 0:
			if rest := untyped(inner, table); len(rest) > 0 {
				out[name] = rest
			}
		case !is:
			out[name] = value
		}
	}
	return out
}

// monitoring is nil where it is not enabled.
func (v chartValues) monitoring(name string) *monitoring {
	if !v.truth(name, "enable") {
		return nil
	}
	out := &monitoring{
		clusterName: v.text(name, "clusterName"), privateIPs: v.networks(name, "privateIPs"), endpoints: v.networks(name, "httpEndpoints"),
		timeout: v.number(name, "timeout"), delay: v.number(name, "delay"),
	}
	if out.timeout == monitoringTimeout {
		out.timeout = 0
	}
	if out.delay == monitoringDelay {
		out.delay = 0
	}
	slices.Sort(out.privateIPs)
	return out
}

// number at a path, 0 for none.
func (v chartValues) number(path ...string) int64 {
	n, _ := strconv.ParseInt(v.text(path...), 10, 64)
	return n
}
