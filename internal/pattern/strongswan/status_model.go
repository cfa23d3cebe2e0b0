package strongswan

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

type statusModel struct {
	framework.CommonData
	Name            string            `tfsdk:"name"`
	Namespace       types.String      `tfsdk:"namespace"`
	Observe         types.String      `tfsdk:"observe"`
	Up              types.Bool        `tfsdk:"up"`
	Reason          types.String      `tfsdk:"reason"`
	Ready           types.Bool        `tfsdk:"ready"`
	LoadBalancerIPs []string          `tfsdk:"load_balancer_ips"`
	Pods            []podModel        `tfsdk:"pods"`
	Connections     []connectionModel `tfsdk:"connections"`
}

type podModel struct {
	Name     string       `tfsdk:"name"`
	Node     types.String `tfsdk:"node"`
	Address  types.String `tfsdk:"address"`
	Phase    string       `tfsdk:"phase"`
	Ready    bool         `tfsdk:"ready"`
	Restarts int64        `tfsdk:"restarts"`
	Reason   string       `tfsdk:"reason"`
}

type connectionModel struct {
	Name          string       `tfsdk:"name"`
	Up            types.Bool   `tfsdk:"up"`
	State         string       `tfsdk:"state"`
	Reason        string       `tfsdk:"reason"`
	Peer          types.String `tfsdk:"peer"`
	LocalSubnets  []string     `tfsdk:"local_subnets"`
	RemoteSubnets []string     `tfsdk:"remote_subnets"`
	BytesIn       types.Int64  `tfsdk:"bytes_in"`
	BytesOut      types.Int64  `tfsdk:"bytes_out"`
}

func (m *statusModel) warn(c *cluster.Cluster, s sight, in insight) {
	if s.nothing() {
		m.Warn(framework.Problem{
			Path: path.Root("name"), Summary: "There is no such VPN",
			Detail: fmt.Sprintf("Cluster %s has neither a pod nor a Service of a strongSwan release %s in namespace %s, so `up` is false. Check `name` and `namespace` with `helm list -A`, unless the release is still to be made.", c.Name, s.name, s.namespace),
		})
	}
	if in.obstacle != "" {
		m.Warn(framework.Problem{
			Path: path.Root("observe"), Summary: "The VPN pod could not be looked into",
			Detail: fmt.Sprintf("%s. The API server asks the kubelet of the pod's worker for that: see whether worker %s is well (`ibmcloud ks worker ls`).", framework.Sentence(in.obstacle), s.newest().Spec.NodeName),
		})
	}
}

// show puts what is seen into the model.
func (m *statusModel) show(s sight, in insight) {
	judged := s.judge(in)
	m.Up, m.Reason = types.BoolPointerValue(judged.up), types.StringValue(judged.reason)
	m.LoadBalancerIPs, m.Pods, m.Connections = balancersOf(s.services), []podModel{}, []connectionModel{}
	ready := false
	for i := range s.pods {
		p := vpnPod{&s.pods[i]}
		ready = ready || p.ready()
		m.Pods = append(m.Pods, podModel{
			Name: p.Name, Node: framework.StringOrNull(p.Spec.NodeName), Address: framework.StringOrNull(p.Status.PodIP),
			Phase: string(p.Status.Phase), Ready: p.ready(), Restarts: p.restarts(), Reason: p.trouble(),
		})
	}
	m.Ready = types.BoolValue(ready)
	for _, c := range in.connections {
		m.Connections = append(m.Connections, in.connection(c, s.newest()))
	}
}

// connection shows one connection.
func (in insight) connection(c connection, pod vpnPod) connectionModel {
	out := connectionModel{
		Name: c.name, Up: types.BoolValue(c.up()), State: strings.ToLower(c.state), Reason: in.why(c, pod),
		Peer: framework.StringOrNull(c.peer), LocalSubnets: append([]string{}, c.local...), RemoteSubnets: append([]string{}, c.remote...),
	}
	if in.way == observeExec {
		out.BytesIn, out.BytesOut = types.Int64Value(c.bytesIn), types.Int64Value(c.bytesOut)
	}
	if c.state == stateUnknown {
		out.Up = types.BoolNull()
	}
	return out
}
