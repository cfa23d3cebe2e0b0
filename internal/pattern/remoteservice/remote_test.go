package remoteservice

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/yaml"
)

func addresses(texts ...string) []netip.Addr {
	var out []netip.Addr
	for _, text := range texts {
		out = append(out, netip.MustParseAddr(text))
	}
	return sorted(out)
}

// asYAML leaves out what only the server fills in.
func asYAML(t *testing.T, object any) string {
	t.Helper()
	raw, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(raw)) {
		if !strings.Contains(line, "creationTimestamp: null") && !strings.HasPrefix(line, "status:") && !strings.HasPrefix(line, "  loadBalancer: {}") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

func TestObjects(t *testing.T) {
	t.Parallel()
	of := remote{namespace: "shop", name: "api", ports: []port{
		{name: "https", number: 443, target: 8443, protocol: corev1.ProtocolTCP, appProtocol: "https"},
		{name: "dns", number: 53, target: 53, protocol: corev1.ProtocolUDP},
	}}
	for name, test := range map[string]struct {
		addresses []netip.Addr
		hostname  string
		want      string // spec of the Service, below its ports
	}{
		"IPv4":      {addresses: addresses("10.0.0.2", "10.0.0.1"), want: "  ipFamilies:\n  - IPv4\n  ipFamilyPolicy: SingleStack\n"},
		"IPv6":      {addresses: addresses("fd00::1"), want: "  ipFamilies:\n  - IPv6\n  ipFamilyPolicy: SingleStack\n"},
		"both":      {addresses: addresses("fd00::1", "10.0.0.1"), want: "  ipFamilies:\n  - IPv4\n  - IPv6\n  ipFamilyPolicy: RequireDualStack\n"},
		"host name": {hostname: "lb.example.com", want: "  externalName: lb.example.com\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := of
			r.addresses, r.hostname = test.addresses, test.hostname
			kind := "ClusterIP"
			if test.hostname != "" {
				kind = "ExternalName"
			}
			want := "metadata:\n  name: api\n  namespace: shop\nspec:\n" + test.want +
				"  ports:\n  - appProtocol: https\n    name: https\n    port: 443\n    protocol: TCP\n    targetPort: 8443\n" +
				"  - name: dns\n    port: 53\n    protocol: UDP\n    targetPort: 53\n  type: " + kind + "\n"
			if diff := cmp.Diff(want, asYAML(t, r.service())); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestSlice(t *testing.T) {
	t.Parallel()
	r := remote{
		namespace: "shop", name: "api", addresses: addresses("10.0.0.2", "fd00::1", "10.0.0.1"),
		ports: []port{{number: 443, target: 8443, protocol: corev1.ProtocolTCP}},
	}
	const want = `addressType: IPv4
endpoints:
- addresses:
  - 10.0.0.1
  conditions:
    ready: true
- addresses:
  - 10.0.0.2
  conditions:
    ready: true
metadata:
  labels:
    endpointslice.kubernetes.io/managed-by: terraform-provider-iks
    kubernetes.io/service-name: api
  name: api-iks-ipv4
  namespace: shop
  ownerReferences:
  - apiVersion: v1
    kind: Service
    name: api
    uid: of-the-service
ports:
- name: ""
  port: 8443
  protocol: TCP
`
	if diff := cmp.Diff(want, asYAML(t, r.slice(corev1.IPv4Protocol, "of-the-service"))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	six := r.slice(corev1.IPv6Protocol, "")
	if got := addressesOf([]discoveryv1.EndpointSlice{six}); len(got) != 1 || got[0] != netip.MustParseAddr("fd00::1") || six.AddressType != discoveryv1.AddressTypeIPv6 || len(six.OwnerReferences) > 0 {
		t.Errorf("the IPv6 slice is %s", asYAML(t, six))
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	subnets := map[string]string{"pod": "172.30.0.0/16", "service": "172.21.0.0/16"}
	for text, says := range map[string]string{"10.0.0.1": "", "172.30.4.5": "pod subnet", "172.21.0.10": "service subnet", "fd00::1": ""} {
		err := remote{addresses: addresses(text)}.within("cluster shop", subnets)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
	if err := (remote{addresses: addresses("10.0.0.1")}).within("cluster shop", map[string]string{"pod": ""}); err != nil {
		t.Errorf("a cluster that tells no subnets: %v", err)
	}
}

func TestPublicWarnings(t *testing.T) {
	t.Parallel()
	r := remote{namespace: "shop", name: "api", addresses: addresses("10.0.0.1", "192.0.2.1", "198.51.100.1")}
	if got := r.publicWarnings(addresses("192.0.2.1")); len(got) != 1 || !strings.Contains(got[0], "198.51.100.1") {
		t.Errorf("warnings are %q", got)
	}
}
