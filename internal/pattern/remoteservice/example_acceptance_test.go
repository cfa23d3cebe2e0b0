package remoteservice_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/acctest"
)

// The example, in both directions between classic infrastructure and VPC: one
// apply, while neither address is known at plan time, and when the producer gets
// another address the consumer follows in the same apply.
func TestAccClusterToCluster(t *testing.T) {
	e := acctest.Environment(t)
	var example strings.Builder
	for _, file := range []string{"main.tf", "variables.tf", "outputs.tf"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", "..", "examples", "cluster-to-cluster", file))
		if err != nil {
			t.Fatal(err)
		}
		example.Write(raw)
	}
	for _, test := range []struct {
		producer, consumer string
		kind               corev1.ServiceType
	}{
		{acctest.Classic, acctest.VPC, corev1.ServiceTypeClusterIP},
		{acctest.VPC, acctest.Classic, corev1.ServiceTypeExternalName},
	} {
		t.Run(test.producer+" to "+test.consumer, func(t *testing.T) {
			consumer := in(t, e.Cluster(test.consumer))
			w := acctest.NewWorkspace(t, acctest.ProviderBlock(e)+example.String())
			w.Env = []string{"TF_VAR_producer_cluster=" + test.producer, "TF_VAR_consumer_cluster=" + test.consumer}
			leads := func() string {
				t.Helper()
				producer := w.Attributes("iks_private_service.api")
				live := consumer.service()
				if live.Spec.Type != test.kind {
					t.Errorf("the Service is of type %s", live.Spec.Type)
				}
				if test.kind == corev1.ServiceTypeExternalName {
					if producer["hostname"] != live.Spec.ExternalName {
						t.Errorf("%v is called %s", producer["hostname"], live.Spec.ExternalName)
					}
					return live.Spec.ExternalName
				}
				ip, _ := producer["ip"].(string)
				consumer.leadsTo("default", ip)
				return ip
			}
			w.MustApply()
			w.MustPlanEmpty()
			before := leads()
			if before == "" {
				t.Error("the producer has no address")
			}

			// A load balancer that is made anew has another address.
			w.MustApply("-replace=iks_private_service.api")
			w.MustPlanEmpty()
			if after := leads(); test.kind == corev1.ServiceTypeExternalName && after == before {
				t.Errorf("the producer kept the address %s", after)
			}
			w.MustDestroy()
		})
	}
}
