package acctest

import (
	"slices"
	"testing"
)

func TestShown(t *testing.T) {
	t.Parallel()
	output := `iks_edge_pool.it: Refreshing state... [id=x]

Terraform will perform the following actions:

  # data.iks_cluster.it will be read during apply
  # (depends on a resource or a module with changes pending)
 <= data "iks_cluster" "it" {

  # iks_edge_pool.it will be updated in-place
  ~ resource "iks_edge_pool" "it" {
      ~ drift = [
          - "10.0.0.1: taint missing",
        ]
      # (3 unchanged attributes hidden)
    }

  # terraform_data.a must be replaced
  # terraform_data.b will be destroyed
  # (because terraform_data.b is not in configuration)
  # terraform_data.c["x"] will be created
  # terraform_data.d has moved to terraform_data.e

Plan: 1 to add, 1 to change, 0 to destroy.
`
	want := []Change{
		{"data.iks_cluster.it", "read"},
		{"iks_edge_pool.it", "update"},
		{"terraform_data.a", "replace"},
		{"terraform_data.b", "delete"},
		{`terraform_data.c["x"]`, "create"},
	}
	if got := shown(output); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
