package iks

import (
	"context"
	"net/http"
	"net/netip"
	"reflect"
	"testing"
)

const classicCluster = `{
 "id":"18e61e63c6e94b658596ca93d087eed9","name":"classic-1","crn":"crn:v1:x","region":"us-south","resourceGroup":"rg1",
 "type":"kubernetes","provider":"classic","state":"normal","masterStatus":"Ready","masterKubeVersion":"1.33.4_1534",
 "workerCount":4,"workerZones":["dal10","dal12"],"podSubnet":"172.30.0.0/16","serviceSubnet":"172.21.0.0/16",
 "ingressHostname":"classic-1.us-south.containers.appdomain.cloud","etcdPort":"31041","isPaid":true,
 "serverURL":"https://c1.us-south.containers.cloud.ibm.com:31041",
 "publicServiceEndpointEnabled":true,"publicServiceEndpointURL":"https://c1.us-south.containers.cloud.ibm.com:31041",
 "privateServiceEndpointEnabled":true,"privateServiceEndpointURL":"https://c1.private.us-south.containers.cloud.ibm.com:31041",
 "vlans":[{"id":"2234947","zone":"dal10","subnets":[{"id":"1541737","cidr":"169.46.17.0/29","ips":["169.46.17.2","169.46.17.3"],"is_public":true,"is_byoip":false},
   {"id":"1541739","cidr":"10.176.48.64/29","ips":["10.176.48.66"],"is_public":false,"is_byoip":true}]}]}`

const vpcCluster = `{
 "id":"bm64u3ed02o93vv36hb0","name":"vpc-1","region":"eu-de","resourceGroup":"rg2","type":"kubernetes","provider":"vpc-gen2",
 "state":"normal","masterKubeVersion":"1.34.1_1520","masterURL":"https://c2.eu-de.containers.cloud.ibm.com:30000",
 "workerCount":3,"workerZones":["eu-de-1"],"podSubnet":"172.17.0.0/18","serviceSubnet":"172.21.0.0/16","vpcs":["r010-1"],
 "lifecycle":{"masterStatus":"Ready","masterState":"deployed"},"ingress":{"hostname":"vpc-1.eu-de.containers.appdomain.cloud"},
 "serviceEndpoints":{"publicServiceEndpointEnabled":false,"privateServiceEndpointEnabled":true,"privateServiceEndpointURL":"https://c2.private.eu-de.containers.cloud.ibm.com:30000"},
 "virtualPrivateEndpointURL":"https://vpe.eu-de.containers.cloud.ibm.com:30000"}`

