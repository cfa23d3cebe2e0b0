package strongswan

import (
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

const timeout = 10 * time.Minute

// Describe says what the resource looks like.
func (part) Describe() framework.Description {
	return framework.Description{
		Name:          "strongswan_vpn",
		Schema:        schema.Schema{MarkdownDescription: describeResource, Attributes: attributes()},
		Key:           []string{"namespace", "name"},
		ImportID:      importID,
		Recorded:      []string{"revision", "release_digest"},
		Stable:        []string{"load_balancer_ips"},
		CreateTimeout: timeout, UpdateTimeout: timeout, DeleteTimeout: timeout,
	}
}

const describeResource = `An IPsec tunnel between the cluster and a network elsewhere: a Helm release of strongSwan, without the 80 lines of values and without a key in a ConfigMap. What the chart would only complain about in a pod's log is an error of the plan, at its attribute.

The pre-shared key is a Secret and stands nowhere else: not in the state, not in a plan, not in a ConfigMap, not in Helm's record of the release. No helm program is needed, and nothing is left on disk.

With IBM's chart the file of the key, which that chart keeps in a ConfigMap, is moved on the way into a Secret that the pod finds at the same place. A release that somebody made with helm can be imported: its values become attributes; if its key stands in a ConfigMap or in Helm's records, the plan says so, and the apply moves it and removes those records. Whoever could read them knows the key, so have a new one. The chart's own removal needs the internet; here the VPN pod is stopped first, and what it made goes with it.

* **Classic:** the load balancer for UDP 500 and 4500 can have an IP of your choice.
* **VPC:** IBM's chart is for classic clusters; use ` + "`chart = { source = \"builtin\" }`" + `, whose load balancer is a network load balancer that gets its address from the VPC.`

func attributes() map[string]schema.Attribute {
	all := identityAttributes()
	for _, group := range []map[string]schema.Attribute{endAttributes(), keyAttributes(), connectionAttributes(), networkAttributes(), podAttributes(), computedAttributes()} {
		maps.Copy(all, group)
	}
	return all
}

// identityAttributes say which release it is, and of what.
func identityAttributes() map[string]schema.Attribute {
	replaces := []planmodifier.String{stringplanmodifier.RequiresReplace()}
	return map[string]schema.Attribute{
		"namespace": schema.StringAttribute{
			Optional: true, Computed: true, Default: stringdefault.StaticString(defaultOf("namespace")), PlanModifiers: replaces,
			MarkdownDescription: "Namespace of the release, which must exist. Default `" + defaultOf("namespace") + "`. Another value replaces the resource.",
		},
		"name": schema.StringAttribute{
			Required: true, PlanModifiers: replaces,
			MarkdownDescription: "Name of the release, a DNS label of at most 35 characters. Another value replaces the resource.",
		},
		"chart": group("Where the release's chart is from.", map[string]schema.Attribute{
			"source":  textBy("chart.source", "`iks-charts`: IBM's chart `strongswan` from `https://icr.io/helm/iks-charts`; classic clusters only. `builtin`: the chart that comes with the provider, with the same tunnel from stock strongSwan, on classic and VPC. Else a copy of IBM's chart: the URL of a chart repository (`https://private.icr.io/helm/iks-charts` within IBM Cloud) or of a `.tgz`, an `oci://` reference, or a path. The provider fetches it by way of the proxy that `HTTPS_PROXY` names."),
			"version": text("Version of the chart, or a constraint on it such as `~2.10`; not with `builtin`. Default `" + ibmChartVersion + "` with `iks-charts`, else the newest when the release is made. A release keeps its version while that is one that is asked for: what is published later upgrades nothing by itself."),
		}),
		"image": text("Image with strongSwan that the pods of the `builtin` chart run, which needs one; best with its digest. IBM's chart names its own."),
	}
}

// endAttributes are the two ends of the tunnel.
func endAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"initiate": truth("Whether the cluster calls the remote gateway; otherwise it listens. Default `false`."),
		"remote": schema.SingleNestedAttribute{
			Required: true, MarkdownDescription: "The remote end.",
			Attributes: map[string]schema.Attribute{
				"gateway":      textBy("remote.gateway", "IPv4 address or host name of the remote gateway; needed with `initiate`. `%any` is anybody who has the key."),
				"subnets":      set(true, "IPv4 networks behind the remote gateway. The workers route them into the tunnel, so networks of the cluster's own or of IBM Cloud's are refused."),
				"id":           textBy("remote.id", "Identity of the remote end."),
				"ping_address": text("Address in `subnets` that answers ping, for the tests of the tunnel that IBM's chart has (`helm test`); the `builtin` one has none. Default none."),
			},
		},
		"local": schema.SingleNestedAttribute{
			Required: true, MarkdownDescription: "The cluster's end.",
			Attributes: map[string]schema.Attribute{
				"subnets":             set(false, "IPv4 networks that the remote end may reach, such as the cluster's pod and service subnets."),
				"id":                  textBy("local.id", "Identity of the cluster's end. `%loadBalancerIP` is `load_balancer_ip`; `%nodePublicIP`, with IBM's chart, the public IP of the pod's worker."),
				"zone_subnets":        pairsOf("Network by zone, in the place of `subnets`. Default none."),
				"non_cluster_subnets": set(false, "Networks in `subnets` that lie behind the workers, which pass packets on for them. Default none."),
			},
		},
	}
}

