package main

import (
	"slices"
	"testing"
)

func TestPlanned(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		plan string
		want []change
	}{
		"nothing at all": {plan: `{"format_version":"1.2"}`},
		"what is left alone or only read is no change": {
			plan: `{"resource_changes":[
				{"address":"iks_alb_state.private","change":{"actions":["no-op"],"before":{"drift":[]}}},
				{"address":"data.iks_albs.all","change":{"actions":["read"],"before":null}}]}`,
		},
		"drift and a lost object, by address": {
			plan: `{"resource_changes":[
				{"address":"iks_nodeport_guard.closed","change":{"actions":["create"],"before":null}},
				{"address":"iks_edge_pool.edge","change":{"actions":["update"],"before":{"drift":["n1: taint a=b:NoExecute missing"]}}}]}`,
			want: []change{
				{Address: "iks_edge_pool.edge", Action: "update", Drift: []string{"n1: taint a=b:NoExecute missing"}},
				{Address: "iks_nodeport_guard.closed", Action: "create"},
			},
		},
		"a replacement is one change": {
			plan: `{"resource_changes":[{"address":"a","change":{"actions":["delete","create"],"before":{"drift":null}}}]}`,
			want: []change{{Address: "a", Action: "replace"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := planned([]byte(test.plan))
			if err != nil {
				t.Fatal(err)
			}
			if !slices.EqualFunc(got, test.want, change.equal) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
	if _, err := planned([]byte("Error: no plan")); err == nil {
		t.Error("what is no plan was read as one")
	}
}
