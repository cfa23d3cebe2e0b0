package strongswan

import (
	"crypto/rand"
	"encoding/hex"
	"maps"
	"strings"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// Values of IBM's chart 2.10.7, where the builtin one has none.
const (
	monitoringTimeout, monitoringDelay = 5, 120
	slackValue                         = "slackWebhook"
)

// keyInRelease is what a release of IBM's chart says of its key. The chart looks
// at the secret alone; the rest is for us.
type keyInRelease struct {
	// placeholder stands in the key's place.
	placeholder string
	// version of the key: the declared one, or that of the user's Secret.
	version string
}

// ibmValues are values of IBM's chart. The user's extra values come last and win.
func (t tunnel) ibmValues(key keyInRelease) map[string]any {
	out := t.values()
	preshared := map[string]any{"secret": key.placeholder, "version": key.version}
	if t.keySecret != "" {
		preshared["secretName"], preshared["secretKey"] = t.keySecret, t.keyKey
	}
	ipsec := maps.Clone(tableAt(out, "ipsec"))
	ipsec["ike"], ipsec["esp"] = strictly(t.ike.proposals), strictly(t.esp.proposals)
	maps.Copy(out, map[string]any{
		"ipsec": ipsec, "validate": t.validate, "connectUsingLoadBalancerIP": t.connectUsing,
		"monitoring": t.monitoring.values(), "preshared": preshared,
	})
	return merged(out, t.extraValues)
}

// strict at the end of a list of proposals in ipsec.conf keeps strongSwan from
// adding its own to them, weaker ones among those (ipsec.conf(5)).
const strict = "!"

func strictly(proposals []string) string {
	if len(proposals) == 0 {
		return ""
	}
	return strings.Join(proposals, ",") + strict
}

// values of what the pod watches; nothing for nil.
func (m *monitoring) values() map[string]any {
	of := monitoring{}
	if m != nil {
		of = *m
	}
	if of.timeout == 0 {
		of.timeout = monitoringTimeout
	}
	if of.delay == 0 {
		of.delay = monitoringDelay
	}
	return map[string]any{
		"enable": m != nil, "clusterName": of.clusterName, "privateIPs": strings.Join(of.privateIPs, ","),
		"httpEndpoints": strings.Join(of.endpoints, ","), "timeout": of.timeout, "delay": of.delay,
	}
}

// placeholderStart is what every placeholder begins with, and no key.
const placeholderStart = "this-key-is-kept-in-a-secret-"

// placeholderOf is what a release has in the place of its key, a new one where
// it has none. It is random: whoever upgrades the release by hand makes a key of
// it, and nobody may guess that one.
func placeholderOf(now *helm.Release) string {
	if now != nil {
		if text := textAt(now.Values, "preshared", "secret"); strings.HasPrefix(text, placeholderStart) {
			return text
		}
	}
	random := make([]byte, 16)
	_, _ = rand.Read(random) // never fails
	return placeholderStart + hex.EncodeToString(random)
}

// holdsKey tells whether the record of a release of IBM's chart has a key in it.
func holdsKey(r *helm.Release) bool {
	if ofBuiltin(r) {
		return false
	}
	given := chartValues(r.Values)
	key, overridden := given.text("preshared", "secret"), given.text("overRideIpsecSecrets")
	return overridden != "" || key != "" && !strings.HasPrefix(key, placeholderStart)
}
