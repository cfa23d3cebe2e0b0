package charts

import (
	_ "embed"

	"github.com/iks-patterns/terraform-provider-iks/internal/localiks/sandbox"
)

var (
	//go:embed image/vpn.sh
	vpnScript string
	//go:embed image/routes.sh
	routesScript string
	//go:embed image/strongswan.conf
	strongswanConf string
)

// StrongSwanImage is the image that the pods of the stand-in for IBM's chart name.
const StrongSwanImage = "icr.io/armada-master/strongswan:25-08-20"

// StrongSwanPrograms are a stand-in for that image: Debian's strongSwan, which runs as its starter does with ipsec.conf
// and ipsec.secrets, and scripts of our own in the place of IBM's. IPsec is done in userspace. iproute2, nftables and
// curl are needed beside strongSwan.
func StrongSwanPrograms() sandbox.Image {
	return sandbox.Image{
		Entrypoint: []string{"/usr/local/bin/vpn"},
		Scripts: map[string]string{
			"/usr/local/bin/vpn": vpnScript, "/usr/local/bin/routes": routesScript, "/etc/strongswan-pod.conf": strongswanConf,
		},
	}
}
