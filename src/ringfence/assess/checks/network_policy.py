"""Namespaces have a network policy for what comes in."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-K06",
    name="network_policy",
    title="Namespaces have a network policy for what comes in",
    layer=Layer.PERIMETER,
    each=(all_of("namespace"),),
    fails=(
        When((Atom("setting", "it", Is("network-policy=none")),), "every pod of the cluster may connect to its pods"),
    ),
    rests=(
        asked_of("kubernetes-policies", complete=True),
        When((Atom("setting", "it", Like(r"network-policy=.* .*Ingress.*")),), "a policy holds what comes in"),
    ),
    why="Pods reach each other unless a policy says not: rendezvous ports, parameter servers and notebooks of one "
    "tenant "
    "answer every other.",
    remedy="Begin with a policy that denies all ingress in the namespace, then allow what `ringfence fence learn` saw.",
    weight=5,
    refs=Refs(nist=("SC-7", "AC-4"), attack=("T1046",), d3fend=("D3-NTF",), cis=("Kubernetes 5.3.2",)),
    source="Kubernetes, Network Policies: a pod is not isolated unless a policy selects it",
)
