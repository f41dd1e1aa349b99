"""Keeps a cluster's fence true as pods come and go: list, watch, compare, apply.

        list ─▶ watch ─▶ what is there ─▶ desired(pods) ─▶ drift? ─▶ apply ─▶ seen again by the watch ─▶ admitted
         ▲________│ 410 or an error: list anew

A watch only reconciles: no decision rests on an event, each turn looks at all that is there. Events that come close
together make one turn. What is *admitted* are pods whose compartment the API has been seen to hold; the node's enforcer
is told, and the pod gate lets them start.
"""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ringfence.app.pod_gate import number_of
from ringfence.collect.kubernetes_policies import Gone, Refused, listed, watched
from ringfence.enforce.kubernetes import Kubernetes
from ringfence.errors import InputError, RingfenceError
from ringfence.segment.model import Artefact
from ringfence.wire.kubernetes.ours import KINDS, LABEL, Drift, Json, Key, by_key, drift, is_ours, key, plain

SETTLE, PATIENCE, AGAIN = 0.1, 300.0, 2.0
"""Seconds: events this close make one turn; how long a watch is asked for; until the next try after an error."""
_WHOLE = "application/json"
HEADER = "# Written by Ringfence: pods of this node whose compartment the API was read back to hold.\n"


class Pod(msgspec.Struct, frozen=True):
    """A pod as the follower sees it. `node` is "" until it is scheduled; `shown`: all that the API shows of it."""

    namespace: str
    name: str
    uid: str
    node: str
    labels: Mapping[str, str]
    shown: Json = {}


class Turn(msgspec.Struct, frozen=True):
    """What one look found and did. `admitted`: by node, pods whose compartment is there. `problem`: "" if none."""

    found: Drift
    admitted: Mapping[str, tuple[Pod, ...]]
    problem: str = ""


Desired = Callable[[Mapping[Key, Pod]], Artefact]


class Follower:
    """Follows one cluster. `desired` gives the artefact for the pods that are there; `told` hears of each turn."""

    def __init__(self, client: Any, enforcer: Kubernetes, desired: Desired, told: Callable[[Turn], None]) -> None:
        self._client, self._enforcer, self._desired, self._told = client, enforcer, desired, told
        self._events: queue.SimpleQueue[tuple[str, str, Any]] = queue.SimpleQueue()
        self._there: dict[str, dict[Key, Json]] = {}

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set. Threads that still wait for the server end with its patience or its connection."""
        for name in KINDS:
            threading.Thread(target=self._watch, args=(name, stop), daemon=True, name=f"watch {name}").start()
        while not stop.is_set():
            if self._take(AGAIN) and len(self._there) == len(KINDS):
                turn = self.turn()
                self._told(turn)
                if turn.problem and not stop.wait(AGAIN):
                    self.again()

    def turn(self) -> Turn:
        """Look at what is there, and put right what differs."""
        every = {name: one for of in self._there.values() for name, one in of.items()}
        pods = {name: _pod(one) for name, one in every.items() if name[0] == "Pod"}
        found = Drift((), (), ())
        try:
            artefact = self._desired(pods)
            wanted = {name: one for name, one in by_key(artefact.text).items() if name[0] != "Pod" or name in pods}
            found = drift(wanted, {name: plain(one) for name, one in every.items() if is_ours(one)})
            if found:
                self._enforcer.apply(artefact)
        except RingfenceError as error:
            return Turn(found, {}, error.what + (f" ({error.remedy})" if error.remedy else ""))
        return Turn(found, _admitted(wanted, pods, found))

    def again(self) -> None:
        """Have a turn soon, though the watch saw nothing: what pods are allowed may have changed elsewhere."""
        self._events.put(("", "again", None))

    def _take(self, patience_s: float) -> bool:
        """Whether something came; all that has come stands in `_there`."""
        came = False
        while True:
            try:
                event = self._events.get(timeout=SETTLE if came else patience_s)
            except queue.Empty:
                return came
            self._note(*event)
            came = True

    def _note(self, name: str, what: str, value: Any) -> None:
        if what == "listed":
            self._there[name] = {key(one): one for one in value}
        elif what == "DELETED":
            self._there[name].pop(key(value), None)
        elif what in ("ADDED", "MODIFIED"):
            self._there[name][key(value)] = value

    def _watch(self, name: str, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                for what, one in self._stream(name, stop):
                    self._events.put((name, what, one))
            except Gone:
                continue
            except (Refused, InputError) as error:
                if isinstance(error, Refused) and error.status == 404:  # the cluster has no such kind
                    self._events.put((name, "listed", ()))
                    stop.wait(PATIENCE)
                else:
                    stop.wait(AGAIN)

    def _stream(self, name: str, stop: threading.Event) -> Iterator[tuple[str, Any]]:
        kind = KINDS[name]
        found, version = listed(self._client, name, kind, accept=_WHOLE)
        yield "listed", found
        while not stop.wait(SETTLE):  # a watch that has ended of itself goes on where it was
            for what, one, now in watched(self._client, name, kind, version, PATIENCE, accept=_WHOLE):
                version = now or version
                yield what, one


def admission(pods: Iterable[Pod]) -> tuple[str, tuple[str, ...]]:
    """What the order to a node says of its admitted pods: the list, and the numbers that it covers."""
    lines = [f"{pod.namespace}/{pod.name} {pod.uid} {pod.labels.get(LABEL, '')}\n" for pod in pods]
    return HEADER + "".join(lines), tuple(number_of(pod.uid) for pod in pods)


def _pod(one: Json) -> Pod:
    meta, spec = one.get("metadata") or {}, one.get("spec") or {}
    labels = {str(name): str(value) for name, value in (meta.get("labels") or {}).items()}
    _, namespace, name = key(one)
    return Pod(namespace, name, str(meta.get("uid") or ""), str(spec.get("nodeName") or ""), labels, one)


def _admitted(wanted: Mapping[Key, Json], pods: Mapping[Key, Pod], found: Drift) -> dict[str, tuple[Pod, ...]]:
    """Pods on nodes that bear the label they should, once every policy is there as it should be."""
    if any(name[0] != "Pod" for name in (*found.missing, *found.changed)):
        return {}
    by_node: dict[str, list[Pod]] = {}
    for name, one in wanted.items():
        pod = pods.get(name)
        if pod is not None and pod.node and pod.labels.get(LABEL) == one["metadata"]["labels"].get(LABEL):
            by_node.setdefault(pod.node, []).append(pod)
    return {node: tuple(sorted(found, key=lambda one: (one.namespace, one.name))) for node, found in by_node.items()}
