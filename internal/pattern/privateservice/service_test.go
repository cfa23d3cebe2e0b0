package privateservice

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/hashicorp/terraform-plugin-framework/types"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

func declared(t *testing.T, m *model) declaration {
	t.Helper()
	d, known, problems := m.declaration()
	if !known || len(problems) > 0 {
		t.Fatalf("known %t, problems %+v", known, problems)
	}
	return d
}

func TestService(t *testing.T) {
	t.Parallel()
	cluster := corev1.ServiceInternalTrafficPolicyCluster
	h2c := "kubernetes.io/h2c"
	plain := corev1.ServiceSpec{
		Type: corev1.ServiceTypeLoadBalancer, Selector: map[string]string{"app": "api"},
		Ports:                 []corev1.ServicePort{{Port: 443, TargetPort: intstr.FromInt32(443), Protocol: corev1.ProtocolTCP}},
		ExternalTrafficPolicy: corev1.ServiceExternalTrafficPolicyCluster, InternalTrafficPolicy: &cluster, SessionAffinity: corev1.ServiceAffinityNone,
	}
	spec := func(change func(*corev1.ServiceSpec)) corev1.ServiceSpec {
		out := *plain.DeepCopy()
		change(&out)
		return out
	}
	for _, test := range []struct {
		name   string
		change func(*model)
		notes  map[string]string // besides the private one
		spec   corev1.ServiceSpec
	}{
		{name: "least", spec: plain},
		{
			name: "classic", change: func(m *model) {
				m.LoadBalancerIP, m.Zone, m.VLAN, m.NLBVersion, m.Scheduler, m.ExternalPolicy = text("10.48.192.3"), text("dal10"), text("2234945"), text("2.0"), text("sh"), text("Local")
				m.Annotations = pairs("a", "b")
			},
			notes: map[string]string{zoneNote: "dal10", vlanNote: "2234945", featuresNote: "ipvs", schedulerNote: "sh", "a": "b"},
			spec: spec(func(s *corev1.ServiceSpec) {
				s.LoadBalancerIP, s.ExternalTrafficPolicy = "10.48.192.3", corev1.ServiceExternalTrafficPolicyLocal
			}),
		},
		{name: "version 1.0 needs no annotation", change: func(m *model) { m.NLBVersion = text("1.0") }, spec: plain},
		{
			name: "VPC", change: func(m *model) {
				v := health(values{"protocol": text("https"), "path": text("/ok"), "port": n(8443), "delay": n(10), "timeout": n(4), "retries": n(3), "udp_port": n(8080)})
				v["features"], v["subnets"], v["name"] = texts("proxy-protocol", "alb"), texts("a", "b"), text("api")
				v["security_groups"], v["idle_timeout"] = texts("sg-1", "sg-2"), n(600)
				m.VPC = vpc(v)
			},
			notes: map[string]string{
				featuresNote: "alb,proxy-protocol", subnetsNote: "a,b", nameNote: "api", securityGroupsNote: "sg-1,sg-2", idleTimeoutNote: "600",
				healthProtocolNote: "https", healthPathNote: "/ok", healthPortNote: "8443", healthDelayNote: "10", healthTimeoutNote: "4", healthRetriesNote: "3", healthUDPNote: "8080",
			},
			spec: plain,
		},
		{
			name: "ports and ranges", change: func(m *model) {
				m.Ports = ports(values{"name": text("https"), "port": n(443), "target_port": text("web"), "node_port": n(30443), "app_protocol": text(h2c)},
					values{"name": text("dns"), "port": n(53), "target_port": text("5353"), "protocol": text("UDP")})
				m.SourceRanges, m.SessionAffinity = texts("10.0.0.0/8"), text("ClientIP")
			},
			spec: spec(func(s *corev1.ServiceSpec) {
				s.Ports = []corev1.ServicePort{
					{Name: "https", Port: 443, TargetPort: intstr.FromString("web"), NodePort: 30443, Protocol: corev1.ProtocolTCP, AppProtocol: &h2c},
					{Name: "dns", Port: 53, TargetPort: intstr.FromInt32(5353), Protocol: corev1.ProtocolUDP},
				}
				s.LoadBalancerSourceRanges, s.SessionAffinity = []string{"10.0.0.0/8"}, corev1.ServiceAffinityClientIP
			}),
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := declared(t, configured(test.change)).service()
			notes := map[string]string{ipTypeNote: "private"}
			for key, value := range test.notes {
				notes[key] = value
			}
			if diff := cmp.Diff(notes, got.Annotations); diff != "" {
				t.Errorf("annotations (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.spec, got.Spec, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("spec (-want +got):\n%s", diff)
			}

			// What is read from the Service declares the very same Service.
			m := &model{Namespace: text("default"), Name: text("api")}
			m.adopt(stored(got), framework.Owner{}, test.name == "VPC")
			again := declared(t, m).service()
			for i := range again.Spec.Ports {
				again.Spec.Ports[i].NodePort = got.Spec.Ports[i].NodePort
			}
			if diff := cmp.Diff(got, again, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("adopted (-want +got):\n%s", diff)
			}
		})
	}
}

