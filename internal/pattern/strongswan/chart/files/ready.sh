#!/bin/sh
# Whether the tunnel carries packets (the cluster initiates) or the connection waits for its peer (it listens).
[ -e /run/iks-vpn/loaded ] || exit 1
if [ "${VPN_INITIATE:-false}" = true ]; then
	swanctl --list-sas --raw 2>/dev/null | grep -q 'state=INSTALLED'
else
	swanctl --list-conns --raw 2>/dev/null | grep -q 'k8s-conn {'
fi
