package edgepool

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// Values of safety_checks and of drain.on_timeout.
const (
	checksEnforce = "enforce"
	checksWarn    = "warn"
	drainFail     = "fail"
	drainContinue = "continue"
)

// Defaults of the attributes that have one.
const (
	defaultMinimum       = 2
	defaultDrainTimeout  = "10m"
	defaultDrainParallel = 1
)

// model is the resource's state.
type model struct {
	framework.Common
	WorkerPool            types.String `tfsdk:"worker_pool"`
	NodeNames             types.Set    `tfsdk:"node_names"`
	NodeSelector          types.Map    `tfsdk:"node_selector"`
	TaintEffects          types.Set    `tfsdk:"taint_effects"`
	MinimumNodesPerZone   types.Int64  `tfsdk:"minimum_nodes_per_zone"`
	RelocateLoadBalancers types.Bool   `tfsdk:"relocate_load_balancers"`
	AllowMasterRefresh    types.Bool   `tfsdk:"allow_master_refresh"`
	Drain                 types.Object `tfsdk:"drain"`
	SafetyChecks          types.String `tfsdk:"safety_checks"`

	NodeCount             types.Int64 `tfsdk:"node_count"`
	ReadyCount            types.Int64 `tfsdk:"ready_count"`
	Zones                 types.Map   `tfsdk:"zones"`
	NodeAddresses         types.List  `tfsdk:"node_addresses"`
	HostEndpointAddresses types.List  `tfsdk:"host_endpoint_addresses"`
}

type drainModel struct {
	Timeout        types.String `tfsdk:"timeout"`
	MaxUnavailable types.Int64  `tfsdk:"max_unavailable"`
	OnTimeout      types.String `tfsdk:"on_timeout"`
}

func drainTypes() map[string]attr.Type {
	return map[string]attr.Type{"timeout": types.StringType, "max_unavailable": types.Int64Type, "on_timeout": types.StringType}
}

func defaultDrain() types.Object {
	return types.ObjectValueMust(drainTypes(), map[string]attr.Value{
		"timeout":         types.StringValue(defaultDrainTimeout),
		"max_unavailable": types.Int64Value(defaultDrainParallel),
		"on_timeout":      types.StringValue(drainFail),
	})
}

// defaultEffects are those of the pattern; a pool holds one per key, and
// NoExecute keeps new pods off as well.
func defaultEffects(pool bool) effects {
	if pool {
		return effects{corev1.TaintEffectNoExecute}
	}
	return newEffects([]string{string(corev1.TaintEffectNoSchedule), string(corev1.TaintEffectNoExecute)})
}

// declaration is what a resource declares, with its defaults.
type declaration struct {
	// pool, names and selector: exactly one is set.
	pool     string
	names    []string
	selector map[string]string

	effects effects
	// minimum of ready nodes per zone.
	minimum           int
	relocate, refresh bool
	drain             drainPolicy
	// enforce the safety checks, or only warn.
	enforce bool
}

// drainPolicy says how nodes are emptied.
type drainPolicy struct {
	timeout time.Duration
	// atOnce is how many nodes are emptied at a time.
	atOnce int
	// force goes on to NoExecute, which ignores budgets, when time is up.
	force bool
}

// selected names the attribute that selects nodes.
func (d declaration) selected() path.Path {
	switch {
	case d.pool != "":
		return path.Root("worker_pool")
	case d.names != nil:
		return path.Root("node_names")
	}
	return path.Root("node_selector")
}

// subject says what is declared to be edge, for messages.
func (d declaration) subject() string {
	switch {
	case d.pool != "":
		return "worker pool " + d.pool
	case d.names != nil:
		return fmt.Sprintf("%d nodes by name", len(d.names))
	}
	return "the nodes that node_selector matches"
}

// settled tells whether everything that decides about nodes is known already.
func (m *model) settled() bool {
	for _, v := range []attr.Value{m.WorkerPool, m.NodeNames, m.NodeSelector, m.TaintEffects, m.SafetyChecks, m.MinimumNodesPerZone, m.RelocateLoadBalancers} {
		if v.IsUnknown() {
			return false
		}
	}
	for _, v := range m.Drain.Attributes() {
		if v.IsUnknown() {
			return false
		}
	}
	for _, v := range m.NodeNames.Elements() {
		if v.IsUnknown() {
			return false
		}
	}
	for _, v := range m.NodeSelector.Elements() {
		if v.IsUnknown() {
			return false
		}
	}
	for _, v := range m.TaintEffects.Elements() {
		if v.IsUnknown() {
			return false
		}
	}
	return true
}

// neverReady begins the drift of a state whose apply has not come to its end.
// Without it, what such an apply left half done would look like the drift of a
// state that was ready.
const neverReady = "the edge pool has not been ready since it was last applied"

// proven tells whether what a state declares has been in effect: it is ready,
// or not ready because of what has drifted since.
func (m *model) proven() bool {
	drift := m.Drift.Elements()
	return m.Ready.ValueBool() || len(drift) > 0 && !drift[0].Equal(types.StringValue(neverReady))
}

