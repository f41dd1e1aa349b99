"""InfiniBand: from a change to every port verified, on a simulated fabric (links without latency).

python -m bench.fence_ib 2000        JSON on standard output
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ringfence.collect.ib_tables import TableReader
from ringfence.enforce import ibport
from ringfence.enforce.ib_seat import LocalSeat
from ringfence.enforce.ib_shadow import shadow
from ringfence.enforce.opensm import Opensm
from ringfence.segment.compile.ib_steps import handed_over
from ringfence.segment.compile.partitions import TARGET, Before, Plan, compile_partitions, plan_fabrics, tables, text
from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Allow, Group, Policy
from ringfence.segment.prove.ib import prove_ib, prove_tables
from ringfence.wire.ibnet import discover

PER_LEAF, SPINES, JOB, STORAGE = 40, 20, 8, 16


def guid(host: int) -> int:
    """The port GUID of a host."""
    return 0x10_0000_0000 + (host << 8) + 1


def port(host: int) -> str:
    """The same as an endpoint."""
    return f"ibport:0x{guid(host):016x}"


def fat_tree(hosts: int) -> str:
    """Two levels, 40 hosts a leaf, in the form of ibnetdiscover."""
    leaves = -(-hosts // PER_LEAF)
    blocks = []
    for leaf in range(leaves):
        rows = _switch(0x20_0000_0000 + (leaf << 8), PER_LEAF + SPINES)
        here = range(leaf * PER_LEAF, min(hosts, (leaf + 1) * PER_LEAF))
        rows += [f'[{at + 1}] "H-{guid(host) - 1:016x}"[1]' for at, host in enumerate(here)]
        rows += [f'[{PER_LEAF + at + 1}] "S-{0x30_0000_0000 + (at << 8):016x}"[{leaf + 1}]' for at in range(SPINES)]
        blocks.append(rows)
    for at in range(SPINES):
        rows = _switch(0x30_0000_0000 + (at << 8), leaves)
        rows += [f'[{leaf + 1}] "S-{0x20_0000_0000 + (leaf << 8):016x}"[{PER_LEAF + at + 1}]' for leaf in range(leaves)]
        blocks.append(rows)
    for host in range(hosts):
        leaf, at = divmod(host, PER_LEAF)
        head = f'Ca 1 "H-{guid(host) - 1:016x}" # "gpu{host} mlx5_0"'
        about = f"caguid=0x{guid(host) - 1:x}"
        blocks.append([about, head, f'[1](0x{guid(host):x}) "S-{0x20_0000_0000 + (leaf << 8):016x}"[{at + 1}]'])
    return "\n\n".join("\n".join(rows) for rows in blocks) + "\n"


def _switch(number: int, ports: int) -> list[str]:
    return [f"switchguid=0x{number:x}", f'Switch {ports} "S-{number:016x}" # "switch"']


def policy(hosts: int, jobs: dict[str, list[int]]) -> Policy:
    """Each job with itself and with storage, which has the last hosts."""
    groups = {"storage": Group("storage", "service", "", {"ib": tuple(map(port, range(hosts - STORAGE, hosts)))})}
    allows = [Allow("storage", "storage", "ib", "any", "")]
    for name, members in jobs.items():
        groups[name] = Group(name, "gang", name.partition("/")[0], {"ib": tuple(sorted(map(port, members)))})
        allows += [Allow(name, name, "ib", "any", ""), Allow(name, "storage", "ib", "any", "")]
    return Policy(groups, tuple(allows))


def jobs_of(hosts: int) -> dict[str, list[int]]:
    """As many jobs of eight hosts as fit, two tenants in turn, the first hosts left free."""
    count = (hosts - STORAGE - 2 * JOB) // JOB
    return {f"t{job % 2}/job{job}": list(range(JOB * (job + 1), JOB * (job + 2))) for job in range(count)}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds, and what came of it."""
    begun = time.perf_counter()
    done = work()
    return round(time.perf_counter() - begun, 4), done


def measure(hosts: int) -> dict[str, Any]:
    """Seconds of each part, for one size of fabric."""
    fabric = Fabric("ib0", ("host:gpu0",), (port(0),), tuple(map(port, range(hosts))))
    inventory = Inventory(fabrics={"ib0": fabric}, enforcers={TARGET: ("ib0",)})
    jobs = jobs_of(hosts)
    said: dict[str, Any] = {"hosts": hosts, "jobs": len(jobs), "links": "simulated"}
    with TemporaryDirectory(prefix="ringfence-bench-") as name:
        folder, wanted = Path(name), policy(hosts, jobs)
        said["compile_s"], compiled = timed(lambda: compile_partitions(wanted, inventory))
        said["prove_s"], proof = timed(lambda: prove_ib(wanted, inventory, compiled.artefacts, compiled.residuals))
        said["holds"] = proof.holds
        (folder / "fabric.net").write_text(fat_tree(hosts))
        (folder / "partitions.conf").write_text(compiled.artefacts[0].text)
        nodes = discover.read((folder / "fabric.net").read_bytes())
        with shadow(folder, nodes, guid(0)) as up, TableReader(up.environment, name) as reader:
            opensm = Opensm(fabric, (LocalSeat("host:gpu0", folder / "partitions.conf", up.pid),), reader, {})
            said["places_s"], places = timed(reader.places)
            reader.read(places)
            said["read_every_table_s"], seen = timed(lambda: reader.read(places))
            said["prove_tables_s"], proof = timed(
                lambda: prove_tables(wanted, inventory, {"ib0": seen}, compiled.residuals)
            )
            said["real_holds"] = proof.holds
            opensm.ports.seen()
            first, *_, last = jobs
            said |= _changes(opensm, inventory, hosts, jobs, first, last)
            cut = next(one for one in places if one.guid == guid(JOB * 2))
            said["hard_cut_s"], _ = timed(lambda: ibport.cut(cut, up.environment, name))
    return said


def _changes(
    opensm: Opensm, inventory: Inventory, hosts: int, jobs: dict[str, list[int]], first: str, last: str
) -> dict[str, float]:
    """A job ends, one starts, and a host goes from one tenant to the other; each verified on every port."""

    def plan(wanted: Policy) -> Plan:
        ((made,), _) = plan_fabrics(wanted, inventory, TARGET, {"ib0": (Before(opensm.read()).held(), frozenset())})
        return made

    def one_sweep(wanted: Policy) -> float:
        made = plan(wanted)
        return timed(lambda: opensm.put(text(made), tables(made)))[0]

    without = {name: members for name, members in jobs.items() if name != last}
    ended, started = one_sweep(policy(hosts, without)), one_sweep(policy(hosts, jobs))
    moved = jobs | {first: jobs[first][:-1], last: [*jobs[last], jobs[first][-1]]}
    evicted = handed_over(policy(hosts, jobs), policy(hosts, moved))
    handed, steps = timed(lambda: opensm.follow(plan(policy(hosts, moved)), evicted))
    return {"job_ends_s": ended, "job_starts_s": started, "hand_over_s": handed, "hand_over_sweeps": len(steps)}


if __name__ == "__main__":
    print(json.dumps([measure(int(size)) for size in sys.argv[1:] or ("324", "2000")], indent=1))
