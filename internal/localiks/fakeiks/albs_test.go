package fakeiks_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv1"
	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestClassicALBs(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	v1 := clientV1(t, config(s, adminKey))
	none := containerv1.ClusterTargetHeader{}
	list, err := v1.Albs().ListClusterALBs(cluster.Name, none)
	if err != nil || len(list) != 4 {
		t.Fatal(list, err)
	}
	private, public := list[0], list[1]
	if private.ALBType != "private" || private.Enable || private.State != "disabled" || private.ALBIP != "" || private.VlanID != cluster.Zones[0].PrivateVLAN {
		t.Errorf("private ALB at the start: %+v", private)
	}
	if public.ALBType != "public" || !public.Enable || public.State != "enabled" || public.Status != "healthy" || public.NumOfInstances != "2" ||
		!strings.HasPrefix(public.ALBIP, "169.") || public.ALBBuild == "" || public.Zone != "dal10" {
		t.Errorf("public ALB at the start: %+v", public)
	}

	if err := v1.Albs().EnableALB(private.ALBID, containerv1.ALBConfig{ALBID: private.ALBID, Enable: true}, none); err != nil {
		t.Fatal(err)
	}
	got, err := v1.Albs().GetALB(private.ALBID, none)
	if err != nil || !got.Enable {
		t.Errorf("enable is true at once: %+v, %v", got, err)
	}
	eventually(t, "the private ALB is healthy with an IP", func() bool {
		got, err := v1.Albs().GetALB(private.ALBID, none)
		return err == nil && got.State == "enabled" && got.Status == "healthy" && strings.HasPrefix(got.ALBIP, "10.")
	})
	if err := v1.Albs().DisableALB(public.ALBID, none); err != nil {
		t.Fatal(err)
	}
	if got, err := v1.Albs().GetALB(public.ALBID, none); err != nil || got.Enable {
		t.Errorf("enable is false at once: %+v, %v", got, err)
	}
	eventually(t, "the public ALB is gone with its IP", func() bool {
		got, err := v1.Albs().GetALB(public.ALBID, none)
		return err == nil && got.State == "disabled" && got.ALBIP == ""
	})
	address, err := s.AllocateAddress(cluster.ID, "dal10", true, "another load balancer")
	if err != nil || address != public.ALBIP {
		t.Errorf("the freed IP %s is given out again: %s, %v", public.ALBIP, address, err)
	}
	if err := v1.Albs().ConfigureALB(public.ALBID, containerv1.ALBConfig{ALBID: public.ALBID, Enable: true}, false, none); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the public ALB is back with another IP", func() bool {
		got, err := v1.Albs().GetALB(public.ALBID, none)
		return err == nil && got.State == "enabled" && got.ALBIP != "" && got.ALBIP != public.ALBIP
	})
	made, err := v1.Albs().CreateALB(containerv1.CreateALB{Zone: "dal12", Type: "private", EnableByDefault: true}, cluster.ID, none)
	if err != nil || made.Alb != "private-cr"+cluster.ID+"-alb3" {
		t.Errorf("created %+v, %v", made, err)
	}
	_, err = v1.Albs().GetALB("public-crx-alb1", none)
	wantFailure(t, err, http.StatusNotFound, "ALB could not be found")
}

