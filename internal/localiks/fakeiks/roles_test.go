package fakeiks_test

import (
	"net/http"
	"testing"

	"github.com/IBM-Cloud/bluemix-go/api/container/containerv2"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	s := start(t, fakeiks.Options{})
	cluster := addVPC(t, s)
	read := "/v2/getCluster?cluster=" + cluster.ID
	labels := `{"cluster":"` + cluster.ID + `","workerpool":"default","labels":{"a":"b"}}`
	adminConfig := `{"cluster":"` + cluster.ID + `","admin":true}`
	tests := map[string]struct {
		role                  fakeiks.Role
		read, change, asAdmin int
	}{
		"none":          {role: fakeiks.NoRole, read: 403, change: 403, asAdmin: 403},
		"viewer":        {role: fakeiks.Viewer, read: 200, change: 403, asAdmin: 403},
		"operator":      {role: fakeiks.Operator, read: 200, change: 204, asAdmin: 403},
		"editor":        {role: fakeiks.Editor, read: 200, change: 204, asAdmin: 403},
		"administrator": {role: fakeiks.Administrator, read: 200, change: 204, asAdmin: 200},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.AddAPIKey(name, test.role)
			token := tokenFor(t, s, name)
			do(t, s, token, http.MethodGet, read, "", test.read)
			do(t, s, token, http.MethodPost, "/v2/setWorkerPoolLabels", labels, test.change)
			do(t, s, token, http.MethodPost, "/v2/applyRBACAndGetKubeconfig", adminConfig, test.asAdmin)
			do(t, s, token, http.MethodGet, "/v2/vpc/getClusters", "", http.StatusOK)
		})
	}
	t.Run("the body of a refusal", func(t *testing.T) {
		t.Parallel()
		body := object(t, do(t, s, tokenFor(t, s, viewerKey), http.MethodPost, "/v2/setWorkerPoolLabels", labels, 403))
		for _, field := range []string{"incidentID", "code", "description", "recoveryCLI", "type"} {
			if text(t, body[field]) == "" {
				t.Errorf("%s is empty in %v", field, body)
			}
		}
	})
	t.Run("bluemix-go, after its own repetition", func(t *testing.T) {
		t.Parallel()
		err := clientV2(t, config(s, viewerKey)).WorkerPools().UpdateWorkerPoolTaints(containerv2.WorkerPoolTaintRequest{
			Cluster: cluster.ID, WorkerPool: "default", Taints: map[string]string{"a": "b:NoSchedule"},
		}, containerv2.ClusterTargetHeader{})
		wantFailure(t, err, http.StatusForbidden, "You are not authorized")
	})
	t.Run("a changed role counts at once", func(t *testing.T) {
		t.Parallel()
		s.AddAPIKey("changing", fakeiks.Viewer)
		token := tokenFor(t, s, "changing")
		do(t, s, token, http.MethodPost, "/v2/setWorkerPoolLabels", labels, http.StatusForbidden)
		s.AddAPIKey("changing", fakeiks.Operator)
		do(t, s, token, http.MethodPost, "/v2/setWorkerPoolLabels", labels, http.StatusNoContent)
	})
	t.Run("a removed key", func(t *testing.T) {
		t.Parallel()
		s.AddAPIKey("going", fakeiks.Viewer)
		s.RemoveAPIKey("going")
		_, err := containerv2.New(sessionOf(t, config(s, "going")))
		wantFailure(t, err, http.StatusBadRequest, "BXNIM0415E")
	})
}
