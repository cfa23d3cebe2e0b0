package dataplane

import (
	"os"
	"os/exec"
	"runtime"
)

// Missing says what keeps this machine from running a lab, "" if nothing does.
func Missing() string {
	if runtime.GOOS != "linux" {
		return "Linux"
	}
	if os.Geteuid() != 0 {
		return "root, for network namespaces"
	}
	for _, needed := range []struct{ program, of string }{
		{"ip", "iproute2"},
		{"iptables-nft-save", "iptables"},
		{"ipset", "ipset"},
		{"nft", "nftables"},
		{"conntrack", "conntrack"},
		{"unshare", "util-linux"},
		{"setpriv", "util-linux"},
	} {
		if _, err := exec.LookPath(needed.program); err != nil {
			return needed.program + ", of the Debian package " + needed.of
		}
	}
	return ""
}
