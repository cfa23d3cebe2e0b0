package strongswan

// Version of IBM's chart whose contract the attributes follow, the latest one of
// 2025-08-11.
const ibmChartVersion = "2.10.7"

// defaultOf is what an attribute has that is left out, "" for none. Those of the
// tunnel itself are IBM's chart's own (values.yaml of 2.10.7).
func defaultOf(at string) string {
	return map[string]string{
		"namespace":                      "default",
		"chart.source":                   sourceIBM,
		"remote.gateway":                 anyPeer,
		"remote.id":                      "on-prem",
		"local.id":                       "ibm-cloud",
		"ike.version":                    ikeV2,
		"ike.lifetime":                   "3h",
		"esp.lifetime":                   "1h",
		"esp.margin":                     "9m",
		"preshared_key_secret.key":       ownSecretKey,
		"dpd_action":                     "restart",
		"close_action":                   "auto",
		"keying_tries":                   forever,
		"pod_snat":                       snatAuto,
		"service_type":                   servicePublic,
		"connect_using_load_balancer_ip": "auto",
		"validate":                       "strict",
		"wait_for":                       waitPods,
	}[at]
}
