package strongswan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	"github.com/iks-patterns/terraform-provider-iks/internal/helm"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
)

// departureGrace is how long the VPN pod's routes and pools may take to go once the pod has.
const departureGrace = 2 * time.Minute

// departure removes a release of IBM's chart. The chart's own way, a Job before the deletion, downloads its tools from
// the internet, so that it hangs where there is none. What that Job is for is done here: the VPN pod goes first, and
// what it made outside the release with it, while the pods that hold the routes on the workers are still there.
type departure struct {
	kube     *kube.Client
	releases *helm.Client

	namespace, name string
	// labels of the release's record, as in [helm.UninstallOptions].
	labels map[string]string
	// remote are the subnets behind the VPN, for which the pod makes Calico IP pools.
	remote []string
	// grace overrides departureGrace if it is set.
	grace time.Duration
}

// run removes the release. What it could not see go, and what stays on purpose, is in the warnings. It can be run again
// after an error, and does nothing where nothing is left.
func (d departure) run(ctx context.Context) (warnings []string, err error) {
	release, err := d.releases.Release(ctx, d.namespace, d.name)
	if err != nil {
		return nil, err
	}
	uninstall := helm.UninstallOptions{Namespace: d.namespace, Name: d.name, SkipHooks: true, Labels: d.labels}
	if err := d.releases.MayUninstall(ctx, uninstall); err != nil {
		return nil, err // the VPN stays up
	}
	if release != nil {
		if warnings, err = d.quiet(ctx, release); err != nil {
			return warnings, fmt.Errorf("stopping the VPN of release %s/%s: %w", d.namespace, d.name, err)
		}
	}
	kept, err := d.releases.Uninstall(ctx, uninstall)
	warnings = append(warnings, leftBehind(kept)...)
	if err != nil {
		return warnings, err
	}
	return warnings, d.nothingLeft(ctx)
}

// leftBehind says of objects why they were not removed with their release.
func leftBehind(kept []string) []string {
	var out []string
	for _, object := range kept {
		out = append(out, object+" is left: the chart wants it kept, or it belongs to another release now")
	}
	return out
}

// quiet stops the VPN pod and sees that what it made goes.
func (d departure) quiet(ctx context.Context, release *helm.Release) (warnings []string, err error) {
	for _, name := range vpnDeployments(release.Manifest) {
		since, err := d.stop(ctx, name)
		if err != nil {
			return warnings, err
		}
		grace := d.grace
		if grace <= 0 {
			grace = departureGrace
		}
		waiting, cancel := context.WithTimeout(ctx, grace)
		err = kube.Wait(waiting, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
			left, err := d.traces(ctx, name+"-routes", since)
			return len(left) == 0, strings.Join(left, ", "), err
		})
		cancel()
		var tired *kube.WaitError
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil || !errors.As(err, &tired):
			return warnings, err
		}
		left, err := d.traces(ctx, name+"-routes", since)
		if err != nil {
			return warnings, err
		}
		if len(left) == 0 {
			continue
		}
		// Destroying must come to an end. The workers' routes go with the pods that hold them; the pools nobody else removes.
		warnings = append(warnings, fmt.Sprintf("the VPN pod has gone, and %s later there were still: %s; the pools are removed", grace, strings.Join(left, ", ")))
		if err := d.removePools(ctx, since); err != nil {
			return warnings, err
		}
	}
	return warnings, nil
}

// vpnDeployments are the names of the Deployments of IBM's chart in a manifest.
func vpnDeployments(manifest string) []string {
	var out []string
	for _, text := range helm.Documents(manifest) {
		var d document
		if yaml.Unmarshal([]byte(text), &d) == nil && d.kind() == "Deployment" && textAt(d, "metadata", "labels", "app") == "strongswan" {
			out = append(out, d.name())
		}
	}
	return out
}

// stop scales a Deployment to nothing and waits until its pods are no more. It says since when the Deployment has been
// there, which is no time at all for one that is gone.
func (d departure) stop(ctx context.Context, name string) (since metav1.Time, err error) {
	options := kube.PatchOptions{FieldManager: "terraform-provider-iks/strongswan_vpn"}
	live, err := kube.Patch(ctx, d.kube, kube.Deployments, d.namespace, name, types.MergePatchType, []byte(`{"spec":{"replicas":0}}`), options)
	if apierrors.IsNotFound(err) {
		return metav1.Now(), nil
	}
	if err != nil {
		return since, err
	}
	return live.CreationTimestamp, d.noPods(ctx, metav1.FormatLabelSelector(live.Spec.Selector))
}

