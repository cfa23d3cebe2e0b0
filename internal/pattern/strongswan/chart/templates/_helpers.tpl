{{- define "vpn.name" -}}
{{ printf "%s-strongswan" (.Release.Name | trunc 35 | trimSuffix "-") }}
{{- end }}

{{- define "vpn.selector" -}}
app: strongswan
release: {{ .Release.Name }}
{{- end }}

{{- define "vpn.labels" -}}
{{ include "vpn.selector" . }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* "a, b" and lines become a list in JSON, without blanks */}}
{{- define "vpn.list" -}}
{{ regexSplit "[\\s,]+" (trim (toString .)) -1 | compact | toJson }}
{{- end }}

{{/* a duration such as 3h, in seconds */}}
{{- define "vpn.seconds" -}}
{{- $text := toString . -}}
{{- $n := regexFind "^[0-9]+" $text | int -}}
{{- if hasSuffix "d" $text }}{{ mul $n 86400 }}{{ else if hasSuffix "h" $text }}{{ mul $n 3600 }}{{ else if hasSuffix "m" $text }}{{ mul $n 60 }}{{ else }}{{ $n }}{{ end }}
{{- end }}

{{/* what the remote end's networks look like from here, as JSON: routes lead there */}}
{{- define "vpn.routed" -}}
{{- $nat := dict -}}
{{- range (include "vpn.list" .Values.remoteSubnetNAT | fromJsonArray) }}{{ $pair := splitList "=" . }}{{ $_ := set $nat (index $pair 0) (index $pair 1) }}{{ end -}}
{{- $out := list -}}
{{- range (include "vpn.list" .Values.remote.subnet | fromJsonArray) }}{{ $out = append $out (get $nat . | default .) }}{{ end -}}
{{ $out | toJson }}
{{- end }}

{{/* networks of this side as they are before the VPN pod translates them, as JSON */}}
{{- define "vpn.sources" -}}
{{- $left := list -}}{{- $right := list -}}
{{- range (include "vpn.list" .Values.localSubnetNAT | fromJsonArray) }}{{ $pair := splitList "=" . }}{{ $left = append $left (index $pair 0) }}{{ $right = append $right (index $pair 1) }}{{ end -}}
{{- $out := $left -}}
{{- range (include "vpn.list" .Values.local.subnet | fromJsonArray) }}{{ if not (has . $right) }}{{ $out = append $out . }}{{ end }}{{ end -}}
{{ $out | uniq | toJson }}
{{- end }}

{{/* the first bits of a network's address as a number, by a list of the network and how many */}}
{{- define "vpn.bits" -}}
{{- $n := 0 -}}
{{- range (index . 0 | splitList "/" | first | splitList ".") }}{{ $n = add (mul $n 256) (int .) }}{{ end -}}
{{- range until (sub 32 (index . 1) | int) }}{{ $n = div $n 2 }}{{ end -}}
{{ $n }}
{{- end }}

{{/* whether one network of this side holds the pod subnet */}}
{{- define "vpn.pods" -}}
{{- $pods := .Values.podSubnet -}}
{{- $held := false -}}
{{- range (include "vpn.sources" . | fromJsonArray) }}
  {{- $length := splitList "/" . | last | int }}
  {{- if and (contains "/" .) (le $length (splitList "/" $pods | last | int)) (eq (include "vpn.bits" (list . $length)) (include "vpn.bits" (list $pods $length))) }}{{ $held = true }}{{ end }}
{{- end -}}
{{ $held }}
{{- end }}

{{/* whether packets of pods get their worker's address before they reach the VPN pod */}}
{{- define "vpn.snat" -}}
{{- $how := toString .Values.enablePodSNAT -}}
{{- if .Values.enableSingleSourceIP }}false
{{- else if eq $how "auto" }}{{ ne (include "vpn.pods" .) "true" }}
{{- else }}{{ $how }}{{ end }}
{{- end }}

{{- define "vpn.tolerations" -}}
{{- range list "edge" "firewall" "gateway" }}
- { key: dedicated, operator: Equal, value: {{ . }} }
{{- end }}
{{- end }}

{{/* number of the workers' routing table, by which one release is told from another */}}
{{- define "vpn.table" -}}
{{ add 20000 (mod (printf "%s/%s" .Release.Namespace .Release.Name | adler32sum | atoi) 10000) }}
{{- end }}

{{/* set of nftables: { a, b } */}}
{{- define "vpn.set" -}}
{ {{ join ", " . }} }
{{- end }}
