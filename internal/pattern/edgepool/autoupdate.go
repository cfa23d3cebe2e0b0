package edgepool

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// recordName is the ConfigMap in kube-system that remembers, while ALBs are
// redeployed, whether IKS updates them by itself. The setting belongs to the
// cluster and has to be off meanwhile; if this program is killed, whatever runs
// next finds the record and puts the setting back. It is not kept on an ALB's
// own objects, because those are replaced by the very update.
const (
	recordName = "terraform-provider-iks-alb-autoupdate"
	recordKey  = "autoUpdate"
)

// restoreTime is what putting the setting back may take after everything else
// was cancelled.
const restoreTime = 30 * time.Second

// withoutAutoUpdate runs do while IKS does not update ALBs by itself.
func (r *relocator) withoutAutoUpdate(ctx context.Context, do func() error) error {
	if err := r.suspendAutoUpdate(ctx); err != nil {
		return err
	}
	return afterwards(ctx, do(), r.restoreAutoUpdate)
}

// afterwards puts something back after what ended with err, also if ctx has ended.
func afterwards(ctx context.Context, err error, putBack func(context.Context) error) error {
	restoring, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreTime)
	defer cancel()
	return errors.Join(err, putBack(restoring))
}

func (r *relocator) suspendAutoUpdate(ctx context.Context) error {
	api, facts, err := r.cluster.IKS("ALBs")
	if err != nil {
		return err
	}
	on, err := api.ALBAutoUpdate(ctx, facts)
	if err != nil || !on {
		return err
	}
	record := corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: albNamespace, Name: recordName,
			Labels: map[string]string{framework.ManagedByLabel: framework.ManagedByValue},
		},
		Data: map[string]string{recordKey: strconv.FormatBool(on)},
	}
	// One that is there already says how it was before an earlier run was cut off.
	_, err = kube.Create(ctx, r.kube, kube.ConfigMaps, record, kube.WriteOptions{})
	if r.sent(err) != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("remembering that ALBs are updated automatically: %w", err)
	}
	err = r.sent(api.SetALBAutoUpdate(ctx, facts, false))
	switch {
	case err == nil:
		return nil
	case framework.Declined(err):
		// The setting is as it was, and its owner may well change it before the
		// next run, which must not take the record for how it is to be.
		return afterwards(ctx, err, r.forgetAutoUpdate)
	}
	return afterwards(ctx, err, r.restoreAutoUpdate)
}

// leftOff says what an earlier run has left of a setting that is not the pool's own, if it has. This process puts
// it back before it applies anything, and whatever is off afterwards is off because it moves ALBs right now.
func (p *part) leftOff(ctx context.Context, c *cluster.Cluster, conn *kube.Client) ([]string, error) {
	if _, known := c.Facts(); !known {
		return nil, nil
	}
	if _, done := p.applied.Load(c.ID); done {
		return nil, nil
	}
	_, err := kube.Get(ctx, conn, kube.ConfigMaps, albNamespace, recordName)
	switch {
	case err == nil:
		return []string{"the automatic update of ALBs is off: an apply that moved them was cut off, or is moving them now"}, nil
	case apierrors.IsNotFound(err) || apierrors.IsForbidden(err):
		return nil, nil
	}
	return nil, err
}

// finishEarlier puts the setting back that a run which was cut off has left.
func (r *relocator) finishEarlier(ctx context.Context) error {
	if _, known := r.cluster.Facts(); !known {
		return nil
	}
	_, err := kube.Get(ctx, r.kube, kube.ConfigMaps, albNamespace, recordName)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	release, err := r.turns.take(ctx, r.cluster.ID)
	if err != nil {
		return err
	}
	defer release()
	return r.restoreAutoUpdate(ctx)
}

// restoreAutoUpdate puts the setting back as recorded and forgets the record.
func (r *relocator) restoreAutoUpdate(ctx context.Context) error {
	record, err := kube.Get(ctx, r.kube, kube.ConfigMaps, albNamespace, recordName)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("looking how ALBs were updated before: %w", err)
	}
	api, facts, err := r.cluster.IKS("ALBs")
	if err != nil {
		return err
	}
	if record.Data[recordKey] == strconv.FormatBool(true) {
		if err := r.sent(api.SetALBAutoUpdate(ctx, facts, true)); err != nil {
			return fmt.Errorf("turning the automatic update of ALBs on again: %w", err)
		}
	}
	return r.forgetAutoUpdate(ctx)
}

// forgetAutoUpdate takes the record away.
func (r *relocator) forgetAutoUpdate(ctx context.Context) error {
	err := kube.Delete(ctx, r.kube, kube.ConfigMaps, albNamespace, recordName, kube.DeleteOptions{})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return err
}
