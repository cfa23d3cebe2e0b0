package strongswan

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// chartValues are values of a release, as Helm's record has them.
type chartValues map[string]any

// text at a path, whatever kind of value it is; "" for none.
func (v chartValues) text(path ...string) string {
	switch value := tableAt(v, path[:len(path)-1]...)[path[len(path)-1]].(type) {
	case string:
		return value
	case bool:
		return strconv.FormatBool(value)
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return ""
}

func (v chartValues) truth(path ...string) bool { return v.text(path...) == "true" }

// lines are the entries of a text that has them on lines of their own.
func (v chartValues) lines(path ...string) []string { return entries(v.text(path...), "\n") }

// networks are the entries of a list that has commas, blanks or line breaks between them.
func (v chartValues) networks(path ...string) []string { return entries(v.text(path...), ", \t\n") }

// proposals of a phase, with or without the mark that they hold alone.
func (v chartValues) proposals(phase string) []string {
	return entries(strings.TrimSuffix(strings.TrimSpace(v.text("ipsec", phase)), strict), ", \t\n")
}

// mapped are entries written left=right.
func (v chartValues) mapped(path ...string) map[string]string {
	var out map[string]string
	for _, entry := range v.networks(path...) {
		if left, right, is := strings.Cut(entry, "="); is {
			if out == nil {
				out = map[string]string{}
			}
			out[left] = right
		}
	}
	return out
}

func (v chartValues) texts(path ...string) map[string]string {
	var out map[string]string
	for key := range tableAt(v, path...) {
		if out == nil {
			out = map[string]string{}
		}
		out[key] = v.text(append(slices.Clone(path), key)...)
	}
	return out
}

func entries(text, separators string) []string {
	var out []string
	for _, entry := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		if entry = strings.TrimSpace(entry); entry != "" {
			out = append(out, entry)
		}
	}
	return out
}

// tunnelOf reads the tunnel that a release was made for: the inverse of
// [tunnel.values], but for what two tunnels are told apart by in no release.
func tunnelOf(namespace, name, source string, v chartValues) tunnel {
	t := tunnel{
		namespace: namespace, name: name, source: source, initiate: v.text("ipsec", "auto") == "start",
		remote: remoteEnd{
			gateway: v.text("remote", "gateway"), subnets: v.networks("remote", "subnet"),
			id: v.text("remote", "id"), ping: v.text("remote", "privateIPtoPing"),
		},
		local: localEnd{
			subnets: v.networks("local", "subnet"), id: v.text("local", "id"),
			zoneSubnets: v.mapped("local", "zoneSubnet"), nonCluster: v.networks("localNonClusterSubnet"),
		},
		ike: ikeTerms{version: v.text("ipsec", "keyexchange"), proposals: v.proposals("ike"), lifetime: v.text("ipsec", "ikelifetime")},
		esp: espTerms{proposals: v.proposals("esp"), lifetime: v.text("ipsec", "lifetime"), margin: v.text("ipsec", "margintime")},

		dpdAction: v.text("ipsec", "dpdaction"), closeAction: v.text("ipsec", "closeaction"),
		keyingTries: v.text("ipsec", "keyingtries"), extraOptions: v.lines("ipsec", "additionalOptions"),
		localNAT: v.mapped("localSubnetNAT"), remoteNAT: v.mapped("remoteSubnetNAT"),
		singleSourceIP: v.truth("enableSingleSourceIP"), podSNAT: v.text("enablePodSNAT"),
		balancerIP: v.text("loadBalancerIP"), zoneBalancers: v.mapped("zoneLoadBalancer"), serviceSourceIP: v.truth("enableServiceSourceIP"),
		nodeSelector: v.texts("nodeSelector"), zone: v.text("zoneSelector"), zoneRoutes: v.truth("zoneSpecificRoutes"),
		privileged: v.truth("privilegedVpnPod"), tolerations: v.tolerations("tolerations"), unknown: map[string]bool{},
	}
	if slices.Equal(t.local.subnets, []string{zoneSubnetWord}) {
		t.local.subnets = nil
	}
	t.logging = v.levels("strongswanLogging")
	if maps.Equal(t.logging, t.defaultLogging()) {
		t.logging = nil
	}
	return t
}

// builtinTunnelOf is the inverse of [tunnel.builtinValues].
func builtinTunnelOf(namespace, name string, v chartValues) tunnel {
	t := tunnelOf(namespace, name, sourceBuiltin, v)
	t.image, t.serviceType = v.text("image"), v.text("serviceType")
	if secret := v.text("presharedKey", "secretName"); secret != t.secretName() {
		t.keySecret, t.keyKey = secret, v.text("presharedKey", "secretKey")
	} else if version, err := strconv.ParseInt(v.text("presharedKey", "version"), 10, 64); err == nil {
		t.keyVersion = version
	}
	of := facts{vpc: v.text("infrastructure") == "vpc", podSubnet: v.text("podSubnet")}
	t.extraValues = beyond(v, t.builtinValues(of))
	return t
}

func (v chartValues) tolerations(name string) []toleration {
	list, _ := v[name].([]any)
	var out []toleration
	for _, entry := range list {
		fields, _ := entry.(map[string]any)
		of := chartValues(fields)
		out = append(out, toleration{key: of.text("key"), operator: of.text("operator"), value: of.text("value"), effect: of.text("effect")})
	}
	return out
}

func (v chartValues) levels(name string) map[string]int64 {
	out := map[string]int64{}
	for _, entry := range strings.Fields(v.text(name)) {
		part, text, _ := strings.Cut(entry, "=")
		if level, err := strconv.ParseInt(text, 10, 64); err == nil {
			out[part] = level
		}
	}
	return out
}

// beyond are the values of have that differ from those of base, nil for none.
func beyond(have, base map[string]any) map[string]any {
	var out map[string]any
	for key, value := range have {
		if alike(value, base[key]) {
			continue
		}
		inner, isTable := value.(map[string]any)
		below, wasTable := base[key].(map[string]any)
		if isTable && wasTable {
			value = beyond(inner, below)
		}
		if out == nil {
			out = map[string]any{}
		}
		out[key] = value
	}
	return out
}

// alike compares values as Helm's record keeps them: as JSON.
func alike(a, b any) bool {
	return reflect.DeepEqual(jsonOf(a), jsonOf(b))
}

func jsonOf(value any) any {
	raw, err := json.Marshal(value)
	if err != nil {
		return value
	}
	var out any
	if json.Unmarshal(raw, &out) != nil {
		return value
	}
	return out
}
