package privateservice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// takeDownTime is how long it may take to remove a public load balancer, on top
// of the apply's own time: it must not stay because that has run out.
const takeDownTime = 10 * time.Minute

// work is one apply under way.
type work struct {
	part     part
	cluster  *cluster.Cluster
	kube     *kube.Client
	declared declaration
	request  framework.ApplyRequest[model]
	intent   ownership.Intent
}

// Apply makes the Service what is declared, waits for its load balancer, and
// takes down what proves to be public.
func (p part) Apply(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model]) error {
	d, err := r.Want.read()
	if err != nil {
		return err
	}
	if _, known := c.Facts(); known {
		if err := misplaced(r.Want, d, c.OnVPC()); err != nil {
			return err
		}
	}
	k, err := c.Kube(ctx)
	if err != nil {
		return err
	}
	w := work{part: p, cluster: c, kube: k, declared: d, request: r, intent: ownership.Intent{
		Owner: r.Owner, Stamp: r.Stamp, Held: r.Prior.holds(d), Force: d.force, Sent: r.Sent,
	}}
	return w.run(ctx)
}

// holds tells whether a state is about the Service that is declared.
func (m *model) holds(d declaration) bool {
	return m != nil && m.Namespace.ValueString() == d.namespace && m.Name.ValueString() == d.name
}

func (w work) run(ctx context.Context) error {
	live, err := w.find(ctx)
	if err != nil {
		return err
	}
	// One that is being deleted is waited for and made anew.
	made := live == nil || live.DeletionTimestamp != nil
	if !made {
		if made, err = w.clear(ctx, *live); err != nil {
			return err
		}
	}
	for {
		// Against the one that is there: the order of source ranges is its own.
		want := w.declared.service()
		if live, err = w.find(ctx); err != nil {
			return err
		}
		if live != nil {
			want = w.declared.like(*live)
		}
		if _, err := services().Ensure(ctx, w.kube, want, w.intent); err != nil {
			return err
		}
		if !w.declared.wait {
			return nil
		}
		v, err := w.await(ctx)
		if err != nil || v.exposure != isPublic {
			return err
		}
		if !made && !w.intent.Held {
			return w.notTaken(v)
		}
		if err := w.takeDown(ctx, w.request.Stamp); err != nil {
			return err
		}
		if made {
			w.request.TakenBack()
			return framework.Refuse(path.Root("exposure"), "The load balancer came up public",
				fmt.Sprintf("%s was declared private, and %s. It has been removed again, so that nothing is exposed. Is a portable private subnet free in the cluster (`ibmcloud ks cluster subnets`), or does something in the cluster change the Service?", w.request.Want.title(), v.reason))
		}
		made = true
	}
}

// clear makes room for what is declared: a Service of ours that is public is
// removed and, with made, to be made anew. One of others is not taken over if it
// is public, nor while nobody knows: once it bears our stamp and proves to be
// public, it would be removed.
func (w work) clear(ctx context.Context, live corev1.Service) (made bool, err error) {
	v, err := w.part.judge(ctx, w.cluster, w.kube, addressesOf(live))
	if err != nil {
		return false, err
	}
	stamp := services().Stamp(live)
	ours := w.intent.Owns(stamp)
	switch {
	case v.exposure == isUnverified && !ours && !addressesOf(live).pending():
		return false, w.notJudged(v)
	case v.exposure != isPublic:
		return false, nil
	case !ours:
		return false, w.notTaken(v)
	}
	return true, w.takeDown(ctx, stamp)
}

// notJudged refuses a Service that was there before, is not ours, and may be public.
func (w work) notJudged(v verdict) error {
	return framework.Refuse(path.Root("name"), "There is a Service of this name that is not proven to be private",
		fmt.Sprintf("%s was there already, is not this resource's, and nothing proves that its address is private: %s. It is left as it is. Give the identity the rights that the guide on rights lists, or wait until the address is known everywhere, and apply again; or choose another name.", w.request.Want.title(), v.reason))
}

// notTaken refuses a public Service that was there before and is not ours.
func (w work) notTaken(v verdict) error {
	return framework.Refuse(path.Root("name"), "There is a public Service of this name",
		fmt.Sprintf("%s was there already, is not this resource's, and %s. It is not removed: whoever uses it would lose it. Remove it, or choose another name.", w.request.Want.title(), v.reason))
}

func (w work) find(ctx context.Context) (*corev1.Service, error) {
	return services().Find(ctx, w.kube, w.declared.namespace, w.declared.name, false)
}

// await waits until the load balancer has an address and it is known how that
// is exposed, and writes down what it sees. The time that runs out is no
// failure: the Service stands.
func (w work) await(ctx context.Context) (verdict, error) {
	var v verdict
	err := kube.Wait(ctx, kube.WaitOptions{First: 500 * time.Millisecond, Max: 10 * time.Second}, func(ctx context.Context) (bool, string, error) {
		live, err := w.find(ctx)
		if err != nil {
			return false, "", err
		}
		if live == nil {
			return false, "", fmt.Errorf("%s: somebody has removed it again", w.request.Want.title())
		}
		a := addressesOf(*live)
		if v, err = w.part.judge(ctx, w.cluster, w.kube, a); err != nil {
			return false, "", err
		}
		w.request.Want.observe(a, v)
		if a.pending() {
			return false, pendingText(ctx, w.kube, *live), nil
		}
		return v.exposure != isUnverified || !v.passing, "the proof that the load balancer is private: " + v.reason, nil
	})
	var stopped *kube.WaitError
	switch {
	case errors.As(err, &stopped) && stopped.State != "" && errors.Is(err, context.DeadlineExceeded):
		return v, &framework.UnsettledError{Missing: []string{stopped.State}}
	case err != nil:
		return v, err
	case v.exposure == isUnverified:
		return v, framework.Refuse(path.Root("exposure"), "The load balancer is not proven to be private",
			fmt.Sprintf("%s is declared private and has been left as it is, but nothing proves that its address is: %s. Give the identity the rights that the guide on rights lists, and apply again; until then it counts as not ready.", w.request.Want.title(), v.reason))
	}
	return v, nil
}

// takeDown removes the Service with this stamp and waits until it is gone.
func (w work) takeDown(ctx context.Context, stamp string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeDownTime)
	defer cancel()
	left, err := services().Remove(ctx, w.kube, w.declared.namespace, w.declared.name, framework.Owner{Stamp: stamp, Known: true})
	if err == nil && left != "" {
		err = errors.New(left)
	}
	if err != nil {
		return fmt.Errorf("%s has a public load balancer, and could not be removed: %w", w.request.Want.title(), err)
	}
	return nil
}