// keyAttributes are what the ends prove themselves with.
func keyAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"preshared_key_wo": schema.StringAttribute{
			Optional: true, WriteOnly: true, Sensitive: true,
			MarkdownDescription: "The pre-shared key. It is write-only (Terraform 1.11, OpenTofu 1.11): it goes into the Secret `<name>-strongswan-key` and into neither plan nor state. Exactly one of this and `preshared_key_secret` is set.",
		},
		"preshared_key_wo_version": schema.Int64Attribute{
			Optional:            true,
			MarkdownDescription: "Version of `preshared_key_wo`, needed with it. Another value writes the key anew and restarts the VPN pod. A key that changes without it cannot be seen.",
		},
		"preshared_key_secret": schema.SingleNestedAttribute{
			Optional: true, MarkdownDescription: "A Secret of the release's namespace that holds the key already, in the place of `preshared_key_wo`. It is read and never changed. IBM's chart needs a file around the key, so with it the key is copied into the Secret `<name>-strongswan-key`; a plan says when the two have parted, and the apply copies it again and restarts the VPN pod.",
			Attributes: map[string]schema.Attribute{
				"name": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the Secret."},
				"key":  textBy("preshared_key_secret.key", "Entry of its data."),
			},
		},
	}
}

// connectionAttributes are the terms of the connection.
func connectionAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"ike": group("Terms of the key exchange.", map[string]schema.Attribute{
			"version":   oneOf("ike.version", "`ikev2`, `ikev1` or `ike` (either).", ikeV1, ikeV2, ikeAny),
			"proposals": list("Algorithms, best first, such as `aes256-sha256-modp2048`; nothing else is offered or taken. Default the chart's own; needed with IKEv1."),
			"lifetime":  textBy("ike.lifetime", "Time after which the ends prove themselves anew: seconds, or a number with `s`, `m`, `h` or `d`."),
		}),
		"esp": group("Terms of the tunnel's packets.", map[string]schema.Attribute{
			"proposals": list("Algorithms, best first, such as `aes256gcm128-modp2048`; nothing else is offered or taken. Default the chart's own; needed with IKEv1."),
			"lifetime":  textBy("esp.lifetime", "Time after which keys are renewed."),
			"margin":    textBy("esp.margin", "Time before the end of a lifetime in which new keys are negotiated. strongSwan stretches it at random, up to twice."),
		}),
		"dpd_action":    oneOf("dpd_action", "What happens when the peer is dead: `restart`, `hold`, `clear` or `none`.", "restart", "hold", "clear", "none"),
		"close_action":  oneOf("close_action", "What happens when the peer closes the tunnel: `auto` (`restart` with `initiate`), `restart`, `hold`, `clear` or `none`.", "auto", "restart", "hold", "clear", "none"),
		"keying_tries":  textBy("keying_tries", "Attempts at a key exchange, 1 to 9999, or `%forever`."),
		"extra_options": list("Further options of the connection, `name = value` each: of swanctl.conf with the `builtin` chart, of ipsec.conf with IBM's. Default none."),
	}
}

