package strongswan

import (
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

func podsAttribute() schema.ListNestedAttribute {
	return schema.ListNestedAttribute{
		Computed:            true,
		MarkdownDescription: "The release's VPN pods, the newest first. There is one, but for the moments in which it is replaced.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"name":     schema.StringAttribute{Computed: true, MarkdownDescription: "Name of the pod."},
			"node":     schema.StringAttribute{Computed: true, MarkdownDescription: "Worker that it runs on. Null if it has none yet."},
			"address":  schema.StringAttribute{Computed: true, MarkdownDescription: "IP address of the pod. Null if it has none yet."},
			"phase":    schema.StringAttribute{Computed: true, MarkdownDescription: "Phase in Kubernetes' words: `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`."},
			"ready":    schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it is ready."},
			"restarts": schema.Int64Attribute{Computed: true, MarkdownDescription: "How often its strongSwan has been started anew."},
			"reason":   schema.StringAttribute{Computed: true, MarkdownDescription: "Why it is not ready. Empty if it is."},
		}},
	}
}

func connectionsAttribute() schema.ListNestedAttribute {
	subnets := func(whose string) schema.ListAttribute {
		return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Networks of " + whose + " end that the tunnel carries packets of, as the ends have agreed on them (traffic selectors); of a connection that is not up those that it is to carry, where `exec` tells. Else empty."}
	}
	return schema.ListNestedAttribute{
		Computed:            true,
		MarkdownDescription: "The connections that strongSwan has or speaks of, sorted by name; empty with `observe = \"none\"`. A release has one, `k8s-conn`, or one per zone.",
		NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
			"name":           schema.StringAttribute{Computed: true, MarkdownDescription: "Name in strongSwan's configuration."},
			"up":             schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it carries packets. Null if that cannot be told."},
			"state":          schema.StringAttribute{Computed: true, MarkdownDescription: "`installed`: it carries packets, also while keys are renewed (`rekeying`, `rekeyed`). `established`: the ends have agreed on each other, and not on networks or ciphers. `connecting`: the remote end is being called. `down`: none of these. `unknown`: the log does not reach back far enough. Seldom others of strongSwan's states."},
			"reason":         schema.StringAttribute{Computed: true, MarkdownDescription: "Why it is not up. Empty if it is."},
			"peer":           schema.StringAttribute{Computed: true, MarkdownDescription: "Address of the remote end. Null if none is known."},
			"local_subnets":  subnets("the cluster's"),
			"remote_subnets": subnets("the remote"),
			"bytes_in":       schema.Int64Attribute{Computed: true, MarkdownDescription: "Bytes that have come through the tunnel with its present keys. Null unless `observe = \"exec\"`."},
			"bytes_out":      schema.Int64Attribute{Computed: true, MarkdownDescription: "Bytes that have gone through it, likewise."},
		}},
	}
}
