package framework

import (
	"context"
	"errors"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/iks"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// Part is one part of the pattern, as the lifecycle sees it. M is its model;
// values in it are known wherever a method is given a cluster, except in
// Preview.
type Part[M any] interface {
	// Describe says what the resource is called and looks like.
	Describe() Description
	// Check finds what is wrong in a configuration whatever the cluster looks
	// like. Values may be unknown; what depends on them is left for later.
	Check(ctx context.Context, config *M) []Problem
	// Preview looks at the cluster while a plan is made, and says what applying
	// it will touch. It runs for a new object and for a changed one, never
	// changes the plan, and must do with read-only rights. A Refusal fails the
	// plan; any other error becomes one warning per cluster and run.
	Preview(ctx context.Context, c *cluster.Cluster, r PreviewRequest[M]) (warnings []string, err error)
	// Observe looks at what is there, sets every computed attribute of m (all
	// but the common ones) and says what differs from what m declares.
	Observe(ctx context.Context, c *cluster.Cluster, m *M, owner Owner) (Observation, error)
	// Apply makes the cluster what r.Want declares. It passes the outcome of
	// each write through r.Sent. It need not wait: the engine observes until nothing is
	// missing. It returns a Refusal when it must not go on.
	Apply(ctx context.Context, c *cluster.Cluster, r ApplyRequest[M]) error
	// Remove takes away what m declares, and nothing that is not ours. It
	// returns once that is gone; what is gone already is no error.
	Remove(ctx context.Context, c *cluster.Cluster, m *M, owner Owner) (warnings []string, err error)
}

// Description is what a part says of itself.
type Description struct {
	// Name without the provider's prefix: "nodeport_guard".
	Name string
	// Schema holds the part's own attributes; the engine adds the common ones.
	Schema schema.Schema
	// Key names the string attributes that identify the object within its
	// cluster, in the order in which they stand in an import ID behind the
	// cluster. Those may be null in a state.
	Key []string
	// ImportID is set where an object can be named in several ways. It gets the
	// parts of an import ID behind the cluster, or the Key values of an identity
	// that are not null, in the order of Key, and gives the values of the Key
	// attributes that they stand for; the others stay null. Nil: the parts are
	// the Key, all of it.
	ImportID func(parts []string) (map[string]string, error)
	// IdentityName gives the value of "name" in an identity where that attribute
	// alone does not tell the object; attribute gives the values of others. It is
	// what an import ID has in its place. Nil: the attribute's own value.
	IdentityName func(attribute func(name string) string) string
	// Validators of the configuration as a whole.
	Validators []resource.ConfigValidator
	// CreateTimeout, UpdateTimeout and DeleteTimeout are the defaults of the
	// `timeouts` attribute.
	CreateTimeout, UpdateTimeout, DeleteTimeout time.Duration
	// Recorded names computed attributes that Apply itself sets, because nothing
	// in the cluster tells them afterwards. An update that fails half way keeps them.
	Recorded []string
	// Stable names computed attributes that others build upon, such as addresses.
	// They are planned with the value that they have in the state, unless they
	// have none yet or the part is Unsteady about them. Should it change while an
	// update runs, the next refresh says so. No attribute in Recorded is stable.
	Stable []string
}

// Unsteady is a Part that knows of updates which change what is Stable.
type Unsteady[M any] interface {
	// Upsets names the Stable attributes whose value an update from prior to want
	// may change: they are planned as unknown. It goes by its arguments alone;
	// values in want may be unknown.
	Upsets(prior, want *M) []string
}

// Observation is what Observe found.
type Observation struct {
	// Gone is proof that the object is not there any more.
	Gone bool
	// Drift are the differences between what is there and what is declared, in
	// short sentences that name the object. The next apply puts them right.
	Drift []string
	// Missing says what is still to come, though nothing is wrong: a node that
	// is not ready, an address that is not assigned.
	Missing []string
	// Unseen says what the identity's rights do not let it look at, in short
	// sentences. It does not change what is planned; the user is told.
	Unseen []string
	// Stamp is the ownership stamp that the object bears. Empty for parts whose
	// objects are not ours whole.
	Stamp string
}

// PreviewRequest is what a plan asks for.
type PreviewRequest[M any] struct {
	// Want is the plan; its values may be unknown.
	Want *M
	// Config is the configuration as it is written, without defaults; its values
	// may be unknown. It is where write-only attributes are: a plan and a state
	// have null for them.
	Config *M
	// Prior is the state, nil for a new object.
	Prior *M
	// Owner of the object so far.
	Owner Owner
	// Replaces tells that a new object comes in the place of one of the same key
	// that is removed before, in the same run.
	Replaces bool
	// Charts gets Helm charts.
	Charts helm.Loader
}

// ApplyRequest is what is to be brought about.
type ApplyRequest[M any] struct {
	// Want is the plan, every configured value known. Apply may set computed
	// attributes of it that Observe cannot know (a recorded earlier state).
	Want *M
	// Config is the configuration as it is written, without defaults, every value
	// known. It is where write-only attributes are: a plan and a state have null
	// for them. What is read from it must go into neither state nor messages.
	Config *M
	// Prior is the state so far, nil for a new object.
	Prior *M
	// Owner of the object so far: not Known for a new object.
	Owner Owner
	// Stamp is what an object that is ours whole must bear from now on.
	Stamp string
	// Charts gets Helm charts.
	Charts helm.Loader
	// Warn shows the user a warning without stopping.
	Warn func(summary, detail string)

	wrote, undone func()
}

// Sent takes the outcome of a write and hands it back. After the first write
// that was not refused (it succeeded, or nobody knows) something of ours stands
// in the cluster: creating does not fail any more, it leaves a state that is
// not ready.
func (r ApplyRequest[M]) Sent(err error) error {
	if r.wrote != nil && !Declined(err) {
		r.wrote()
	}
	return err
}

// TakenBack says that all that Apply wrote is gone again: creating then fails
// with the error that Apply returns, and leaves no state.
func (r ApplyRequest[M]) TakenBack() {
	if r.undone != nil {
		r.undone()
	}
}

// Declined tells whether a write was certainly not carried out: the server refused
// it, each time that it was sent, or it never was.
func Declined(err error) bool {
	var request *kube.Error
	if errors.As(err, &request) && request.Unsure {
		return false // also where IBM Cloud then refused a token for the next try
	}
	if iks.IsDeclined(err) || kube.Unsent(err) {
		return true
	}
	var status *apierrors.StatusError
	if errors.As(err, &status) {
		return status.ErrStatus.Code >= 400 && status.ErrStatus.Code < 500
	}
	return false
}
