"""Quarantine on InfiniBand: from an order to every adapter's and leaf port's table read back, on simulated links.

python -m bench.contain_ib [CYCLES] [HOSTS]     JSON on standard output; seeded: the same hosts each time

Each cycle puts a host that is in a job into quarantine and takes it out again, while the fence's partitions are in
force and others are in quarantine. `order_s` is what counts: apply and the read-back that the receipt carries, in the
process of the enforcer beside opensm; the way from the server to it is measured by `bench.orders`.
"""

import json
import random
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from bench.fence_ib import JOB, fat_tree, guid, jobs_of, policy, port
from ringfence.collect.ib_tables import TableReader
from ringfence.enforce.ib_seat import LocalSeat
from ringfence.enforce.ib_shadow import shadow
from ringfence.enforce.quarantine import Quarantine
from ringfence.segment.compile.partitions import TARGET, compile_partitions
from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Artefact
from ringfence.wire.contain import OnFabric, Until, encode
from ringfence.wire.ibnet import discover
from ringfence.wire.ibnet.tables import Seen
from ringfence.wire.ibnet.values import DEFAULT_PKEY

SEED = 7
STANDING = 4
"""Other hosts that are in quarantine all the while."""

END = int(time.time()) + 36_000


def measure(cycles: int, hosts: int) -> dict[str, Any]:
    """Seconds of each part over all cycles; `wrong` counts tables that are not as they should be."""
    fabric = Fabric("ib0", ("host:gpu0",), (port(0),), tuple(map(port, range(hosts))))
    jobs = jobs_of(hosts)
    inventory = Inventory(fabrics={"ib0": fabric}, enforcers={TARGET: ("ib0",)})
    compiled = compile_partitions(policy(hosts, jobs), inventory)
    picked = random.Random(SEED)
    taken: dict[str, list[float]] = {"apply_s": [], "read_s": [], "order_s": [], "lift_s": []}
    wrong = 0
    with TemporaryDirectory(prefix="ringfence-bench-") as name:
        folder = Path(name)
        (folder / "fabric.net").write_text(fat_tree(hosts))
        (folder / "partitions.conf").write_text(compiled.artefacts[0].text)
        nodes = discover.read((folder / "fabric.net").read_bytes())
        with shadow(folder, nodes, guid(0)) as up, TableReader(up.environment, name) as reader:
            seat = LocalSeat("host:gpu0", folder / "partitions.conf", up.pid)
            driver = Quarantine(fabric, (seat,), up.environment, name)
            inside = picked.sample(range(JOB, JOB * (len(jobs) + 1)), STANDING)
            driver.apply(_order(inside))
            before = reader.read(reader.places())
            for _ in range(cycles):
                one = picked.choice([host for host in range(JOB, JOB * (len(jobs) + 1)) if host not in inside])
                begun = time.perf_counter()
                driver.apply(_order([*inside, one]))
                applied = time.perf_counter()
                said = driver.read()
                taken["read_s"].append(time.perf_counter() - applied)
                taken["apply_s"].append(applied - begun)
                taken["order_s"].append(time.perf_counter() - begun)
                wrong += said != _order([*inside, one]).text
                wrong += _differing(reader.read(reader.places()), before, one)
                begun = time.perf_counter()
                driver.apply(_order(inside))
                taken["lift_s"].append(time.perf_counter() - begun)
                wrong += _differing(reader.read(reader.places()), before, -1)
            driver.close()
    said_: dict[str, Any] = {"hosts": hosts, "jobs": len(jobs), "links": "simulated links: no latency", "seed": SEED}
    said_ |= {"cycles": cycles, "in_quarantine_meanwhile": STANDING, "wrong_tables": wrong}
    return said_ | {
        name: {f"p{at}": round(float(np.percentile(all_, at)), 4) for at in (50, 99)} for name, all_ in taken.items()
    }


def _order(hosts: list[int]) -> Artefact:
    """These hosts in quarantine for longer than the run takes."""
    ports = tuple(sorted(Until(f"0x{guid(host):016x}", END) for host in hosts))
    return Artefact("quarantine", encode(OnFabric(ports)), ())


def _differing(seen: Seen, before: Seen, held: int) -> int:
    """Tables that are not as before, but for that of the held host, which is to be alone."""
    wanted = {guid(held): {DEFAULT_PKEY: "limited"}} if held >= 0 else {}
    sides = ((seen.ends, before.ends | wanted), (seen.leaves, before.leaves | wanted))
    return len(seen.unread) + sum(table != meant.get(one) for side, meant in sides for one, table in side.items())


if __name__ == "__main__":
    cycles, hosts, *_ = [*map(int, sys.argv[1:]), *(30, 324)[len(sys.argv) - 1 :]]
    print(json.dumps(measure(cycles, hosts), indent=1))
