"""`python -m bench.fence_slurm --json`: how much later jobs start when they wait for their fence.

A real slurmctld and real slurmd, each with its enforcer and nftables in a namespace of its own, all on this machine;
then the same Slurm without hooks. Jobs are gangs, submitted one after the other; what counts is from the submission
to the job's first line. `srun` is given its nodes at once; for `batch` slurmctld wakes once a second, which hides
what is shorter, so the targets are about `srun`. With `--ib` an
opensm on ibsim (simulated links) hands out partition keys as well.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from tests.live.gated import Gated, gated
from tests.live.opensm import Running, fabric, port_guid
from tests.live.slurm import Slurm, running

from bench.report import emit, machine, peak_mib, progress
from ringfence.app.fence.hooks import HOOKS
from ringfence.estate import ids
from ringfence.estate.facts import Fact

TARGETS = {"median_ms": 300, "p99_ms": 500}
QUICK = "SchedulerParameters=batch_sched_delay=0,sched_min_interval=10000\nMinJobAge=2\nMaxJobCount=2000\n"
FABRIC = "network:ib/fabric0"
Start = Callable[[Slurm, int, str], None]
"""Starts one gang: (cluster, nodes, script of the first line)."""


def main(arguments: list[str] | None = None) -> int:
    """Run the bench; exit status 1 where a job is later than the targets allow."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="rf-bench-") as name:
        seen = Path(name)
        seen.chmod(0o777)
        without = _plain(options, seen)
        with_ = _gated(options, seen)
    delay = {kind: _minus(with_[kind], without[kind]) for kind in KINDS}
    result: dict[str, Any] = {
        "targets": TARGETS,
        "delay": delay,
        "ratio": {name: round(with_["srun"][name] / without["srun"][name], 2) for name in TARGETS},
        "with_gate": with_,
        "without": without,
        "hook_start_ms": _hook_start(),
        "nodes": options.nodes,
        "infiniband": "opensm on ibsim, simulated links" if options.ib else "not included",
        "machine": machine() | {"peak_mib": peak_mib()},
        "arguments": {name: value for name, value in vars(options).items() if name != "json"},
    }
    emit(result, options.json)
    return 0 if all(delay["srun"][name] <= TARGETS[name] for name in TARGETS) else 1


def _minus(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {name: round(one[name] - other[name], 1) for name in TARGETS}


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.fence_slurm", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--nodes", type=int, default=10, help="slurmd; 100 need some 12 GB")
    parser.add_argument("--gang", type=int, default=4, help="nodes of a job")
    parser.add_argument("--jobs", type=int, default=40)
    parser.add_argument("--ib", action="store_true", help="with opensm on ibsim")
    return parser.parse_args(arguments)


def _plain(options: argparse.Namespace, seen: Path) -> dict[str, Any]:
    progress(f"Slurm of {options.nodes} nodes without the gate")
    with running(nodes=options.nodes, extra=QUICK + "PrologFlags=Alloc\n") as slurm:
        return _starts(slurm, options, seen / "plain")


def _gated(options: argparse.Namespace, seen: Path) -> dict[str, Any]:
    progress("the same with it")
    with ExitStack() as stack:
        facts, settings = stack.enter_context(_fabric(options.nodes)) if options.ib else ([], "")
        whole = stack.enter_context(gated(options.nodes, QUICK, facts, settings, every=5))
        found = _starts(whole.slurm, options, seen / "gated")
        refused = len(whole.said("started")) - len([one for one in whole.said("started") if ": allow" in str(one)])
        return found | {"refused": refused, "follower_ms": _inside(whole)}


@contextmanager
def _fabric(nodes: int) -> Iterator[tuple[list[Fact], str]]:
    """(facts about a simulated fabric of the nodes and the manager's host, settings of the follower for it)."""
    with tempfile.TemporaryDirectory(prefix="rf-ib-") as name, fabric(Path(name), nodes + 1) as simulated:
        hosts = ["host:fence01", *(f"host:gpu{at + 1:04d}" for at in range(nodes))]
        facts = [Fact(FABRIC, "sm_on", "host:fence01")]
        for at, host in enumerate(hosts):
            port = ids.ibport(port_guid(at))
            facts += [Fact(host, "has_port", port), Fact(port, "on_fabric", FABRIC)]
        yield facts, _fabric_settings(Path(name), simulated)


def _fabric_settings(folder: Path, simulated: Running) -> str:
    assert simulated.opensm is not None
    (folder / "opensm.pid").write_text(str(simulated.opensm.pid))
    wanted = ("IBSIM_SOCKNAME", "SIM_HOST", "LD_PRELOAD")
    environment = ", ".join(f'{name} = "{simulated.environment[name]}"' for name in wanted)
    return (
        f'[[fabric]]\nname = "fabric0"\nfile = "{folder}/partitions.conf"\npid_file = "{folder}/opensm.pid"\n'
        f"environment = {{ {environment} }}\n"
    )


def _starts(slurm: Slurm, options: argparse.Namespace, seen: Path) -> dict[str, Any]:
    """Per kind, milliseconds from submission to the first line, over all jobs but the first two."""
    seen.mkdir(mode=0o777)
    return {
        kind: _spread([_one(slurm, start, options.gang, seen / f"{kind}{at}") for at in range(options.jobs + 2)][2:])
        for kind, start in KINDS.items()
    }


def _one(slurm: Slurm, start: Start, gang: int, place: Path) -> float:
    begin = time.time()
    start(slurm, gang, f"test ${{SLURM_PROCID:-0}} != 0 || (date +%s.%N > {place}.part; mv {place}.part {place})")
    return 1000 * (_first_line(place) - begin)


def _batch(slurm: Slurm, gang: int, script: str) -> None:
    slurm.submit(f"-N{gang}", "--chdir=/tmp", script=script)


def _srun(slurm: Slurm, gang: int, script: str) -> None:
    slurm.ask("srun", f"-N{gang}", f"-n{gang}", "--mpi=none", "--chdir=/tmp", "sh", "-c", script)


KINDS: dict[str, Start] = {"srun": _srun, "batch": _batch}


def _spread(found: list[float]) -> dict[str, float]:
    median, p99 = np.percentile(found, [50, 99])
    return {"median_ms": round(float(median), 1), "p99_ms": round(float(p99), 1), "jobs": len(found)}


def _first_line(place: Path) -> float:
    end = time.monotonic() + 60
    while not place.exists():
        if time.monotonic() > end:
            raise TimeoutError(f"{place.name} did not start")
        time.sleep(0.005)
    return float(place.read_text())


def _inside(whole: Gated) -> dict[str, float]:
    """Milliseconds that the follower itself took from hearing of a job to its answer."""
    return _spread([float(str(one["follow"]).rpartition("; ")[2].partition(" ")[0]) for one in whole.said("started")])


def _hook_start(runs: int = 20) -> float:
    """Milliseconds that the interpreter of a hook takes to come and go; each job start runs `gates` of them."""
    python = str(Path(sys.executable).resolve())
    begin = time.perf_counter()
    for _ in range(runs):
        subprocess.run([python, "-IS", "-c", "from _socket import socket"], check=True, env={"LC_ALL": "C"})
    once = 1000 * (time.perf_counter() - begin) / runs
    progress(f"{len([hook for hook in HOOKS if hook.gates])} gates on {os.cpu_count()} cores")
    return round(once, 2)


if __name__ == "__main__":
    sys.exit(main())
