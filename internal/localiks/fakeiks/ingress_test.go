package fakeiks_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestIngressSettings(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addVPC(t, s)
	albs := clientV2(t, config(s, adminKey)).Albs()
	none := containerv2.ClusterTargetHeader{}
	alb := s.ALBs(cluster.ID)[1].ID

	if err := albs.SetAlbClusterHealthCheckConfig(containerv2.ALBClusterHealthCheckConfig{Cluster: cluster.ID}, none); err != nil {
		t.Fatal(err)
	}
	if got, err := albs.GetAlbClusterHealthCheckConfig(cluster.ID, none); err != nil || got.Enable || got.Cluster != cluster.ID {
		t.Errorf("health check %+v, %v", got, err)
	}
	ignore := containerv2.IgnoredIngressStatusErrors{Cluster: cluster.ID, IgnoredErrors: []string{"ERRAHCF", "ERRX"}}
	if err := albs.AddIgnoredIngressStatusErrors(ignore, none); err != nil {
		t.Fatal(err)
	}
	ignore.IgnoredErrors = []string{"ERRX"}
	if err := albs.RemoveIgnoredIngressStatusErrors(ignore, none); err != nil {
		t.Fatal(err)
	}
	if got, err := albs.GetIgnoredIngressStatusErrors(cluster.ID, none); err != nil || !slices.Equal(got.IgnoredErrors, []string{"ERRAHCF"}) {
		t.Errorf("ignored errors %+v, %v", got, err)
	}
	proxy := containerv2.ALBLBConfig{Cluster: cluster.ID, Type: "public", ProxyProtocol: &containerv2.ALBLBProxyProtocolConfig{Enable: true, HeaderTimeout: 5}}
	if err := albs.UpdateIngressLoadBalancerConfig(proxy, none); err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[string]bool{"public": true, "private": false} {
		if got, err := albs.GetIngressLoadBalancerConfig(cluster.ID, kind, none); err != nil || got.ProxyProtocol.Enable != want {
			t.Errorf("%s load balancer: %+v, %v", kind, got, err)
		}
	}
	scale := containerv2.AutoscaleDetails{Config: &containerv2.AutoscaleConfig{MinReplicas: 2, MaxReplicas: 4}}
	if err := albs.SetALBAutoscaleConfiguration(cluster.ID, alb, scale, none); err != nil {
		t.Fatal(err)
	}
	if got, err := albs.GetALBAutoscaleConfiguration(cluster.ID, alb, none); err != nil || got.Config == nil || got.Config.MaxReplicas != 4 {
		t.Errorf("autoscaling %+v, %v", got, err)
	}
	if err := albs.RemoveALBAutoscaleConfiguration(cluster.ID, alb, none); err != nil {
		t.Fatal(err)
	}
	if got, err := albs.GetALBAutoscaleConfiguration(cluster.ID, alb, none); err != nil || got.Config != nil {
		t.Errorf("autoscaling %+v, %v", got, err)
	}
	if err := albs.SetIngressStatusState(containerv2.IngressStatusState{Cluster: cluster.ID}, none); err != nil {
		t.Fatal(err)
	}
	if got, err := albs.GetIngressStatus(cluster.ID, none); err != nil || got.Enabled || got.Status != "disabled" {
		t.Errorf("status %+v, %v", got, err)
	}
}

func TestPasscodesAndRevokedRefreshTokens(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	body := postForm(t, s, "bx", url.Values{"grant_type": {"urn:ibm:params:oauth:grant-type:apikey"}, "apikey": {adminKey}}, http.StatusOK)
	refresh := text(t, body["refresh_token"])
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh}}

	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.IAMURL()+"/identity/passcode?"+form.Encode(), nil)
	if err != nil {
		t.Fatal(err)
	}
	request.SetBasicAuth("bx", "bx")
	send(t, request, http.StatusBadRequest) // the form belongs into the body
	if got := s.Requests()[len(s.Requests())-1].Query.Get("refresh_token"); got != "REDACTED" {
		t.Errorf("the refresh token is on record: %q", got)
	}

	// A refresh token belongs to the client that it was made for.
	postForm(t, s, "", form, http.StatusBadRequest)
	postForm(t, s, "bx", form, http.StatusOK)
	s.RevokeRefreshTokens()
	if got := postForm(t, s, "bx", form, http.StatusBadRequest); got["errorCode"] != "BXNIM0407E" {
		t.Errorf("%v", got)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addClassic(t, s)
	first, err := s.AllocateAddress(cluster.ID, "", false, "mine")
	if err != nil {
		t.Fatal(err)
	}
	second, err := s.AllocateAddress(cluster.Name, "", false, "mine")
	if err != nil || second == first {
		t.Errorf("%s, then %s (%v)", first, second, err)
	}
	s.ReleaseAddress(cluster.ID, first)
	if again, err := s.AllocateAddress(cluster.ID, "", false, "mine"); err != nil || again != first {
		t.Errorf("%s is free again, got %s (%v)", first, again, err)
	}
	if _, err := s.AllocateAddress("nosuch", "", false, "mine"); err == nil {
		t.Error("an address of a cluster that is not there")
	}
	if len(s.Clusters()) != 1 {
		t.Errorf("clusters %v", s.Clusters())
	}
}
