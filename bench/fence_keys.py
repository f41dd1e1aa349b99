"""`python -m bench.fence_keys HOSTS --json`: what a job event costs on InfiniBand, by what is looked up for it.

opensm on ibsim (links without latency), jobs of four hosts that start and end one after the other. In turn with the
cables kept between two events, and with all cables and tables looked up at each: load of the machine falls on both.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path

from tests.live.opensm import fabric, port_guid

from bench.report import Timed, emit, machine, timed
from ringfence.app.follow.fabrics import KEPT
from ringfence.app.follow.sweeps import Sweeps
from ringfence.collect.ib_tables import TableReader
from ringfence.enforce.ib_seat import LocalSeat
from ringfence.enforce.opensm import Opensm
from ringfence.estate import ids
from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Allow, Group, Policy

GANG, STORAGE = 4, 2
WAYS = {"cables kept": KEPT, "looked up at each event": 0.0}
FIRST = "gang:bench"


def main(arguments: list[str] | None = None) -> int:
    """Run the bench and print one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m bench.fence_keys", description=__doc__.partition("\n")[0])
    parser.add_argument("hosts", type=int)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args(arguments)
    found = _events(options.hosts, options.jobs)
    emit({"hosts": options.hosts, "jobs": options.jobs, "event": found, "machine": machine()}, options.json)
    return 0


def _events(hosts: int, jobs: int) -> dict[str, dict[str, object]]:
    """Per way, the times of starts and of ends: from the event to the last table read back."""
    place = _inventory(hosts)
    standing = [_policy(hosts, range(0))]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rf-ib-")))
        running = stack.enter_context(fabric(folder, hosts))
        reader = stack.enter_context(TableReader(running.environment, str(folder)))
        assert running.opensm is not None
        seat = LocalSeat("host:gpu0000", folder / "partitions.conf", running.opensm.pid)
        ways = {}
        for name, kept in WAYS.items():
            manager = Opensm(place.fabrics["ib0"], (seat,), reader, {}, 60, kept)
            ways[name] = Sweeps([manager], lambda: (standing[0], place))
            ways[name].bring()
        runs: dict[tuple[str, str], list[float]] = {(name, what): [] for name in ways for what in ("start", "end")}
        for job in range(jobs):
            first = 1 + job * GANG % (hosts - GANG - STORAGE)
            for name, sweeps in ways.items():
                for what, its in (("start", range(first, first + GANG)), ("end", range(0))):
                    standing[0] = _policy(hosts, its)
                    runs[name, what].append(_once(lambda sweeps=sweeps: sweeps.bring(FIRST)))  # type: ignore[misc]
    return {name: {what: Timed(tuple(runs[name, what])).as_json() for what in ("start", "end")} for name in ways}


def _once(work: Callable[[], None]) -> float:
    return timed(work)[1].best


def _ports(hosts: Iterable[int]) -> tuple[str, ...]:
    return tuple(ids.ibport(port_guid(at)) for at in hosts)


def _policy(hosts: int, job: range) -> Policy:
    """Storage, and one job or none."""
    storage = range(hosts - STORAGE, hosts)
    groups = {"storage": Group("storage", "service", "", {"ib": _ports(storage)})}
    if job:
        groups[FIRST] = Group(FIRST, "gang", "t", {"ib": _ports(job)})
    pairs = [(name, other) for name in groups for other in sorted({name, "storage"})]
    return Policy(groups, tuple(Allow(one, other, "ib", "any", "") for one, other in pairs))


def _inventory(hosts: int) -> Inventory:
    one = Fabric("ib0", ("host:gpu0000",), _ports([0]), _ports(range(hosts)))
    return Inventory(fabrics={"ib0": one}, enforcers={"opensm": ("ib0",)})


if __name__ == "__main__":
    sys.exit(main())
