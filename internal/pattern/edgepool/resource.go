package edgepool

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/terraform-plugin-framework-validators/int64validator"
	"github.com/hashicorp/terraform-plugin-framework-validators/mapvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/resourcevalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/setvalidator"
	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// NewResource makes the resource iks_edge_pool. What it makes share what this
// process knows of its own writes.
func NewResource() func() resource.Resource {
	return framework.NewResource[model](newPart(time.Now))
}

// part is the edge pool as the lifecycle sees it.
type part struct {
	now func() time.Time
	// changedPools says when this process last changed a pool's label or taint,
	// by cluster and pool ID.
	changedPools *sync.Map
	// applied has the IDs of clusters in which this process has put right what an
	// earlier one was killed in.
	applied *sync.Map
	// turns lets one resource at a time redeploy load balancers in a cluster.
	turns *turns
	// claims tells resources that take over each other's edge nodes apart.
	claims *claims
}

func newPart(now func() time.Time) *part {
	return &part{now: now, changedPools: &sync.Map{}, applied: &sync.Map{}, turns: newTurns(), claims: newClaims()}
}

// Describe says what the resource is called and looks like.
func (*part) Describe() framework.Description {
	return framework.Description{
		Name:          "edge_pool",
		Key:           []string{"worker_pool"},
		Schema:        resourceSchema(),
		CreateTimeout: 60 * time.Minute,
		UpdateTimeout: 60 * time.Minute,
		DeleteTimeout: 45 * time.Minute,
		Stable:        stableAttributes(),
		Validators: []resource.ConfigValidator{
			resourcevalidator.ExactlyOneOf(path.MatchRoot("worker_pool"), path.MatchRoot("node_names"), path.MatchRoot("node_selector")),
		},
	}
}

