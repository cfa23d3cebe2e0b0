package iks

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

const labALB = "private-cr" + labCluster + "-alb1"

const classicALBAnswer = `{"albID":"` + labALB + `","clusterID":"` + labCluster + `","name":"","albType":"private","enable":true,"state":"enabled",
 "numOfInstances":"3","albip":"10.176.48.66","zone":"dal10","disableDeployment":false,"vlanID":"2234945","albBuild":"1.11.5_6579_iks","status":"healthy"}`

const vpcALBAnswer = `{"albID":"` + labALB + `","cluster":"345","albType":"private","enable":false,"state":"disabled","status":"","numOfInstances":"",
 "loadBalancerHostname":"abc.lb.appdomain.cloud","zone":"eu-de-1","albBuild":"3.1.0_1_iks","disableDeployment":true}`

func classicALBWant() ALB {
	return ALB{
		ID: labALB, ClusterID: labCluster, Type: ALBPrivate, Zone: "dal10", Enabled: true, State: "enabled", Status: "healthy",
		Build: "1.11.5_6579_iks", Address: "10.176.48.66", VLANID: "2234945", Replicas: 3,
	}
}

func vpcALBWant() ALB {
	return ALB{
		ID: labALB, ClusterID: labCluster, Type: ALBPrivate, Zone: "eu-de-1", State: "disabled",
		Build: "3.1.0_1_iks", Address: "abc.lb.appdomain.cloud", DisableDeployment: true,
	}
}

func TestALBs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		infrastructure Infrastructure
		answer         string
		list, get      string
		want           ALB
	}{
		"classic": {Classic, classicALBAnswer, "/global/v1/alb/clusters/" + labCluster + "?", "/global/v1/alb/albs/" + labALB + "?", classicALBWant()},
		"VPC":     {VPC, vpcALBAnswer, "/global/v2/alb/getClusterAlbs?cluster=" + labCluster, "/global/v2/alb/getAlb?albID=" + labALB, vpcALBWant()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, client := newLab(t, func(_ context.Context, n int, _ sent) (*http.Response, error) {
				if n == 1 {
					return plainAnswer(200, `{"id":"x","alb":[`+tt.answer+`]}`)
				}
				return plainAnswer(200, tt.answer)
			})
			cluster := Cluster{ID: labCluster, Infrastructure: tt.infrastructure}
			list, err := client.ALBs(t.Context(), cluster)
			mustNot(t, err)
			if !reflect.DeepEqual(list, []ALB{tt.want}) {
				t.Errorf("got %+v", list)
			}
			one, err := client.ALB(t.Context(), cluster, labALB)
			mustNot(t, err)
			if one != tt.want {
				t.Errorf("got %+v", one)
			}
			for i, want := range []string{tt.list, tt.get} {
				if r := l.requests()[i]; r.path+"?"+r.query != want {
					t.Errorf("asked %s?%s, want %s", r.path, r.query, want)
				}
			}
		})
	}
}

func TestSwitchingALBs(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		infrastructure Infrastructure
		enable         bool
		request        string
		body           map[string]any // what must be in it
	}{
		"enable classic":  {Classic, true, "POST /global/v1/alb/albs", map[string]any{"albID": labALB, "enable": true, "numOfInstances": "2", "clusterID": labCluster, "albip": "", "albBuild": ""}},
		"disable classic": {Classic, false, "DELETE /global/v1/alb/albs/" + labALB, nil},
		"enable VPC":      {VPC, true, "POST /global/v2/alb/vpc/enableAlb", map[string]any{"albID": labALB, "enable": true, "cluster": labCluster, "albBuild": ""}},
		"disable VPC":     {VPC, false, "POST /global/v2/alb/vpc/disableAlb", map[string]any{"albID": labALB, "enable": false, "cluster": labCluster}},
	} {
		for answer, want := range map[string]string{"": "an empty answer", `{"x":1}`: "JSON", "OK": "text"} {
			t.Run(name+" with "+want, func(t *testing.T) {
				t.Parallel()
				l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return plainAnswer(202, answer) })
				cluster := Cluster{ID: labCluster, Infrastructure: tt.infrastructure}
				alb := ALB{ID: labALB, Address: "10.0.0.9", Build: "1.0"}
				do := client.DisableALB
				if tt.enable {
					do = client.EnableALB
				}
				mustNot(t, do(t.Context(), cluster, alb))
				requests := l.requests()
				count(t, "requests", len(requests), 1)
				if got := requests[0].method + " " + requests[0].path; got != tt.request {
					t.Errorf("sent %s, want %s", got, tt.request)
				}
				if tt.body == nil {
					return
				}
				var body map[string]any
				mustNot(t, json.Unmarshal([]byte(requests[0].body), &body))
				for key, want := range tt.body {
					if body[key] != want {
						t.Errorf("sent %s %v, want %v", key, body[key], want)
					}
				}
			})
		}
	}
}

