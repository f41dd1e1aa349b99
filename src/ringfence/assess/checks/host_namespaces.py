"""Containers have process, network and memory namespaces of their own."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Refs, When, all_of
from ringfence.assess.seen import POD

_ON = Atom("runs_on", "it", "host")

CHECK = Check(
    id="RF-K03",
    name="host_namespaces",
    title="Containers have process, network and memory namespaces of their own",
    layer=Layer.HOST,
    each=(all_of("container"),),
    fails=(
        When(
            (
                Atom("runs_with", "it", Is("host_pid")),
                Atom("runs_with", "it", Is("root")),
                Atom("runs_with", "it", Is("cap:SYS_PTRACE")),
                _ON,
            ),
            "it sees the processes of its host, other tenants' too, and may enter them",
            opens=("host#root",),
        ),
        When((Atom("runs_with", "it", Is("host_pid")), _ON), "it sees the processes of its host, other tenants' too"),
        When((Atom("runs_with", "it", Is("host_ipc")), _ON), "it shares memory segments with its host"),
        When(
            (Atom("runs_with", "it", Is("host_network")), _ON, Atom("attached_to", "host", "network")),
            "it has its host's addresses, which no network policy holds",
            opens=("network#send",),
        ),
        When((Atom("runs_with", "it", Is("host_network")), _ON), "it has its host's addresses"),
    ),
    rests=(POD, When((_ON,), "where it runs is known")),
    why="Host namespaces undo what the platform promises between pods: the neighbour's environment and arguments "
    "are read, "
    "collective traffic is sent as the node.",
    remedy="Remove hostPID, hostIPC and hostNetwork; give RDMA through a secondary network (SR-IOV, Multus) instead.",
    weight=6,
    refs=Refs(
        nist=("SC-39", "SC-7"),
        attack=("T1611",),
        d3fend=("D3-KBPI",),
        cis=("Kubernetes 5.2.3", "Kubernetes 5.2.4", "Kubernetes 5.2.5"),
    ),
    source="Kubernetes, Pod Security Standards, baseline: host namespaces",
)
