package helm

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"time"

	releasecommon "helm.sh/helm/v4/pkg/release/common"
	releasev1 "helm.sh/helm/v4/pkg/release/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// The record of a revision is a Secret as Helm's default driver writes it: its data is the release as JSON, compressed
// and in base64, its labels are what helm lists by.
const (
	recordType  = "helm.sh/release.v1"
	recordKey   = "release"
	recordLimit = 32 << 20 // of the JSON; a Secret of 1 MiB cannot honestly hold more

	// begunLabel names the operation on a record that was begun here.
	begunLabel = "terraform-provider-iks/begun"
)

// record is one revision as it is stored.
type record struct {
	*releasev1.Release
	// resourceVersion of the Secret, "" before it is stored.
	resourceVersion string
	// begun is the last operation on it that was begun here, as [record.operation] names it.
	begun string
}

// operation names what is being done by a record's status: "7" the making of revision 7, "7-uninstall" its removal.
func (r record) operation() string {
	if r.Info.Status == releasecommon.StatusUninstalling {
		return strconv.Itoa(r.Version) + "-uninstall"
	}
	return strconv.Itoa(r.Version)
}

// begunHere says that what a record has under way was begun here. The caller's labels do not say that: Helm hands them
// down from one revision to the next, whoever makes it (mergeCustomLabels in its upgrade.go).
func (r record) begunHere() bool { return r.begun == r.operation() }

// since is when what a record has under way began.
func (r record) since() time.Time {
	if r.Info.Status == releasecommon.StatusUninstalling {
		return r.Info.Deleted
	}
	return r.Info.LastDeployed
}

func recordName(name string, revision int) string {
	return "sh.helm.release.v1." + name + ".v" + strconv.Itoa(revision)
}

// records gives the revisions that are kept, oldest first.
func (c *Client) records(ctx context.Context, namespace, name string) ([]record, error) {
	secrets, err := kube.List(ctx, c.kube, kube.Secrets, kube.ListOptions{Namespace: namespace, Labels: "owner=helm,name=" + name})
	if err != nil {
		return nil, fmt.Errorf("release %s/%s: %w", namespace, name, err)
	}
	var out []record
	for _, secret := range secrets {
		if secret.Type != recordType {
			continue
		}
		r, err := decodeRecord(secret)
		if err != nil {
			return nil, fmt.Errorf("release %s/%s: Secret %s: %w", namespace, name, secret.Name, err)
		}
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b record) int { return cmp.Compare(a.Version, b.Version) })
	return out, nil
}

func decodeRecord(secret corev1.Secret) (record, error) {
	raw, err := base64.StdEncoding.DecodeString(string(secret.Data[recordKey]))
	if err != nil {
		return record{}, fmt.Errorf("the record is not in base64: %w", err)
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return record{}, fmt.Errorf("the record is not compressed as Helm does it: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(unpacked, recordLimit+1))
	if err != nil {
		return record{}, fmt.Errorf("the record is damaged: %w", err)
	}
	if len(text) > recordLimit {
		return record{}, errors.New("the record is too large")
	}
	r := record{Release: &releasev1.Release{}, resourceVersion: secret.ResourceVersion}
	if err := json.Unmarshal(text, r.Release); err != nil {
		// The cause may quote what it could not read, and values are not for messages.
		return record{}, errors.New("the record is no release")
	}
	if r.Info == nil || r.Chart == nil || r.Chart.Metadata == nil {
		return record{}, errors.New("the record lacks its state or its chart")
	}
	r.Labels, r.begun = maps.Clone(secret.Labels), secret.Labels[begunLabel]
	for _, own := range []string{"name", "owner", "status", "version", "createdAt", "modifiedAt", begunLabel} {
		delete(r.Labels, own)
	}
	return r, nil
}

func encodeRecord(r record, stamp string) (corev1.Secret, error) {
	text, err := json.Marshal(r.Release)
	if err != nil {
		return corev1.Secret{}, err
	}
	var packed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return corev1.Secret{}, err
	}
	if _, err := writer.Write(text); err != nil {
		return corev1.Secret{}, err
	}
	if err := writer.Close(); err != nil {
		return corev1.Secret{}, err
	}
	labels := maps.Clone(r.Labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels["name"], labels["owner"] = r.Name, "helm"
	labels["status"], labels["version"] = r.Info.Status.String(), strconv.Itoa(r.Version)
	if r.begun != "" {
		labels[begunLabel] = r.begun
	}
	labels[stamp] = strconv.FormatInt(time.Now().Unix(), 10)
	return corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: r.Namespace, Name: recordName(r.Name, r.Version), Labels: labels, ResourceVersion: r.resourceVersion,
		},
		Type: recordType,
		Data: map[string][]byte{recordKey: []byte(base64.StdEncoding.EncodeToString(packed.Bytes()))},
	}, nil
}

// create stores a new revision. One that is there already is somebody else's operation.
func (c *Client) create(ctx context.Context, r *record) error {
	r.begun = r.operation()
	secret, err := encodeRecord(*r, "createdAt")
	if err != nil {
		return err
	}
	stored, err := kube.Create(ctx, c.kube, kube.Secrets, secret, kube.WriteOptions{FieldManager: fieldManager})
	if apierrors.IsAlreadyExists(err) {
		return &PendingError{Release: r.public()}
	}
	if err != nil {
		return fmt.Errorf("storing revision %d: %w", r.Version, err)
	}
	r.resourceVersion = stored.ResourceVersion
	return nil
}

// update stores what has become of a revision, unless somebody else wrote it in between.
func (c *Client) update(ctx context.Context, r *record) error {
	secret, err := encodeRecord(*r, "modifiedAt")
	if err != nil {
		return err
	}
	stored, err := kube.Update(ctx, c.kube, kube.Secrets, secret, kube.WriteOptions{FieldManager: fieldManager})
	if err != nil {
		return fmt.Errorf("storing revision %d: %w", r.Version, err)
	}
	r.resourceVersion = stored.ResourceVersion
	return nil
}

// forget removes revisions.
func (c *Client) forget(ctx context.Context, records ...record) error {
	for _, r := range records {
		err := kube.Delete(ctx, c.kube, kube.Secrets, r.Namespace, recordName(r.Name, r.Version), kube.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("removing revision %d: %w", r.Version, err)
		}
	}
	return nil
}

// public is what others see of a record.
func (r record) public() *Release {
	return &Release{
		Name: r.Name, Namespace: r.Namespace, Revision: r.Version, Status: r.Info.Status.String(),
		Chart: r.Chart.Name(), ChartVersion: r.Chart.Metadata.Version, AppVersion: r.Chart.Metadata.AppVersion,
		Values: r.Config, Defaults: r.Chart.Values, Manifest: r.Manifest, Description: r.Info.Description, Labels: r.Labels, Digest: r.digest(),
	}
}

func (r record) digest() string {
	sum := sha256.New()
	encoder := json.NewEncoder(sum)
	parts := []any{r.Chart.Name(), r.Chart.Metadata.Version, r.Config, r.Manifest}
	for _, hook := range r.Hooks {
		parts = append(parts, hook.Manifest)
	}
	for _, part := range parts {
		// It comes out of JSON, so it goes back into it.
		if err := encoder.Encode(part); err != nil {
			return ""
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}
