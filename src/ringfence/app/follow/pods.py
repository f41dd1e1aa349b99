"""What a Kubernetes cluster's fence is to be for the pods that are there now: the estate with them, derived anew.

        estate ─ its pods that have gone ┐
        pods, services as the API shows ─┴─▶ estate ─▶ policy ─▶ compile ─▶ prove ─▶ Artefact

What the estate knew of a pod that is still there (what it reads) stays with it. The whole is derived, since a pod's
rules rest on everyone's: it costs what `fence plan` costs, once for all events that came close together.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

import msgspec

from ringfence.app.follow_pods import Pod
from ringfence.collect.base import CapturedFile, Scope
from ringfence.collect.kubernetes import collect
from ringfence.collect.kubernetes.stripped import stripped
from ringfence.errors import EnforceError, Problem, UsageError
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.segment.compile.kubernetes import compile_kubernetes
from ringfence.segment.inventory_of import inventory_of
from ringfence.segment.model import Artefact, Policy
from ringfence.segment.overrides import Override
from ringfence.segment.policy import derive_policy
from ringfence.segment.prove.pods import prove_pods
from ringfence.segment.scene import Scene
from ringfence.segment.seen import Seen
from ringfence.wire.kubernetes.ours import LABEL, Json, Key

FRESH = 60.0
"""Seconds after which the same pods are looked at anew: services and decisions change without them."""
_AT_ONCE = 500


class PodStanding:
    """The fence of one cluster (`cluster:<name>`). `speaks`: what can be written there; `services`: asks the API."""

    def __init__(
        self, estate: Estate, cluster: str, speaks: Iterable[str], services: Callable[[], Sequence[Json]], *,
        overrides: Sequence[Override] = (), site: str = "",
    ) -> None:  # fmt: skip
        self.cluster, self._speaks, self._services = cluster, tuple(speaks), services
        self._overrides, self.scope = overrides, Scope(cluster.partition(":")[2], site)
        self._estate = estate
        self._last: tuple[object, float, Artefact] | None = None

    def __call__(self, pods: Mapping[Key, Pod]) -> Artefact:
        """The cluster's artefact, proven. Raises `EnforceError` where the proof does not hold, `InputError`."""
        looked = {name: (pod.uid, pod.node, _own(pod)) for name, pod in pods.items()}
        if self._last and self._last[0] == looked and time.monotonic() < self._last[1] + FRESH:
            return self._last[2]
        artefact = self._made(self.estate(pods.values()))
        self._last = looked, time.monotonic(), artefact
        return artefact

    def estate(self, pods: Iterable[Pod]) -> Estate:
        """The estate with these pods in the place of those that it knew."""
        found = list(self._facts([pod.shown for pod in pods]))
        alive = {one.subject for one in found}
        gone = [one for one in self._estate.facts() if self._is_past(one, alive)]
        return self._estate.with_delta(removed=gone, added=found)

    def _made(self, estate: Estate) -> Artefact:
        scene = Scene(Seen(estate))
        policy = derive_policy(estate, self._overrides, now=time.time(), scene=scene)
        known = inventory_of(estate, scene)
        known = msgspec.structs.replace(known, enforcers=dict.fromkeys(self._speaks, (self.cluster,)))
        mine = self._only(policy)
        compiled = compile_kubernetes(mine, known)
        proof = prove_pods(mine, known, compiled.artefacts, compiled.residuals)
        if not proof.holds:
            told = tuple(f"{one.kind}: {one.source} → {one.target} {one.what}" for one in proof.differences[:20])
            raise EnforceError(f"the proof does not hold, so nothing was changed: {told[0]}", left=told)
        if not compiled.artefacts:
            raise EnforceError(f"nothing can be written in {self.cluster}", "does it serve NetworkPolicy?")
        return compiled.artefacts[0]

    def _only(self, policy: Policy) -> Policy:
        """The policy without what stands in other clusters."""
        prefixes = tuple(f"{kind}:{self.scope.cluster}/" for kind in ("pod", "namespace"))
        groups = {}
        for name, group in policy.groups.items():
            ends = [end for end in group.on("pod") if end.startswith(prefixes) or end.startswith("network:")]
            if ends:
                groups[name] = msgspec.structs.replace(group, members={"pod": tuple(ends)})
        allows = tuple(one for one in policy.on("pod") if one.source in groups and one.target in groups)
        return Policy(groups, allows)

    def _facts(self, pods: Sequence[Json]) -> Iterator[Fact]:
        """What the collector makes of the pods and services that the API shows."""
        every = stripped([dict(one) for one in (*self._services(), *pods)])
        parts = [every[at : at + _AT_ONCE] for at in range(0, len(every), _AT_ONCE)]
        files = [
            CapturedFile(f"clusters/{self.scope.cluster}/kubernetes/live-{at}.json", _list(part), time.time())
            for at, part in enumerate(parts)
        ]
        for one in collect("kubernetes/objects", files, self.scope):
            if isinstance(one, Problem):
                continue
            is_space = one.subject.startswith("namespace:") and one.predicate == "in_cluster"
            if is_space or one.subject.startswith(self._prefixes):
                yield one

    @property
    def _prefixes(self) -> tuple[str, ...]:
        return tuple(f"{kind}:{self.scope.cluster}/" for kind in ("pod", "container", "service"))

    def _is_past(self, fact: Fact, alive: set[str]) -> bool:
        """Whether a fact of the estate speaks of a pod that has gone, or of what the API tells better now."""
        pods = self._prefixes[:2]
        if fact.subject.startswith(pods):
            return fact.subject not in alive or fact.predicate in ("runs_on", "labelled")
        if fact.predicate == "selects" and fact.subject.startswith(self._prefixes):
            return True
        return fact.object.startswith(pods) and fact.object not in alive


def the_cluster(estate: Estate, asked: str) -> str:
    """`cluster:<name>` of the Kubernetes cluster that is meant. Raises `UsageError` where it is not known which."""
    known = sorted({one.object for one in estate.facts() if one.subject.startswith("namespace:")
                    and one.predicate == "in_cluster"})  # fmt: skip
    wanted = f"cluster:{asked.removeprefix('cluster:')}" if asked else known[0] if len(known) == 1 else ""
    if wanted not in known:
        what = f"the estate has no Kubernetes cluster {asked!r}" if asked else "which Kubernetes cluster is meant?"
        raise UsageError(what, f"--cluster; the estate has {', '.join(known) or 'none'}")
    return wanted


def _own(pod: Pod) -> dict[str, str]:
    return {name: value for name, value in pod.labels.items() if name != LABEL}


def _list(items: Sequence[Json]) -> bytes:
    return msgspec.json.encode({"apiVersion": "v1", "kind": "List", "items": items})
