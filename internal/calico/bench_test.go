package calico

import (
	"fmt"
	"testing"
)

// BenchmarkRead200Policies is what the policies of one plan cost: one list, and each policy taken from it and compared.
func BenchmarkRead200Policies(b *testing.B) {
	s, c := newStore(b, crdDoor)
	want := spec(b, published)
	for i := range 200 {
		s.put(b, crdGNPs, fmt.Sprintf(`{"metadata":{"name":"default.p%d","annotations":{"projectcalico.org/metadata":"{\"name\":\"p%d\",\"labels\":{\"a\":\"b\"},\"annotations\":{\"terraform-provider-iks/owner\":\"x\"}}"}},"spec":%s}`, i, i, published))
	}
	client := open(b, c)
	policies := client.GlobalNetworkPolicies()
	for b.Loop() {
		for i := range 200 {
			p, err := policies.CachedGet(b.Context(), fmt.Sprintf("p%d", i))
			if err != nil || len(p.Drift(want)) > 0 {
				b.Fatal(err, p.Drift(want))
			}
		}
	}
	b.ReportMetric(float64(len(s.asked())), "requests")
}
