package balancers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestVPC(t *testing.T) {
	t.Parallel()
	r := newRig(t, localiks.SampleCluster("lb-vpc", fakeiks.VPC))
	for _, step := range []struct {
		name string
		run  func(*testing.T, *rig)
	}{
		{"host names by annotation", testHostnames},
		{"what cannot change", testFixed},
		{"a name of its own", testName},
		{"wrong, elsewhere", testPlayVPC},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.run(t, r) }) {
			break
		}
	}
}

// behind finds the load balancer of a host name.
func (r *rig) behind(t *testing.T, hostname string) fakeiks.LoadBalancer {
	t.Helper()
	all := r.env.IKS.LoadBalancers(r.cluster.ID)
	index := slices.IndexFunc(all, func(b fakeiks.LoadBalancer) bool { return b.Hostname == hostname })
	if index < 0 {
		t.Fatalf("no load balancer has the host name %q", hostname)
	}
	return all[index]
}

func testHostnames(t *testing.T, r *rig) {
	before := len(r.env.IKS.LoadBalancers(r.cluster.ID))
	zone := r.info(t).Zones[1]
	r.balancer(t, "plain", nil)
	r.balancer(t, "private", map[string]string{"ip-type": "private"}, func(s *corev1.Service) { s.Spec.LoadBalancerIP = "10.0.0.1" })
	r.balancer(t, "network", map[string]string{"ip-type": "private", "enable-features": "nlb", "zone": zone.ID})
	for name, want := range map[string]fakeiks.LoadBalancer{
		"plain": {Public: true}, "private": {}, "network": {Network: true, Subnets: []string{zone.SubnetID}},
	} {
		hostname := r.assigned(t, name)
		if !strings.HasSuffix(hostname, "-us-south.lb.appdomain.cloud") || r.service(t, name).Status.LoadBalancer.Ingress[0].IP != "" {
			t.Errorf("%s: %+v", name, r.service(t, name).Status)
		}
		got := r.behind(t, hostname)
		if got.Public != want.Public || got.Network != want.Network || want.Subnets != nil && !slices.Equal(got.Subnets, want.Subnets) || len(got.PrivateIPs) == 0 {
			t.Errorf("%s is %+v, want %+v", name, got, want)
		}
	}
	no := false
	r.balancer(t, "bare", nil, func(s *corev1.Service) { s.Spec.AllocateLoadBalancerNodePorts = &no })
	r.warned(t, "bare", "CreatingCloudLoadBalancerFailed", "Service configuration is not supported: NodePort allocation is required")
	r.remove(t, "plain", "private", "network", "bare")
	if after := len(r.env.IKS.LoadBalancers(r.cluster.ID)); after != before {
		t.Errorf("%d load balancers, before %d", after, before)
	}
}

// testFixed flips the kind of a live load balancer.
func testFixed(t *testing.T, r *rig) {
	r.balancer(t, "api", map[string]string{"ip-type": "private"})
	hostname := r.assigned(t, "api")
	r.change(t, "api", func(s *corev1.Service) { delete(s.Annotations, notes+"ip-type") })
	r.warned(t, "api", "CreatingCloudLoadBalancerFailed", "The load balancer was created as a private load balancer. This setting can not be changed")
	if r.address(t, "api") != hostname || r.behind(t, hostname).Public {
		t.Errorf("it is %s, %+v", r.address(t, "api"), r.behind(t, hostname))
	}
	r.remove(t, "api")
}

// testName gives a load balancer a name, parts from it and takes it back.
func testName(t *testing.T, r *rig) {
	r.balancer(t, "named", map[string]string{"ip-type": "private", "vpc-lb-name": "mine"})
	mine := r.assigned(t, "named")
	if got := r.behind(t, mine); got.Name != "mine" || !got.Persistent {
		t.Errorf("%+v", got)
	}
	r.change(t, "named", func(s *corev1.Service) { delete(s.Annotations, notes+"vpc-lb-name") })
	eventually(t, "it gets another one", func() error {
		if got := r.address(t, "named"); got == mine || got == "" {
			return fmt.Errorf("address %q", got)
		}
		return nil
	})
	if got := r.behind(t, mine); got.Owner != "" {
		t.Errorf("the named one belongs to %q still", got.Owner)
	}
	r.balancer(t, "stranger", map[string]string{"vpc-lb-name": "mine"})
	r.warned(t, "stranger", "CreatingCloudLoadBalancerFailed", "The load balancer was created as a private load balancer. This setting can not be changed")
	if got := r.address(t, "stranger"); got != "" {
		t.Errorf("it got %s all the same", got)
	}
	r.remove(t, "stranger")
	r.change(t, "named", func(s *corev1.Service) { s.Annotations[notes+"vpc-lb-name"] = "mine" })
	eventually(t, "it gets the named one back", func() error {
		if got := r.address(t, "named"); got != mine {
			return fmt.Errorf("address %q", got)
		}
		return nil
	})
	r.remove(t, "named")
}

func testPlayVPC(t *testing.T, r *rig) {
	lbs := r.cluster.LoadBalancers
	lbs.AssignWrongKind(true)
	r.balancer(t, "wrong", map[string]string{"ip-type": "private"})
	if got := r.behind(t, r.assigned(t, "wrong")); !got.Public {
		t.Errorf("%+v, want a public one", got)
	}
	lbs.AssignWrongKind(false)
	former := r.address(t, "wrong")
	moved, err := lbs.Reassign(t.Context(), "default", "wrong", false)
	if err != nil || moved == former || r.behind(t, moved).Public || r.address(t, "wrong") != moved {
		t.Errorf("moved from %s to %s (%v), status %s", former, moved, err, r.address(t, "wrong"))
	}
	r.remove(t, "wrong")
}
