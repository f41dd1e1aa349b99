"""No container holds the socket of the container runtime."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, all_of
from ringfence.assess.seen import POD

_SOCKET = Atom("mounts_host_path", "it", "path", {"socket": True})
_ON = Atom("runs_on", "it", "host")

CHECK = Check(
    id="RF-K04",
    name="runtime_socket",
    title="No container holds the socket of the container runtime",
    layer=Layer.HOST,
    each=(all_of("container"),),
    fails=(
        When(
            (Atom("runs_with", "it", Is("root")), _SOCKET, _ON),
            "it may start any container on its host",
            opens=("host#root",),
        ),
        When((Atom("mounts_host_path", "it", Like(r"/run/.*\.sock"), {"socket": True}), _ON), "the socket is mounted"),
        When((_SOCKET, _ON), "the socket lies in a folder that it mounts"),
    ),
    rests=(POD, When((_ON,), "where it runs is known")),
    why="Builders and monitors mount the socket for convenience; a read-only mount of it is enough to start a "
    "container "
    "with the host's root folder inside.",
    remedy="Build with a daemonless builder, read metrics from the kubelet, and remove the mount.",
    weight=8,
    refs=Refs(nist=("AC-6", "CM-7"), atlas=("AML.T0105",), attack=("T1611",), cis=("Kubernetes 5.2.12",)),
    source="KubeHound, EXPLOIT_CONTAINERD_SOCK",
)
