package privateingress

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/path"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// Apply finds the private class as the cluster is at this moment, writes the
// Ingress, and makes sure of a new one that it has not come out public.
func (part) Apply(ctx context.Context, c *cluster.Cluster, r framework.ApplyRequest[model]) error {
	want, err := r.Want.read()
	if err != nil {
		return err
	}
	g, err := reach(ctx, c)
	if err != nil {
		return err
	}
	f, err := g.fronts(ctx, false)
	if err != nil {
		return err
	}
	chosen := f.choose(c.Name, want.class, want.albID)
	for _, of := range []choice{chosen, f.checkALB(c.Name, c.ID, want.albID)} {
		if p := of.problem(); p != nil {
			return &framework.Refusal{Problems: []framework.Problem{*p}}
		}
	}
	want.class = chosen.class
	r.Want.Class = framework.StringOrNull(chosen.class)

	before, err := g.find(ctx, want.namespace, want.name, false)
	if err != nil {
		return err
	}
	stored, err := g.write(ctx, want, ownership.Intent{
		Owner: r.Owner, Stamp: r.Stamp, Held: r.Prior.holds(want), Force: r.Want.Force.ValueBool(), Sent: r.Sent,
	})
	switch {
	case err != nil:
		return err
	case before == nil && r.Want.Wait.ValueBool():
		return g.prove(ctx, want, r)
	case before != nil && before.ResourceVersion == stored.ResourceVersion:
		return g.refusePublic(ctx, stored)
	}
	return nil
}

// write makes the Ingress what is wanted.
func (g ground) write(ctx context.Context, want ingress, in ownership.Intent) (networkingv1.Ingress, error) {
	stored, err := g.ingresses.Ensure(ctx, g.conn, want.object(), in)
	if err != nil {
		return stored, err
	}
	// Server-side apply leaves what it does not declare.
	fields := map[string]any{}
	if keys := stray(stored, want); len(keys) > 0 {
		annotations := map[string]any{}
		for _, key := range keys {
			annotations[key] = nil
		}
		fields["annotations"] = annotations
	}
	unclassed := want.class == "" && stored.Spec.IngressClassName != nil
	if len(fields) == 0 && !unclassed {
		return stored, nil
	}
	fields["resourceVersion"] = stored.ResourceVersion
	patch := map[string]any{"metadata": fields}
	if unclassed {
		patch["spec"] = map[string]any{"ingressClassName": nil}
	}
	raw, err := json.Marshal(patch)
	if err != nil {
		return stored, fmt.Errorf("ingress %s/%s: %w", want.namespace, want.name, err)
	}
	patched, err := kube.Patch(ctx, g.conn, kube.Ingresses, want.namespace, want.name, types.MergePatchType, raw, kube.PatchOptions{FieldManager: manager})
	if in.Sent(err) != nil {
		return stored, err
	}
	return patched, nil
}

// prove waits until the Ingress that this apply has made has an address. If that
// is public, it is removed again, and the apply fails. What takes too long is
// left to whoever looks next.
func (g ground) prove(ctx context.Context, want ingress, r framework.ApplyRequest[model]) error {
	var is verdict
	waiting, cancel := mostOf(ctx)
	defer cancel()
	err := kube.Wait(waiting, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		live, err := g.find(ctx, want.namespace, want.name, false)
		if err != nil || live == nil {
			return live == nil && err == nil, "", err
		}
		addresses := addressesOf(*live)
		if len(addresses) == 0 {
			return false, "the Ingress has no address yet", nil
		}
		albs, err := g.cluster.ALBs(ctx)
		if err != nil {
			return false, "", err
		}
		is = judge(addresses, albs)
		return true, "", nil
	})
	if err != nil || is.exposure != exposurePublic {
		return nil // looking on tells, with what is missing
	}
	kept, err := g.ingresses.Remove(ctx, g.conn, want.namespace, want.name, framework.Owner{Stamp: r.Stamp, Known: true})
	if err != nil {
		return fmt.Errorf("ingress %s/%s is public and could not be removed: %w", want.namespace, want.name, err)
	}
	if kept == "" {
		r.TakenBack()
		kept = "It has been removed again."
	}
	return framework.Refuse(path.Root("ingress_class"), "The Ingress came out public",
		fmt.Sprintf("Ingress %s/%s of class %s: %s. %s Check which ALBs serve that class (`ibmcloud ks ingress alb ls`).", want.namespace, want.name, want.class, strings.Join(is.public, "; "), kept))
}

// mostOf leaves some of the time for the last look, which says what is missing.
func mostOf(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)*3/4)
}

// refusePublic is for an Ingress that is what it should be and public all the
// same. It was there before, so it is not taken down.
func (g ground) refusePublic(ctx context.Context, live networkingv1.Ingress) error {
	albs, err := g.cluster.ALBs(ctx)
	if err != nil {
		return err
	}
	if is := judge(addressesOf(live), albs); is.exposure == exposurePublic {
		return framework.Refuse(path.Root("name"), "The Ingress is public",
			fmt.Sprintf("Ingress %s/%s is as declared and has a public address all the same: %s. Find out which controller serves it, or destroy this resource to take the app off the internet.", live.Namespace, live.Name, strings.Join(is.public, "; ")))
	}
	return nil
}
