package packets

import (
	"context"
	"strings"
	"testing"

	apiv3 "github.com/projectcalico/api/pkg/apis/projectcalico/v3"
	"github.com/projectcalico/api/pkg/lib/numorstring"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/cloud"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/sandbox"
)

// busyboxImage is one whose programs are Debian's busybox.
const busyboxImage = "registry.example.com/busybox:1.35"

// busybox are the programs of that image.
func busybox() sandbox.Image {
	image := sandbox.Image{Links: map[string]string{}}
	for _, applet := range []string{"sh", "nslookup", "nc", "grep", "timeout", "date", "sleep"} {
		image.Links["/usr/bin/"+applet] = "/usr/bin/busybox"
	}
	return image
}

// canaries shows what canaries find that something is wrong with: they are sent
// once more, by a change of the set, while a policy closes what they try. Then
// one that tries what the set itself closes, which is taken back.
func canaries(t *testing.T, r *run) {
	t.Helper()
	open := closed(t, r)
	r.workspace.Write(r.head + isolated(`network = "private"`, `allow = ["vpn"]`, `canary = { image = "`+busyboxImage+`", namespace = "default" }`))
	const says = "exit code 1: DNS does not answer for kubernetes.default.svc.cluster.local. The API server does not answer at 172.21.0.1:443."
	if got := r.workspace.Apply(); got.ExitCode == 0 || !strings.Contains(strings.Join(got.Errors(), " "), says) {
		t.Errorf("with DNS and the API server closed to pods, the apply ends with exit code %d:\n%s", got.ExitCode, strings.Join(got.Errors(), "\n"))
	}
	open()
	r.workspace.MustDestroy()
	server := r.stage.addresses(server)[0].String()
	r.workspace.Write(r.head + isolated(`network = "private"`,
		`canary = { image = "`+busyboxImage+`", namespace = "default", command = ["sh", "-c", "timeout 3 nc `+server+` 8080 </dev/null | grep -q . || { echo the server is away; exit 1; }"] }`))
	if got := r.workspace.Apply(); got.ExitCode == 0 || !strings.Contains(strings.Join(got.Errors(), " "), "the server is away") {
		t.Errorf("an apply that cuts off what its canary needs ends with exit code %d:\n%s", got.ExitCode, strings.Join(got.Errors(), "\n"))
	}
	r.check(t, "after what cuts off was taken back", r.scenario.lines, line.verdictWithout)
}

// closed closes DNS and the API server to all pods, behind Terraform's back.
func closed(t *testing.T, r *run) (open func()) {
	t.Helper()
	client, err := dynamic.NewForConfig(r.stage.cluster.RESTConfig())
	if err != nil {
		t.Fatal(err)
	}
	const name = "packets-closed"
	policies := client.Resource(cloud.StoredPolicies())
	order := 1.0
	deny := func(protocol string, port uint16) apiv3.Rule {
		of := numorstring.ProtocolFromString(protocol)
		return apiv3.Rule{Action: apiv3.Deny, Protocol: &of, Destination: apiv3.EntityRule{Ports: []numorstring.Port{numorstring.SinglePort(port)}}}
	}
	object, err := cloud.StoredPolicy(name, &apiv3.GlobalNetworkPolicySpec{
		Tier: "default", Order: &order, Selector: "projectcalico.org/orchestrator == 'k8s'", NamespaceSelector: "projectcalico.org/name == 'default'",
		Types:  []apiv3.PolicyType{apiv3.PolicyTypeEgress},
		Egress: []apiv3.Rule{deny(numorstring.ProtocolUDP, 53), deny(numorstring.ProtocolTCP, 2040), {Action: apiv3.Pass}},
	})
	if err == nil {
		_, err = policies.Create(t.Context(), object, metav1.CreateOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
	gone := false
	open = func() {
		if gone {
			return
		}
		gone = true
		if err := policies.Delete(context.WithoutCancel(t.Context()), cloud.StoredName(name), metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	}
	t.Cleanup(open)
	return open
}
