package strongswan

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// ibmRepository is where IBM publishes its chart.
const ibmRepository = "https://icr.io/helm/iks-charts"

// builtin tells the chart of our own from IBM's and its copies.
func (t tunnel) builtin() bool { return t.source == sourceBuiltin }

// archived tells a source that leads to one archive or folder, whatever the
// version of the chart in it.
func archived(source string) bool {
	scheme, rest, remote := strings.Cut(source, "://")
	switch {
	case !remote:
		return source != sourceIBM
	case scheme == "oci":
		return strings.ContainsAny(rest[strings.LastIndex(rest, "/")+1:], ":@")
	}
	return strings.HasSuffix(rest, ".tgz")
}

// chartSource is where the chart is got from, for the release that there is now
// (nil for none). That keeps its version while it is one that is asked for:
// nothing is upgraded only because something newer was published.
func (t tunnel) chartSource(now *helm.Release) helm.Source {
	out := helm.Source{Repository: t.source, Chart: chartName, Version: t.version}
	switch {
	case t.source == sourceIBM:
		out.Repository = ibmRepository
		if out.Version == "" {
			out.Version = ibmChartVersion
		}
	case archived(t.source) || strings.HasPrefix(t.source, "oci://"):
		out.Repository, out.Chart = "", t.source
	}
	if now != nil && !archived(t.source) && !ofBuiltin(now) && helm.Admits(out.Version, now.ChartVersion) {
		out.Version = now.ChartVersion
	}
	return out
}

// ofBuiltin tells whether a release is one of the chart of our own.
func ofBuiltin(now *helm.Release) bool { return tableAt(now.Values, builtinKeyValue) != nil }

// loadChart gets IBM's chart, or its copy. What cannot be had is refused at the
// attribute that says what to get.
func (t tunnel) loadChart(ctx context.Context, charts helm.Loader, now *helm.Release) (*helm.Chart, error) {
	chart, err := charts.Load(ctx, t.chartSource(now))
	if err != nil {
		return nil, refuseSource(err)
	}
	return chart, t.refuseChart(chart)
}

// refuseChart refuses a chart that is not IBM's.
func (t tunnel) refuseChart(chart *helm.Chart) error {
	if chart.Name() != chartName {
		return framework.Refuse(chartAttribute("source"), "The chart is another one",
			fmt.Sprintf("%s is chart %s, and a tunnel is one of chart %s.", t.source, chart.Name(), chartName))
	}
	if _, is := chart.Values()[builtinKeyValue]; is {
		return framework.Refuse(chartAttribute("source"), "The chart is a copy of the builtin one",
			fmt.Sprintf("%s takes the values of the chart that comes with the provider, and nothing has to be fetched for that one: use `source = %q`.", t.source, sourceBuiltin))
	}
	return nil
}

func chartAttribute(name string) path.Path { return path.Root("chart").AtName(name) }

// refuseSource says what to do about a chart that cannot be had.
func refuseSource(err error) error {
	var wrong *helm.SourceError
	if !errors.As(err, &wrong) {
		return err
	}
	at := chartAttribute("source")
	var summary, next string
	switch {
	case errors.Is(wrong.Kind, helm.ErrChartNotFound):
		summary, next = "There is no such chart", fmt.Sprintf("A repository must have a chart called %s; an oci:// reference and the URL of a .tgz name the chart itself.", chartName)
	case errors.Is(wrong.Kind, helm.ErrVersionNotFound):
		at, summary, next = chartAttribute("version"), "There is no such version of the chart", "Name one that there is."
	case errors.Is(wrong.Kind, helm.ErrUnauthorized):
		summary, next = "The chart's repository wants other credentials", "Give them in the provider block, in chart_registries, under the beginning of this address."
	case errors.Is(wrong.Kind, helm.ErrBadChart):
		summary, next = "The chart cannot be used", "Nothing was changed. Publish the chart anew, or name another source."
	default:
		summary, next = "The chart's repository cannot be reached", "It is asked from where the provider runs, by way of HTTPS_PROXY if the environment has it. Where there is no way, let `source` be a mirror, or use the chart that comes with the provider (`builtin`)."
	}
	return framework.Refuse(at, summary, framework.Sentence(err.Error())+" "+next)
}
