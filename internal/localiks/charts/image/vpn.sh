#!/bin/sh
# What the image of IBM's chart does in the VPN pod, in words of our own and as far as tests need it: the pod lets Calico
# know the networks of the remote end and the workers the way there, shows the remote end other networks where it is
# told to, and runs strongSwan with the chart's files. What it does not do it refuses.
set -eu
config=/etc/ipsec.d/config
account=/run/secrets/kubernetes.io/serviceaccount
pools=/apis/crd.projectcalico.org/v1/ippools
export STRONGSWAN_CONF=/etc/strongswan-pod.conf

say() { echo "vpn: $*"; }

# Network of the connection: left or right.
networks() { sed -n "s/^ *$1subnet=//p" "$config/ipsec.conf" | tr ',' ' '; }

# api METHOD PATH [TYPE BODY]
api() {
	curl --silent --show-error --fail --max-time 10 --output /dev/null \
		--cacert "$account/ca.crt" --header "Authorization: Bearer $(cat "$account/token")" \
		--connect-to "::$KUBERNETES_SERVICE_HOST:$KUBERNETES_SERVICE_PORT" \
		--request "$1" ${3:+--header "Content-Type: $3"} ${4:+--data "$4"} "https://kubernetes$2"
}

pool() { echo "vpn-$1" | tr ./ -; }

# The workers' list has the Deployment's name, as the pod's name begins with.
workers() {
	api PATCH "/api/v1/namespaces/$(cat "$account/namespace")/configmaps/${HOSTNAME%-*-*}-routes" application/merge-patch+json "{\"data\":$1}"
}

[ "${SINGLE_SOURCE_IP:-false}" = false ] && [ -z "${REMOTE_SUBNET_NAT:-}" ] && [ -z "${LOCAL_NON_CLUSTER_SUBNET:-}" ] ||
	{ say "this stand-in translates networks of this side alone"; exit 1; }
remote=$(networks right)
starter=

gone() {
	kill -TERM "$starter" 2>/dev/null || true
	wait "$starter" || true
	workers null
	for network in $remote; do
		api DELETE "$pools/$(pool "$network")"
	done
	say "the routes and the pools are gone"
	exit 0
}
trap gone TERM INT

echo 1 >/proc/sys/net/ipv4/ip_forward
for device in all eth0; do
	echo 0 >"/proc/sys/net/ipv4/conf/$device/send_redirects"
done

# Pairs of one size map address to address, both ways.
{
	echo 'table ip vpn {'
	echo '	chain there { type nat hook prerouting priority dstnat; policy accept; }'
	echo '	chain back { type nat hook postrouting priority srcnat; policy accept; }'
	echo '}'
	for pair in $(echo "${LOCAL_SUBNET_NAT:-}" | tr ',' ' '); do
		here=${pair%=*} shown=${pair#*=}
		[ "${here#*/}" = "${shown#*/}" ] || { say "this stand-in translates networks of one size" >&2; exit 1; }
		for network in $remote; do
			echo "add rule ip vpn there ip saddr $network ip daddr $shown dnat ip prefix to ip daddr map { $shown : $here }"
			echo "add rule ip vpn back ip saddr $here ip daddr $network snat ip prefix to ip saddr map { $here : $shown }"
		done
	done
} >/run/vpn.nft
nft -f /run/vpn.nft

# IPsec in userspace installs no route without an address of the pod's in each network of this side.
for network in $(networks left); do
	first=${network%/*}
	[ -n "$(ip -4 -o address show to "$network")" ] || ip address add "${first%.*}.$((${first##*.} + 1))/32" dev lo
done

# A network that is a pool of Calico's is not masqueraded on the way there.
for network in $remote; do
	api GET "$pools/$(pool "$network")" 2>/dev/null || api POST "$pools" application/json \
		"{\"apiVersion\":\"crd.projectcalico.org/v1\",\"kind\":\"IPPool\",\"metadata\":{\"name\":\"$(pool "$network")\"},\"spec\":{\"cidr\":\"$network\",\"disabled\":true,\"ipipMode\":\"Never\",\"vxlanMode\":\"Never\"}}"
done
pod=$(ip -4 -o address show dev eth0 | sed -n '1s/.* inet \([0-9.]*\).*/\1/p')
workers "{\"routes\":\"$(for network in $remote; do printf '%s %s\\n' "$network" "$pod"; done)\"}"

ipsec start --nofork --conf "$config/ipsec.conf" &
starter=$!
say "the workers know that $remote is behind $pod"
wait "$starter"
