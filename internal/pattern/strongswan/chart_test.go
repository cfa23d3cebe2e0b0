package strongswan

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// TestChartHoldsNoKey makes sure that what Helm records, and every object of the
// chart, is without the key.
func TestChartHoldsNoKey(t *testing.T) {
	t.Parallel()
	cluster := onPrem()
	cluster.preSharedKey = "zzz-a-key-to-grep-for-zzz"
	if strings.Contains(manifest(t, cluster), cluster.preSharedKey) || strings.Contains(fmt.Sprint(cluster.builtinValues(facts{})), cluster.preSharedKey) {
		t.Error("the key is in the chart's values or objects")
	}
}

func TestChartNeedsNoRights(t *testing.T) {
	t.Parallel()
	for _, document := range objects(manifest(t, onPrem())) {
		for _, kind := range []string{"kind: Role", "kind: ClusterRole", "kind: RoleBinding", "kind: ServiceAccount", "kind: Secret", "kind: Job"} {
			if strings.Contains(document, kind+"\n") {
				t.Errorf("the chart has a %s", kind)
			}
		}
	}
}

func TestVPNPod(t *testing.T) {
	t.Parallel()
	cluster := onPrem()
	cluster.zone, cluster.nodeSelector, cluster.keyVersion = "dal10", map[string]string{"tier": "vpn"}, 7
	deployment := kindOf[appsv1.Deployment](t, manifest(t, cluster), "Deployment")[0]
	pod := deployment.Spec.Template
	if pod.Annotations["iks-vpn/key-version"] != "7" || *pod.Spec.AutomountServiceAccountToken {
		t.Errorf("annotations %v, token %v", pod.Annotations, *pod.Spec.AutomountServiceAccountToken)
	}
	vpn := pod.Spec.Containers[0]
	if c := vpn.SecurityContext; c.Privileged != nil || !slices.Contains(c.Capabilities.Drop, "ALL") || !slices.Contains(c.Capabilities.Add, "NET_ADMIN") || vpn.Image != cluster.image {
		t.Errorf("container %+v", vpn)
	}
	terms := pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	if len(terms) != 1 || len(terms[0].MatchExpressions) != 2 {
		t.Errorf("required nodes: %+v", terms)
	}
	edge := corev1.Taint{Key: "dedicated", Value: "edge", Effect: corev1.TaintEffectNoExecute}
	if !slices.ContainsFunc(pod.Spec.Tolerations, func(t corev1.Toleration) bool {
		return t.Key == edge.Key && t.Value == edge.Value && t.Effect == ""
	}) {
		t.Errorf("tolerations %+v", pod.Spec.Tolerations)
	}
	if key := pod.Spec.Volumes[slices.IndexFunc(pod.Spec.Volumes, func(v corev1.Volume) bool { return v.Name == "key" })].Secret; key.SecretName != "vpn-strongswan-key" {
		t.Errorf("key %+v", key)
	}
}

// TestPodRestarts tells what makes the chart's pods start anew.
func TestPodRestarts(t *testing.T) {
	t.Parallel()
	template := func(of tunnel) string {
		return fmt.Sprint(kindOf[appsv1.Deployment](t, manifest(t, of), "Deployment")[0].Spec.Template.Annotations)
	}
	first := onPrem()
	for name, change := range map[string]func(*tunnel){
		"key version": func(t *tunnel) { t.keyVersion++ }, "subnets": func(t *tunnel) { t.remote.subnets = []string{"10.92.0.0/16"} },
		"ciphers": func(t *tunnel) { t.esp.proposals = []string{"aes128-sha256"} },
	} {
		second := onPrem()
		change(&second)
		if template(first) == template(second) {
			t.Errorf("%s: the pod goes on as it was", name)
		}
	}
}

func TestLoadBalancers(t *testing.T) {
	t.Parallel()
	const note = "service.kubernetes.io/ibm-load-balancer-cloud-provider-"
	for _, test := range []struct {
		name   string
		change func(*tunnel)
		facts  facts
		want   map[string]string // Service -> type, ip-type, zone, features, policy, address
	}{
		{name: "public", change: func(*tunnel) {}, want: map[string]string{"vpn-strongswan": "LoadBalancer public   Cluster "}},
		{name: "private", change: func(t *tunnel) { t.serviceType = servicePrivate }, want: map[string]string{"vpn-strongswan": "LoadBalancer private   Cluster "}},
		{name: "none", change: func(t *tunnel) { t.serviceType = serviceNone }, want: map[string]string{}},
		{name: "address", change: func(t *tunnel) { t.balancerIP, t.serviceSourceIP = "169.60.1.1", true }, want: map[string]string{"vpn-strongswan": "LoadBalancer public   Local 169.60.1.1"}},
		{name: "zones", change: func(t *tunnel) { t.zoneBalancers = map[string]string{"dal10": "169.60.1.1", "dal12": "169.60.1.2"} }, want: map[string]string{
			"vpn-strongswan-dal10": "LoadBalancer public dal10  Cluster 169.60.1.1", "vpn-strongswan-dal12": "LoadBalancer public dal12  Cluster 169.60.1.2",
		}},
		{name: "VPC", change: func(t *tunnel) { t.serviceType = servicePrivate }, facts: facts{vpc: true}, want: map[string]string{"vpn-strongswan": "LoadBalancer private  nlb Local "}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			cluster := onPrem()
			test.change(&cluster)
			if test.facts.vpc {
				cluster.extraValues = map[string]any{"infrastructure": "vpc"}
			}
			got := map[string]string{}
			for _, s := range kindOf[corev1.Service](t, manifest(t, cluster), "Service") {
				if s.Spec.ClusterIP == corev1.ClusterIPNone {
					continue
				}
				got[s.Name] = fmt.Sprintf("%s %s %s %s %s %s", s.Spec.Type, s.Annotations[note+"ip-type"], s.Annotations[note+"zone"], s.Annotations[note+"enable-features"], s.Spec.ExternalTrafficPolicy, s.Spec.LoadBalancerIP)
				if !s.Spec.PublishNotReadyAddresses {
					t.Error("a peer cannot call a pod that has no tunnel yet")
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}