func (d departure) noPods(ctx context.Context, selector string) error {
	return kube.Wait(ctx, kube.WaitOptions{}, func(ctx context.Context) (bool, string, error) {
		pods, err := kube.List(ctx, d.kube, kube.Pods, kube.ListOptions{Namespace: d.namespace, Labels: selector})
		if err != nil || len(pods) == 0 {
			return err == nil, "", err
		}
		return false, "Pod " + pods[0].Name + " is still there", nil
	})
}

// traces are what the VPN pod has made and not yet taken away: entries of its routes, and Calico IP pools.
func (d departure) traces(ctx context.Context, routes string, since metav1.Time) ([]string, error) {
	var out []string
	list, err := kube.Get(ctx, d.kube, kube.ConfigMaps, d.namespace, routes)
	switch {
	case err != nil && !apierrors.IsNotFound(err):
		return nil, err
	case err == nil && len(list.Data) > 0:
		out = append(out, "routes in ConfigMap "+routes)
	}
	_, pools, err := d.pools(ctx, since)
	for _, pool := range pools {
		out = append(out, fmt.Sprintf("Calico IP pool %s (%s)", pool.Name, pool.Spec.CIDR))
	}
	return out, err
}

// ipPool is as much of Calico's IPPool as is needed here.
type ipPool struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		CIDR     string `json:"cidr"`
		Disabled bool   `json:"disabled"`
	} `json:"spec"`
}

// pools are the disabled pools of the remote subnets that are no older than the VPN, and where they are served. One that
// was there before it is somebody else's, who keeps a network from being masqueraded.
func (d departure) pools(ctx context.Context, since metav1.Time) (at kube.Kind[ipPool], out []ipPool, err error) {
	for _, door := range []kube.Kind[ipPool]{
		{Group: "crd.projectcalico.org", Version: "v1", Resource: "ippools", Name: "IPPool"},
		{Group: "projectcalico.org", Version: "v3", Resource: "ippools", Name: "IPPool"},
	} {
		served, err := d.kube.Serves(ctx, door.APIVersion())
		if err != nil {
			return door, nil, err
		}
		if !served {
			continue
		}
		all, err := kube.List(ctx, d.kube, door, kube.ListOptions{})
		if err != nil {
			return door, nil, err
		}
		return door, slices.DeleteFunc(all, func(p ipPool) bool {
			return !p.Spec.Disabled || !slices.Contains(d.remote, p.Spec.CIDR) || p.CreationTimestamp.Before(&since)
		}), nil
	}
	return at, nil, nil
}

func (d departure) removePools(ctx context.Context, since metav1.Time) error {
	at, pools, err := d.pools(ctx, since)
	if err != nil {
		return err
	}
	for _, pool := range pools {
		if err := kube.Delete(ctx, d.kube, at, "", pool.Name, kube.DeleteOptions{ResourceVersion: pool.ResourceVersion}); err != nil && !apierrors.IsNotFound(err) {
			return err
		}
	}
	return nil
}

// nothingLeft removes what the VPN pod itself has put beside the release, and sees that the rest is gone.
func (d departure) nothingLeft(ctx context.Context) error {
	err := kube.Delete(ctx, d.kube, kube.ConfigMaps, d.namespace, routesName(d.name), kube.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return err
	}
	selector := "app in (strongswan,strongswan-routes),release=" + d.name
	if err := d.noPods(ctx, selector); err != nil {
		return err
	}
	there := kube.ListOptions{Namespace: d.namespace, Labels: selector}
	var left []string
	for _, list := range []func() ([]string, error){
		names(ctx, d.kube, kube.Deployments, there), names(ctx, d.kube, kube.DaemonSets, there),
		names(ctx, d.kube, kube.Services, there), names(ctx, d.kube, kube.ConfigMaps, there),
	} {
		found, err := list()
		if err != nil {
			return err
		}
		left = append(left, found...)
	}
	if len(left) > 0 {
		return fmt.Errorf("release %s/%s is removed, but there is left of it: %s", d.namespace, d.name, strings.Join(left, ", "))
	}
	return nil
}

// routesName is the ConfigMap that the VPN pod writes its routes to.
func routesName(release string) string {
	if len(release) > longestName {
		release = strings.TrimSuffix(release[:longestName], "-")
	}
	return release + "-strongswan-routes"
}

func names[T any](ctx context.Context, c *kube.Client, k kube.Kind[T], o kube.ListOptions) func() ([]string, error) {
	return func() ([]string, error) {
		objects, err := kube.List(ctx, c, k, o)
		if err != nil {
			return nil, err
		}
		var out []string
		for i := range objects {
			if named, ok := any(&objects[i]).(metav1.Object); ok && named.GetDeletionTimestamp() == nil {
				out = append(out, k.Name+" "+named.GetName())
			}
		}
		return out, nil
	}
}
