package strongswan

import (
	"context"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// chartName is what IBM's chart and the builtin one are called.
const chartName = "strongswan"

// delivery is what a tunnel becomes: what is given to Helm, and what stands in
// the Secret beside the release.
type delivery struct {
	chart *helm.Chart
	// values of the release, without the key.
	values map[string]any
	// postRender of the chart's objects, nil for none.
	postRender helm.PostRender
	// secret is the data of our Secret, nil where the pods have the user's own.
	secret map[string][]byte
}

// deliver gets the chart and decides what goes into the release and what into
// the Secret. It writes nothing.
func (g ground) deliver(_ context.Context, t tunnel) (delivery, error) {
	chart, err := loadBuiltin()
	if err != nil {
		return delivery{}, err
	}
	out := delivery{chart: chart, values: t.builtinValues(g.facts)}
	if t.keySecret == "" {
		out.secret = map[string][]byte{ownSecretKey: []byte(t.preSharedKey)}
	}
	return out, nil
}

// same tells whether a release was made from this.
func (d delivery) same(now *helm.Release) bool {
	return now.Chart == d.chart.Name() && now.ChartVersion == d.chart.Version() && now.Status == helm.StatusDeployed && alike(now.Values, d.values)
}
