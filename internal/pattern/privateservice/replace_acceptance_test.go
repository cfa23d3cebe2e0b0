package privateservice_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
)

// What cannot be changed in place replaces, and the plan says why; what only
// says how it is already does not.
func TestAccReplacement(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	info, _ := e.IKS.Cluster(c.ID)
	w := acctest.NewWorkspace(t, block(e, acctest.Classic, onePort))
	w.MustApply()
	uid := get(t, c).UID
	step := func(arguments, action, why string) {
		t.Helper()
		w.Write(block(e, acctest.Classic, onePort+arguments))
		r := w.MustApply()
		if !acted(r, action) {
			t.Errorf("%s: planned is %v, want %s", arguments, r.Planned, action)
		}
		says(t, "the plan", r.Warnings(), why)
		for _, warning := range r.Warnings() {
			if action == "replace" && !strings.Contains(warning, "is replaced") && !strings.Contains(warning, "is made with a private load balancer") {
				t.Errorf("a replacement warns of %q", warning)
			}
		}
		w.MustPlanEmpty()
		has(t, w, map[string]any{"ready": true, "exposure": "private"})
		now := get(t, c).UID
		if (now != uid) != (action == "replace") {
			t.Errorf("%s: the Service was %s before and is %s", arguments, uid, now)
		}
		uid = now
	}
	assigned := fmt.Sprint(w.Attributes(resourceName)["ip"])
	step(fmt.Sprintf("  load_balancer_ip = %q\n", assigned), "update", "")
	step("  nlb_version = \"1.0\"\n", "update", "")
	zone := info.Zones[len(info.Zones)-1]
	step(fmt.Sprintf("  zone = %q\n", zone.ID), "replace", "zone goes from <null> to")
	step(fmt.Sprintf("  zone = %q\n  vlan_id = %q\n", zone.ID, zone.PrivateVLAN), "replace", "vlan_id goes from")
	var other string
	for _, a := range e.IKS.PortableAddresses(c.ID) {
		if !a.Public && a.Owner == "" && a.Address != assigned {
			other = a.Address
		}
	}
	step(fmt.Sprintf("  load_balancer_ip = %q\n", other), "replace", "load_balancer_ip goes from")
	has(t, w, map[string]any{"ip": other})
	step("  nlb_version = \"2.0\"\n  external_traffic_policy = \"Local\"\n  scheduler = \"sh\"\n", "replace", "nlb_version goes from")
	w.Write(block(e, acctest.Classic, onePort+"  namespace = \"kube-public\"\n"))
	r := w.MustApply()
	if !acted(r, "replace") {
		t.Errorf("planned is %v", r.Planned)
	}
	gone(t, c)
	w.MustDestroy()
}

// A new name that somebody else's Service has is refused by the plan: the apply
// would remove the one of the old name before it finds that out.
func TestAccReplacementByTakenName(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.Classic)
	declared := block(e, acctest.Classic, onePort)
	other := strings.Replace(declared, `"api"`, `"other"`, 1)
	w := acctest.NewWorkspace(t, other)
	w.MustApply()
	argocd(t, c, map[string]any{"selector": map[string]any{"app": "other"}, "ports": []any{map[string]any{"port": 80}}})
	t.Cleanup(func() { remove(t, c) })
	w.Write(declared)
	r := w.Plan()
	if r.ExitCode == 0 {
		t.Errorf("the plan is %v", r.Planned)
	}
	says(t, "the plan", r.Errors(), "exists and is not ours", "argocd-controller")
	w.Write(other)
	w.MustPlanEmpty()
	w.MustDestroy()
}

// On VPC: subnets and name.
func TestAccReplacementOnVPC(t *testing.T) {
	e := acctest.Environment(t)
	c := e.Cluster(acctest.VPC)
	info, _ := e.IKS.Cluster(c.ID)
	w := acctest.NewWorkspace(t, block(e, acctest.VPC, onePort))
	w.MustApply()
	for _, test := range []struct{ vpc, action, why string }{
		{`features = ["alb"]`, "update", ""},
		{`security_groups = ["sg-1"]`, "update", ""},
		{`features = ["nlb"]`, "replace", "vpc.features"},
		{fmt.Sprintf(`features = ["nlb"], subnets = [%q]`, info.Zones[0].SubnetID), "replace", "vpc.subnets"},
		{`name = "shop-api"`, "replace", "vpc.name"},
	} {
		before := fmt.Sprint(w.Attributes(resourceName)["hostname"])
		w.Write(block(e, acctest.VPC, onePort+"  vpc = { "+test.vpc+" }\n"))
		r := w.MustApply()
		if !acted(r, test.action) {
			t.Errorf("%s: planned is %v, want %s", test.vpc, r.Planned, test.action)
		}
		says(t, "the plan", r.Warnings(), test.why)
		w.MustPlanEmpty()
		has(t, w, map[string]any{"ready": true, "exposure": "private"})
		after := fmt.Sprint(w.Attributes(resourceName)["hostname"])
		if (before != after) != (test.action == "replace") {
			t.Errorf("%s: the hostname was %s and is %s", test.vpc, before, after)
		}
	}
	w.MustDestroy()
}
