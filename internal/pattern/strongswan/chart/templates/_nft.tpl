{{/* What the VPN pod translates. Pairs of one size map address to address, both ways; others hide behind one. */}}
{{- define "vpn.pod.nft" -}}
{{- $remote := include "vpn.list" .Values.remote.subnet | fromJsonArray -}}
{{- $to := list -}}{{- $from := list -}}
{{- range (include "vpn.list" .Values.localSubnetNAT | fromJsonArray) }}
  {{- $pair := splitList "=" . }}{{ $a := index $pair 0 }}{{ $b := index $pair 1 }}
  {{- $here := printf "ip saddr %s ip daddr %s" $a (include "vpn.set" $remote) }}
  {{- if eq (last (splitList "/" $a)) (last (splitList "/" $b)) }}
    {{- $from = append $from (printf "%s snat ip prefix to ip saddr map { %s : %s }" $here $a $b) }}
    {{- $to = append $to (printf "ip saddr %s ip daddr %s dnat ip prefix to ip daddr map { %s : %s }" (include "vpn.set" $remote) $b $b $a) }}
  {{- else }}
    {{- $from = append $from (printf "%s snat to %s" $here (first (splitList "/" $b))) }}
  {{- end }}
{{- end }}
{{- range (include "vpn.list" .Values.remoteSubnetNAT | fromJsonArray) }}
  {{- $pair := splitList "=" . }}{{ $a := index $pair 0 }}{{ $b := index $pair 1 }}
  {{- $to = append $to (printf "ip daddr %s dnat ip prefix to ip daddr map { %s : %s }" $b $b $a) }}
  {{- $from = append $from (printf "ip saddr %s snat ip prefix to ip saddr map { %s : %s }" $a $a $b) }}
{{- end }}
{{- if .Values.enableSingleSourceIP }}
  {{- $from = append $from (printf "ip daddr %s snat to %s" (include "vpn.set" $remote) (first (splitList "/" (include "vpn.list" .Values.local.subnet | fromJsonArray | first)))) }}
{{- end -}}
table ip iks-vpn
delete table ip iks-vpn
table ip iks-vpn {
  chain there {
    type nat hook prerouting priority dstnat; policy accept;
    {{- range $to }}
    {{ . }}
    {{- end }}
  }
  chain back {
    type nat hook postrouting priority srcnat; policy accept;
    {{- range $from }}
    {{ . }}
    {{- end }}
  }
  chain segments {
    type filter hook forward priority mangle; policy accept;
    tcp flags syn tcp option maxseg size > {{ .Values.maxSegment }} tcp option maxseg size set {{ .Values.maxSegment }}
  }
}
{{- end }}

{{/* What the workers do with packets for the remote end: they keep the sender's address where the tunnel carries it
(an identity translation takes them out of the way of Calico's masquerading, which comes after), and give them the
worker's own otherwise. */}}
{{- define "vpn.node.nft" -}}
{{- $routed := include "vpn.routed" . | fromJsonArray -}}
table ip iks-vpn-{{ include "vpn.table" . }}
delete table ip iks-vpn-{{ include "vpn.table" . }}
table ip iks-vpn-{{ include "vpn.table" . }} {
  chain out {
    type nat hook postrouting priority 90; policy accept;
    {{- if eq (include "vpn.snat" .) "true" }}
    ip saddr {{ .Values.podSubnet }} ip daddr {{ include "vpn.set" $routed }} snat to NODE_ADDRESS
    {{- end }}
    {{- range (.Values.enableSingleSourceIP | ternary (list .Values.podSubnet) (include "vpn.sources" . | fromJsonArray)) }}
    ip saddr {{ . }} ip daddr {{ include "vpn.set" $routed }} snat ip prefix to ip saddr map { {{ . }} : {{ . }} }
    {{- end }}
  }
}
{{- end }}