// awaited tells whether a state waits for being in effect the first time. What is
// only imported, or planned, tells nothing about that.
func (m *model) awaited() bool {
	return !m.Ready.IsNull() && !m.Ready.IsUnknown() && !m.proven()
}

// inherit notes in a plan, where ready is unknown, that the same nodes were
// ready once: Observe goes by that. prior may be nil.
func (m *model) inherit(prior *model) {
	if prior != nil && prior.proven() && m.selectsLike(prior) {
		m.Ready = types.BoolValue(true)
	}
}

// fill sets what a state lacks that was only imported, or planned before a
// worker pool's name was known.
func (m *model) fill() {
	if m.TaintEffects.IsNull() || m.TaintEffects.IsUnknown() {
		m.setEffects(defaultEffects(!m.WorkerPool.IsNull()))
	}
	if m.MinimumNodesPerZone.IsNull() {
		m.MinimumNodesPerZone = types.Int64Value(defaultMinimum)
	}
	if m.RelocateLoadBalancers.IsNull() {
		m.RelocateLoadBalancers = types.BoolValue(true)
	}
	if m.AllowMasterRefresh.IsNull() {
		m.AllowMasterRefresh = types.BoolValue(false)
	}
	if m.SafetyChecks.IsNull() {
		m.SafetyChecks = types.StringValue(checksEnforce)
	}
	if m.Drain.IsNull() || m.Drain.IsUnknown() {
		m.Drain = defaultDrain()
	}
}

func (m *model) setEffects(e effects) {
	elements := make([]attr.Value, len(e))
	for i, effect := range e {
		elements[i] = types.StringValue(string(effect))
	}
	m.TaintEffects = types.SetValueMust(types.StringType, elements)
}

// declared decodes what the model declares.
func (m *model) declared(ctx context.Context) (declaration, error) {
	m.fill()
	d := declaration{
		pool:     m.WorkerPool.ValueString(),
		minimum:  int(m.MinimumNodesPerZone.ValueInt64()),
		relocate: m.RelocateLoadBalancers.ValueBool(),
		refresh:  m.AllowMasterRefresh.ValueBool(),
		enforce:  m.SafetyChecks.ValueString() != checksWarn,
	}
	var err error
	if d.names, err = framework.Strings(ctx, m.NodeNames); err != nil {
		return d, fmt.Errorf("node_names: %w", err)
	}
	if diags := m.NodeSelector.ElementsAs(ctx, &d.selector, false); diags.HasError() {
		return d, fmt.Errorf("node_selector: %s", diags.Errors()[0].Detail())
	}
	names, err := framework.Strings(ctx, m.TaintEffects)
	if err != nil {
		return d, fmt.Errorf("taint_effects: %w", err)
	}
	d.effects = newEffects(names)
	if d.drain, err = m.drainPolicy(ctx); err != nil {
		return d, err
	}
	selectors := 0
	for _, given := range []bool{d.pool != "", len(d.names) > 0, len(d.selector) > 0} {
		if given {
			selectors++
		}
	}
	if selectors != 1 {
		return d, framework.Refuse(path.Root("worker_pool"), "The edge nodes are not said",
			"Exactly one of worker_pool, node_names and node_selector must say which nodes are edge nodes, and it must not be empty.")
	}
	return d, nil
}

func (m *model) drainPolicy(ctx context.Context) (drainPolicy, error) {
	var d drainModel
	if diags := m.Drain.As(ctx, &d, basetypes.ObjectAsOptions{}); diags.HasError() {
		return drainPolicy{}, fmt.Errorf("drain: %s", diags.Errors()[0].Detail())
	}
	timeout, err := time.ParseDuration(d.Timeout.ValueString())
	if err != nil {
		return drainPolicy{}, framework.Refuse(path.Root("drain").AtName("timeout"), "The duration cannot be read", err.Error())
	}
	return drainPolicy{
		timeout: timeout,
		atOnce:  int(d.MaxUnavailable.ValueInt64()),
		force:   d.OnTimeout.ValueString() == drainContinue,
	}, nil
}

// scopeOfNodes is the scope of a declaration in node mode.
func (d declaration) scopeOfNodes() scope {
	if d.names != nil {
		s := scope{names: map[string]bool{}}
		for _, name := range d.names {
			s.names[name] = true
		}
		return s
	}
	return scope{selector: maps.Clone(d.selector)}
}

// describe sets the computed attributes from the nodes.
func (m *model) describe(nodes []*corev1.Node, hostEndpoints []string) {
	m.NodeCount = types.Int64Value(int64(len(nodes)))
	m.ReadyCount = types.Int64Value(int64(countReady(nodes)))
	zones := map[string]attr.Value{}
	for zone, count := range countZones(nodes) {
		zones[zone] = types.Int64Value(int64(count))
	}
	m.Zones = types.MapValueMust(types.Int64Type, zones)
	m.NodeAddresses = framework.StringList(addressesOf(nodes))
	m.HostEndpointAddresses = framework.StringList(hostEndpoints)
}
