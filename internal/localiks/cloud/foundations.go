package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/fakeiks"
)

const (
	systemNamespace = "ibm-system"
	vlanConfigMap   = "ibm-cloud-provider-vlan-ip-config"
)

// foundations are what a new cluster has before its first node: IBM's
// namespace, the map of portable addresses and the default policies.
func (c *Controllers) foundations(ctx context.Context) error {
	cluster, found := c.options.Server.Cluster(c.options.ClusterID)
	if !found {
		return fmt.Errorf("there is no cluster %q", c.options.ClusterID)
	}
	namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: systemNamespace}}
	_, err := c.kube.CoreV1().Namespaces().Create(ctx, namespace, metav1.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("namespace %s: %w", systemNamespace, err)
	}
	if err := c.vlanMap(ctx, cluster); err != nil {
		return err
	}
	return c.defaultPolicies(ctx, cluster)
}

// refreshed is what a master refresh brings back.
func (c *Controllers) refreshed(ctx context.Context, cluster fakeiks.Cluster) error {
	if err := c.vlanMap(ctx, cluster); err != nil {
		return err
	}
	if err := c.defaultPolicies(ctx, cluster); err != nil {
		return err
	}
	for _, w := range c.options.Server.Workers(cluster.ID) {
		if w.State != deployedState {
			continue
		}
		if err := c.bearHostEndpoints(ctx, cluster, w); err != nil {
			return err
		}
	}
	return c.refreshServices()
}

// vlanMap writes the ConfigMap in which a classic cluster keeps the portable
// addresses of its VLANs.
func (c *Controllers) vlanMap(ctx context.Context, cluster fakeiks.Cluster) error {
	if cluster.Provider != fakeiks.Classic {
		return nil
	}
	data, err := vlanData(cluster)
	if err != nil {
		return err
	}
	maps := c.kube.CoreV1().ConfigMaps(metav1.NamespaceSystem)
	wanted := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: vlanConfigMap}, Data: data}
	_, err = maps.Create(ctx, wanted, metav1.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = maps.Update(ctx, wanted, metav1.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("config map %s: %w", vlanConfigMap, err)
	}
	return nil
}

// vlanData is the content of that ConfigMap.
func vlanData(cluster fakeiks.Cluster) (map[string]string, error) {
	type subnet struct {
		ID     string   `json:"id"`
		IPs    []string `json:"ips"`
		Public bool     `json:"is_public"`
		BYOIP  bool     `json:"is_byoip"`
		CIDR   string   `json:"cidr"`
	}
	type vlan struct {
		ID      string   `json:"id"`
		Subnets []subnet `json:"subnets"`
		Zone    string   `json:"zone"`
		Region  string   `json:"region"`
	}
	vlans := []vlan{}
	for _, zone := range cluster.Zones {
		for _, public := range []bool{false, true} {
			id, cidrs := zone.PrivateVLAN, zone.PortablePrivate
			if public {
				id, cidrs = zone.PublicVLAN, zone.PortablePublic
			}
			if id == fakeiks.NoVLAN {
				continue
			}
			entry := vlan{ID: id, Subnets: []subnet{}, Zone: zone.ID, Region: cluster.Region}
			for i, cidr := range cidrs {
				prefix, err := netip.ParsePrefix(cidr)
				if err != nil {
					return nil, fmt.Errorf("portable subnet of VLAN %s: %w", id, err)
				}
				ips := []string{}
				address := prefix.Masked().Addr().Next().Next()
				for ; prefix.Contains(address.Next()); address = address.Next() {
					ips = append(ips, address.String())
				}
				entry.Subnets = append(entry.Subnets, subnet{ID: fmt.Sprintf("%s%02d", id, i), IPs: ips, Public: public, CIDR: cidr})
			}
			vlans = append(vlans, entry)
		}
	}
	encoded, err := json.MarshalIndent(map[string]any{"vlans": vlans}, "", "  ")
	if err != nil {
		return nil, err
	}
	return map[string]string{"cluster_id": cluster.ID, "vlanipmap.json": string(encoded)}, nil
}
