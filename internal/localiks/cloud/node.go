package cloud

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const (
	labelWorkerID    = "ibm-cloud.kubernetes.io/worker-id"
	labelZone        = "ibm-cloud.kubernetes.io/zone"
	labelPublicVLAN  = "publicVLAN"
	labelPrivateVLAN = "privateVLAN"
	labelDedicated   = "dedicated"

	// account is a part of providerID that nothing here looks at.
	account = "a0b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5"
)

// poolOf is a worker's pool, the zero value when it is gone.
func poolOf(cluster fakeiks.Cluster, w fakeiks.Worker) fakeiks.WorkerPool {
	index := slices.IndexFunc(cluster.Pools, func(p fakeiks.WorkerPool) bool { return p.ID == w.PoolID })
	if index < 0 {
		return fakeiks.WorkerPool{}
	}
	return cluster.Pools[index]
}

// nodeOf is the Node that a worker's kubelet registers: its name is the
// private IP on both infrastructures.
func nodeOf(cluster fakeiks.Cluster, w fakeiks.Worker) *corev1.Node {
	wants := settingsOf(poolOf(cluster, w))
	labels := map[string]string{
		"arch":                                     "amd64",
		corev1.LabelArchStable:                     "amd64",
		corev1.LabelOSStable:                       "linux",
		corev1.LabelHostname:                       w.PrivateIP,
		corev1.LabelTopologyZone:                   w.Zone,
		corev1.LabelTopologyRegion:                 cluster.Region,
		corev1.LabelInstanceTypeStable:             w.Flavor,
		labelWorkerID:                              w.ID,
		labelZone:                                  w.Zone,
		"ibm-cloud.kubernetes.io/worker-pool-id":   w.PoolID,
		"ibm-cloud.kubernetes.io/worker-pool-name": w.PoolName,
		"ibm-cloud.kubernetes.io/worker-version":   w.KubeVersion,
		"ibm-cloud.kubernetes.io/region":           cluster.Region,
		"ibm-cloud.kubernetes.io/internal-ip":      w.PrivateIP,
		"ibm-cloud.kubernetes.io/machine-type":     w.Flavor,
		"ibm-cloud.kubernetes.io/os":               w.OperatingSystem,
		"ibm-cloud.kubernetes.io/ha-worker":        "true",
	}
	addresses := []corev1.NodeAddress{
		{Type: corev1.NodeHostName, Address: w.PrivateIP}, {Type: corev1.NodeInternalIP, Address: w.PrivateIP},
	}
	switch cluster.Provider {
	case fakeiks.VPC:
		labels["ibm-cloud.kubernetes.io/iaas-provider"] = "g2"
		labels["ibm-cloud.kubernetes.io/subnet-id"] = w.SubnetID
		labels["ibm-cloud.kubernetes.io/vpc-instance-id"] = "0717_" + w.ID[len(w.ID)-8:]
	default:
		labels["ibm-cloud.kubernetes.io/iaas-provider"] = "softlayer"
		labels[labelPrivateVLAN] = w.PrivateVLAN
		if w.PublicIP != "" {
			labels[labelPublicVLAN] = w.PublicVLAN
			labels["ibm-cloud.kubernetes.io/external-ip"] = w.PublicIP
			addresses = append(addresses, corev1.NodeAddress{Type: corev1.NodeExternalIP, Address: w.PublicIP})
		}
	}
	maps.Copy(labels, wants.labels)
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{
			Name:        w.PrivateIP,
			Labels:      labels,
			Annotations: map[string]string{"kwok.x-k8s.io/node": "fake"},
		},
		Spec:   corev1.NodeSpec{ProviderID: "ibm://" + account + "///" + cluster.ID + "/" + w.ID, Taints: wants.taints},
		Status: bornReady(addresses, "v"+cluster.Version+"+IKS"),
	}
}

// bornReady is the status of a Node that takes pods. Making it whole at once
// saves ten requests for each Node, which matters with a thousand of them.
func bornReady(addresses []corev1.NodeAddress, kubelet string) corev1.NodeStatus {
	resources := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("16"), corev1.ResourceMemory: resource.MustParse("64Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
	now := metav1.Now()
	condition := func(kind corev1.NodeConditionType, status corev1.ConditionStatus, reason string) corev1.NodeCondition {
		return corev1.NodeCondition{Type: kind, Status: status, Reason: reason, LastHeartbeatTime: now, LastTransitionTime: now}
	}
	return corev1.NodeStatus{
		Phase:       corev1.NodeRunning, // kwok looks at it
		Addresses:   addresses,
		Capacity:    resources,
		Allocatable: resources,
		Conditions: []corev1.NodeCondition{
			condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory"),
			condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure"),
			condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID"),
			condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady"),
		},
		NodeInfo: corev1.NodeSystemInfo{OperatingSystem: "linux", Architecture: "amd64", KubeletVersion: kubelet},
	}
}