func TestVPCALBs(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addVPC(t, s)
	v2 := clientV2(t, config(s, adminKey))
	none := containerv2.ClusterTargetHeader{}
	list, err := v2.Albs().ListClusterAlbs(cluster.ID, none)
	if err != nil || len(list) != 4 {
		t.Fatal(list, err)
	}
	private, public := list[0], list[1]
	if private.Enable || private.LoadBalancerHostname != "" || !strings.HasSuffix(public.LoadBalancerHostname, "us-south.lb.appdomain.cloud") || public.Cluster != cluster.ID {
		t.Errorf("at the start: %+v and %+v", private, public)
	}
	if list[3].LoadBalancerHostname != public.LoadBalancerHostname {
		t.Error("ALBs of one type share a load balancer")
	}
	if err := v2.Albs().EnableAlb(containerv2.AlbConfig{AlbID: private.AlbID, Enable: true}, none); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the private ALB is healthy with a host name", func() bool {
		got, err := v2.Albs().GetAlb(private.AlbID, none)
		return err == nil && got.Enable && got.State == "enabled" && got.Status == "healthy" && got.LoadBalancerHostname != "" &&
			got.LoadBalancerHostname != public.LoadBalancerHostname
	})
	if err := v2.Albs().DisableAlb(containerv2.AlbConfig{AlbID: private.AlbID}, none); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the private ALB is gone", func() bool {
		got, err := v2.Albs().GetAlb(private.AlbID, none)
		return err == nil && !got.Enable && got.State == "disabled" && got.LoadBalancerHostname == ""
	})
	made, err := v2.Albs().CreateAlb(containerv2.AlbCreateReq{Cluster: cluster.ID, Type: "private", ZoneAlb: "us-south-1"}, none)
	if err != nil || made.Alb != "private-cr"+cluster.ID+"-alb3" {
		t.Errorf("created %+v, %v", made, err)
	}
	status, err := v2.Albs().GetIngressStatus(cluster.ID, none)
	if err != nil || status.Status != "healthy" || len(status.ALBStatus) != 2 {
		t.Errorf("Ingress status %+v, %v", status, err)
	}
}

func TestALBUpdates(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	v1, v2 := clientV1(t, config(s, adminKey)), clientV2(t, config(s, adminKey))
	none1, none2 := containerv1.ClusterTargetHeader{}, containerv2.ClusterTargetHeader{}
	public := s.ALBs(cluster.ID)[1]
	images, err := v2.Albs().ListAlbImages(none2)
	if err != nil || images.DefaultK8sVersion != public.Build || len(images.SupportedK8sVersions) < 3 {
		t.Fatal(images, err)
	}
	traefik := images.SupportedK8sVersions[slices.IndexFunc(images.SupportedK8sVersions, func(v string) bool { return strings.HasPrefix(v, "3.") })]
	update := containerv2.UpdateALBReq{ClusterID: cluster.ID, ALBBuild: public.Build, ALBList: []string{public.ID}}

	policy, err := v1.Albs().GetALBUpdatePolicy(cluster.ID, none1)
	if err != nil || !policy.AutoUpdate || !policy.LatestVersion {
		t.Errorf("policy %+v, %v", policy, err)
	}
	wantFailure(t, v2.Albs().UpdateAlb(update, none2), http.StatusConflict, "Automatic updates")
	if err := v1.Albs().ChangeALBUpdatePolicy(cluster.ID, containerv1.ALBUpdatePolicy{AutoUpdate: false}, none1); err != nil {
		t.Fatal(err)
	}
	if err := v2.Albs().UpdateAlb(update, none2); err != nil {
		t.Fatal(err)
	}
	if got := s.ALBs(cluster.ID)[1]; got.Revision != public.Revision+1 || got.Build != public.Build {
		t.Errorf("deployed anew with the same build: %+v", got)
	}
	if others := s.ALBs(cluster.ID)[3]; others.Revision != 1 {
		t.Errorf("another ALB was touched: %+v", others)
	}
	eventually(t, "the ALB is healthy again", func() bool { return s.ALBs(cluster.ID)[1].Status == "healthy" })
	update.ALBBuild = traefik
	wantFailure(t, v2.Albs().UpdateAlb(update, none2), http.StatusBadRequest, "another controller")
	update.ALBBuild = "1.0.0_1_iks"
	wantFailure(t, v2.Albs().UpdateAlb(update, none2), http.StatusBadRequest, "not supported")
	update.ALBBuild, update.ALBList = images.SupportedK8sVersions[1], nil
	if err := v2.Albs().UpdateAlb(update, none2); err != nil {
		t.Fatal(err)
	}
	if policy, err := v1.Albs().GetALBUpdatePolicy(cluster.ID, none1); err != nil || policy.LatestVersion || policy.AutoUpdate {
		t.Errorf("policy %+v, %v", policy, err)
	}
	if err := v1.Albs().UpdateALBs(cluster.ID, none1); err != nil || s.ALBs(cluster.ID)[0].Build != public.Build {
		t.Errorf("forced update: %+v, %v", s.ALBs(cluster.ID)[0], err)
	}
	// To the other kind of controller: disable, then enable with its build.
	if err := v1.Albs().DisableALB(public.ID, none1); err != nil {
		t.Fatal(err)
	}
	if err := v1.Albs().EnableALB(public.ID, containerv1.ALBConfig{ALBID: public.ID, Enable: true, ALBBuild: traefik}, none1); err != nil {
		t.Fatal(err)
	}
	if got := s.ALBs(cluster.ID)[1]; got.Controller != fakeiks.Traefik || got.IngressClass() != "public-iks-traefik" {
		t.Errorf("%+v", got)
	}
}

