package fakeiks

import "net/http"

// nlbDNSList has the IBM-provided subdomain of the public ALBs, in the nested
// form of VPC or the flat one of classic.
func nlbDNSList(c *call) (int, any, error) {
	k, err := c.cluster(c.URL.Query().Get("cluster"))
	if err != nil {
		return 0, nil, err
	}
	if k.Provider == Classic {
		return http.StatusOK, []any{k.classicDNS()}, nil
	}
	hostname := ""
	for _, a := range k.albs {
		if a.Type == "public" && a.Address != "" {
			hostname = a.Address
		}
	}
	return http.StatusOK, []any{map[string]any{
		"Nlb": map[string]any{
			"cluster": k.ID, "dnsType": "public", "lbHostname": hostname, "nlbSubdomain": k.ingressHostname(),
			"secretNamespace": "default", "nlbMonitorState": "", "type": "public",
		},
		"secretName": k.ingressSecret(), "secretStatus": "created",
	}}, nil
}

// nlbDNSListV1 is the classic list with its health checks.
func nlbDNSListV1(c *call) (int, any, error) {
	k, err := c.clusterOf(Classic, c.PathValue("cluster"))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, map[string]any{
		"clusterid": k.ID, "nlbs": []any{k.classicDNS()}, "nlbHealthCheckConfigs": []any{}, "nlbHealthCheckStatus": []any{},
	}, nil
}

func (k *cluster) classicDNS() map[string]any {
	addresses := []string{}
	for _, a := range k.albs {
		if a.Type == "public" && a.Address != "" {
			addresses = append(addresses, a.Address)
		}
	}
	return map[string]any{
		"clusterID": k.ID, "nlbDnsType": "public", "nlbHost": k.ingressHostname(), "nlbIPArray": addresses,
		"nlbMonitorState": "", "nlbSslSecretName": k.ingressSecret(), "nlbSslSecretStatus": "created",
		"nlbType": "public", "secretNamespace": "default",
	}
}
