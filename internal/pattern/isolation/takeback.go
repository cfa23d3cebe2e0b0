package isolation

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/calico"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
)

// takeBackDeadline bounds taking back, which goes on when the apply is at its
// end; doorDeadline is how long Calico's API server has for one policy of it.
const (
	takeBackDeadline = time.Minute
	doorDeadline     = 10 * time.Second
)

// takeBack removes what cuts off, because of an error. On a first apply it
// removes what allows, too: nothing of ours is left then.
func (w *work) takeBack(ctx context.Context, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackDeadline)
	defer cancel()
	if err := w.removeAll(ctx, takeAway(cutting(w.set))); err != nil {
		return fmt.Errorf("%w; what cuts off (%s) could not be taken back: %w", cause, strings.Join(titlesOf(cutting(w.set)), ", "), err)
	}
	detail := capital(cause.Error()) + ".\n\nWhat cuts off was taken away at once; connections are as open as before. Find out what the set lacks (`service_endpoint_cidrs`, `aggregated_api_ports`, `peer_cidrs`, `allow`), and apply again."
	if w.request.Prior == nil && w.fresh {
		if err := w.removeAll(ctx, takeAway(w.made)); err == nil {
			w.request.TakenBack()
		}
	}
	return framework.Refuse(path.Root("network"), "The isolation was taken back", detail)
}

// removeAll removes policies, through Calico's stored objects if its API server
// does not answer: that may be what was cut off.
func (w *work) removeAll(ctx context.Context, steps []step) error {
	for _, s := range steps {
		err := w.removeSoon(ctx, s.member)
		if err == nil {
			continue
		}
		stored := ground{kube: w.kube, calico: calico.OpenStored(w.kube)}
		if _, other := stored.policies(s.member.namespace).Remove(ctx, s.member.name, w.owns); other != nil {
			return errors.Join(err, other)
		}
		w.calico = stored.calico
	}
	return nil
}

func (w *work) removeSoon(ctx context.Context, m member) error {
	ctx, cancel := context.WithTimeout(ctx, doorDeadline)
	defer cancel()
	_, err := w.ground.policies(m.namespace).Remove(ctx, m.name, w.owns)
	return err
}

func titlesOf(members []member) []string {
	var out []string
	for _, m := range members {
		out = append(out, m.title())
	}
	return out
}
