package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks"
	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

// Names of the two clusters, and of what examples/complete makes of them.
const (
	classicCluster = "shop-classic"
	vpcCluster     = "shop-vpc"

	edgePool = `iks_edge_pool.edge["classic"]`
	guard    = `iks_nodeport_guard.closed`
)

// options of a demo.
type options struct {
	provider, cli, example string
}

// story is the state of the demo while it runs.
type story struct {
	*screen
	options
	folder      string // goes when the demo ends
	environment *localiks.Environment
	clusters    []*stage
	terraform   *terraform

	before    []picture // of the clusters, before the first apply
	taintGone string    // sentence that the plan must show after the taint was removed
}

// show tells the whole story. Whatever happens, nothing is left behind.
func show(ctx context.Context, s *screen, o options) (err error) {
	d := &story{screen: s, options: o}
	if d.folder, err = os.MkdirTemp("", "iks-demo-"); err != nil {
		return err
	}
	defer func() {
		if d.environment != nil {
			err = errors.Join(err, d.environment.Close())
		}
		err = errors.Join(err, os.RemoveAll(d.folder))
	}()
	for i, act := range []struct {
		title string
		play  func(context.Context) error
	}{
		{"Two clusters on this machine: one on classic infrastructure, one on VPC", d.start},
		{"A shop runs in each of them, wherever there is room", d.openShop},
		{"Terraform puts both into the pattern", d.apply},
		{"What the clusters look like now", d.look},
		{"A second plan has nothing to do", d.planNothing},
		{"Somebody changes two things by hand", d.tamper},
		{"The plan names exactly these", d.planDrift},
		{"The next apply heals them", d.heal},
		{"Terraform takes everything back", d.destroy},
		{"Nothing is left of it", d.compare},
	} {
		started := time.Now()
		d.heading(i+1, act.title)
		if err := act.play(ctx); err != nil {
			if ctx.Err() != nil {
				return context.Canceled
			}
			return fmt.Errorf("%s: %w", act.title, err)
		}
		d.done(time.Since(started))
	}
	d.print(fmt.Sprintf("\n%s The demo took %s.", d.style(green, "✓"), seconds(time.Since(d.started))))
	return nil
}

func (d *story) start(ctx context.Context) error {
	environment, err := localiks.Start(ctx, localiks.Options{
		Dir:      filepath.Join(d.folder, "localiks"),
		Progress: d.progress,
		Clusters: []localiks.ClusterOptions{
			{Cluster: localiks.SampleCluster(classicCluster, fakeiks.Classic)},
			{Cluster: localiks.SampleCluster(vpcCluster, fakeiks.VPC)},
		},
	})
	if err != nil {
		return err
	}
	d.environment = environment
	for _, name := range []string{classicCluster, vpcCluster} {
		stage, err := newStage(environment, name)
		if err != nil {
			return err
		}
		d.clusters = append(d.clusters, stage)
	}
	return nil
}

// progress leaves out what nobody had to wait for.
func (d *story) progress(step string, took time.Duration) {
	if took > 100*time.Millisecond {
		d.timed(step, took)
	}
}

func (d *story) openShop(ctx context.Context) error {
	for _, c := range d.clusters {
		if err := c.openShop(ctx); err != nil {
			return err
		}
		p, err := c.picture(ctx)
		if err != nil {
			return err
		}
		d.before = append(d.before, p)
		d.show(p)
	}
	return nil
}

func (d *story) apply(ctx context.Context) error {
	var err error
	d.terraform, err = newTerraform(d.screen, d.options, filepath.Join(d.folder, "work"), append(d.environment.Env(),
		"TF_VAR_classic_cluster="+classicCluster, "TF_VAR_vpc_cluster="+vpcCluster))
	if err != nil {
		return err
	}
	if err := d.terraform.init(ctx); err != nil {
		return err
	}
	if _, err := d.terraform.plan(ctx, d.warning); err != nil {
		return err
	}
	return d.terraform.apply(ctx)
}

func (d *story) look(ctx context.Context) error {
	for _, c := range d.clusters {
		p, err := c.picture(ctx)
		if err != nil {
			return err
		}
		d.show(p)
	}
	return nil
}

func (d *story) planNothing(ctx context.Context) error {
	changes, err := d.terraform.plan(ctx, nil)
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		return fmt.Errorf("the plan has %d changes, and there should be none: %v", len(changes), changes)
	}
	d.good("No changes.")
	return nil
}

func (d *story) tamper(ctx context.Context) error {
	classic := d.clusters[0]
	node, taint, err := classic.removeTaint(ctx)
	if err != nil {
		return err
	}
	d.taintGone = fmt.Sprintf("%s: taint %s missing", node, taint)
	d.command(fmt.Sprintf("kubectl taint node %s %s-", node, taint))
	policy, err := classic.removePolicy(ctx)
	if err != nil {
		return err
	}
	d.command("calicoctl delete globalnetworkpolicy " + policy)
	return nil
}

func (d *story) planDrift(ctx context.Context) error {
	changes, err := d.terraform.plan(ctx, nil)
	if err != nil {
		return err
	}
	wanted := []change{
		{Address: edgePool, Action: "update", Drift: []string{d.taintGone}},
		{Address: guard, Action: "create"},
	}
	if !slices.EqualFunc(changes, wanted, change.equal) {
		return fmt.Errorf("the plan is\n  %v\nand should be\n  %v", changes, wanted)
	}
	d.good("One taint and one policy, and nothing else.")
	return nil
}

func (d *story) heal(ctx context.Context) error {
	if err := d.terraform.apply(ctx); err != nil {
		return err
	}
	changes, err := d.terraform.plan(ctx, nil)
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		return fmt.Errorf("the plan after that has %d changes: %v", len(changes), changes)
	}
	d.good("No changes after that.")
	return nil
}

func (d *story) destroy(ctx context.Context) error { return d.terraform.destroy(ctx) }

func (d *story) compare(ctx context.Context) error {
	for i, c := range d.clusters {
		after, err := c.picture(ctx)
		if err != nil {
			return err
		}
		if left := d.before[i].differences(after); len(left) > 0 {
			return fmt.Errorf("cluster %s is not what it was: %v", c.name, left)
		}
		d.good("%s: labels, taints, policies and ALBs are what they were before.", c.name)
	}
	return nil
}
