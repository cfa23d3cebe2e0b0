package remoteservice

import (
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// declare fills an imported model with what the cluster has, and with the
// defaults for what is not part of it.
func (m *model) declare(live scene, services ownership.Object[corev1.Service], owner framework.Owner) error {
	service := *live.service
	if wrong := unlike(service); wrong != "" {
		return framework.Refuse(path.Root("name"), "The Service is not a remote service",
			fmt.Sprintf("Service %s/%s %s. A remote service has no selector and is of type ClusterIP or ExternalName.", service.Namespace, service.Name, wrong))
	}
	var ports []attr.Value
	for _, p := range service.Spec.Ports {
		ports = append(ports, portValue(p))
	}
	m.Ports = types.ListValueMust(portType(), ports)
	m.Endpoints, m.Hostname = types.SetNull(types.StringType), types.StringNull()
	if service.Spec.Type == corev1.ServiceTypeExternalName {
		m.Hostname = types.StringValue(service.Spec.ExternalName)
	} else {
		var addresses []attr.Value
		for _, a := range addressesOf(live.slices) {
			addresses = append(addresses, types.StringValue(a.String()))
		}
		if len(addresses) == 0 {
			return framework.Refuse(path.Root("name"), "The Service leads nowhere",
				fmt.Sprintf("Service %s/%s has no EndpointSlice with an address, so there is nothing to import. Create the resource instead.", service.Namespace, service.Name))
		}
		m.Endpoints = types.SetValueMust(types.StringType, addresses)
	}
	labels, annotations := services.Declared(service, owner)
	m.Labels, m.Annotations = ownership.StringMap(labels), ownership.StringMap(annotations)
	m.Force = types.BoolValue(false)
	return nil
}

// unlike says what makes a Service something else than a remote one, "" for nothing.
func unlike(service corev1.Service) string {
	switch {
	case len(service.Spec.Selector) > 0:
		return "selects pods of its own cluster"
	case service.Spec.Type != corev1.ServiceTypeClusterIP && service.Spec.Type != corev1.ServiceTypeExternalName:
		return "is of type " + string(service.Spec.Type)
	case service.Spec.ClusterIP == corev1.ClusterIPNone:
		return "is headless (clusterIP: None)"
	case len(service.Spec.Ports) == 0:
		return "has no ports"
	}
	for _, p := range service.Spec.Ports {
		if p.TargetPort.Type == intstr.String {
			return fmt.Sprintf("has the target port %q, which is a name of a pod's port", p.TargetPort.StrVal)
		}
	}
	return ""
}

func portValue(p corev1.ServicePort) attr.Value {
	target := p.TargetPort.IntVal
	if target == 0 {
		target = p.Port
	}
	application := types.StringPointerValue(p.AppProtocol)
	return types.ObjectValueMust(portType().AttrTypes, map[string]attr.Value{
		"name": framework.StringOrNull(p.Name), "port": types.Int64Value(int64(p.Port)), "target_port": types.Int64Value(int64(target)),
		"protocol": types.StringValue(strings.ToUpper(string(p.Protocol))), "app_protocol": application,
	})
}
