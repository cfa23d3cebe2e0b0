package iks

import (
	"context"
	"net/http"
	"reflect"
	"testing"
)

func TestWorkers(t *testing.T) {
	t.Parallel()
	const classicAnswer = `[{"id":"kube-dal10-cr1-w1","privateIP":"10.0.0.1","publicIP":"169.1.0.1","location":"dal10","poolid":"p1","poolName":"edge","state":"normal","status":"Ready","kubeVersion":"1.33.4_1534"}]`
	const vpcAnswer = `[
	 {"id":"w1","location":"eu-de-1","poolID":"p1","poolName":"edge","kubeVersion":{"actual":"1.34.1_1520"},"lifecycle":{"actualState":"deployed"},"health":{"state":"normal"},
	  "networkInterfaces":[{"ipAddress":"10.1.0.9","primary":false},{"ipAddress":"10.0.0.1/24","primary":true}]},
	 {"id":"w2","location":"eu-de-2","poolID":"p2","poolName":"default","lifecycle":{"actualState":"provisioning"},"networkInterfaces":[{"ipAddress":"10.0.0.2"}]}]`
	w1 := Worker{ID: "w1", PoolID: "p1", PoolName: "edge", Zone: "eu-de-1", PrivateIP: "10.0.0.1", State: "deployed", Health: "normal", Version: "1.34.1_1520"}
	w2 := Worker{ID: "w2", PoolID: "p2", PoolName: "default", Zone: "eu-de-2", PrivateIP: "10.0.0.2", State: "provisioning"}
	for name, tt := range map[string]struct {
		infrastructure Infrastructure
		pool, answer   string
		path, query    string
		want           []Worker
	}{
		"classic": {
			Classic, "", classicAnswer, "/global/v1/clusters/" + labCluster + "/workers", "showDeleted=false",
			[]Worker{{ID: "kube-dal10-cr1-w1", PoolID: "p1", PoolName: "edge", Zone: "dal10", PrivateIP: "10.0.0.1", PublicIP: "169.1.0.1", State: "normal", Health: "Ready", Version: "1.33.4_1534"}},
		},
		"classic, a pool":   {Classic, "edge", `[]`, "/global/v1/clusters/" + labCluster + "/workers", "showDeleted=false&pool=edge", []Worker{}},
		"VPC":               {VPC, "", vpcAnswer, "/global/v2/vpc/getWorkers", "cluster=" + labCluster + "&showDeleted=false", []Worker{w1, w2}},
		"VPC, a pool":       {VPC, "edge", vpcAnswer, "/global/v2/vpc/getWorkers", "cluster=" + labCluster + "&showDeleted=false&pool=edge", []Worker{w1}},
		"satellite, a pool": {Satellite, "p2", vpcAnswer, "/global/v2/getWorkers", "cluster=" + labCluster + "&showDeleted=false", []Worker{w2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return plainAnswer(200, tt.answer) })
			got, err := client.Workers(t.Context(), Cluster{ID: labCluster, Infrastructure: tt.infrastructure}, tt.pool)
			mustNot(t, err)
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			if r := l.requests()[0]; r.path != tt.path || r.query != tt.query {
				t.Errorf("asked %s?%s, want %s?%s", r.path, r.query, tt.path, tt.query)
			}
		})
	}
	_, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return plainAnswer(200, `[]`) })
	if _, err := client.Workers(t.Context(), Cluster{ID: labCluster}, "a&b"); err == nil {
		t.Error("a strange pool was asked for")
	}
}
