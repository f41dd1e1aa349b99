"""`ringfence fence follow-pods`: the follower of one Kubernetes cluster, beside the order server, until SIGTERM.

        API ─list, watch─▶ Follower ─▶ PodStanding ─▶ server-side apply ─▶ seen again
                              └─ Turn.admitted ─▶ order `pods` for each node ─▶ control.sock of the order server

Without `apply` the API server checks every change (`dryRun=All`) and keeps none, and no node gets an order.
"""

import os
import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from ringfence.app.follow.making import Place, Wanted
from ringfence.app.follow.orders import Orders
from ringfence.app.follow.pods import FRESH, PodStanding, the_cluster
from ringfence.app.follow.run import decided, lock, say
from ringfence.app.follow.settings import Settings
from ringfence.app.follow_pods import Follower, Turn, admission
from ringfence.app.orders.control import ControlClient
from ringfence.collect.base import Scope
from ringfence.collect.kubernetes_policies import Gone, Refused, connect, listed
from ringfence.enforce.kubernetes import Kubernetes
from ringfence.errors import InputError
from ringfence.segment.model import Artefact
from ringfence.store.saved import load
from ringfence.wire.kubernetes.ours import Json, Kind

DEADLINE = 10.0
"""Seconds in which a node is to answer; one that is late is asked again with the next turn."""
_SERVICES = Kind("v1", "services", True)


class DryRun(Kubernetes):
    """The same cluster, of which every change is only checked."""

    def apply(self, artefact: Artefact) -> None:
        """What would be applied, as the API server judges it."""
        self.plan(artefact)


class Telling:
    """Says what a turn found, and orders nodes to let the admitted pods in. `orders` None: only says it."""

    def __init__(self, scope: Scope, orders: Orders | None, said: Callable[[str], None] = say) -> None:
        self._scope, self._orders, self._said = scope, orders, said
        self._pool = ThreadPoolExecutor(2, "admission")
        self._places: Mapping[Place, Wanted] = {}

    def __call__(self, turn: Turn) -> None:
        """One turn of the follower."""
        found = turn.found
        if found or turn.problem:
            how = "is put right" if self._orders else "would be put right"
            counts = f"{len(found.missing)} missing, {len(found.changed)} changed, {len(found.unwanted)} unwanted"
            self._said(f"{counts}: {turn.problem or how}")
        if turn.problem or any(name[0] != "Pod" for name in (*found.missing, *found.changed)):
            return  # nobody is admitted, and nobody who was is sent away, until the policies are there
        wanted = self._wanted(turn)
        changed = {place: one for place, one in wanted.items() if self._places.get(place) != one}
        self._places = wanted
        if self._orders is None:
            for (_, host), one in sorted(changed.items()):
                self._said(f"{host} would be told of {len(one.covers)} admitted pods")
            return
        self._orders.want(wanted)
        self._pool.submit(self._bring, self._orders, tuple(wanted))

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _wanted(self, turn: Turn) -> Mapping[Place, Wanted]:
        """Every node's list; a node whose last pod has gone gets an empty one."""
        lists = {self._scope.host(node): admission(pods) for node, pods in turn.admitted.items()}
        empty = {host: admission(()) for _, host in self._places if host not in lists}
        return {("pods", host): Wanted("admitted", text, covers) for host, (text, covers) in (empty | lists).items()}

    def _bring(self, orders: Orders, places: Sequence[Place]) -> None:
        for one in orders.bring(places, DEADLINE).values():
            if not one.good:
                self._said(f"{one.place[1]} did not take its list of pods: {one.error}")


def start(
    server: Path, estate: Path, settings: Settings, *, kubeconfig: str = "", context: str = "", apply: bool = False
) -> None:
    """Follow until SIGTERM or SIGINT; of the settings cluster, site and overrides count.

    Raises `UsageError`, `InputError`, `EnforceError`, `MissingPart`.
    """
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    alone = lock(server, ".follow-pods.lock") if apply else -1
    try:
        known = load(estate)
        where = the_cluster(known, settings.cluster)
        client = connect(context, kubeconfig=kubeconfig)
        with client:
            enforcer = (Kubernetes if apply else DryRun)(client, where)
            asking, rules = partial(services, client), tuple(decided(settings))
            standing = PodStanding(known, where, enforcer.speaks(), asking, overrides=rules, site=settings.site)
            follow(client, enforcer, standing, Orders(ControlClient(server).send) if apply else None, stop)
    finally:
        if alone >= 0:
            os.close(alone)


def follow(
    client: Any, enforcer: Kubernetes, standing: PodStanding, orders: Orders | None, stop: threading.Event,
    said: Callable[[str], None] = say,
) -> None:  # fmt: skip
    """Until `stop` is set."""
    telling = Telling(standing.scope, orders, said)
    follower = Follower(client, enforcer, standing, telling)

    def look() -> None:
        while not stop.wait(FRESH):
            follower.again()

    threading.Thread(target=look, daemon=True, name="look again").start()
    said(f"pods of {enforcer.where}" + ("" if orders else "; nothing is changed without --apply"))
    try:
        follower.run(stop)
    finally:
        telling.close()
        if orders is not None:
            orders.close()


def services(client: Any) -> list[Json]:
    """The cluster's Services. Raises `InputError`."""
    try:
        return listed(client, "Service", _SERVICES)[0]
    except (Refused, Gone) as error:
        raise InputError(f"GET {_SERVICES.path()}: {error}", remedy="grant get and list") from None