func resourceSchema() schema.Schema {
	return schema.Schema{
		MarkdownDescription: "Sets worker nodes apart for networking: they bear the label `dedicated=edge` and taints `dedicated=edge`, load balancers and ALBs run on them, " +
			"and nothing else does. Applying it checks first, labels, moves load balancers and ALBs over, closes the nodes to new pods, drains them within disruption budgets, " +
			"and only then evicts the rest. Destroying it goes the other way. Classic and VPC clusters.",
		Attributes: map[string]schema.Attribute{
			"worker_pool": schema.StringAttribute{
				Optional: true,
				MarkdownDescription: "Name or ID of a worker pool, all of whose nodes become edge nodes. Label and taint are set on the pool, so that workers that are added or replaced are born with them. " +
					"IBM's own worker pool resources manage the same label and taint maps: give theirs `lifecycle { ignore_changes = [labels, taints] }`. Exactly one of `worker_pool`, `node_names` and `node_selector`.",
				Validators: []validator.String{stringvalidator.LengthBetween(1, 253)},
			},
			"node_names": schema.SetAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Names of the nodes that become edge nodes; on IBM Cloud a node's name is its private IP address. A worker that is replaced comes back under another name, and an autoscaled pool adds and removes nodes by itself: prefer `worker_pool`.",
				Validators:          []validator.Set{setvalidator.SizeAtLeast(1), setvalidator.ValueStringsAre(stringvalidator.LengthBetween(1, 253))},
			},
			"node_selector": schema.MapAttribute{
				Optional: true, ElementType: types.StringType,
				MarkdownDescription: "Labels that select the nodes that become edge nodes; a node must bear all of them. New nodes that match show as drift until the next apply. A node that stops matching keeps its mark.",
				Validators:          []validator.Map{mapvalidator.SizeAtLeast(1), mapvalidator.KeysAre(stringvalidator.LengthBetween(1, 317))},
			},
			"taint_effects": schema.SetAttribute{
				Optional: true, Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Effects of the taints `dedicated=edge`: `NoSchedule` keeps new pods away, `NoExecute` also evicts those that run. Default `[\"NoExecute\"]` with `worker_pool`, because IKS keeps one effect per key on a pool and `NoExecute` keeps new pods away as well; " +
					"`[\"NoSchedule\", \"NoExecute\"]` otherwise. With both on a pool, `NoSchedule` is set on the nodes themselves, and a new node may lack it for 10 minutes.",
				PlanModifiers: []planmodifier.Set{effectsByMode{}},
				Validators: []validator.Set{
					setvalidator.SizeAtLeast(1),
					setvalidator.ValueStringsAre(stringvalidator.OneOf(string(corev1.TaintEffectNoSchedule), string(corev1.TaintEffectNoExecute))),
				},
			},
			"minimum_nodes_per_zone": schema.Int64Attribute{
				Optional: true, Computed: true, Default: int64default.StaticInt64(defaultMinimum),
				MarkdownDescription: "How many ready edge nodes each zone (and, on classic, each VLAN) with an enabled ALB or a load balancer must have. Default `2`; with fewer, IBM ignores the label and puts ALBs anywhere. `3` keeps two ALB pods serving while ALBs are updated.",
				Validators:          []validator.Int64{int64validator.Between(1, 1000)},
			},
			"relocate_load_balancers": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(true),
				MarkdownDescription: "Whether load balancers and ALBs are redeployed so that they move onto the edge nodes, and off them on destroy. Default `true`. Classic load balancers and VPC load balancers are moved by an annotation on their Service, ALBs by an update to the build that they have, one zone after the other; " +
					"their automatic update is off meanwhile. With `false` they stay where they are until somebody redeploys them.",
			},
			"allow_master_refresh": schema.BoolAttribute{
				Optional: true, Computed: true, Default: booldefault.StaticBool(false),
				MarkdownDescription: "Whether the cluster's master may be refreshed when VPC load balancers have to move, which makes the cloud provider look at all of them anew and restarts the API servers one by one. Default `false`. No effect on classic clusters.",
			},
			"drain": schema.SingleNestedAttribute{
				Optional: true, Computed: true, Default: objectdefault.StaticValue(defaultDrain()),
				MarkdownDescription: "How pods that do not tolerate the taints are moved away before `NoExecute`. DaemonSet pods and static pods are left alone.",
				Attributes: map[string]schema.Attribute{
					"timeout": schema.StringAttribute{
						Optional: true, Computed: true, Default: stringdefault.StaticString(defaultDrainTimeout),
						MarkdownDescription: "How long draining all nodes may take, as a duration such as `10m` (the default) or `1h30m`.",
						Validators:          []validator.String{duration{}},
					},
					"max_unavailable": schema.Int64Attribute{
						Optional: true, Computed: true, Default: int64default.StaticInt64(defaultDrainParallel),
						MarkdownDescription: "How many nodes are drained at once. Default `1`.",
						Validators:          []validator.Int64{int64validator.Between(1, 1000)},
					},
					"on_timeout": schema.StringAttribute{
						Optional: true, Computed: true, Default: stringdefault.StaticString(drainFail),
						MarkdownDescription: "What to do with pods that disruption budgets still protect when time is up: `fail` (default) leaves the nodes closed to new pods and stops before `NoExecute`, `continue` sets it, which deletes them whatever their budgets say.",
						Validators:          []validator.String{stringvalidator.OneOf(drainFail, drainContinue)},
					},
				},
			},
			"safety_checks": schema.StringAttribute{
				Optional: true, Computed: true, Default: stringdefault.StaticString(checksEnforce),
				MarkdownDescription: "`enforce` (default) refuses before anything is written what would harm the cluster: too few ready edge nodes, no node left for other workloads, Services with `externalTrafficPolicy: Local` that would have no endpoint, a `dedicated` label or taint of another value. `warn` says it and goes on; foreign labels and taints are left alone even then.",
				Validators:          []validator.String{stringvalidator.OneOf(checksEnforce, checksWarn)},
			},
			"node_count":     schema.Int64Attribute{Computed: true, MarkdownDescription: "Number of the nodes that this resource declares to be edge nodes."},
			"ready_count":    schema.Int64Attribute{Computed: true, MarkdownDescription: "How many of them are ready."},
			"zones":          schema.MapAttribute{Computed: true, ElementType: types.Int64Type, MarkdownDescription: "Number of edge nodes by zone; `" + noZone + "` for nodes that say no zone."},
			"node_addresses": schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Private IP addresses of the edge nodes, sorted."},
			"host_endpoint_addresses": schema.ListAttribute{
				Computed: true, ElementType: types.StringType,
				MarkdownDescription: "Public and private IP addresses that Calico's host endpoints of the edge nodes expect, sorted: what `exempt_addresses` of an `iks_nodeport_guard` takes. Empty where a cluster has no host endpoints, as VPC clusters.",
			},
		},
	}
}

// Check finds what is wrong in a configuration whatever the cluster looks like.
func (*part) Check(_ context.Context, config *model) []framework.Problem {
	var out []framework.Problem
	at := path.Root("node_selector")
	for key, value := range config.NodeSelector.Elements() {
		if key == markKey {
			out = append(out, framework.Problem{
				Path: at.AtMapKey(key), Summary: "The selector is what it selects for",
				Detail: fmt.Sprintf("The label %s is what this resource sets and takes away, so nodes cannot be selected by it: a node that lost it would be forgotten instead of put right. Select by another label, by worker_pool or by node_names.", markKey),
			})
		}
		problems := validation.IsQualifiedName(key)
		if v, ok := value.(types.String); ok && !v.IsNull() && !v.IsUnknown() {
			problems = append(problems, validation.IsValidLabelValue(v.ValueString())...)
		}
		if len(problems) > 0 {
			out = append(out, framework.Problem{Path: at.AtMapKey(key), Summary: "No node can bear this label", Detail: strings.Join(problems, "; ") + "."})
		}
	}
	if v := config.MinimumNodesPerZone; !v.IsNull() && !v.IsUnknown() && v.ValueInt64() < defaultMinimum {
		out = append(out, framework.Problem{
			Warning: true, Path: path.Root("minimum_nodes_per_zone"), Summary: "IBM ignores a single edge node",
			Detail: "With fewer than two ready edge nodes in a zone, ALBs are placed on any node of that zone, whatever the label says.",
		})
	}
	return out
}
