#!/bin/sh
# Runs on every worker: the networks of the remote end go the same way as the VPN pod, whatever way that is (a pod of
# this worker, a tunnel of Calico's, the next worker). A table of its own keeps Calico from tidying the routes away.
set -eu
config=${VPN_CONFIG:-/etc/iks-vpn}
laid=${VPN_LAID:-/run/iks-vpn-routes}
priority=${VPN_PRIORITY:-1000}
table=$VPN_TABLE

say() { echo "iks-vpn: $*"; }
rest() { sleep "$1" & wait $! || true; }
name=$(sed -n 's/^table ip \([^ ]*\) {$/\1/p' "$config/node.nft")

networks() { grep . "$config/routes" || true; }

away() {
	while ip -4 rule delete lookup "$table" 2>/dev/null; do :; done
	ip -4 route flush table "$table" 2>/dev/null || true
	nft delete table ip "$name" 2>/dev/null || true
	rm -f "$laid"
}

# The way to an address, as the arguments of a route through it.
way() {
	ip -4 route get "$1" | head -n 1 | sed -n \
		-e 's/^[^ ]* via \([^ ]*\) dev \([^ ]*\) .*$/via \1 dev \2 onlink/p' \
		-e 's/^\([^ ]*\) dev \([^ ]*\) .*$/via \1 dev \2 onlink/p'
}

lay() {
	networks | while read -r network; do
		# shellcheck disable=SC2086 # several arguments
		ip -4 route replace "$network" $1 table "$table"
		[ -n "$(ip -4 rule show to "$network" lookup "$table")" ] ||
			ip -4 rule add to "$network" lookup "$table" priority "$priority"
	done
}

trap 'away; say "the routes are gone"; exit 0' TERM INT
away
sed "s/NODE_ADDRESS/$NODE_ADDRESS/" "$config/node.nft" | nft -f -

last=
while :; do
	pod=$(getent ahostsv4 "$VPN_POD" | sed -n '1s/ .*//p') || true
	if [ -n "$pod" ]; then
		now=$(way "$pod")
		if [ -n "$now" ] && [ "$now" != "$last" ]; then
			lay "$now" && last=$now && : >"$laid"
			say "the networks of the remote end go $now"
		fi
	fi
	rest "${VPN_POLL:-5}"
done
