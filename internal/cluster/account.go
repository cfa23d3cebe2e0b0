package cluster

import (
	"context"
	"fmt"
)

// AnotherAccountError says that a cluster was looked for in another account
// than its own, where IKS does not know it. It tells nothing about the cluster.
type AnotherAccountError struct {
	// Cluster as it was looked up.
	Cluster string
	// Own is the ID of the account that the cluster was found in before, Asked
	// that of the credentials.
	Own, Asked string
}

// Error names both accounts.
func (e *AnotherAccountError) Error() string {
	return fmt.Sprintf("cluster %q belongs to account %s, and the provider's credentials act in account %s, where IKS does not know it: give the credentials of the cluster's account, or remove the resource from the state", e.Cluster, e.Own, e.Asked)
}

// CheckAccount makes sure, before IKS is believed that a cluster does not exist,
// that it was asked in the account that the cluster was found in before: for a
// key of another account its answer is the same.
func (f *Fleet) CheckAccount(ctx context.Context, name, own string) error {
	if own == "" || f.direct(name) {
		return nil
	}
	api, err := f.options.IKS()
	if err != nil {
		return err
	}
	asked, err := api.Account(ctx)
	if err != nil {
		return fmt.Errorf("looking up cluster %q: %w", name, err)
	}
	if asked != "" && asked != own {
		return &AnotherAccountError{Cluster: name, Own: own, Asked: asked}
	}
	return nil
}

// Account is the ID of the account that the cluster belongs to; "" for a
// cluster that IKS does not know (cluster_access).
func (c *Cluster) Account() string {
	if c.facts == nil {
		return ""
	}
	return c.facts.Account()
}
