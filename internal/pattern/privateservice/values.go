package privateservice

import (
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Defaults and bounds.
const (
	defaultNamespace = "default"
	policyCluster    = "Cluster"
	policyLocal      = "Local"
	affinityNone     = "None"
	affinityClientIP = "ClientIP"
	protocolTCP      = "TCP"
	protocolUDP      = "UDP"

	// IKS keeps Kubernetes' range of node ports.
	firstNodePort = 30000
	lastNodePort  = 32767
)

// checkNothing is for values that the schema's validators have checked.
func checkNothing(string) error { return nil }

func checkNamespace(name string) error {
	if wrong := validation.IsDNS1123Label(name); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the name of a namespace: %s", name, strings.Join(wrong, "; "))
	}
	return nil
}

func checkServiceName(name string) error {
	if wrong := validation.IsDNS1035Label(name); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the name of a Service: %s", name, strings.Join(wrong, "; "))
	}
	return nil
}

func checkLabel(key, value string) error {
	if wrong := validation.IsQualifiedName(key); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the key of a label: %s", key, strings.Join(wrong, "; "))
	}
	if wrong := validation.IsValidLabelValue(value); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the value of a label: %s", value, strings.Join(wrong, "; "))
	}
	return nil
}

// checkAnnotation refuses what has an attribute of its own or belongs to somebody else.
func checkAnnotation(key, _ string) error {
	attribute, has := attributeOf()[key]
	switch {
	case key == ipTypeNote:
		return fmt.Errorf("%s cannot be set: the load balancer of this resource is always private", key)
	case has:
		return fmt.Errorf("%s is set by `%s`", key, attribute)
	case strings.HasPrefix(key, ingressPrefix):
		return fmt.Errorf("%s marks IBM's own Services of ALBs", key)
	case strings.HasPrefix(key, ownPrefix):
		return fmt.Errorf("%s belongs to this provider", key)
	case key == lastAppliedNote:
		return fmt.Errorf("%s belongs to kubectl", key)
	}
	if wrong := validation.IsQualifiedName(strings.ToLower(key)); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the key of an annotation: %s", key, strings.Join(wrong, "; "))
	}
	return nil
}

const (
	ownPrefix       = "terraform-provider-iks/"
	lastAppliedNote = "kubectl.kubernetes.io/last-applied-configuration"
)

// attributeOf names the attributes that annotations are set by.
func attributeOf() map[string]string {
	return map[string]string{
		zoneNote: "zone", vlanNote: "vlan_id", schedulerNote: "scheduler",
		featuresNote: "nlb_version` (classic) or `vpc.features", subnetsNote: "vpc.subnets", nameNote: "vpc.name",
		securityGroupsNote: "vpc.security_groups", idleTimeoutNote: "vpc.idle_timeout",
		healthProtocolNote: "vpc.health_check.protocol", healthPathNote: "vpc.health_check.path", healthPortNote: "vpc.health_check.port",
		healthDelayNote: "vpc.health_check.delay", healthTimeoutNote: "vpc.health_check.timeout",
		healthRetriesNote: "vpc.health_check.retries", healthUDPNote: "vpc.health_check.udp_port",
	}
}

// checkAddress takes an IPv4 address that a load balancer can have.
func checkAddress(text string) error {
	ip, err := netip.ParseAddr(text)
	if err != nil || !ip.Is4() {
		return fmt.Errorf("%q is not an IPv4 address", text)
	}
	for _, services := range []string{"161.26.0.0/16", "166.8.0.0/14"} {
		if prefix, err := netip.ParsePrefix(services); err == nil && prefix.Contains(ip) {
			return fmt.Errorf("%s is an address of IBM's service endpoints (%s), never of a load balancer", text, services)
		}
	}
	return nil
}

func checkNetwork(text string) error {
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return fmt.Errorf("%q is not a network such as 192.0.2.0/24", text)
	}
	if prefix != prefix.Masked() {
		return fmt.Errorf("%q has bits behind its prefix; the network is %s", text, prefix.Masked())
	}
	return nil
}

func checkVLAN(text string) error {
	if strings.Trim(text, "0123456789") != "" || text == "" {
		return fmt.Errorf("%q is not the ID of a VLAN, which is a number such as 2234945 (`ibmcloud ks vlan ls --zone <zone>`), not its VLAN number", text)
	}
	return nil
}

// checkWord takes names and IDs that stand between commas in an annotation.
func checkWord(text string) error {
	if text == "" || strings.ContainsAny(text, ", \t\n") {
		return fmt.Errorf("%q is not one name or ID", text)
	}
	return nil
}

func checkBalancerName(text string) error {
	if len(text) > 63 || !regexp.MustCompile(`^[a-z]([-a-z0-9]*[a-z0-9])?$`).MatchString(text) {
		return fmt.Errorf("%q cannot be the name of a VPC load balancer: up to 63 lower-case letters, digits and dashes, with a letter first", text)
	}
	return nil
}

func checkURLPath(text string) error {
	if !strings.HasPrefix(text, "/") {
		return fmt.Errorf("%q is not a path: it begins with /", text)
	}
	return nil
}

func checkPortName(text string) error {
	if wrong := validation.IsDNS1123Label(text); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be the name of a port: %s", text, strings.Join(wrong, "; "))
	}
	return nil
}

func checkAppProtocol(text string) error {
	if wrong := validation.IsQualifiedName(text); len(wrong) > 0 {
		return fmt.Errorf("%q cannot be an application protocol: %s", text, strings.Join(wrong, "; "))
	}
	return nil
}

// checkTarget takes a port's number, or the name of a container's port.
func checkTarget(text string) error {
	number, err := strconv.Atoi(text)
	if err == nil {
		if number < 1 || number > 65535 {
			return fmt.Errorf("%d is not a port from 1 to 65535", number)
		}
		if strconv.Itoa(number) != text {
			return fmt.Errorf("write %d instead of %q", number, text)
		}
		return nil
	}
	if errors.Is(err, strconv.ErrRange) {
		return fmt.Errorf("%s is not a port from 1 to 65535", text)
	}
	if wrong := validation.IsValidPortName(text); len(wrong) > 0 {
		return fmt.Errorf("%q is neither a port nor the name of one: %s", text, strings.Join(wrong, "; "))
	}
	return nil
}
