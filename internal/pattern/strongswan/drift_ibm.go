package strongswan

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/framework"
	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
)

// ibmDrift says where a release of IBM's chart has its key, or speaks to others,
// otherwise than one that was made here. secret is ours, nil for none.
func (g ground) ibmDrift(ctx context.Context, t tunnel, now *helm.Release, secret *corev1.Secret) ([]string, error) {
	if t.builtin() {
		return nil, nil
	}
	var out []string
	if config := configWithKey(now.Manifest); config != "" {
		out = append(out, fmt.Sprintf("ConfigMap %s holds the pre-shared key in clear text; the next apply moves it into a Secret. Whoever could read it knows the key, so have a new one", config))
	}
	history, err := g.releases.History(ctx, t.namespace, t.name)
	if err != nil {
		return nil, err
	}
	var revisions []string
	for _, r := range history {
		if holdsKey(r) {
			revisions = append(revisions, fmt.Sprint(r.Revision))
		}
	}
	if len(revisions) > 0 {
		out = append(out, "Helm's record of the release holds a pre-shared key, in revision "+strings.Join(revisions, ", "))
	}
	if chartValues(now.Values).text("monitoring", slackValue) != "" && chartValues(t.extraValues).text("monitoring", slackValue) == "" {
		out = append(out, "the release reports to Slack, to an address that stands in its ConfigMap; the next apply ends that")
	}
	theirs, err := g.userKeyDrift(ctx, t, now, secret)
	return append(out, theirs...), err
}

// configWithKey is the ConfigMap in a manifest that has the file of the key, ""
// for none.
func configWithKey(manifest string) string {
	documents, err := parseManifest([]byte(manifest))
	if err != nil {
		return ""
	}
	if config, err := configOf(documents); err == nil {
		return config.name()
	}
	return ""
}

// userKeyDrift says that the user's Secret and the copy in ours have parted, or
// that the pods were not started anew since that is another one: an apply may
// have been killed in between.
func (g ground) userKeyDrift(ctx context.Context, t tunnel, now *helm.Release, secret *corev1.Secret) ([]string, error) {
	if t.keySecret == "" || secret == nil {
		return nil, nil
	}
	theirs, err := g.userSecret(ctx, t)
	if _, gone := framework.AsRefusal(err); gone {
		return []string{t.lacksKey()}, nil
	}
	if err != nil {
		return nil, err
	}
	if !hasKey(secret, string(theirs.Data[t.keyKey])) {
		return []string{fmt.Sprintf("Secret %s has another pre-shared key than the tunnel", t.keySecret)}, nil
	}
	started, has := textAt(now.Values, "preshared", "version"), secret.Annotations[versionAnnotation]
	if started == "" || has == "" || started == has {
		return nil, nil
	}
	return []string{fmt.Sprintf("the VPN pod was started with another pre-shared key than Secret %s has now", secret.Name)}, nil
}