func TestClusterFacts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		answer string
		want   Cluster
	}{
		"classic": {classicCluster, Cluster{
			ID: "18e61e63c6e94b658596ca93d087eed9", Name: "classic-1", CRN: "crn:v1:x", Region: "us-south", ResourceGroupID: "rg1",
			Type: TypeKubernetes, Infrastructure: Classic, State: "normal", MasterStatus: "Ready", Version: "1.33.4_1534",
			WorkerCount: 4, Zones: []string{"dal10", "dal12"},
			Endpoints: Endpoints{
				PublicEnabled: true, PrivateEnabled: true,
				PublicURL:  "https://c1.us-south.containers.cloud.ibm.com:31041",
				PrivateURL: "https://c1.private.us-south.containers.cloud.ibm.com:31041",
			},
			IngressHostname: "classic-1.us-south.containers.appdomain.cloud",
			PodSubnet:       "172.30.0.0/16", ServiceSubnet: "172.21.0.0/16",
			VLANs: []VLAN{{ID: "2234947", Zone: "dal10", Subnets: []Subnet{
				{ID: "1541737", CIDR: netip.MustParsePrefix("169.46.17.0/29"), Zone: "dal10", VLAN: "2234947", IPs: []string{"169.46.17.2", "169.46.17.3"}, Public: true},
				{ID: "1541739", CIDR: netip.MustParsePrefix("10.176.48.64/29"), Zone: "dal10", VLAN: "2234947", IPs: []string{"10.176.48.66"}, BYOIP: true},
			}}},
		}},
		"VPC": {vpcCluster, Cluster{
			ID: "bm64u3ed02o93vv36hb0", Name: "vpc-1", Region: "eu-de", ResourceGroupID: "rg2",
			Type: TypeKubernetes, Infrastructure: VPC, State: "normal", MasterStatus: "Ready", Version: "1.34.1_1520",
			WorkerCount: 3, Zones: []string{"eu-de-1"}, VPCs: []string{"r010-1"},
			Endpoints: Endpoints{
				PrivateEnabled: true, PrivateURL: "https://c2.private.eu-de.containers.cloud.ibm.com:30000",
				VPEURL: "https://vpe.eu-de.containers.cloud.ibm.com:30000",
			},
			IngressHostname: "vpc-1.eu-de.containers.appdomain.cloud",
			PodSubnet:       "172.17.0.0/18", ServiceSubnet: "172.21.0.0/16",
		}},
		"an old classic one":   {`{"id":"x"}`, Cluster{ID: "x", Infrastructure: Classic}},
		"a VPC without a word": {`{"id":"x","vpcs":["r"]}`, Cluster{ID: "x", Infrastructure: VPC, VPCs: []string{"r"}}},
		"satellite":            {`{"id":"x","provider":"satellite"}`, Cluster{ID: "x", Infrastructure: Satellite}},
		"something new":        {`{"id":"x","provider":"moon"}`, Cluster{ID: "x", Infrastructure: "moon"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return plainAnswer(200, tt.answer) })
			got, err := client.Cluster(t.Context(), "a-name")
			mustNot(t, err)
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v\nwant %+v", got, tt.want)
			}
			requests := l.requests()
			count(t, "requests", len(requests), 1)
			if r := requests[0]; r.method != "GET" || r.path != "/global/v2/getCluster" || r.query != "cluster=a-name&v1-compatible=" {
				t.Errorf("asked %s %s?%s", r.method, r.path, r.query)
			}
		})
	}
}

func TestClusterRefusesWhatIsNoName(t *testing.T) {
	t.Parallel()
	l, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return clusterAnswer() })
	for _, name := range []string{"", "..", "a&admin=true", "a/b"} {
		if _, err := client.Cluster(t.Context(), name); err == nil || IsNotFound(err) {
			t.Errorf("%q: %v", name, err)
		}
	}
	count(t, "requests", len(l.requests()), 0)
}

func TestAnswerWithoutClusterIsNoCluster(t *testing.T) {
	t.Parallel()
	_, client := newLab(t, func(context.Context, int, sent) (*http.Response, error) { return plainAnswer(200, `{}`) })
	if got, err := client.Cluster(t.Context(), "prod"); err == nil || IsNotFound(err) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestVLANsAndRefreshMaster(t *testing.T) {
	t.Parallel()
	l, client := newLab(t, func(_ context.Context, _ int, r sent) (*http.Response, error) {
		if r.method == "PUT" {
			return plainAnswer(204, "")
		}
		return plainAnswer(200, classicCluster)
	})
	cluster := Cluster{ID: "18e61e63c6e94b658596ca93d087eed9", Infrastructure: Classic}
	vlans, err := client.VLANs(t.Context(), cluster)
	mustNot(t, err)
	if len(vlans) != 1 || len(vlans[0].Subnets) != 2 || !vlans[0].Subnets[0].Public {
		t.Errorf("got %+v", vlans)
	}
	mustNot(t, client.RefreshMaster(t.Context(), cluster))
	requests := l.requests()
	if r := requests[0]; r.path != "/global/v1/clusters/"+cluster.ID || r.query != "showResources=true" {
		t.Errorf("asked %s?%s", r.path, r.query)
	}
	if r := requests[1]; r.path != "/global/v1/clusters/"+cluster.ID+"/masters" || r.body != `{"action":"refresh"}` {
		t.Errorf("sent %s %s", r.path, r.body)
	}
}
