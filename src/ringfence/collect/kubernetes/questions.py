# ruff: noqa: E501 (templates are kept on the lines that they print)
"""The read-only questions for kubectl, each made so that no secret can be in its answer.

Secrets and pods are printed through templates that name every field wanted: a Secret's data, a
pod's environment and arguments, and copies of manifests in annotations are not among them.
"""

from ringfence.collect.probe import Probe, Question
from ringfence.wire.kubernetes.ours import VERSIONS

_NAMES_ONLY = """{"apiVersion":"v1","kind":"SecretList","items":[
{{- range $i, $s := .items}}{{if $i}},{{end}}
{"metadata":{"namespace":{{printf "%q" $s.metadata.namespace}},"name":{{printf "%q" $s.metadata.name}}
{{- with $s.metadata.annotations}}{{with index . "kubernetes.io/service-account.name"}},"annotations":{"kubernetes.io/service-account.name":{{printf "%q" .}}}{{end}}{{end -}}
},"type":{{printf "%q" $s.type}}}
{{- end}}]}
"""

_SECURITY = """{{define "security"}}{"_":0
{{- if exists . "privileged"}},"privileged":{{.privileged}}{{end}}
{{- if exists . "runAsUser"}},"runAsUser":{{.runAsUser}}{{end}}
{{- if exists . "runAsNonRoot"}},"runAsNonRoot":{{.runAsNonRoot}}{{end}}
{{- if exists . "allowPrivilegeEscalation"}},"allowPrivilegeEscalation":{{.allowPrivilegeEscalation}}{{end}}
{{- with .capabilities}}{{with .add}},"capabilities":{"add":[{{range $i, $c := .}}{{if $i}},{{end}}{{printf "%q" $c}}{{end}}]}{{end}}{{end -}}
}{{end}}"""

_CONTAINERS = """{{define "containers"}}[{{range $i, $c := .}}{{if $i}},{{end}}
{"name":{{printf "%q" $c.name}},"image":{{printf "%q" $c.image}}
{{- with $c.securityContext}},"securityContext":{{template "security" .}}{{end}}
{{- with $c.resources}}{{with .limits}},"resources":{"limits":{"_":"0"{{range $k, $v := .}},{{printf "%q" $k}}:"{{$v}}"{{end}}}}{{end}}{{end}}
{{- with $c.ports}},"ports":[{{range $j, $p := .}}{{if $j}},{{end}}{"containerPort":{{$p.containerPort}}
{{- with $p.hostPort}},"hostPort":{{.}}{{end}}{{with $p.name}},"name":{{printf "%q" .}}{{end}}}{{end}}]{{end}}
{{- with $c.volumeMounts}},"volumeMounts":[{{range $j, $m := .}}{{if $j}},{{end}}{"name":{{printf "%q" $m.name}},"mountPath":{{printf "%q" $m.mountPath}}
{{- with $m.readOnly}},"readOnly":{{.}}{{end}}{{with $m.recursiveReadOnly}},"recursiveReadOnly":{{printf "%q" .}}{{end}}
{{- with $m.subPath}},"subPath":{{printf "%q" .}}{{end}}}{{end}}]{{end -}}
}{{end}}]{{end}}"""

_VOLUMES = """{{define "volumes"}}[{{range $i, $v := .}}{{if $i}},{{end}}{"name":{{printf "%q" $v.name}}
{{- with $v.hostPath}},"hostPath":{"path":{{printf "%q" .path}}}{{end}}
{{- with $v.persistentVolumeClaim}},"persistentVolumeClaim":{"claimName":{{printf "%q" .claimName}}{{with .readOnly}},"readOnly":{{.}}{{end}}}{{end}}
{{- with $v.nfs}},"nfs":{"server":{{printf "%q" .server}},"path":{{printf "%q" .path}}{{with .readOnly}},"readOnly":{{.}}{{end}}}{{end}}
{{- with $v.secret}},"secret":{"secretName":{{printf "%q" .secretName}}}{{end}}
{{- with $v.csi}},"csi":{"driver":{{printf "%q" .driver}}{{with .readOnly}},"readOnly":{{.}}{{end}}}{{end}}
{{- with $v.projected}},"projected":{"sources":[{{range $j, $s := .sources}}{{if $j}},{{end}}{"_":0
{{- with $s.serviceAccountToken}},"serviceAccountToken":{"path":{{printf "%q" .path}}{{with .audience}},"audience":{{printf "%q" .}}{{end}}}{{end}}}{{end}}]}{{end -}}
}{{end}}]{{end}}"""

