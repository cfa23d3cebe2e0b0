package strongswan

import (
	"encoding/json"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// model is the resource as Terraform has it.
type model struct {
	framework.Common

	Namespace types.String `tfsdk:"namespace"`
	Name      types.String `tfsdk:"name"`
	Chart     types.Object `tfsdk:"chart"`
	Image     types.String `tfsdk:"image"`
	Initiate  types.Bool   `tfsdk:"initiate"`
	Remote    types.Object `tfsdk:"remote"`
	Local     types.Object `tfsdk:"local"`
	IKE       types.Object `tfsdk:"ike"`
	ESP       types.Object `tfsdk:"esp"`

	// Key is write-only: it stands in a configuration alone.
	Key        types.String `tfsdk:"preshared_key_wo"`
	KeyVersion types.Int64  `tfsdk:"preshared_key_wo_version"`
	KeySecret  types.Object `tfsdk:"preshared_key_secret"`

	DPDAction    types.String `tfsdk:"dpd_action"`
	CloseAction  types.String `tfsdk:"close_action"`
	KeyingTries  types.String `tfsdk:"keying_tries"`
	ExtraOptions types.List   `tfsdk:"extra_options"`

	LocalNAT       types.Map    `tfsdk:"local_subnet_nat"`
	RemoteNAT      types.Map    `tfsdk:"remote_subnet_nat"`
	SingleSourceIP types.Bool   `tfsdk:"single_source_ip"`
	PodSNAT        types.String `tfsdk:"pod_snat"`

	ServiceType     types.String `tfsdk:"service_type"`
	BalancerIP      types.String `tfsdk:"load_balancer_ip"`
	ZoneBalancers   types.Map    `tfsdk:"zone_load_balancers"`
	ConnectUsing    types.String `tfsdk:"connect_using_load_balancer_ip"`
	ServiceSourceIP types.Bool   `tfsdk:"service_source_ip"`

	NodeSelector types.Map    `tfsdk:"node_selector"`
	Zone         types.String `tfsdk:"zone"`
	ZoneRoutes   types.Bool   `tfsdk:"zone_specific_routes"`
	Tolerations  types.List   `tfsdk:"tolerations"`
	Validate     types.String `tfsdk:"validate"`
	Monitoring   types.Object `tfsdk:"monitoring"`
	Logging      types.Map    `tfsdk:"logging"`
	Privileged   types.Bool   `tfsdk:"privileged"`
	ExtraValues  types.String `tfsdk:"extra_values"`
	WaitFor      types.String `tfsdk:"wait_for"`

	Balancers    types.List   `tfsdk:"load_balancer_ips"`
	ChartVersion types.String `tfsdk:"chart_version"`
	AppVersion   types.String `tfsdk:"app_version"`
	Revision     types.Int64  `tfsdk:"revision"`
	Digest       types.String `tfsdk:"release_digest"`
}

// roots are the attributes that a tunnel is read from, by name.
func (m *model) roots() map[string]attr.Value {
	return map[string]attr.Value{
		"namespace": m.Namespace, "name": m.Name, "chart": m.Chart, "image": m.Image, "initiate": m.Initiate,
		"remote": m.Remote, "local": m.Local, "ike": m.IKE, "esp": m.ESP,
		"preshared_key_wo": m.Key, "preshared_key_wo_version": m.KeyVersion, "preshared_key_secret": m.KeySecret,
		"dpd_action": m.DPDAction, "close_action": m.CloseAction, "keying_tries": m.KeyingTries, "extra_options": m.ExtraOptions,
		"local_subnet_nat": m.LocalNAT, "remote_subnet_nat": m.RemoteNAT, "single_source_ip": m.SingleSourceIP, "pod_snat": m.PodSNAT,
		"service_type": m.ServiceType, "load_balancer_ip": m.BalancerIP, "zone_load_balancers": m.ZoneBalancers, "connect_using_load_balancer_ip": m.ConnectUsing, "service_source_ip": m.ServiceSourceIP,
		"node_selector": m.NodeSelector, "zone": m.Zone, "zone_specific_routes": m.ZoneRoutes, "tolerations": m.Tolerations,
		"validate": m.Validate, "monitoring": m.Monitoring, "logging": m.Logging, "privileged": m.Privileged, "extra_values": m.ExtraValues,
	}
}

// tunnel reads the model. What is not known yet is left out and stands in unknown.
func (m *model) tunnel() (tunnel, []objection) {
	r := reader{roots: m.roots(), unknown: map[string]bool{}}
	t := tunnel{
		namespace: r.text("namespace"), name: r.text("name"),
		source: r.text("chart.source"), version: r.text("chart.version"), image: r.text("image"), initiate: r.truth("initiate"),
		remote: remoteEnd{
			gateway: r.text("remote.gateway"), subnets: r.texts("remote.subnets"),
			id: r.text("remote.id"), ping: r.text("remote.ping_address"),
		},
		local: localEnd{
			subnets: r.texts("local.subnets"), id: r.text("local.id"),
			zoneSubnets: r.mapped("local.zone_subnets"), nonCluster: r.texts("local.non_cluster_subnets"),
		},
		ike: ikeTerms{version: r.text("ike.version"), proposals: r.texts("ike.proposals"), lifetime: r.text("ike.lifetime")},
		esp: espTerms{proposals: r.texts("esp.proposals"), lifetime: r.text("esp.lifetime"), margin: r.text("esp.margin")},

		dpdAction: r.text("dpd_action"), closeAction: r.text("close_action"),
		keyingTries: r.text("keying_tries"), extraOptions: r.texts("extra_options"),
		localNAT: r.mapped("local_subnet_nat"), remoteNAT: r.mapped("remote_subnet_nat"),
		singleSourceIP: r.truth("single_source_ip"), podSNAT: r.text("pod_snat"),
		serviceType: r.text("service_type"), balancerIP: r.text("load_balancer_ip"),
		zoneBalancers: r.mapped("zone_load_balancers"), serviceSourceIP: r.truth("service_source_ip"),
		nodeSelector: r.mapped("node_selector"), zone: r.text("zone"), zoneRoutes: r.truth("zone_specific_routes"),
		connectUsing: r.text("connect_using_load_balancer_ip"), validate: r.text("validate"), monitoring: r.monitoring("monitoring"),
		tolerations: r.tolerations("tolerations"), logging: r.levels("logging"), privileged: r.truth("privileged"),
		preSharedKey: r.text("preshared_key_wo"), keyVersion: r.number("preshared_key_wo_version"),
		keySecret: r.text("preshared_key_secret.name"), keyKey: r.text("preshared_key_secret.key"),
		unknown: r.unknown,
	}
	if r.roots["preshared_key_secret"].IsUnknown() {
		t.unknown["preshared_key_secret"] = true
	}
	var wrong []objection
	if text := r.text("extra_values"); text != "" && json.Unmarshal([]byte(text), &t.extraValues) != nil {
		wrong = one("extra_values", "it is not a JSON object; write it with jsonencode({ ... })")
	}
	return t, wrong
}

// problems of a configuration, with the attributes that they are about.
func (m *model) problems() []framework.Problem {
	t, wrong := m.tunnel()
	wrong = append(wrong, m.checkKeySource()...)
	return problemsOf(append(wrong, t.check()...))
}

// checkKeySource makes sure that there is one source of the key, and a version
// where Terraform could not tell another key otherwise.
func (m *model) checkKeySource() []objection {
	switch {
	case m.Key.IsUnknown() || m.KeySecret.IsUnknown():
		return nil
	case !m.Key.IsNull() && !m.KeySecret.IsNull():
		return one("preshared_key_secret", "preshared_key_wo and preshared_key_secret are both set; leave one of them out")
	case !m.Key.IsNull() && m.KeyVersion.IsNull():
		return one("preshared_key_wo_version", "Terraform keeps no trace of preshared_key_wo and cannot see that it changed; give it a version, and another one with every new key")
	}
	return nil
}

func problemsOf(objections []objection) []framework.Problem {
	var out []framework.Problem
	for _, o := range objections {
		root, inner, nested := strings.Cut(o.at, ".")
		at := path.Root(root)
		if nested {
			at = at.AtName(inner)
		}
		summary := "The tunnel cannot be like this"
		if o.warning {
			summary = "The tunnel is weaker than it could be"
		}
		out = append(out, framework.Problem{Path: at, Summary: summary, Detail: framework.Sentence(o.says), Warning: o.warning})
	}
	return out
}
