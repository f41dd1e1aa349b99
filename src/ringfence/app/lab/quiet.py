"""Hours before the lab began, so that the watch knows what is usual: made up, of the lab's own hosts.

A watch that has just begun knows no habits and judges little by them; on a real cluster it has run for days.
"""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from ringfence.app.lab.layout import ACCOUNTS, CLUSTER, MODEL, OPERATOR, STORE_PORT, Account, Layout, Machine
from ringfence.app.lab.ours import DATASET
from ringfence.app.lab.parts import SLURMCTLD, SLURMD
from ringfence.app.lab.work import shares
from ringfence.app.watch.embedded import embedded
from ringfence.app.watch.made import Made
from ringfence.watch.batch import of_events
from ringfence.watch.learned import HOUR, LEARN, SECOND
from ringfence.wire.ocsf.classes import AUTHENTICATION, FILE, JOB, NETWORK
from ringfence.wire.ocsf.event import Event, Value

HOURS, LAST = LEARN // HOUR + 4, 2
"""Hours ago: a job that ended within the last one is still known, and is nobody's any more."""
_CLOSED, _LOGON, _OPENED, _WRITTEN = 2, 1, 14, 3
_BEGAN, _ENDED = 2, 3
Jobs = Sequence[tuple[Account, Sequence[Machine], str]]


async def learn(home: Path, layout: Layout, made: Made) -> None:
    """Have the watch of this folder live through them. Raises `StateError`."""
    async with embedded(home, made.stages(), lambda said: None, lambda incident: None) as engine:
        for events in hours(layout, time.time_ns() // 1000):
            await engine.put(of_events(events).record, False)


def hours(layout: Layout, now: int) -> Iterator[list[Event]]:
    """Each hour's events: jobs of both tenants read from the storage, Slurm's daemons speak with one another.

    `now` in microseconds since the epoch.
    """
    store, ctl = layout.machine("store"), layout.machine("ctl")
    for hour in range(HOURS, LAST, -1):
        when = now - hour * HOUR
        jobs = [(account, nodes, _job(account, hour)) for account, nodes in shares(layout)]
        said = [_spoke(ctl, node, SLURMD, "root", "slurmctld") for node in layout.nodes]
        for one, nodes, job in jobs:
            said += [_spoke(node, store, STORE_PORT, one.name, "python3", job) for node in nodes]
            said += [_spoke(nodes[0], ctl, SLURMCTLD, one.name, "srun", job)]
        said += [_spoke(node, ctl, SLURMCTLD, "root", "slurmd") for node in layout.nodes]
        flows = [
            Event(NETWORK, _CLOSED, when + at * SECOND, one.name, "", fields) for at, (one, fields) in enumerate(said)
        ]
        yield [*_started(jobs, when), *flows, *_logins(layout, when), *_files(layout, when), *_over(jobs, when)]


def _job(account: Account, hour: int) -> str:
    return f"job:slurm/{CLUSTER}/{account.uid}{hour:03d}"  # no number that a job of the lab comes to have


def _started(jobs: Jobs, when: int) -> Iterator[Event]:
    """As the scheduler tells it."""
    for account, nodes, job in jobs:
        fields: dict[str, Value] = {"job.uid": job, "job.name": "train", "job.user": account.name}
        fields |= {"job.account": account.tenant, "job.hosts": ",".join(one.name for one in nodes)}
        yield Event(JOB, _BEGAN, when - SECOND, "ctl", "", fields)


def _over(jobs: Jobs, when: int) -> Iterator[Event]:
    """The hour is nearly over."""
    for _, _, job in jobs:
        yield Event(JOB, _ENDED, when + HOUR - 60 * SECOND, "ctl", "", {"job.uid": job, "job.state": "COMPLETED"})


def _logins(layout: Layout, when: int) -> Iterator[Event]:
    """Everybody comes from the workstation to the login host, the operator to the controller, too."""
    ws = layout.machine("ws").address
    for name, host in (*((one.name, "login") for one in ACCOUNTS), (OPERATOR.name, "ctl")):
        fields: dict[str, Value] = {"user.name": name, "src_endpoint.ip": ws, "auth_protocol": "publickey"}
        yield Event(AUTHENTICATION, _LOGON, when, host, "", fields | {"service.name": "sshd", "status_id": 1})


def _files(layout: Layout, when: int) -> Iterator[Event]:
    """The file server opens the weights; the operator brings new data."""
    program = Path(os.path.realpath(sys.executable)).name  # as an agent names it
    for path, data, activity, account, name in (
        (layout.model, MODEL, _OPENED, "root", program),
        (layout.model.parent / "datasets" / "shard01.tar", DATASET, _WRITTEN, OPERATOR.name, "rsync"),
    ):
        fields: dict[str, Value] = {"file.path": str(path), "file.name": path.name, "file.data": data}
        fields |= {"actor.user.name": account, "actor.process.name": name}
        yield Event(FILE, activity, when, "store", "", fields)


def _spoke(
    one: Machine, other: Machine, port: int, account: str, program: str, job: str = ""
) -> tuple[Machine, dict[str, Value]]:
    """A connection that ended, as its opener's agent tells it."""
    return one, {
        "src_endpoint.ip": one.address,
        "dst_endpoint.ip": other.address,
        "dst_endpoint.port": port,
        "connection_info.protocol_name": "tcp",
        "connection_info.direction": "outbound",
        "traffic.bytes_out": 400,
        "traffic.bytes_in": 50_000_000 if job else 400,
        "actor.user.name": account,
        "actor.process.name": program,
        "job.uid": job,
    }