_POD = (
    _SECURITY
    + _CONTAINERS
    + _VOLUMES
    + """{"apiVersion":"v1","kind":"PodList","items":[
{{- range $i, $p := .items}}{{if $i}},{{end}}
{"metadata":{"namespace":{{printf "%q" $p.metadata.namespace}},"name":{{printf "%q" $p.metadata.name}},"uid":{{printf "%q" $p.metadata.uid}}
{{- with $p.metadata.labels}},"labels":{"_":""{{range $k, $v := .}},{{printf "%q" $k}}:{{printf "%q" $v}}{{end}}}{{end}}
{{- with $p.metadata.annotations}}{{with index . "k8s.v1.cni.cncf.io/networks"}},"annotations":{"k8s.v1.cni.cncf.io/networks":{{printf "%q" .}}}{{end}}{{end}}
{{- with $p.metadata.ownerReferences}},"ownerReferences":[{{range $j, $o := .}}{{if $j}},{{end}}{"kind":{{printf "%q" $o.kind}},"name":{{printf "%q" $o.name}}}{{end}}]{{end -}}
},"spec":{"_":0
{{- with $p.spec.nodeName}},"nodeName":{{printf "%q" .}}{{end}}
{{- with $p.spec.serviceAccountName}},"serviceAccountName":{{printf "%q" .}}{{end}}
{{- with $p.spec.nodeSelector}},"nodeSelector":{ {{- $first := true}}{{range $k, $v := .}}{{if not $first}},{{end}}{{$first = false}}{{printf "%q" $k}}:{{printf "%q" $v}}{{end}}}{{end}}
{{- if exists $p.spec "automountServiceAccountToken"}},"automountServiceAccountToken":{{$p.spec.automountServiceAccountToken}}{{end}}
{{- with $p.spec.hostPID}},"hostPID":{{.}}{{end}}{{with $p.spec.hostIPC}},"hostIPC":{{.}}{{end}}{{with $p.spec.hostNetwork}},"hostNetwork":{{.}}{{end}}
{{- if exists $p.spec "hostUsers"}},"hostUsers":{{$p.spec.hostUsers}}{{end}}
{{- with $p.spec.shareProcessNamespace}},"shareProcessNamespace":{{.}}{{end}}
{{- with $p.spec.os}},"os":{"name":{{printf "%q" .name}}}{{end}}
{{- with $p.spec.securityContext}},"securityContext":{{template "security" .}}{{end}}
{{- with $p.spec.resourceClaims}},"resourceClaims":[{{range $j, $r := .}}{{if $j}},{{end}}{"name":{{printf "%q" $r.name}}{{with $r.resourceClaimTemplateName}},"resourceClaimTemplateName":{{printf "%q" .}}{{end}}}{{end}}]{{end}}
{{- with $p.spec.volumes}},"volumes":{{template "volumes" .}}{{end}}
{{- with $p.spec.initContainers}},"initContainers":{{template "containers" .}}{{end}}
{{- with $p.spec.ephemeralContainers}},"ephemeralContainers":{{template "containers" .}}{{end}}
{{- with $p.spec.containers}},"containers":{{template "containers" .}}{{end -}}
},"status":{"_":0{{with $p.status}}{{with .phase}},"phase":{{printf "%q" .}}{{end}}{{end}}}}
{{- end}}]}
"""
)


def _get(name: str, kinds: str, output: str = "json") -> Probe:
    argv = ("kubectl", "get", kinds, "--all-namespaces", "--request-timeout=60s", "-o", output)
    return Probe(f"kubernetes/{name}.json", argv, "kube", 120)


def _served(version: str) -> Probe:
    argv = ("kubectl", "get", "--raw", f"/apis/{version}", "--request-timeout=60s")
    return Probe(f"kubernetes/served-{version.replace('/', '-')}.json", argv, "kube", 120)


_OPTIONAL = (
    "clusterqueues.kueue.x-k8s.io",
    "localqueues.kueue.x-k8s.io",
    "queues.scheduling.volcano.sh",
    "network-attachment-definitions.k8s.cni.cncf.io",
    "clusterpolicies.nvidia.com",
    "nicclusterpolicies.mellanox.com",
    "computedomains.resource.nvidia.com",
)

QUESTIONS: tuple[Question, ...] = (
    _get("nodes", "nodes"),
    _get("namespaces", "namespaces"),
    _get("pods", "pods", "go-template=" + _POD),
    _get("rbac", "serviceaccounts,roles,clusterroles,rolebindings,clusterrolebindings"),
    _get("network", "services,endpoints,networkpolicies"),
    _get("volumes", "persistentvolumes,persistentvolumeclaims"),
    _get("secrets", "secrets", "go-template=" + _NAMES_ONLY),
    *(_get(kind.partition(".")[0], kind) for kind in _OPTIONAL),
    *map(_served, VERSIONS),
)
"""Asked where kubectl is; a custom kind that the cluster lacks is answered by an error, which is a hole."""
