package strongswan

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/charon"
)

// ibmFiles are what the pod of IBM's chart finds mounted: the ConfigMap without
// the key, and our Secret with it.
func ibmFiles(t *testing.T, of tunnel) map[string]string {
	t.Helper()
	key := keyInRelease{placeholder: placeholderOf(nil), version: "1"}
	plain, err := standIn(t, of.ibmValues(key), nil)
	if err != nil {
		t.Fatal(err)
	}
	moved, err := standIn(t, of.ibmValues(key), of.moveKey(key))
	if err != nil {
		t.Fatal(err)
	}
	files := decodeOne[corev1.ConfigMap](t, moved.Manifest, "ConfigMap", "office-strongswan-config").Data
	frame, err := secretsText([]byte(plain.Manifest))
	if err != nil {
		t.Fatal(err)
	}
	if _, there := files[secretsFile]; there {
		t.Fatal("the key is in the ConfigMap")
	}
	if files[secretsFile], err = withKey(frame, key.placeholder, of.preSharedKey); err != nil {
		t.Fatal(err)
	}
	return files
}

// TestTunnelOfBothCharts has IBM's chart call the builtin one: what is rendered
// for both is accepted by real charons, and the key that was moved into the
// Secret is the same on both ends.
func TestTunnelOfBothCharts(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	cluster, office := ends()
	b := l.gateway(l.Office, office)
	b.start()
	b.listens()
	l.doesNotReach(l.Cluster, charon.OfficeHost)
	a := l.ibmGateway(l.Cluster, cluster, "")
	a.startIBM()
	a.says(`loaded IKE secret for ibm-cloud on-prem`)
	a.says(`CHILD_SA k8s-conn\{\d+\} established`)
	b.isReady()
	l.reaches(l.Cluster, charon.OfficeHost)
	l.reaches(l.Office, charon.ClusterHost)
	crossed, err := l.Crossed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if crossed.Encrypted < 4 {
		t.Errorf("on the wide area network: %+v", crossed)
	}
}

// TestWrongKeyOfIBMChart sees that it is the key which lets it in.
func TestWrongKeyOfIBMChart(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	cluster, office := ends()
	b := l.gateway(l.Office, office)
	b.start()
	b.listens()
	cluster.preSharedKey = labKey + "?"
	a := l.ibmGateway(l.Cluster, cluster, "")
	a.startIBM()
	a.says(`received AUTHENTICATION_FAILED notify error`)
	l.doesNotReach(l.Cluster, charon.OfficeHost)
}
