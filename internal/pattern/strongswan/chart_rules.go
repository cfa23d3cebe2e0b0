package strongswan

import (
	"net/url"
	"strings"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// checkSource looks at where the chart is from, and at its version.
func (t tunnel) checkSource() []objection {
	if !t.known("chart.source") {
		return nil
	}
	const at = "chart.source"
	var out []objection
	scheme, _, remote := strings.Cut(t.source, "://")
	address, err := url.Parse(t.source)
	switch {
	case !remote:
	case err != nil || address.Host == "":
		out = one(at, "this is not the address of a chart or of a repository")
	case address.User != nil:
		// It is not repeated: an error of a plan is in everybody's log.
		out = one(at, "credentials do not belong into the address, which is kept in the state; give them in the provider block, in chart_registries")
	case scheme == "http":
		out = []objection{{at: at, warning: true, says: "the chart comes unencrypted, so whoever is on the way can put another one in its place, with rights in this cluster. Serve it over https"}}
	case scheme != "https" && scheme != "oci":
		out = one(at, "%q is neither an https:// nor an oci:// address; a path is written without a scheme", t.source)
	case scheme == "oci" && strings.Trim(address.Path, "/") == "":
		out = one(at, "an oci:// reference names the chart itself, such as oci://%s/charts/%s", address.Host, chartName)
	}
	if !t.known("chart.version") || t.version == "" {
		return out
	}
	if err := helm.CheckVersion(t.version); err != nil {
		out = append(out, one("chart.version", "%q is neither a version such as %s nor a constraint such as ~2.10", t.version, ibmChartVersion)...)
	}
	if t.builtin() {
		out = append(out, one("chart.version", "the builtin chart comes with the provider, in one version; leave this out")...)
	}
	return out
}

// checkChart looks at what only one of the charts has.
func (t tunnel) checkChart() []objection {
	if !t.known("chart.source") {
		return nil
	}
	if t.builtin() {
		return append(t.checkImage(), t.checkBuiltin()...)
	}
	var out []objection
	if t.image != "" {
		out = one("image", "IBM's chart names its own image; `image` is for the builtin one")
	}
	if t.known("service_type") && t.serviceType != servicePublic && t.serviceType != "" {
		out = append(out, one("service_type", "the load balancer of IBM's chart is public; %q is for the builtin chart (`chart = { source = %q }`)", t.serviceType, sourceBuiltin)...)
	}
	if t.known("preshared_key_secret.name", "name") && t.keySecret != "" && t.keySecret == t.ownSecretName() {
		out = append(out, one("preshared_key_secret", "IBM's chart needs a file around the key, and that one is kept in Secret %s: have the key in a Secret of another name", t.keySecret)...)
	}
	return out
}

func (t tunnel) checkImage() []objection {
	switch {
	case !t.known("image"):
		return nil
	case t.image == "":
		return one("image", "the builtin chart runs strongSwan from an image of your choice, so it needs one: build it with the Dockerfile beside the chart, push it to a registry that the cluster pulls from, and name it here, best with its digest")
	case strings.ContainsAny(t.image, " \t\n"):
		return one("image", "%q is not the name of an image", t.image)
	}
	return nil
}

// checkBuiltin finds what only IBM's chart has.
func (t tunnel) checkBuiltin() []objection {
	var out []objection
	if t.known("validate") && t.validate != defaultOf("validate") && t.validate != "" {
		out = append(out, one("validate", "the pod of the builtin chart does not check its configuration when it starts, for everything was checked at plan; leave this out")...)
	}
	if t.known("connect_using_load_balancer_ip") && t.connectUsing != defaultOf("connect_using_load_balancer_ip") && t.connectUsing != "" {
		out = append(out, one("connect_using_load_balancer_ip", "the builtin chart calls from the worker that its pod is on; this is for IBM's chart")...)
	}
	if t.known("monitoring") && t.monitoring != nil {
		out = append(out, one("monitoring", "the builtin chart watches nothing through the tunnel; this is for IBM's chart")...)
	}
	return out
}

// checkExtraValues finds keys in values that Helm records, and what would lead
// the chart away from its Secret.
func (t tunnel) checkExtraValues() []objection {
	if !t.known("extra_values", "chart.source") {
		return nil
	}
	own := []string{"preshared", "overRideIpsecSecrets"}
	if t.builtin() {
		own = []string{builtinKeyValue}
	}
	for _, name := range own {
		if _, is := t.extraValues[name]; is {
			return one("extra_values", "%s is about the pre-shared key, which must not stand in values: Helm records them. Use preshared_key_wo or preshared_key_secret", name)
		}
	}
	if rbac, is := t.extraValues["enableRBAC"].(bool); is && !rbac && !t.builtin() && t.namespace != "kube-system" && t.known("namespace") {
		return one("extra_values", "without enableRBAC the objects of IBM's chart are in kube-system, so `namespace` must be that")
	}
	return nil
}
