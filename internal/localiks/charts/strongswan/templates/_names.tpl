{{- define "vpn.name" -}}
{{ printf "%s-strongswan" (.Release.Name | trunc 35 | trimSuffix "-") }}
{{- end -}}

{{- define "vpn.labels" -}}
app: strongswan
chart: {{ .Chart.Name }}-{{ .Chart.Version }}
release: {{ .Release.Name }}
heritage: {{ .Release.Service }}
{{- end -}}

{{- define "vpn.namespace" -}}
{{ if .Values.enableRBAC }}{{ .Release.Namespace }}{{ else }}kube-system{{ end }}
{{- end -}}

{{- define "vpn.edgeTolerations" -}}
{{- range list "edge" "firewall" "gateway" }}
- key: dedicated
  operator: Equal
  value: {{ . }}
{{- end }}
{{- end -}}

{{- define "vpn.affinity" -}}
{{- if or .Values.nodeSelector .Values.zoneSelector }}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
      - matchExpressions:
        {{- range $key, $value := .Values.nodeSelector }}
        - key: {{ $key }}
          operator: In
          values:
          - {{ $value | quote }}
        {{- end }}
        {{- with .Values.zoneSelector }}
        - key: ibm-cloud.kubernetes.io/zone
          operator: In
          values:
          - {{ . | quote }}
        {{- end }}
{{- end }}
{{- end -}}

{{- define "vpn.security" -}}
{{- if or .Values.privilegedVpnPod (not (contains "IKS" .Capabilities.KubeVersion.GitVersion)) }}
privileged: true
{{- else }}
runAsUser: 2000
runAsGroup: 2000
capabilities:
  add:
  - NET_ADMIN
{{- end }}
{{- end -}}