func TestALBsWaitForTheirControllers(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{Delay: time.Millisecond})
	cluster := addClassic(t, s)
	changes, stop := s.Subscribe()
	defer stop()
	giveBack := s.TakeOverALBs(cluster.ID)
	v1 := clientV1(t, config(s, adminKey))
	none := containerv1.ClusterTargetHeader{}
	private := s.ALBs(cluster.ID)[0].ID
	if err := v1.Albs().EnableALB(private, containerv1.ALBConfig{ALBID: private, Enable: true}, none); err != nil {
		t.Fatal(err)
	}
	if c := <-changes; c.Kind != fakeiks.ALBEnabled || c.Subject != private || c.Cluster != cluster.ID {
		t.Errorf("change %+v", c)
	}
	a := s.ALBs(cluster.ID)[0]
	if a.State != "disabled" || a.Address != "" || a.Reserved == "" || a.Revision != 1 {
		t.Errorf("before the report: %+v", a)
	}
	if err := s.SetALB(cluster.ID, private, "enabled", "healthy", a.Reserved); err != nil {
		t.Fatal(err)
	}
	if got, err := v1.Albs().GetALB(private, none); err != nil || got.State != "enabled" || got.ALBIP != a.Reserved {
		t.Errorf("after the report: %+v, %v", got, err)
	}
	if err := v1.Albs().DisableALB(private, none); err != nil {
		t.Fatal(err)
	}
	if err := s.SetALB(cluster.ID, private, "disabled", "", ""); err != nil {
		t.Fatal(err)
	}
	if got := s.ALBs(cluster.ID)[0]; got.Reserved != "" {
		t.Errorf("the IP is not given back: %+v", got)
	}
	giveBack()
	if err := v1.Albs().EnableALB(private, containerv1.ALBConfig{ALBID: private, Enable: true}, none); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the ALB comes up by itself", func() bool { return s.ALBs(cluster.ID)[0].State == "enabled" })
}

func TestNoFreePortableAddress(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	for range 5 {
		if _, err := s.AllocateAddress(cluster.ID, "dal10", false, "x"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.AllocateAddress(cluster.ID, "dal10", false, "x"); err == nil {
		t.Error("a sixth address of a /29")
	}
	private := s.ALBs(cluster.ID)[0].ID
	if err := clientV1(t, config(s, adminKey)).Albs().EnableALB(private, containerv1.ALBConfig{ALBID: private, Enable: true}, containerv1.ClusterTargetHeader{}); err != nil {
		t.Fatal(err)
	}
	if got := s.ALBs(cluster.ID)[0]; got.State != "disabled" || !strings.Contains(got.Status, "no portable IP address") {
		t.Errorf("%+v", got)
	}
}
