"""The work that the lab's cluster does: a training job of each tenant, on half of the nodes each, while it is up.

Tenant a's job reads the model and is the one that an attack compromises; tenant b's is the bystander.
"""

import shutil
from pathlib import Path

from ringfence.app.lab import background as load
from ringfence.app.lab import trainer
from ringfence.app.lab.inside import said
from ringfence.app.lab.layout import ALICE, BOB, STORE_PORT, Account, Layout, Machine
from ringfence.app.lab.processes import wait
from ringfence.errors import EnforceError

_STARTS = 30.0


def start(layout: Layout) -> None:
    """Submit both, and wait until they run. Raises `EnforceError`."""
    folder = training(layout)
    folder.mkdir(mode=0o755, exist_ok=True)
    program = folder / Path(trainer.__file__ or "").name
    shutil.copyfile(trainer.__file__ or "", program)
    for account, nodes in shares(layout):
        told = folder / account.name
        told.mkdir(mode=0o777, exist_ok=True)
        told.chmod(0o777)
        script = folder / f"{account.name}.sh"
        script.write_text(f"#!/bin/sh\nexec srun --ntasks-per-node=1 /usr/bin/python3 {program} {told}\n")
        names = ",".join(one.name for one in nodes)
        argv = ["sbatch", "--parsable", "--output=/dev/null", "--job-name=train", f"--nodes={len(nodes)}"]
        argv += ["--ntasks-per-node=1", "--no-requeue", "-w", names, str(script)]
        said(layout, layout.machine("ctl"), argv, account=account)
    if not wait(lambda: all(jobs_of(layout, account) for account, _ in shares(layout)), _STARTS, 0.1):
        raise EnforceError("the training jobs do not run", "see Slurm's logs in the lab's folder")


def background(layout: Layout, seconds: float, pieces: float = 5.0, size: int = 1 << 18) -> None:
    """Have both training jobs read the storage for a while: `pieces` a second of `size` bytes on each node."""
    program = training(layout) / Path(load.__file__ or "").name
    shutil.copyfile(load.__file__ or "", program)
    store = f"{layout.machine('store').address}:{STORE_PORT}/{layout.model.name}"
    for account, nodes in shares(layout):
        for one in nodes:
            tell(layout, account, one, f"exec /usr/bin/python3 {program} {store} {pieces} {size} {seconds}")


def tell(layout: Layout, account: Account, node: Machine, command: str) -> None:
    """Have the training job of an account run a command on a node."""
    place = training(layout) / account.name / f"{node.name}.sh"
    beside = place.with_suffix(".new")
    beside.write_text(f"#!/bin/sh\n{command}\n")
    beside.chmod(0o755)
    beside.rename(place)


def shares(layout: Layout) -> tuple[tuple[Account, tuple[Machine, ...]], ...]:
    """Who has which nodes."""
    half = len(layout.nodes) // 2
    return (ALICE, layout.nodes[:half]), (BOB, layout.nodes[half:])


def training(layout: Layout) -> Path:
    """The training jobs' folder; in the folder of its account a job looks for what it is told."""
    return layout.shared / "training"


def jobs_of(layout: Layout, account: Account, node: Machine | None = None) -> list[str]:
    """The numbers of an account's running jobs, on one node or on all."""
    where = ["-w", node.name] if node else []
    asked = ["squeue", "-h", "-u", account.name, *where, "-t", "RUNNING", "-o", "%A"]
    return said(layout, layout.machine("ctl"), asked).split()