// stored is a Service as the API server keeps it, with what others put there.
func stored(s corev1.Service) corev1.Service {
	out := *s.DeepCopy()
	for i := range out.Spec.Ports {
		out.Spec.Ports[i].NodePort = 30000 + int32(i)
	}
	out.Labels = map[string]string{framework.ManagedByLabel: framework.ManagedByValue}
	out.Annotations[lastAppliedNote] = "{}"
	out.Annotations[ownPrefix+"relocated"] = "y"
	return out
}

func TestAdoptable(t *testing.T) {
	t.Parallel()
	service := func(kind corev1.ServiceType, ipType string) corev1.Service {
		return corev1.Service{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{ipTypeNote: ipType}}, Spec: corev1.ServiceSpec{Type: kind}}
	}
	for name, test := range map[string]struct {
		live corev1.Service
		fine bool
	}{
		"private load balancer": {service(corev1.ServiceTypeLoadBalancer, "private"), true},
		"public load balancer":  {service(corev1.ServiceTypeLoadBalancer, "public"), false},
		"not annotated":         {service(corev1.ServiceTypeLoadBalancer, ""), false},
		"node port":             {service(corev1.ServiceTypeNodePort, "private"), false},
	} {
		if err := adoptable(test.live); (err == nil) != test.fine {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSourceRangesInAnyOrder(t *testing.T) {
	t.Parallel()
	d := declared(t, configured(func(m *model) { m.SourceRanges = texts("10.0.0.0/8", "192.168.0.0/16") }))
	for _, test := range []struct{ live, want []string }{
		{[]string{"192.168.0.0/16", "10.0.0.0/8"}, []string{"192.168.0.0/16", "10.0.0.0/8"}},
		{[]string{"192.168.0.0/16", "172.16.0.0/12"}, []string{"10.0.0.0/8", "192.168.0.0/16"}},
		{[]string{"10.0.0.0/8"}, []string{"10.0.0.0/8", "192.168.0.0/16"}},
		{nil, []string{"10.0.0.0/8", "192.168.0.0/16"}},
	} {
		got := d.like(corev1.Service{Spec: corev1.ServiceSpec{LoadBalancerSourceRanges: test.live}}).Spec.LoadBalancerSourceRanges
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("live %v (-want +got):\n%s", test.live, diff)
		}
	}
}

// The lists in IBM's annotations are sets: one that stands there in another order
// is as it is declared.
func TestNotesInAnyOrder(t *testing.T) {
	t.Parallel()
	d := declared(t, configured(func(m *model) {
		m.VPC = vpc(values{"features": texts("nlb", "proxy-protocol"), "subnets": texts("a", "b"), "security_groups": texts("sg-1", "sg-2")})
	}))
	for _, test := range []struct{ note, live, want string }{
		{subnetsNote, "b, a", "b, a"},
		{subnetsNote, "b,c", "a,b"},
		{subnetsNote, "b", "a,b"},
		{securityGroupsNote, "sg-2,sg-1", "sg-2,sg-1"},
		{featuresNote, "proxy-protocol,nlb", "proxy-protocol,nlb"},
		{featuresNote, "proxy-protocol,alb", "nlb,proxy-protocol"},
	} {
		got := d.like(corev1.Service{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{test.note: test.live}}}).Annotations[test.note]
		if got != test.want {
			t.Errorf("%s is %q, so %q is declared, want %q", test.note, test.live, got, test.want)
		}
	}
}

func TestExposureDrift(t *testing.T) {
	t.Parallel()
	live := func(ipType string, change func(*corev1.Service)) corev1.Service {
		s := corev1.Service{ObjectMeta: metav1.ObjectMeta{Annotations: map[string]string{ipTypeNote: ipType}}}
		change(&s)
		return s
	}
	asItIs := func(*corev1.Service) {}
	for _, test := range []struct {
		name string
		live corev1.Service
		v    verdict
		want int
	}{
		{"as declared", live("private", asItIs), verdict{exposure: isPrivate}, 0},
		{"annotation changed", live("public", asItIs), verdict{exposure: isPrivate}, 1},
		{"public", live("public", asItIs), verdict{exposure: isPublic}, 1},
		{"came up public", live("private", asItIs), verdict{exposure: isPublic}, 1},
		{"not proven", live("private", asItIs), verdict{exposure: isUnverified}, 0},
	} {
		if got := exposureDrift(test.live, test.v); len(got) != test.want {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	m := &model{}
	m.observe(addresses{}, verdict{exposure: isUnverified})
	if !m.IP.IsNull() || !m.Hostname.IsNull() || m.Exposure != types.StringValue("unverified") {
		t.Errorf("a pending load balancer has %s, %s, %s", m.IP, m.Hostname, m.Exposure)
	}
	live := corev1.Service{Status: corev1.ServiceStatus{LoadBalancer: corev1.LoadBalancerStatus{Ingress: []corev1.LoadBalancerIngress{{IP: "10.0.0.2", Hostname: "x.example"}}}}}
	m.observe(addressesOf(live), verdict{exposure: isPrivate})
	if m.IP != text("10.0.0.2") || m.Hostname != text("x.example") {
		t.Errorf("got %s, %s", m.IP, m.Hostname)
	}
}
