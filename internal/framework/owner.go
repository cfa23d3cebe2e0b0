package framework

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
)

// OwnerAnnotation is the annotation that objects bear which are ours whole.
// Its value, the stamp, stands in the private state of the resource that
// manages the object.
const OwnerAnnotation = "terraform-provider-iks/owner"

// Owner tells whether an object is managed by this very resource.
type Owner struct {
	// Stamp that the object bears if it is ours.
	Stamp string `json:"stamp"`
	// Unstamped tells that the object was imported without a stamp, and may still
	// bear none: no update that was to stamp it has been seen to succeed.
	Unstamped bool `json:"unstamped,omitempty"`
	// Known is false for a new object, and before an imported one was read for
	// the first time.
	Known bool `json:"known"`
	// Account is the ID of the account that the cluster was found in; empty for
	// clusters of cluster_access.
	Account string `json:"account,omitempty"`
	// Labels and Annotations are what the provider block and the provider
	// itself put on every object that is ours whole. They are not part of the
	// private state.
	Labels      map[string]string `json:"-"`
	Annotations map[string]string `json:"-"`
}

// Owns tells whether an object with this stamp ("" for none) is ours.
func (o Owner) Owns(stamp string) bool {
	return o.Known && (o.Stamp == stamp || o.Unstamped && stamp == "")
}

// Expects tells whether an object with this stamp ("" for none) bears what it
// should.
func (o Owner) Expects(stamp string) bool { return o.Stamp == "" || o.Owns(stamp) }

// stamping is the owner of an object that bears that stamp, unless it bore none
// so far and still does.
func (o Owner) stamping(stamp string) Owner {
	return Owner{Stamp: stamp, Unstamped: o.Owns(""), Known: true}
}

// of notes the account that a cluster belongs to.
func (o Owner) of(c *cluster.Cluster) Owner {
	o.Account = c.Account()
	return o
}

func newStamp() string { return rand.Text() }

const ownerKey = "owner"

// private is the private state of a resource, in requests and responses.
type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diags)
}
type privateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diags
}

func readOwner(ctx context.Context, private privateReader) (Owner, diags) {
	raw, d := private.GetKey(ctx, ownerKey)
	if d.HasError() || len(raw) == 0 {
		return Owner{}, d
	}
	var o Owner
	if err := json.Unmarshal(raw, &o); err != nil {
		d.AddError("The private state is damaged", fmt.Sprintf("The ownership stamp could not be read: %v. Import the resource again.", err))
	}
	return o, d
}

func writeOwner(ctx context.Context, private privateWriter, o Owner) diags {
	raw, err := json.Marshal(o)
	if err != nil {
		var d diags
		d.AddError("The private state cannot be written", err.Error())
		return d
	}
	return private.SetKey(ctx, ownerKey, raw)
}
