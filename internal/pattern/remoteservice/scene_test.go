package remoteservice

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func sliceOf(name, by string, texts ...string) discoveryv1.EndpointSlice {
	out := discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name, Labels: map[string]string{discoveryv1.LabelServiceName: "api"}}}
	if by != "" {
		out.Labels[discoveryv1.LabelManagedBy] = by
	}
	for _, text := range texts {
		out.Endpoints = append(out.Endpoints, discoveryv1.Endpoint{Addresses: []string{text}})
	}
	return out
}

func TestDriftOfTheScene(t *testing.T) {
	t.Parallel()
	ours := sliceOf("api-iks-ipv4", "terraform-provider-iks", "10.0.0.1")
	service := &corev1.Service{}
	selecting := &corev1.Service{Spec: corev1.ServiceSpec{Selector: map[string]string{"app": "x"}}}
	four := remote{namespace: "shop", name: "api", addresses: addresses("10.0.0.1")}
	both := remote{namespace: "shop", name: "api", addresses: addresses("10.0.0.1", "fd00::1")}
	alias := remote{namespace: "shop", name: "api", hostname: "lb.example.com"}
	for name, test := range map[string]struct {
		scene scene
		want  remote
		says  []string // one for each sentence, in part
	}{
		"as declared":         {scene{service, []discoveryv1.EndpointSlice{ours}}, four, nil},
		"missing":             {scene{service, nil}, four, []string{"api-iks-ipv4 is missing"}},
		"one family missing":  {scene{service, []discoveryv1.EndpointSlice{ours}}, both, []string{"api-iks-ipv6 is missing"}},
		"left over":           {scene{service, []discoveryv1.EndpointSlice{ours}}, alias, []string{"api-iks-ipv4 is left over"}},
		"selector":            {scene{selecting, []discoveryv1.EndpointSlice{ours}}, four, []string{"selector"}},
		"selector's leftover": {scene{service, []discoveryv1.EndpointSlice{ours, sliceOf("api-x", leftBySelector, "172.30.0.1")}}, four, []string{"172.30.0.1"}},
		"empty leftover":      {scene{service, []discoveryv1.EndpointSlice{ours, sliceOf("api-x", leftBySelector)}}, four, nil},
		"stranger":            {scene{service, []discoveryv1.EndpointSlice{ours, sliceOf("mine", "", "192.0.2.1")}}, four, []string{"mine (managed by: nobody says who) sends clients of the Service to 192.0.2.1"}},
		"stranger of an alias": {
			scene{service, []discoveryv1.EndpointSlice{sliceOf("mine", "me", "192.0.2.1")}}, alias, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := test.scene.drift(test.want)
			if len(got) != len(test.says) {
				t.Fatalf("drift is %q", got)
			}
			for i, says := range test.says {
				if !strings.Contains(got[i], says) {
					t.Errorf("drift is %q, want %q", got[i], says)
				}
			}
		})
	}
}

func TestStrangersAreRefused(t *testing.T) {
	t.Parallel()
	s := scene{slices: []discoveryv1.EndpointSlice{
		sliceOf("api-iks-ipv4", "", "10.0.0.1"), sliceOf("left", leftBySelector, "172.30.0.1"),
		sliceOf("many", "me", "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.4", "192.0.2.5", "192.0.2.6", "192.0.2.7"),
	}}
	leftovers, strangers := s.additions("api")
	if len(leftovers) != 1 || leftovers[0].Name != "left" || len(strangers) != 1 {
		t.Fatalf("leftovers %v, strangers %v", leftovers, strangers)
	}
	err := refuseStrangers(strangers)
	if err == nil || !strings.Contains(err.Error(), "shop/many") || !strings.Contains(err.Error(), "2 more") || strings.Contains(err.Error(), "192.0.2.6") {
		t.Errorf("the refusal is %v", err)
	}
	if err := refuseStrangers(nil); err != nil {
		t.Error(err)
	}
}

// While a port gets another name, the slice serves both.
func TestBridge(t *testing.T) {
	t.Parallel()
	named := func(names ...string) discoveryv1.EndpointSlice {
		var s discoveryv1.EndpointSlice
		for _, name := range names {
			s.Ports = append(s.Ports, discoveryv1.EndpointPort{Name: &name})
		}
		return s
	}
	names := func(s discoveryv1.EndpointSlice) []string {
		var out []string
		for _, p := range s.Ports {
			out = append(out, portName(p))
		}
		return out
	}
	for name, test := range map[string]struct {
		want, live discoveryv1.EndpointSlice
		bridged    []string
		needed     bool
	}{
		"same":    {named("a"), named("a"), []string{"a"}, false},
		"added":   {named("a", "b"), named("a"), []string{"a", "b"}, false},
		"removed": {named("a"), named("a", "b"), []string{"a", "b"}, true},
		"renamed": {named("https"), named(""), []string{"https", ""}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, needed := bridge(test.want, &test.live)
			if diff := cmp.Diff(test.bridged, names(got)); diff != "" || needed != test.needed {
				t.Errorf("needed is %t; -want +got:\n%s", needed, diff)
			}
		})
	}
	if got, needed := bridge(named("a"), nil); needed || len(got.Ports) != 1 {
		t.Errorf("where there is none: %v, %t", names(got), needed)
	}
}
