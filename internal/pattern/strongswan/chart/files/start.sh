#!/bin/sh
# Runs strongSwan in the VPN pod: nobody is let in before the connection is loaded, the key is loaded anew when its
# Secret changes, and an initiator whose peer has refused it tries again.
set -eu
config=${VPN_CONFIG:-/etc/iks-vpn}
key=${VPN_KEY:-/etc/iks-vpn-key/key}
run=/run/iks-vpn
export STRONGSWAN_CONF="$config/strongswan.conf"

say() { echo "iks-vpn: $*"; }
quietly() { "$@" >"$run/out" 2>&1 || { code=$?; say "$* failed:"; grep -v "failed to load" "$run/out" || true; return "$code"; }; }
# Sleeps so that a signal is heard at once.
rest() { sleep "$1" & wait $! || true; }

umask 077
mkdir -p "$run"
if ! [ -s "$key" ]; then
	say "there is no pre-shared key in $key"
	exit 1
fi
if [ "$(cat /proc/sys/net/ipv4/ip_forward)" != 1 ]; then
	say "the pod does not forward packets; its init container could not switch that on"
	exit 1
fi

# A peer that calls between charon's start and the loading of the connection is refused, and may never call again.
nft -f - <<-'RULES'
	table ip iks-vpn-boot
	delete table ip iks-vpn-boot
	table ip iks-vpn-boot {
		chain in {
			type filter hook input priority filter; policy accept;
			udp dport { 500, 4500 } ct state new drop
		}
	}
RULES
nft -f "$config/pod.nft"

# The first address of each network that has none yet.
grep . "$config/addresses" | while read -r network; do
	first=${network%/*}
	case $network in
	*/32 | */31) ;;
	*) first=${first%.*}.$((${first##*.} + 1)) ;;
	esac
	[ -n "$(ip -4 -o address show to "$network")" ] || ip address add "$first/32" dev lo
done

/usr/lib/ipsec/charon &
charon=$!
trap 'kill -TERM $charon; wait $charon; exit 0' TERM INT

seen=
load_key() {
	{
		echo "secrets { ike-k8s {"
		cat "$config/ids.conf"
		echo "secret = 0s$(base64 -w 0 <"$key")"
		echo "} }"
	} >"$run/secrets.conf"
	quietly swanctl --load-creds --clear --noprompt --file "$run/secrets.conf"
	rm -f "$run/secrets.conf"
	seen=$(sha256sum <"$key")
}

until swanctl --stats >/dev/null 2>&1; do
	kill -0 "$charon" || exit 1
	rest 0.1
done
load_key
quietly swanctl --load-conns --file "$config/swanctl.conf"
nft delete table ip iks-vpn-boot
: >"$run/loaded"
say "the connection is loaded"

waited=0
while kill -0 "$charon" 2>/dev/null; do
	rest 1
	if [ -s "$key" ] && [ "$(sha256sum <"$key")" != "$seen" ]; then
		say "the pre-shared key has changed"
		load_key
	fi
	waited=$((waited + 1))
	if [ "${VPN_INITIATE:-false}" = true ] && [ "$waited" -ge "${VPN_RETRY:-30}" ]; then
		waited=0
		case $(swanctl --list-sas --raw 2>/dev/null) in
		*state=INSTALLED* | *state=CONNECTING* | *state=REKEYING*) ;;
		*)
			say "there is no tunnel, calling the remote end"
			swanctl --initiate --child k8s-conn --timeout 20 >/dev/null 2>&1 &
			;;
		esac
	fi
done
wait "$charon"
