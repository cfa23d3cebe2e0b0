package balancers

import (
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// Where load balancers run and how they are labelled.
const (
	systemNamespace  = "ibm-system"
	deploymentPrefix = "ibm-cloud-provider-ip-"
	labelIP          = "ibm-cloud-provider-ip"
	labelName        = "ibm-cloud-provider-lb-name"
	labelApplication = "ibm-cloud-provider-lb-app"
	application      = "keepalived"

	labelPublicVLAN  = "publicVLAN"
	labelPrivateVLAN = "privateVLAN"
	labelDedicated   = "dedicated"
	edgeValue        = "edge"
	gatewayValue     = "gateway"
)

func dashes(address string) string         { return strings.ReplaceAll(address, ".", "-") }
func deploymentName(address string) string { return deploymentPrefix + dashes(address) }

func vlanLabel(public bool) string {
	if public {
		return labelPublicVLAN
	}
	return labelPrivateVLAN
}

// deployment is the Deployment of a classic load balancer: two pods on nodes of
// the address's VLAN, and of the dedication if there is one.
func deployment(s subject, at fakeiks.PortableAddress, dedication string) *appsv1.Deployment {
	identity := map[string]string{labelIP: dashes(at.Address), labelName: s.owner}
	all := map[string]string{labelIP: dashes(at.Address), labelName: s.owner, labelApplication: application}
	replicas, one := int32(2), intstr.FromInt32(1)
	toleration := func(value string) corev1.Toleration {
		return corev1.Toleration{Key: labelDedicated, Operator: corev1.TolerationOpEqual, Value: value}
	}
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: deploymentName(at.Address), Namespace: systemNamespace, Labels: all},
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: &metav1.LabelSelector{MatchLabels: identity},
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &one, MaxSurge: &one},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: all},
				Spec: corev1.PodSpec{
					HostNetwork: true,
					Tolerations: []corev1.Toleration{toleration(gatewayValue), toleration(edgeValue)},
					Affinity:    affinity(s, at, dedication, identity),
					Containers: []corev1.Container{{
						Name: application + "-" + dashes(at.Address), Image: "icr.io/armada-master/keepalived:1",
						Env: []corev1.EnvVar{{Name: "VIRTUAL_IP", Value: at.Address}, {Name: "FEATURES", Value: s.Annotations[annotationFeatures]}},
					}},
				},
			},
		},
	}
}

func affinity(s subject, at fakeiks.PortableAddress, dedication string, identity map[string]string) *corev1.Affinity {
	in := func(key, value string) corev1.NodeSelectorRequirement {
		return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value}}
	}
	where := []corev1.NodeSelectorRequirement{in(vlanLabel(at.Public), at.VLAN)}
	if dedication != "" {
		where = append(where, in(labelDedicated, dedication))
	}
	a := &corev1.Affinity{
		NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
			NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: where}},
		}},
		PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
			LabelSelector: &metav1.LabelSelector{MatchLabels: identity}, TopologyKey: corev1.LabelHostname,
		}}},
	}
	// Version 1.0 keeps the source address only where the app's pods are.
	if s.Spec.ExternalTrafficPolicy == corev1.ServiceExternalTrafficPolicyLocal && !hasFeature(s.Service, featureIPVS) {
		a.PodAffinity = &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{
			LabelSelector: &metav1.LabelSelector{MatchLabels: s.Spec.Selector}, TopologyKey: corev1.LabelHostname, Namespaces: []string{s.Namespace},
		}}}
	}
	return a
}
