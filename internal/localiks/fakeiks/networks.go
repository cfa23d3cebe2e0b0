package fakeiks

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

func networkRoutes() []route {
	return []route{
		{"GET /v1/subnets", Viewer, listSubnets},
		{"GET /v1/clusters/{cluster}/subnets", Viewer, listClusterSubnets},
		{"PUT /v1/clusters/{cluster}/subnets/{subnet}", Operator, bindSubnet},
		{"GET /v1/clusters/{cluster}/usersubnets", Viewer, listNothingForCluster},
		{"GET /v1/datacenters/{zone}/vlans", Viewer, listVLANs},
		{"GET /v2/classic/getVLANs", Viewer, listVLANs},
		{"GET /v1/subnets/vlan-spanning", Viewer, func(*call) (int, any, error) {
			return http.StatusOK, map[string]any{"enabled": true, "modifiedDate": ""}, nil
		}},
		{"GET /v1/zones", NoRole, listZones(Classic)},
		{"GET /v2/vpc/getZones", NoRole, listZones(VPC)},
		{"GET /v2/vpc/getVPCs", Viewer, listVPCs},
		{"GET /v2/vpc/getVPC", Viewer, getVPC},
		{"GET /v2/vpc/getSubnets", Viewer, listVPCSubnets},
	}
}

// usable are the addresses of a portable subnet that load balancers may get.
func usable(cidr string) []string {
	list := []string{}
	prefix, err := netip.ParsePrefix(cidr)
	if err != nil {
		return list
	}
	address := prefix.Masked().Addr().Next().Next()
	for ; prefix.Contains(address.Next()); address = address.Next() {
		list = append(list, address.String())
	}
	return list
}

// subnetID makes the ID of a VLAN's portable subnet.
func subnetID(vlan string, number int) string { return fmt.Sprintf("%s%02d", vlan, number) }

// eachSubnet calls see for every portable subnet of the classic clusters.
func (c *call) eachSubnet(see func(k *cluster, zone Zone, vlan string, id, cidr string, public bool)) {
	for _, k := range c.visible(is(Classic)) {
		for _, zone := range k.Zones {
			for _, public := range []bool{false, true} {
				vlan := zone.PrivateVLAN
				if public {
					vlan = zone.PublicVLAN
				}
				for i, cidr := range portable(zone, public) {
					see(k, zone, vlan, subnetID(vlan, i), cidr, public)
				}
			}
		}
	}
}

func listSubnets(c *call) (int, any, error) {
	location := c.URL.Query().Get("location")
	list := []any{}
	c.eachSubnet(func(k *cluster, zone Zone, vlan, id, cidr string, public bool) {
		if location != "" && !strings.HasPrefix(zone.ID, location) {
			return
		}
		addresses := usable(cidr)
		list = append(list, map[string]any{
			"id": id, "type": visibility(public), "vlan_id": vlan, "ip_addresses": addresses,
			"properties": map[string]any{
				"cidr": cidr[strings.Index(cidr, "/")+1:], "network_identifier": cidr[:strings.Index(cidr, "/")],
				"note": "", "subnet_type": "additional_primary", "display_label": cidr, "gateway": "",
				"bound_cluster": k.ID,
			},
		})
	})
	return http.StatusOK, list, nil
}

func visibility(public bool) string {
	if public {
		return "public"
	}
	return "private"
}

func listClusterSubnets(c *call) (int, any, error) {
	k, err := c.clusterOf(Classic, c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	list := slices.Concat([]any{}, k.vlans())
	return http.StatusOK, list, nil
}

// bindSubnet takes note of a subnet; its addresses are not used.
func bindSubnet(c *call) (int, any, error) {
	k, err := c.clusterOf(Classic, c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	if subnet := c.PathValue("subnet"); !slices.Contains(k.boundSubnets, subnet) {
		k.boundSubnets = append(k.boundSubnets, subnet)
	}
	return http.StatusCreated, map[string]any{}, nil
}

// listVLANs are the VLANs of a data centre.
func listVLANs(c *call) (int, any, error) {
	zoneID := c.PathValue("zone")
	if zoneID == "" {
		zoneID = c.URL.Query().Get("zone")
	}
	list := []any{}
	for _, k := range c.visible(is(Classic)) {
		zone := k.zone(zoneID)
		if zone == nil {
			continue
		}
		for _, public := range []bool{false, true} {
			id, router := zone.PrivateVLAN, "bcr01a."+zone.ID
			if public {
				id, router = zone.PublicVLAN, "fcr01a."+zone.ID
			}
			if id == NoVLAN {
				continue
			}
			list = append(list, map[string]any{
				"id": id, "type": visibility(public),
				"properties": map[string]any{
					"name": "", "note": "", "primary_router": router, "vlan_number": id[max(0, len(id)-4):], "vlan_type": "standard",
					"location": zone.ID, "local_disk_storage_capability": "true", "san_storage_capability": "true", "subnet_count": 1,
				},
			})
		}
	}
	return http.StatusOK, list, nil
}

func listZones(provider Provider) handler {
	return func(c *call) (int, any, error) {
		list, seen := []any{}, map[string]bool{}
		for _, k := range c.visible(is(provider)) {
			for _, zone := range k.Zones {
				if !seen[zone.ID] {
					seen[zone.ID] = true
					list = append(list, map[string]any{"id": zone.ID, "name": zone.ID, "metro": k.Region})
				}
			}
		}
		return http.StatusOK, list, nil
	}
}

func (k *cluster) vpc() map[string]any {
	zones := make([]string, 0, len(k.Zones))
	for _, zone := range k.Zones {
		zones = append(zones, zone.ID)
	}
	return map[string]any{
		"id": k.VPCID, "name": "vpc-of-" + k.Name, "provider": string(VPC), "resourceGroup": k.ResourceGroupID, "zones": zones,
	}
}

func listVPCs(c *call) (int, any, error) {
	list, seen := []any{}, map[string]bool{}
	for _, k := range c.visible(is(VPC)) {
		if !seen[k.VPCID] {
			seen[k.VPCID] = true
			list = append(list, k.vpc())
		}
	}
	return http.StatusOK, list, nil
}

func getVPC(c *call) (int, any, error) {
	for _, k := range c.visible(is(VPC)) {
		if k.VPCID == c.URL.Query().Get("vpc") {
			return http.StatusOK, k.vpc(), nil
		}
	}
	return 0, nil, errNotFound()
}

// SubnetName is the name of a zone's VPC subnet.
func SubnetName(zone Zone) string { return "subnet-" + zone.ID }

func listVPCSubnets(c *call) (int, any, error) {
	query := c.URL.Query()
	list := []any{}
	for _, k := range c.visible(is(VPC)) {
		for _, zone := range k.Zones {
			if query.Get("vpc") != k.VPCID || query.Get("zone") != "" && query.Get("zone") != zone.ID {
				continue
			}
			list = append(list, map[string]any{
				"availableIPv4AddressCount": 32000, "id": zone.SubnetID, "ipv4CIDRBlock": zone.PrivateCIDR,
				"name": SubnetName(zone), "publicGatewayID": "", "publicGatewayName": "",
				"vpcID": k.VPCID, "vpcName": "vpc-of-" + k.Name, "zone": zone.ID,
			})
		}
	}
	return http.StatusOK, list, nil
}
