package privateingress

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/path"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/cluster"
	"github.com/iks-patterns/terraform-provider-iks/internal/kube"
	"github.com/iks-patterns/terraform-provider-iks/internal/ownership"
)

// manager is the field manager that Ingresses are written under.
const manager = "terraform-provider-iks/private_ingress"

// ground is a cluster, as far as Ingresses need it.
type ground struct {
	cluster   *cluster.Cluster
	conn      *kube.Client
	ingresses ownership.Object[networkingv1.Ingress]
}

func reach(ctx context.Context, c *cluster.Cluster) (ground, error) {
	conn, err := c.Kube(ctx)
	if err != nil {
		return ground{}, err
	}
	return ground{
		cluster: c, conn: conn,
		ingresses: ownership.Object[networkingv1.Ingress]{Kind: kube.Ingresses, Manager: manager, Path: path.Root("name")},
	}, nil
}

// find gives the Ingress, nil if it is not there.
func (g ground) find(ctx context.Context, namespace, name string, cached bool) (*networkingv1.Ingress, error) {
	return g.ingresses.Find(ctx, g.conn, namespace, name, cached)
}

// fronts looks at the ways into the cluster.
func (g ground) fronts(ctx context.Context, cached bool) (fronts, error) {
	albs, err := g.cluster.ALBs(ctx)
	if err != nil {
		return fronts{}, err
	}
	f := fronts{albs: albs}
	var classes []networkingv1.IngressClass
	if cached {
		classes, err = kube.CachedList(ctx, g.conn, kube.IngressClasses, kube.ListOptions{})
	} else {
		classes, err = kube.List(ctx, g.conn, kube.IngressClasses, kube.ListOptions{})
	}
	if err != nil {
		return f, err
	}
	for _, class := range classes {
		f.classes = append(f.classes, class.Name)
		if class.Annotations[networkingv1.AnnotationIsDefaultIngressClass] == "true" {
			f.byDefault = class.Name
		}
	}
	slices.Sort(f.classes)
	f.custom, err = g.customClasses(ctx, cached)
	return f, err
}

// deployConfig is the ConfigMap that tells IKS how to deploy ALBs: by the ALB's
// ID, a JSON object as text.
const deployConfig = "ibm-ingress-deploy-config"

// customClasses are the classes that users gave to ALBs, by the ALB's ID. Where
// the ConfigMap is not there, or may not be seen, there are none.
func (g ground) customClasses(ctx context.Context, cached bool) (map[string]string, error) {
	var config corev1.ConfigMap
	var err error
	if cached {
		config, err = kube.CachedGet(ctx, g.conn, kube.ConfigMaps, metav1.NamespaceSystem, deployConfig,
			kube.ListOptions{Namespace: metav1.NamespaceSystem, Fields: "metadata.name=" + deployConfig})
	} else {
		config, err = kube.Get(ctx, g.conn, kube.ConfigMaps, metav1.NamespaceSystem, deployConfig)
	}
	switch {
	case apierrors.IsNotFound(err) || apierrors.IsForbidden(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return readDeployConfig(config.Data), nil
}

func readDeployConfig(data map[string]string) map[string]string {
	out := map[string]string{}
	for id, text := range data {
		var settings struct {
			IngressClass string `json:"ingressClass"`
		}
		if json.Unmarshal([]byte(text), &settings) == nil && settings.IngressClass != "" {
			out[id] = settings.IngressClass
		}
	}
	return out
}
