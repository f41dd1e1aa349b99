"""No container has a way out to its host."""

from ringfence.analyse.rule import Atom, Is, Slot
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of
from ringfence.assess.seen import POD

_ON = Atom("runs_on", "it", "host")
_ROOT = Atom("runs_with", "it", Is("root"))
_FILES = ("host#read",)


def _added(name: str) -> Atom:
    return Atom("runs_with", "it", Is(f"cap:{name}"), {"by": "added"})


def _mount(what: str) -> tuple[Atom, ...]:
    path: Slot = "path"
    return _ROOT, Atom("mounts_host_path", "it", path, {what: True}), _ON


CHECK = Check(
    id="RF-K01",
    name="container_escape",
    title="No container has a way out to its host",
    layer=Layer.HOST,
    each=(all_of("container"),),
    fails=(
        When((Atom("runs_with", "it", Is("privileged")), _ON), "CE_PRIV_MOUNT, CE_MODULE_LOAD: it is privileged"),
        When(
            (Atom("runs_with", "it", Is("privileged")), Atom("runs_with", "it", Is("host_pid")), _ON),
            "CE_NSENTER: it may join the namespaces of its host's processes",
        ),
        When((_added("SYS_MODULE"), _ON), "CE_MODULE_LOAD: it may load kernel modules"),
        When((_added("SYS_ADMIN"), _ON), "CE_UMH_CORE_PATTERN: it may mount the kernel's switches"),
        When(
            (_added("SYS_PTRACE"), Atom("runs_with", "it", Is("host_pid")), _ON),
            "CE_SYS_PTRACE: it may enter processes of its host",
        ),
        When(_mount("kernel"), "CE_UMH_CORE_PATTERN: it mounts the kernel's switches"),
        When(_mount("socket"), "EXPLOIT_CONTAINERD_SOCK: it mounts the socket of the container runtime"),
        When(_mount("code"), "EXPLOIT_HOST_WRITE: it may change what the host's superuser runs"),
        When(_mount("secrets"), "EXPLOIT_HOST_READ: it mounts the host's secrets", opens=_FILES),
        When((_added("DAC_READ_SEARCH"), _ON), "EXPLOIT_HOST_READ: it may open any file by handle", opens=_FILES),
        When(_mount("pods"), "EXPLOIT_HOST_TRAVERSE: it mounts the volumes of other pods", opens=("host#mount",)),
        When(_mount("logs"), "CE_VAR_LOG_SYMLINK: it may put links where the kubelet reads logs", opens=_FILES),
        When(
            (_ROOT, Atom("runs_with", "it", Is("share_pid")), _ON),
            "SHARE_PS_NAMESPACE: it sees the processes of its pod's other containers",
            opens=(),
        ),
    ),
    rests=(POD, When((_ON,), "where it runs is known")),
    why="A node of a GPU cluster holds eight accelerators' work of several tenants and the kubelet's key: one "
    "container "
    "with a way out has them all.",
    remedy="Drop privileged, added capabilities and the host paths named; enforce pod-security baseline on the "
    "namespace; use device plugins or CDI instead of privileges for accelerators.",
    opens=("host#root",),
    weight=9,
    mismatch=Mismatch.NONE,
    refs=Refs(
        nist=("AC-6", "SC-39"),
        atlas=("AML.T0105",),
        attack=("T1611",),
        cis=("Kubernetes 5.2.2", "Kubernetes 5.2.9", "Kubernetes 5.2.12"),
    ),
    source="KubeHound, attack reference; Kubernetes, Pod Security Standards",
)