// networkAttributes are how packets get into the tunnel and to the gateway.
func networkAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"local_subnet_nat":               pairsOf("What the remote end sees of the cluster's networks: network to network of the same size, or to one address, which then stands in `local.subnets`. Default none."),
		"remote_subnet_nat":              pairsOf("What the cluster sees of the networks in `remote.subnets`: network to network of the same size. Default none."),
		"single_source_ip":               truth("Whether everything from the cluster shows as the one address in `local.subnets`. Outbound only. Default `false`."),
		"pod_snat":                       oneOf("pod_snat", "Whether packets of pods have their worker's address: `auto` (if `local.subnets` lack the pod subnet), `true` or `false`.", snatAuto, snatOn, snatOff),
		"service_type":                   oneOf("service_type", "Load balancer for UDP 500 and 4500: `public`, `private` or `none`; the latter two with the `builtin` chart.", servicePublic, servicePrivate, serviceNone),
		"load_balancer_ip":               text("IPv4 address of the load balancer, a free portable one of the cluster's. Classic only. Default: one is assigned."),
		"zone_load_balancers":            pairsOf("Address of the load balancer by zone, in the place of `load_balancer_ip`. Classic only. Default none."),
		"connect_using_load_balancer_ip": oneOf("connect_using_load_balancer_ip", "With `initiate` and IBM's chart: whether the cluster calls from the load balancer's IP. `auto` (if there is one), `true` or `false`.", "auto", "true", "false"),
		"service_source_ip":              truth("Whether the load balancer keeps the remote gateway's address. Default `false`."),
	}
}

// podAttributes are where and how the pods run.
func podAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"node_selector":        pairsOf("The label, one, of the workers on which the VPN pod runs. Default any; edge workers are preferred and their taint is tolerated."),
		"zone":                 text("Zone in which the VPN pod runs. Default any."),
		"zone_specific_routes": truth("Whether only workers of `zone` use the tunnel. Default `false`."),
		"tolerations":          tolerationsAttribute("Further tolerations of the pods that keep the workers' routes, beside those of `dedicated`. Default none."),
		"validate":             oneOf("validate", "How strictly IBM's chart checks the configuration when its pod starts: `strict`, `simple` or `off`.", "strict", "simple", "off"),
		"monitoring":           monitoringAttribute(),
		"logging": schema.MapAttribute{
			ElementType: types.Int64Type, Optional: true,
			MarkdownDescription: "Levels of strongSwan's log by part, -1 (silent) to 2. Default `{ default = 1, ike = 2, net = 0 }`, with IBM's chart `{ default = 1, cfg = 2, dmn = 2, ike = 2, net = 0 }`.",
		},
		"privileged":   truth("Whether the VPN pod runs privileged. Default `false`: it has the capabilities that it needs."),
		"extra_values": text("Further values of the chart, a JSON object (`jsonencode`), over those of this resource. They are recorded in the cluster: no secret belongs here. Default none."),
		"wait_for":     oneOf("wait_for", "What an apply waits for. `none`; `pods`: the release's pods are ready and its load balancers have addresses; `established`: the tunnel carries packets as well, so the remote end must be there. For the last one the identity needs the right to get `pods/log`, unless it is the `builtin` chart and the cluster initiates.", waitNone, waitPods, waitEstablished),
	}
}

func computedAttributes() map[string]schema.Attribute {
	return map[string]schema.Attribute{
		"load_balancer_ips": schema.ListAttribute{ElementType: types.StringType, Computed: true, MarkdownDescription: "Addresses of the load balancers, sorted: what the remote end calls, and what its firewall has to let through. Host names on VPC."},
		"chart_version":     schema.StringAttribute{Computed: true, MarkdownDescription: "Version of the chart of the release."},
		"app_version":       schema.StringAttribute{Computed: true, MarkdownDescription: "Version of what the chart runs, as the chart says."},
		"revision":          schema.Int64Attribute{Computed: true, MarkdownDescription: "Revision of the Helm release that this resource made last."},
		"release_digest":    schema.StringAttribute{Computed: true, MarkdownDescription: "Digest of that revision, by which changes of others are told."},
	}
}
