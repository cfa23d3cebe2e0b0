package cloud

import (
	"maps"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const (
	// albLabel marks what belongs to ALBs.
	albLabel      = "ingress.containers.cloud.ibm.com/alb"
	edgeValue     = "edge"
	gatewayValue  = "gateway"
	addressPrefix = "service.kubernetes.io/ibm-ingress-controller-"
	ipTypeNote    = "service.kubernetes.io/ibm-load-balancer-cloud-provider-ip-type"

	// enoughEdgeNodes in a zone make ALBs run on them alone; with fewer the
	// label is ignored.
	enoughEdgeNodes = 2
)

func albLabels(alb fakeiks.ALB) map[string]string {
	return map[string]string{"app": alb.ID, "crn": "v1.public.containers-kubernetes", albLabel: alb.ID}
}

// albDeployment is an ALB's Deployment. With edge its pods must run on edge
// nodes; in any case they tolerate the taints of edge and gateway nodes.
func albDeployment(cluster fakeiks.Cluster, alb fakeiks.ALB, edge bool) *appsv1.Deployment {
	in := func(key, value string) corev1.NodeSelectorRequirement {
		return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value}}
	}
	where := []corev1.NodeSelectorRequirement{in(labelZone, alb.Zone)}
	if cluster.Provider == fakeiks.Classic {
		vlan := labelPrivateVLAN
		if alb.Type == "public" {
			vlan = labelPublicVLAN
		}
		where = append(where, in(vlan, alb.VLAN))
	}
	if edge {
		where = append(where, in(labelDedicated, edgeValue))
	}
	tolerate := func(value string) corev1.Toleration {
		return corev1.Toleration{Key: labelDedicated, Operator: corev1.TolerationOpEqual, Value: value}
	}
	selector := map[string]string{"app": alb.ID}
	replicas, one, none := int32(alb.Replicas), intstr.FromInt32(1), intstr.FromInt32(0)
	pod := corev1.PodTemplateSpec{
		// Deployed anew with each revision, even when nothing else changes.
		ObjectMeta: metav1.ObjectMeta{Labels: albLabels(alb), Annotations: map[string]string{albLabel + "-revision": strconv.Itoa(alb.Revision)}},
		Spec: corev1.PodSpec{
			PriorityClassName: "system-cluster-critical",
			Containers:        []corev1.Container{{Name: "ingress", Image: "icr.io/iks/" + string(alb.Controller) + ":" + alb.Build}},
			Tolerations:       []corev1.Toleration{tolerate(edgeValue), tolerate(gatewayValue)},
			Affinity: &corev1.Affinity{
				NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
					NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: where}},
				}},
				PodAntiAffinity: &corev1.PodAntiAffinity{PreferredDuringSchedulingIgnoredDuringExecution: []corev1.WeightedPodAffinityTerm{{
					Weight: 100,
					PodAffinityTerm: corev1.PodAffinityTerm{
						LabelSelector: &metav1.LabelSelector{MatchLabels: selector}, TopologyKey: corev1.LabelHostname,
					},
				}}},
			},
		},
	}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: alb.ID, Namespace: metav1.NamespaceSystem, Labels: albLabels(alb)},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: selector},
			Template: pod,
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &one, MaxSurge: &none},
			},
		},
	}
}

// albService is the Service in front of an ALB.
func albService(cluster fakeiks.Cluster, alb fakeiks.ALB) *corev1.Service {
	notes := map[string]string{ipTypeNote: alb.Type}
	if cluster.Provider == fakeiks.Classic {
		notes[addressPrefix+alb.Type] = alb.Reserved
	}
	port := func(name string, number int32) corev1.ServicePort {
		return corev1.ServicePort{Name: name, Port: number, TargetPort: intstr.FromInt32(number), Protocol: corev1.ProtocolTCP}
	}
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{
			Name: alb.ID, Namespace: metav1.NamespaceSystem, Labels: maps.Clone(albLabels(alb)), Annotations: notes,
		},
		Spec: corev1.ServiceSpec{
			Type:     corev1.ServiceTypeLoadBalancer,
			Selector: map[string]string{"app": alb.ID},
			Ports:    []corev1.ServicePort{port("http", 80), port("https", 443)},
		},
	}
}
