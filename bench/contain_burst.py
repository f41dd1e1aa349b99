"""A burst of containable incidents: every action counted, done once, within the limits that are set.

python -m bench.contain_burst [--incidents 1000] [--seconds 5] --json

Sixteen hosts of a generated estate are network namespaces with real rules; each incident is an account on one of them
that sends to an address of its own. Accounts of the estate are none of this machine, so blocking what they send cannot
be read back and counts as failed. Twice: with wide limits, and with the default ones (8 hosts, 8 incidents a
minute). Needs root. Seeded.
"""

import argparse
import random
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from bench.contain_plan import incident
from bench.report import emit, machine, progress
from ringfence.app.guard.inbox import Inbox
from ringfence.app.guard.known import Known, known_of
from ringfence.app.guard.responder import Responder
from ringfence.app.guard.room import Room
from ringfence.enforce.base import Enforcer
from ringfence.enforce.contain import Contain
from ringfence.enforce.namespace import entered
from ringfence.estate.estate import Estate, estate_of
from ringfence.respond.act import Act
from ringfence.respond.evidence import VERIFY
from ringfence.store import actions
from ringfence.store.journal import lines
from ringfence.synth import draw, facts
from ringfence.watch.values import Incident
from ringfence.wire import contain
from ringfence.wire.contain import OnHost

HOSTS = 16
WIDE = "hosts_a_minute = 10000\njobs_a_minute = 10000\nincidents_a_minute = 10000\nhosts_at_once = 10000\n"
LONGEST = 120.0
_PREFIX = "rf-burst-"


@contextmanager
def namespaces(count: int) -> Iterator[list[str]]:
    """Paths of as many network namespaces, gone afterwards."""
    names = [f"{_PREFIX}{at}" for at in range(count)]
    try:
        for name in names:
            subprocess.run(["ip", "netns", "add", name], check=True)
        yield [f"/run/netns/{name}" for name in names]
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], check=False)


def measure(count: int, seconds: float, seed: int) -> dict[str, Any]:
    """Both runs."""
    estate = estate_of(facts(draw(64, seed)))
    with namespaces(HOSTS) as places:
        return {
            "incidents": count,
            "over_s": seconds,
            "wide": burst(estate, places, WIDE, count, seconds, seed),
            "default": burst(estate, places, "", count, seconds, seed),
            "machine": machine(),
        }


def burst(estate: Estate, places: list[str], limits: str, count: int, seconds: float, seed: int) -> dict[str, Any]:
    """One run on a new folder; the rules are taken away afterwards."""
    with tempfile.TemporaryDirectory(prefix="ringfence-burst-") as name:
        folder = Path(name)
        hosts = sorted(one for one in estate.terms.values if one.startswith("host:"))
        chosen = random.Random(seed).sample(hosts, len(places))
        drivers: dict[tuple[str, str], Enforcer] = {
            ("contain", host): Contain(host, folder / f"{at}.json", partial(entered, place))
            for at, (host, place) in enumerate(zip(chosen, places, strict=True))
        }
        (folder / "state").mkdir(mode=0o700)
        (folder / "state" / "guard.toml").write_text(limits + 'up_to = "block"\nkeep = ["10.0.0.1"]\n')
        room = Room(folder / "state").make()
        known = known_of(estate, drivers, room.limits)
        book = room.book()
        with room.act(drivers, book) as act:
            responder = Responder(room, lambda: known, book, act, apply=True)
            found = run(responder, act, known, chosen, count, seconds, seed)
        rows = actions.listed(room.ledger.database)
        held = {host: contain.decode(driver.read(), OnHost) for (_, host), driver in drivers.items()}
        done = [one for one in rows if one.state == actions.DONE]
        there = {(host, one.what) for host, document in held.items() for one in document.blocked}
        told = Counter(
            one.detail.get("action") or (one.subject, str(one.detail.get("cut")))
            for one in (lines.decode(entry) for entry in book.tree().entries())
            if one.what == VERIFY and one.detail.get("holds")
        )
        for driver in drivers.values():
            driver.restore("")
    blocks = {(one.place, one.subject) for one in done if one.verb == "block"}
    return found | {
        "actions": len(rows),
        "states": dict(Counter(f"{one.verb} {one.state}" for one in rows)),
        "done_and_in_the_kernel": len(blocks & there),
        "done_not_in_the_kernel": len(blocks - there),
        "in_the_kernel_not_done": len(there - blocks),
        "told_done_more_than_once": sum(1 for many in told.values() if many > 1),
        "hosts_cut": len({one.place for one in done}),
        "incidents_acted_on": len({one.incident for one in done}),
    }


def run(
    responder: Responder, act: Act, known: Known, hosts: list[str], count: int, seconds: float, seed: int
) -> dict[str, Any]:
    """Incidents come in, are planned and judged one by one, and done beside."""
    inbox, over = Inbox(), threading.Event()
    acting = threading.Thread(target=act.run, args=(over,), daemon=True)
    coming = threading.Thread(target=_come, args=(inbox, _made(known, hosts, count, seed), seconds), daemon=True)
    begin = time.perf_counter()
    acting.start()
    coming.start()
    seen = 0
    while seen < count:
        one = inbox.take(1.0)
        if one is not None:
            responder.take(one)
            seen += 1
    judged = time.perf_counter() - begin
    while _under_way(act) and time.perf_counter() - begin < LONGEST:
        time.sleep(0.05)
    ended = time.perf_counter() - begin
    over.set()
    acting.join(10)
    return {"judged_s": round(judged, 2), "all_done_s": round(ended, 2)}


def _under_way(act: Act) -> bool:
    """Whether anything is still to be tried for the first time, or is being tried."""
    counted = act.status().counted
    return any(counted.get(state) for state in (actions.PLANNED, actions.DOING))


def _come(inbox: Inbox, made: list[Incident], seconds: float) -> None:
    begin = time.monotonic()
    for at, one in enumerate(made):
        time.sleep(max(0.0, begin + at * seconds / len(made) - time.monotonic()))
        inbox.put(one)


def _made(known: Known, hosts: list[str], count: int, seed: int) -> list[Incident]:
    """Seeded: an account on one of the hosts, an address outside of its own."""
    pick, made = random.Random(seed), []
    for number in range(count):
        one = incident(known.ground, f"RF-{number:012x}", "account", [pick.choice(hosts)])
        away = f"198.51.{100 + number // 250}.{1 + number % 250}"
        signals = tuple(msgspec.structs.replace(signal, peers=(away,)) for signal in one.signals)
        made.append(msgspec.structs.replace(one, signals=signals, sources=tuple(s.sources[0] for s in signals)))
    return made


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.contain_burst")
    parser.add_argument("--incidents", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    progress(f"{asked.incidents} incidents in {asked.seconds:g} s, twice")
    emit(measure(asked.incidents, asked.seconds, asked.seed), asked.json)


if __name__ == "__main__":
    main()
