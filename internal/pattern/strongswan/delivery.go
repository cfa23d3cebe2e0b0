package strongswan

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/path"
	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
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
	// keyVersion is which version of the key that is.
	keyVersion string
	// holds tells whether a Secret has what is declared, as far as that is not
	// the key: Terraform cannot see that one change.
	holds func(*corev1.Secret) bool
}

// deliver gets the chart and decides what goes into the release and what into
// the Secret. now is the release that is there, nil for none. It writes nothing.
func (g ground) deliver(ctx context.Context, t tunnel, now *helm.Release, charts helm.Loader) (delivery, error) {
	if t.builtin() {
		return g.deliverBuiltin(t)
	}
	return g.deliverIBM(ctx, t, now, charts)
}

func (g ground) deliverBuiltin(t tunnel) (delivery, error) {
	chart, err := loadBuiltin()
	if err != nil {
		return delivery{}, err
	}
	out := delivery{
		chart: chart, values: t.builtinValues(g.facts), keyVersion: fmt.Sprint(t.keyVersion),
		holds: func(live *corev1.Secret) bool { return len(live.Data[ownSecretKey]) > 0 },
	}
	if t.keySecret == "" {
		out.secret = map[string][]byte{ownSecretKey: []byte(t.preSharedKey)}
	}
	return out, nil
}

// deliverIBM renders IBM's chart with a placeholder for a key, to see which file
// the key belongs into.
func (g ground) deliverIBM(ctx context.Context, t tunnel, now *helm.Release, charts helm.Loader) (delivery, error) {
	chart, err := t.loadChart(ctx, charts, now)
	if err != nil {
		return delivery{}, err
	}
	live, err := g.findSecret(ctx, t)
	if err != nil {
		return delivery{}, err
	}
	key, version, err := g.key(ctx, t, live)
	if err != nil {
		return delivery{}, err
	}
	of := keyInRelease{placeholder: placeholderOf(now), version: version}
	out := delivery{chart: chart, values: t.ibmValues(of), keyVersion: version, postRender: t.moveKey(of)}
	frame, err := g.frame(ctx, t, out)
	if err != nil {
		return delivery{}, err
	}
	text, err := withKey(frame, of.placeholder, key)
	if err != nil {
		return delivery{}, refuseShape(err)
	}
	out.secret = map[string][]byte{secretsFile: []byte(text)}
	out.holds = func(live *corev1.Secret) bool {
		if t.keySecret != "" {
			return bytes.Equal(live.Data[secretsFile], out.secret[secretsFile])
		}
		return framed(frame, of.placeholder, string(live.Data[secretsFile]))
	}
	return out, nil
}

// moveKey is the post-renderer that lets the pods find the key in our Secret,
// and starts them anew with another version of it.
func (t tunnel) moveKey(of keyInRelease) helm.PostRender {
	return keyMove{secret: t.ownSecretName(), placeholder: of.placeholder, annotations: map[string]string{versionAnnotation: of.version}}.postRender
}

// frame renders the file of the key, with the placeholder in it. A chart from
// which the key cannot be moved is refused.
func (g ground) frame(ctx context.Context, t tunnel, d delivery) (string, error) {
	capabilities, err := g.releases.Capabilities(ctx)
	if err != nil {
		return "", err
	}
	rendered, err := helm.Render(ctx, d.chart, helm.RenderOptions{Namespace: t.namespace, Name: t.name, Values: d.values, Capabilities: capabilities})
	if err != nil {
		return "", refuseRendering(err)
	}
	text, err := secretsText([]byte(rendered.Manifest))
	if err == nil {
		_, err = d.postRender([]byte(rendered.Manifest))
	}
	return text, refuseShape(err)
}

// refuseShape refuses a chart from which the key cannot be moved.
func refuseShape(err error) error {
	var shape *unexpectedChart
	if !errors.As(err, &shape) {
		return err
	}
	return framework.Refuse(chartAttribute("source"), "The chart would keep the key in a ConfigMap",
		framework.Sentence(err.Error())+" A tunnel is one of IBM's chart, or of a copy that keeps its objects as they are.")
}

// refuseRendering says that a chart does not take its values, or the cluster.
func refuseRendering(err error) error {
	return framework.Refuse(chartAttribute("source"), "The chart cannot be installed like this", framework.Sentence(err.Error())+" Nothing was changed.")
}

// framed tells whether a file has the frame's text around whatever key.
func framed(frame, placeholder, file string) bool {
	before, after, found := strings.Cut(frame, `"`+placeholder+`"`)
	return found && len(file) > len(before)+len(after) && strings.HasPrefix(file, before+"0s") && strings.HasSuffix(file, after)
}

// key is the pre-shared key and its version. That of the user's Secret is the
// one of its content: live, our Secret, tells whether it has the same key still.
func (g ground) key(ctx context.Context, t tunnel, live *corev1.Secret) (key, version string, err error) {
	if t.keySecret == "" {
		return t.preSharedKey, fmt.Sprint(t.keyVersion), nil
	}
	theirs, err := g.userSecret(ctx, t)
	if err != nil {
		return "", "", err
	}
	key = string(theirs.Data[t.keyKey])
	if live != nil && live.Annotations[versionAnnotation] != "" && hasKey(live, key) {
		return key, live.Annotations[versionAnnotation], nil
	}
	return key, theirs.ResourceVersion, nil
}

// userSecret reads the Secret that the user has the key in.
func (g ground) userSecret(ctx context.Context, t tunnel) (*corev1.Secret, error) {
	theirs, err := g.secrets.Find(ctx, g.conn, t.namespace, t.keySecret, false)
	if err != nil {
		return nil, err
	}
	if theirs == nil || len(theirs.Data[t.keyKey]) == 0 {
		return nil, framework.Refuse(path.Root("preshared_key_secret"), "The pre-shared key is not there",
			fmt.Sprintf("Secret %s/%s has no entry %q, so the VPN pod could not start. Make it first.", t.namespace, t.keySecret, t.keyKey))
	}
	return theirs, nil
}

// hasKey tells whether our Secret has this key in its file.
func hasKey(live *corev1.Secret, key string) bool {
	return slices.Contains(strings.Fields(string(live.Data[secretsFile])), "0s"+base64.StdEncoding.EncodeToString([]byte(key)))
}

// same tells whether a release was made from this.
func (d delivery) same(now *helm.Release) bool {
	return now.Chart == d.chart.Name() && now.ChartVersion == d.chart.Version() && now.Status == helm.StatusDeployed && alike(now.Values, d.values)
}
