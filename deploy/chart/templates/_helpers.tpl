{{- define "ossplit.driver" -}}ossplugin.csi.alibabacloud.com{{- end -}}
{{- define "ossplit.image" -}}{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}{{- end -}}
{{- define "ossplit.plugin" -}}{{ .Values.kubeletDir }}/csi-plugins/{{ include "ossplit.driver" . }}{{- end -}}
{{- define "ossplit.labels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}
{{- define "ossplit.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}
