package strongswan

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// chartDeadline bounds what a plan waits for a chart.
const chartDeadline = 8 * time.Second

// previewChart gets the chart that an apply would, if it is to be another one,
// and says what speaks against it. A repository that cannot be reached from
// where the plan is made may be from where it is applied.
func (g ground) previewChart(ctx context.Context, t tunnel, r framework.PreviewRequest[model]) (warnings []string, err error) {
	if t.builtin() || !t.known("namespace", "name", "chart.source", "chart.version") || r.Prior != nil && r.Prior.Chart.Equal(r.Want.Chart) {
		return nil, nil
	}
	now, err := g.releases.Release(ctx, t.namespace, t.name)
	if err != nil && !apierrors.IsForbidden(err) {
		return nil, err
	}
	source := t.chartSource(now)
	waiting, cancel := framework.WithinPlan(ctx, chartDeadline)
	defer cancel()
	chart, err := r.Charts.Load(waiting, source)
	switch {
	case err == nil:
	case errors.Is(err, helm.ErrUnreachable) || cluster.IsUnknownConfiguration(err) || waiting.Err() != nil:
		return []string{fmt.Sprintf("the chart could not be looked at, and the apply needs it: %s", err)}, nil
	default:
		return nil, refuseSource(err)
	}
	if err := t.refuseChart(chart); err != nil {
		return nil, err
	}
	return g.judge(ctx, t, now, chart)
}

// judge says what speaks against a chart that was got.
func (g ground) judge(ctx context.Context, t tunnel, now *helm.Release, chart *helm.Chart) (warnings []string, err error) {
	version, err := g.conn.Version(ctx)
	if err != nil {
		return nil, err
	}
	if !chart.Suits(version) {
		return nil, framework.Refuse(chartAttribute("version"), "The chart does not suit the cluster",
			fmt.Sprintf("Chart %s %s wants Kubernetes %s, and the cluster has %s.", chart.Name(), chart.Version(), chart.KubeVersion(), version))
	}
	if chart.Deprecated() {
		warnings = append(warnings, fmt.Sprintf("chart %s %s is deprecated: whoever makes it has given it up", chart.Name(), chart.Version()))
	}
	if now != nil && !ofBuiltin(now) && now.ChartVersion != chart.Version() {
		warnings = append(warnings, fmt.Sprintf("the release goes from version %s of its chart to %s", now.ChartVersion, chart.Version()))
	}
	if len(t.unknown) > 0 {
		return warnings, nil
	}
	of := keyInRelease{placeholder: placeholderOf(nil), version: fmt.Sprint(t.keyVersion)}
	_, err = g.frame(ctx, t, delivery{chart: chart, values: t.ibmValues(of), postRender: t.moveKey(of)})
	return warnings, err
}