// A refusal because it is so already is no failure; any other is.
func TestSwitchingWhatIsSwitchedAlready(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status  int
		enabled bool
		enable  bool
		fails   bool
	}{
		"409, enabled already":  {409, true, true, false},
		"400, disabled already": {400, false, false, false},
		"409, but disabled":     {409, false, true, true},
		"403, enabled already":  {403, true, true, true},
		"404":                   {404, true, true, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, client := newLab(t, func(_ context.Context, _ int, r sent) (*http.Response, error) {
				if r.method == "GET" {
					return jsonAnswer(200, map[string]any{"albID": labALB, "enable": tt.enabled})
				}
				return iksError(tt.status, "E0042", "no.")
			})
			cluster := Cluster{ID: labCluster, Infrastructure: Classic}
			do := client.DisableALB
			if tt.enable {
				do = client.EnableALB
			}
			err := do(t.Context(), cluster, ALB{ID: labALB})
			if (err != nil) != tt.fails || err != nil && !strings.Contains(err.Error(), "E0042") {
				t.Errorf("error: %v", err)
			}
		})
	}
}

func TestALBUpdates(t *testing.T) {
	t.Parallel()
	l, client := newLab(t, func(_ context.Context, _ int, r sent) (*http.Response, error) {
		switch {
		case strings.HasSuffix(r.path, "/updatepolicy") && r.method == "GET":
			return plainAnswer(200, `{"autoUpdate":true,"latestVersion":false}`)
		case r.method == "GET":
			return plainAnswer(200, vpcALBAnswer)
		}
		return plainAnswer(200, "")
	})
	cluster := Cluster{ID: labCluster, Infrastructure: VPC}
	automatic, err := client.ALBAutoUpdate(t.Context(), cluster)
	mustNot(t, err)
	if !automatic {
		t.Error("auto-update is on")
	}
	mustNot(t, client.SetALBAutoUpdate(t.Context(), cluster, false))
	mustNot(t, client.UpdateALB(t.Context(), cluster, labALB, ""))
	mustNot(t, client.UpdateALB(t.Context(), cluster, labALB, "3.2.0_2_iks"))
	var got []string
	for _, r := range l.requests() {
		got = append(got, strings.TrimSpace(r.method+" "+r.path+" "+r.body))
	}
	want := []string{
		"GET /global/v1/alb/clusters/" + labCluster + "/updatepolicy",
		"PUT /global/v1/alb/clusters/" + labCluster + `/updatepolicy {"autoUpdate":false,"latestVersion":false}`,
		"GET /global/v2/alb/getAlb",
		`POST /global/v2/alb/updateAlb {"cluster":"` + labCluster + `","albBuild":"3.1.0_1_iks","albList":["` + labALB + `"]}`,
		`POST /global/v2/alb/updateAlb {"cluster":"` + labCluster + `","albBuild":"3.2.0_2_iks","albList":["` + labALB + `"]}`,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestALBIDs(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]ALBID{
		"public-crbm64u3ed02o93vv36hb0-alb1": {"public", "bm64u3ed02o93vv36hb0", 1},
		"private-cr18e61e63c6-alb12":         {"private", "18e61e63c6", 12},
		"":                                   {},
		"alb1":                               {},
		"secret-crx-alb1":                    {},
		"public-crx-alb0":                    {},
		"public-crx-alb1/../x":               {},
		"public-cr-alb1":                     {},
		" public-crx-alb1":                   {},
		"public-crx-alb99999":                {},
	} {
		got, err := ParseALBID(id)
		if got != want || (err == nil) != (want.ClusterID != "") {
			t.Errorf("%q: got %+v, %v", id, got, err)
		}
	}
	l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return plainAnswer(200, classicALBAnswer) })
	other := Cluster{ID: "another", Infrastructure: Classic}
	_, errRead := client.ALB(t.Context(), other, labALB)
	for _, err := range []error{
		errRead, client.EnableALB(t.Context(), other, ALB{ID: labALB}), client.DisableALB(t.Context(), other, ALB{ID: labALB}),
		client.UpdateALB(t.Context(), other, labALB, ""),
	} {
		if err == nil || !strings.Contains(err.Error(), "belongs to the cluster") {
			t.Errorf("error: %v", err)
		}
	}
	count(t, "requests", len(l.requests()), 0)
}
