package helm

import (
	"context"
	"slices"
)

// Forget removes the records of old revisions that are doomed, so that nobody can read them or go back to them. The
// latest one is never among them, nor the last good one.
func (c *Client) Forget(ctx context.Context, namespace, name string, doomed func(*Release) bool) error {
	o, err := c.begin(ctx, namespace, name)
	if err != nil || o.last() == nil {
		return err
	}
	kept := []int{o.last().Version}
	if good := o.good(); good != nil {
		kept = append(kept, good.Version)
	}
	return c.forget(ctx, slices.DeleteFunc(slices.Clone(o.history), func(r record) bool {
		return slices.Contains(kept, r.Version) || !doomed(r.public())
	})...)
}
