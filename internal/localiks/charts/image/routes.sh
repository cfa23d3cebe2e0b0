#!/bin/sh
# What the image of IBM's chart does on every worker, in words of our own: the networks that the VPN pod has listed go
# to it. A table of its own keeps Calico from tidying the routes away.
set -eu
list=/etc/ipsec.d/routes/routes
table=21000

say() { echo "routes: $*"; }

away() {
	while ip -4 rule delete lookup "$table" 2>/dev/null; do :; done
	ip -4 route flush table "$table" 2>/dev/null || true
}

# The way to an address, as the arguments of a route through it.
way() {
	ip -4 route get "$1" | sed -n -e 's/^[^ ]* via \([^ ]*\) dev \([^ ]*\) .*/via \1 dev \2 onlink/p' \
		-e 's/^\([^ ]*\) dev \([^ ]*\) .*/via \1 dev \2 onlink/p'
}

trap 'away; say "the routes are gone"; exit 0' TERM INT
last=
while :; do
	now=$(cat "$list" 2>/dev/null || true)
	if [ "$now" != "$last" ]; then
		away
		echo "$now" | while read -r network pod; do
			[ -n "$network" ] || continue
			# shellcheck disable=SC2046 # several arguments
			ip -4 route replace "$network" $(way "$pod") table "$table"
			ip -4 rule add to "$network" lookup "$table" priority 1000
		done
		last=$now
		say "it goes: $now"
	fi
	sleep 0.5 &
	wait $! || true
done
