package strongswan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// values are what IBM's chart and the builtin one both take (IBM's chart 2.10.7).
// Every one is written out, so that a release says what it is whatever the
// defaults of its chart. The pre-shared key is not among them.
func (t tunnel) values() map[string]any {
	auto := "add"
	if t.initiate {
		auto = "start"
	}
	local := map[string]any{"subnet": listed(t.localSubnets()), "id": t.localID()}
	if t.zone == "" && len(t.local.zoneSubnets) > 0 {
		local["subnet"], local["zoneSubnet"] = zoneSubnetWord, joinedPairs(t.local.zoneSubnets, "\n")
	}
	return map[string]any{
		"ipsec": map[string]any{
			"keyexchange": t.ike.version, "ike": strings.Join(t.ike.proposals, ","), "esp": strings.Join(t.esp.proposals, ","),
			"auto": auto, "closeaction": t.closeAction, "dpdaction": t.dpdAction, "keyingtries": t.keyingTries,
			"ikelifetime": t.ike.lifetime, "lifetime": t.esp.lifetime, "margintime": t.esp.margin,
			"additionalOptions": strings.Join(t.extraOptions, "\n"),
		},
		"local": local,
		"remote": map[string]any{
			"gateway": t.remote.gateway, "subnet": listed(t.remote.subnets),
			"id": t.remote.id, "privateIPtoPing": t.remote.ping,
		},
		"enablePodSNAT": t.podSNAT, "enableServiceSourceIP": t.serviceSourceIP, "enableSingleSourceIP": t.singleSourceIP,
		"localNonClusterSubnet": listed(t.local.nonCluster),
		"localSubnetNAT":        translationsOf(t.localNAT),
		"remoteSubnetNAT":       translationsOf(t.remoteNAT),
		"loadBalancerIP":        t.balancerIP,
		"zoneLoadBalancer":      joinedPairs(t.zoneBalancers, "\n"),
		"nodeSelector":          texted(t.nodeSelector),
		"zoneSelector":          t.zone,
		"zoneSpecificRoutes":    t.zoneRoutes,
		"privilegedVpnPod":      t.privileged,
		"tolerations":           t.tolerationValues(),
		"strongswanLogging":     t.loggingValue(),
	}
}

// facts of a cluster that the builtin chart goes by.
type facts struct {
	vpc       bool
	podSubnet string
}

// builtinValues are values of the builtin chart. The user's extra values come
// last and win.
func (t tunnel) builtinValues(f facts) map[string]any {
	out := t.values()
	infrastructure := "classic"
	if f.vpc {
		infrastructure = "vpc"
	}
	maps.Copy(out, map[string]any{
		"image": t.image, "serviceType": t.serviceType, "infrastructure": infrastructure,
		builtinKeyValue: map[string]any{"secretName": t.secretName(), "secretKey": t.secretKey(), "version": fmt.Sprint(t.keyVersion)},
	})
	if f.podSubnet != "" {
		out["podSubnet"] = f.podSubnet
	}
	return merged(out, t.extraValues)
}

// given are the values of either chart, as far as the tunnel alone says them.
func (t tunnel) given() map[string]any {
	if t.builtin() {
		return t.builtinValues(facts{})
	}
	return t.ibmValues(keyInRelease{})
}

// builtinKeyValue is the value by which the builtin chart is told from IBM's.
const builtinKeyValue = "presharedKey"

// Key of a Secret of ours, with the builtin chart.
const ownSecretKey = "key"

// ownsSecret tells whether the Secret that the pods mount is ours: with the
// builtin chart it may be the user's own, and IBM's needs a file around the key.
func (t tunnel) ownsSecret() bool { return t.keySecret == "" || !t.builtin() }

// ownSecretName is what a Secret of ours is called.
func (t tunnel) ownSecretName() string { return t.name + "-strongswan-key" }

// secretName is the Secret that the pod has its key from.
func (t tunnel) secretName() string {
	if t.ownsSecret() {
		return t.ownSecretName()
	}
	return t.keySecret
}

// secretKey is the entry of that Secret.
func (t tunnel) secretKey() string {
	switch {
	case !t.builtin():
		return secretsFile
	case t.ownsSecret():
		return ownSecretKey
	}
	return t.keyKey
}

// localID is the identity of the cluster's end.
func (t tunnel) localID() string {
	if t.local.id != balancerAsID || !t.builtin() {
		return t.local.id
	}
	if address, of := t.zoneBalancers[t.zone]; of {
		return address
	}
	return t.balancerIP
}

func (t tunnel) tolerationValues() []any {
	out := []any{}
	for _, one := range t.tolerations {
		entry := map[string]any{}
		for name, value := range map[string]string{"key": one.key, "operator": one.operator, "value": one.value, "effect": one.effect} {
			if value != "" {
				entry[name] = value
			}
		}
		out = append(out, entry)
	}
	return out
}

// defaultLogging tells why a peer was refused. IBM's chart watches its log, and
// has these levels by default; the builtin one's probes would show in `cfg = 2`.
func (t tunnel) defaultLogging() map[string]int64 {
	if !t.builtin() {
		return map[string]int64{"default": 1, "cfg": 2, "dmn": 2, "ike": 2, "net": 0}
	}
	return map[string]int64{"default": 1, "ike": 2, "net": 0}
}

func (t tunnel) loggingValue() string {
	levels := t.logging
	if levels == nil {
		levels = t.defaultLogging()
	}
	var out []string
	for _, name := range slices.Sorted(maps.Keys(levels)) {
		out = append(out, fmt.Sprintf("%s=%d", name, levels[name]))
	}
	return strings.Join(out, " ")
}

// listed are networks in the form and order in which a chart gets them.
func listed(networks []string) string {
	read, _ := networksAt("", networks)
	return joined(read)
}

// translationsOf are the pairs of a NAT, likewise.
func translationsOf(nat map[string]string) string {
	read, _ := pairs("", nat)
	var out []string
	for _, n := range read {
		out = append(out, n.from.String()+"="+n.to.String())
	}
	return strings.Join(out, ",")
}

func joinedPairs(pairs map[string]string, by string) string {
	var out []string
	for _, left := range slices.Sorted(maps.Keys(pairs)) {
		out = append(out, left+"="+pairs[left])
	}
	return strings.Join(out, by)
}

// texted is a map as it comes out of a chart's values.
func texted(m map[string]string) map[string]any {
	out := map[string]any{}
	for key, value := range m {
		out[key] = value
	}
	return out
}

// merged lays one map over another, inner maps as well; neither is changed.
func merged(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	for key, value := range over {
		inner, isMap := value.(map[string]any)
		below, wasMap := out[key].(map[string]any)
		if isMap && wasMap {
			value = merged(below, inner)
		}
		out[key] = value
	}
	return out
}
