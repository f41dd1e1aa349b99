"""Who can reach whom between pods, from the objects that a cluster holds (or is to hold), against the policy.

Judged apart: every cluster's first interfaces (NetworkPolicies and the admin tiers) and each of its secondary networks
(MultiNetworkPolicies). The rules of Kubernetes are those of `prove.netpol`. Beside the pods of the policy every
namespace has one more, `namespace:…`: the pod that nobody knows yet and that bears no label.
The outside is all of IPv4, cut wherever the policy or some block of an object cuts it, so that a block which is a
little too wide or too narrow is seen. IPv6 is not looked at. Where there is an admin tier, it is judged a second time
as if the owners of namespaces had opened everything that they can.
"""

from collections.abc import Sequence

import msgspec

from ringfence.estate.kinds import kind_of
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Difference, Policy, Proof, Residual
from ringfence.segment.prove.kubernetes.objects import TARGET, objects
from ringfence.segment.prove.kubernetes.owners import opened
from ringfence.segment.prove.kubernetes.scene import Pods, Scene
from ringfence.segment.prove.kubernetes.sides import Sides
from ringfence.segment.prove.verdict import Names, verdict

PLANE = "pod"
_COVERS = (
    "IPv4 on the first interfaces and the secondary networks of pods, under NetworkPolicy, AdminNetworkPolicy, "
    "BaselineAdminNetworkPolicy, ClusterNetworkPolicy and MultiNetworkPolicy as published; address blocks are the "
    "outside; what the network plugin makes of the objects, and pairs of two clusters, are not looked at"
)


def prove_pods(
    policy: Policy, inventory: Inventory, artefacts: Sequence[Artefact], residuals: Sequence[Residual]
) -> Proof:
    """The verdict on the pod plane. What cannot be read proves nothing, and is told as a leak."""
    told = tuple(sorted(one for one in residuals if one.plane == PLANE))
    proofs: list[Proof] = []
    differences: list[Difference] = []
    for cluster in clusters(policy):
        found = objects(cluster, inventory, artefacts)
        differences += [Difference("leak", PLANE, "*", cluster, "any", 1, why) for why in found.unread]
        pods = Pods(policy, inventory, cluster, found)
        for network in ("", *_secondary(pods)):
            proof = judged(Scene(pods, network), told)
            because = f"on {network}" if network else ""
            differences += [msgspec.structs.replace(one, because=because) for one in proof.differences]
            proofs.append(proof)
        if found.admin:
            leaks = judged(Scene(opened(pods)), _INWARD).differences
            because = "once owners of namespaces have opened them"
            differences += [msgspec.structs.replace(one, because=because) for one in leaks if one.kind == "leak"]
    asked, open_ = sum(one.pairs for one in proofs), sum(one.open_pairs for one in proofs)
    return Proof(PLANE, TARGET, asked, tuple(differences), told, open_, _COVERS)


_INWARD = (Residual(PLANE, TARGET, "network:*", "*", -1, "no admin tier has words for addresses that connect in"),)


def clusters(policy: Policy) -> list[str]:
    """Clusters whose pods the policy names, sorted."""
    endpoints = (endpoint for group in policy.groups.values() for endpoint in group.on(PLANE))
    names = {one.partition(":")[2].partition("/")[0] for one in endpoints if kind_of(one) in ("pod", "namespace")}
    return [f"cluster:{name}" for name in sorted(names)]


def _secondary(pods: Pods) -> list[str]:
    return sorted({network for one in pods.endpoints for network in pods.facts(one).networks})


def judged(scene: Scene, told: Sequence[Residual]) -> Proof:
    """One network against the policy. A residual that names a secondary network excuses what is open there only."""
    host_of = scene.pods.inventory.host_of
    outside = [name for name in scene.outside if name]
    extra: dict[str, list[str]] = {scene.pods.cluster: list(scene.here), "network:*": outside}
    known = [one for one in told if one.pairs and _concerns(one, scene.network)]
    for one in known:
        if kind_of(one.target) == "host":
            extra[one.target] = [pod for pod in scene.here if host_of.get(pod) == one.target]
        elif scene.network:
            extra[scene.network] = list(scene.here)
    names = Names(scene.intent(extra), PLANE, [*scene.here, *outside])
    sides = Sides(scene, names)
    enforcer = "multinetworkpolicy" if scene.network else TARGET
    is_enforced = scene.pods.cluster in scene.pods.inventory.enforcers.get(enforcer, ())
    return verdict(names, TARGET, sides.sides() if is_enforced else [sides.everything()], known)


def _concerns(residual: Residual, network: str) -> bool:
    about = residual.source if residual.source.startswith("network:kubernetes/") else ""
    return about == network or "cluster" in (kind_of(residual.source), kind_of(residual.target))
