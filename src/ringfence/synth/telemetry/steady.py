"""What hosts do all the time: connections, names asked for, processes. A minute at a time.

        hosts, who runs there, its phase ──streams──▶ (host, time, …) columns ──▶ Block

Every stream is drawn by hash of host and minute: the same in every partition.
"""

from collections.abc import Callable, Iterator

import msgspec
import numpy as np

from ringfence.synth.telemetry import places
from ringfence.synth.telemetry.block import SENSOR, Block
from ringfence.synth.telemetry.minute import MINUTE, Minute, owners, spread
from ringfence.synth.telemetry.noise import hashed, key, unit
from ringfence.synth.telemetry.phases import LOAD, STEP
from ringfence.synth.telemetry.schedule import KINDS
from ringfence.wire.ocsf import classes

_CLOSE, _TRAFFIC = 2, 6
_KIND = {kind: at for at, kind in enumerate(KINDS)}
_NONE = len(KINDS)


class Flow(msgspec.Struct, frozen=True):
    """Connections of one stream, by position in the minute's hosts; addresses by place."""

    position: np.ndarray
    bits: np.ndarray
    target: np.ndarray
    port: int
    out: np.ndarray
    back: np.ndarray
    process: str
    activity: int = _TRAFFIC
    of_job: bool = False
    stored: bool = False
    protocol: str = "tcp"


def _one(minute: Minute, host: int, count: int) -> np.ndarray:
    return np.full(count, host, np.int64)


def _to_server(minute: Minute) -> Flow:
    """Agents send what they see."""
    server = minute.world.of_role("ringfence")[0]
    position, bits = minute.every("uplink", minute.hosts != server)
    return Flow(
        position, bits, _one(minute, server, len(position)), 8443, spread(bits, 4e4), spread(bits, 900), "ringfence"
    )


_STORED = np.array([6.0e9, 7.0e8, 4.0e8, 9.0e8])
_SAVED = np.array([2.0e6, 3.0e6, 9.0e9, 4.0e6])


def _project(minute: Minute) -> Flow:
    """NFS to the tenant's project server, in long connections of the kernel's."""
    position, bits = minute.every("project", minute.run >= 0)
    tenants = np.array([minute.places.project[r.tenant] for r in minute.world.runs] or [0])
    now = minute.phase[position]
    train = np.where(np.isin(minute.kind[position], (_KIND["train"], _KIND["data"])), 1.0, 0.08)
    target = tenants[minute.run[position]]
    return Flow(
        position, bits, target, 2049, spread(bits, _SAVED[now] * train), spread(bits, _STORED[now] * train), "",
        stored=True,
    )  # fmt: skip


def _meeting(minute: Minute) -> Flow:
    """Ranks keep a connection to the first one."""
    size = minute.world.table["size"][minute.run]
    position, bits = minute.every("meeting", (size > 1) & (minute.first != minute.hosts))
    return Flow(
        position, bits, minute.first[position], 29500, spread(bits, 2400), spread(bits, 2400), "python3", of_job=True
    )


def _scheduler(minute: Minute) -> Flow:
    """slurmd answers for itself each five minutes."""
    works = minute.world.gpus[minute.hosts] > 0
    position, bits = minute.every("slurmd", works, 5)
    server = minute.world.of_role("scheduler")[0]
    target = _one(minute, server, len(position))
    return Flow(position, bits, target, 6817, spread(bits, 700), spread(bits, 300), "slurmd", _CLOSE)


def _tracking(minute: Minute) -> Flow:
    """The first rank of a training run reports to the tracking server."""
    leads = (minute.kind == _KIND["train"]) & (minute.first == minute.hosts)
    position, bits = minute.draw("tracking", 2.0 * leads)
    servers = np.array([minute.places.tracking[r.tenant] for r in minute.world.runs] or [0])
    return Flow(
        position, bits, servers[minute.run[position]], 5000, spread(bits, 3500), spread(bits, 700), "python3",
        _CLOSE, of_job=True, stored=True,
    )  # fmt: skip


def _outside(minute: Minute, name: str, position: np.ndarray, bits: np.ndarray) -> np.ndarray:
    first, count = minute.places.outside[name]
    return first + (bits % np.uint64(count)).astype(np.int64)


def _metrics(minute: Minute) -> Flow:
    """Half of all training and evaluation runs report to a service outside."""
    odd = hashed(key(minute.world.seed, "reports"), minute.run, 0) % np.uint64(2) == 0
    leads = (minute.run >= 0) & odd & (minute.first == minute.hosts)
    leads &= np.isin(minute.kind, (_KIND["train"], _KIND["evaluate"]))
    position, bits = minute.every("metrics", leads)
    target = _outside(minute, "metrics", position, minute.hosts[position].astype(np.uint64))
    return Flow(position, bits, target, 443, spread(bits, 2.5e4), spread(bits, 5e3), "python3", of_job=True)


def _fetched(minute: Minute) -> Flow:
    """Data jobs fetch from the object store, a gigabyte or so at a time."""
    position, bits = minute.draw("fetched", 1.5 * ((minute.kind == _KIND["data"]) & (minute.phase != LOAD)))
    target = _outside(minute, "objects", position, bits)
    return Flow(position, bits, target, 443, spread(bits, 6e5), spread(bits, 1.2e9), "python3", _CLOSE, of_job=True)


def _packages(minute: Minute) -> Flow:
    """People at a prompt install packages, and jobs do as they begin."""
    starting = (minute.phase == LOAD) & (minute.run >= 0)
    rate = 0.25 * (minute.kind == _KIND["interactive"]) + 0.08 * starting
    position, bits = minute.draw("packages", rate)
    target = _outside(minute, "packages", position, bits)
    return Flow(position, bits, target, 443, spread(bits, 4e3), spread(bits, 2e6), "pip", _CLOSE, of_job=True)


def _hub(minute: Minute) -> Flow:
    """Models and code of others are fetched."""
    rate = 0.08 * (minute.kind == _KIND["interactive"]) + 0.03 * (minute.kind == _KIND["evaluate"])
    position, bits = minute.draw("hub", rate)
    target = _outside(minute, "hub", position, bits)
    return Flow(position, bits, target, 443, spread(bits, 2e4), spread(bits, 3e8), "python3", _CLOSE, of_job=True)


def _clock(minute: Minute) -> Flow:
    """Time servers."""
    position, bits = minute.every("clock", minute.hosts >= 0, 17)
    target = _outside(minute, "clock", position, bits)
    same = np.full(len(position), 48, np.int64)
    return Flow(position, bits, target, 123, same, same, "chronyd", _CLOSE, protocol="udp")


def _scraped(minute: Minute) -> Iterator[Flow]:
    """Monitoring asks every host, and its own host sees that it does."""
    server = minute.world.of_role("management")[0]
    if server not in set(minute.hosts.tolist()):
        return
    mine = int(np.flatnonzero(minute.hosts == server)[0])
    number = minute.begin // MINUTE
    for port, period, chosen in ((9400, 1, minute.world.gpus > 0), (9100, 2, minute.world.gpus >= 0)):
        every = np.flatnonzero(chosen)
        every = every[(every + number) % period == 0]
        bits = hashed(key(minute.world.seed, "scrape", port), every, number)
        position = np.full(len(every), mine)
        yield Flow(position, bits, every, port, spread(bits, 300), spread(bits, 6e4), "prometheus", _CLOSE)


def _served(minute: Minute) -> Flow:
    """The gateway of the Kubernetes part asks the pods."""
    gate = minute.world.of_role("kube")[:1]
    here = np.flatnonzero(minute.hosts == gate[0]) if gate else np.empty(0, np.int64)
    pods = np.array([at for at, host in enumerate(minute.world.plan.hosts) if host.partition == "kube"], np.int64)
    pods = pods if len(here) else pods[:0]
    number = minute.begin // MINUTE
    bits = hashed(key(minute.world.seed, "served"), pods, number)
    position = np.full(len(pods), here[0] if len(here) else 0)
    return Flow(position, bits, pods, 8000, spread(bits, 3e6), spread(bits, 9e6), "envoy")


def _backup(minute: Minute) -> Flow:
    """File servers send their changes to a vault outside, from one to five at night."""
    hour = minute.begin / 3600 % 24
    servers = np.array([host.role == "storage" for host in minute.world.plan.hosts])[minute.hosts]
    position, bits = minute.every("backup", servers & (1 <= hour < 5))
    target = _outside(minute, "vault", position, bits)
    return Flow(position, bits, target, 443, spread(bits, 4e9), spread(bits, 3e6), "restic")


_FLOWS: tuple[Callable[[Minute], Flow], ...] = (
    _to_server,
    _project,
    _meeting,
    _scheduler,
    _tracking,
    _metrics,
    _fetched,
    _packages,
    _hub,
    _clock,
    _served,
    _backup,
)


def flows(minute: Minute) -> Block:
    """All connections of the minute, as the agents of their openers saw them."""
    found = [flow for flow in (*(make(minute) for make in _FLOWS), *_scraped(minute)) if len(flow.position)]
    lengths = [len(flow.position) for flow in found]

    def joined(parts: list[np.ndarray], kind: type = np.int64) -> np.ndarray:
        return np.concatenate(parts).astype(kind, copy=False) if parts else np.empty(0, kind)

    def each(values: list[int]) -> np.ndarray:
        return np.repeat(np.array(values, np.int64), lengths)

    position = joined([flow.position for flow in found])
    bits = joined([flow.bits for flow in found], np.uint64)
    host = minute.hosts[position]
    programs = tuple(dict.fromkeys(flow.process for flow in found if flow.process))
    program = each([programs.index(flow.process) if flow.process else -1 for flow in found])
    run = np.where(each([flow.of_job for flow in found]) > 0, minute.run[position], -1)
    jobs, codes, users, user = owners(minute.world, run)
    source = host + np.where(each([flow.stored for flow in found]) > 0, minute.places.first_on_storage, 0)
    protocols = ("tcp", "udp")
    return Block(
        time=minute.times(bits),
        host=host,
        sensor=SENSOR["sockets"],
        class_uid=classes.NETWORK,
        activity=each([flow.activity for flow in found]),
        numbers={
            "src_endpoint.port": 32768 + (bits % np.uint64(28000)).astype(np.int64),
            "dst_endpoint.port": each([flow.port for flow in found]),
            "traffic.bytes_out": joined([flow.out for flow in found]),
            "traffic.bytes_in": joined([flow.back for flow in found]),
        },
        texts={
            "src_endpoint.ip": (source, minute.places.addresses),
            "dst_endpoint.ip": (joined([flow.target for flow in found]), minute.places.addresses),
            "connection_info.protocol_name": (each([protocols.index(flow.protocol) for flow in found]), protocols),
            "connection_info.direction": (np.zeros(len(host), np.int64), ("outbound",)),
            "actor.process.name": (program, programs),
            "actor.user.name": (np.where(run >= 0, user, len(users) - 1), users),
            "job.uid": (codes, jobs),
        },
    )


_INSIDE = ("sched01", "ringfence01", "registry01", "mgmt01", "login01")


def names_asked(minute: Minute) -> Block:
    """Names that are looked up: mostly inside, and the services outside that jobs use."""
    rate = np.where(minute.run >= 0, 1.3, 0.25) + 2.5 * (minute.kind == _KIND["interactive"])
    crawls = hashed(key(minute.world.seed, "crawls"), minute.run, 0) % np.uint64(10) == 0
    rate = rate + 10.0 * ((minute.kind == _KIND["data"]) & crawls)
    position, bits = minute.draw("names", rate)
    inside = [f"{name}.cluster.example" for name in _INSIDE]
    outside = [name for name, _, _ in places.OUTSIDE.values()]
    every = (*inside, *outside, *(f"s{at:02d}.{name}" for at in range(12) for name in outside[:3]))
    far = unit(bits) < np.where(minute.run[position] >= 0, 0.45, 0.05)
    number = bits % np.uint64(9973)
    code = np.where(far, len(inside) + number % np.uint64(len(every) - len(inside)), number % np.uint64(len(inside)))
    types = ("A", "AAAA")
    of = np.where(unit(bits) < 0.6, minute.run[position], -1)
    jobs, codes, _, _ = owners(minute.world, of)
    return Block(
        time=minute.times(bits),
        host=minute.hosts[position],
        sensor=SENSOR["dns"],
        class_uid=classes.DNS,
        activity=1,
        numbers={},
        texts={
            "query.hostname": (code.astype(np.int64), every),
            "query.type": ((number % np.uint64(5) == 0).astype(np.int64), types),
            "job.uid": (codes, jobs),
        },
    )


PROGRAMS: tuple[tuple[str, str, str, str, str], ...] = (
    # name, path, command, parent, user ("" the job's)
    ("nhc", "/usr/sbin/nhc", "/bin/bash /usr/sbin/nhc", "slurmd", "root"),
    ("nvidia-smi", "/usr/bin/nvidia-smi", "nvidia-smi -q -d ECC", "nhc", "root"),
    ("ibstat", "/usr/sbin/ibstat", "ibstat -s", "nhc", "root"),
    ("run-parts", "/usr/bin/run-parts", "run-parts /etc/cron.hourly", "cron", "root"),
    ("logrotate", "/usr/sbin/logrotate", "logrotate /etc/logrotate.conf", "run-parts", "root"),
    ("python3", "/usr/bin/python3", "python3 -c from multiprocessing.spawn import spawn_main", "python3", ""),
    ("bash", "/bin/bash", "bash", "slurmstepd", ""),
    ("git", "/usr/bin/git", "git status", "bash", ""),
    ("vim", "/usr/bin/vim", "vim train.py", "bash", ""),
    ("nvidia-smi", "/usr/bin/nvidia-smi", "nvidia-smi", "bash", ""),
    ("pip", "/usr/bin/pip", "pip install --user -r requirements.txt", "bash", ""),
    ("gcc", "/usr/bin/gcc", "gcc -O2 -shared -o kernel.so kernel.c", "python3", ""),
    ("ls", "/bin/ls", "ls -la", "bash", ""),
    ("squeue", "/usr/bin/squeue", "squeue --me", "bash", ""),
)
_HEALTH, _CRON, _WORKER, _PROMPT = (0, 1, 2), (3, 4), 5, tuple(range(6, len(PROGRAMS)))


def processes(minute: Minute) -> Block:
    """Programs that start: health checks, timers, loaders' workers, people at prompts."""
    works = minute.world.gpus[minute.hosts] > 0
    logins = np.array([host.role == "login" for host in minute.world.plan.hosts])[minute.hosts]
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    some, drawn = minute.every("health", works, 5)
    for late, which in enumerate(_HEALTH):
        parts.append((some, drawn - np.uint64(late), np.full(len(some), which)))
    some, drawn = minute.every("cron", minute.hosts >= 0, 60)
    parts += [(some, drawn, np.full(len(some), which)) for which in _CRON]
    some, drawn = minute.draw("worker", 0.15 * (minute.kind == _KIND["train"]) * (minute.phase == STEP))
    parts.append((some, drawn, np.full(len(some), _WORKER)))
    some, drawn = minute.draw("prompt", 1.6 * (minute.kind == _KIND["interactive"]) + 9.0 * logins)
    parts.append((some, drawn, _PROMPT[0] + (drawn % np.uint64(len(_PROMPT))).astype(np.int64)))
    position, bits, program = (np.concatenate([part[at] for part in parts]) for at in range(3))
    theirs = np.array([not row[4] for row in PROGRAMS])[program]
    run = np.where(theirs, minute.run[position], -1)
    jobs, codes, names, user = owners(minute.world, run)
    people = tuple(one.name for one in minute.world.plan.users if one.tenant and one.role != "service")
    someone = len(names) + (bits % np.uint64(len(people))).astype(np.int64)
    user = np.where(theirs & (run < 0), someone, np.where(theirs, user, len(names) - 1))
    every, user = _distinct((*names, *people), user)

    def text(column: int) -> tuple[np.ndarray, tuple[str, ...]]:
        return _distinct(tuple(row[column] for row in PROGRAMS), program)[::-1]

    return Block(
        time=minute.times(bits),
        host=minute.hosts[position],
        sensor=SENSOR["processes"],
        class_uid=classes.PROCESS,
        activity=1,
        numbers={"process.pid": 2000 + (bits % np.uint64(4_000_000)).astype(np.int64)},
        texts={
            "process.name": text(0),
            "process.file.path": text(1),
            "process.cmd_line": text(2),
            "actor.process.name": text(3),
            "process.user.name": (user, every),
            "actor.user.name": (user, every),
            "job.uid": (codes, jobs),
        },
    )


def _distinct(values: tuple[str, ...], codes: np.ndarray) -> tuple[tuple[str, ...], np.ndarray]:
    """The same texts with each value once."""
    known = tuple(dict.fromkeys(values))
    to = np.array([known.index(value) for value in values], np.int64)
    return known, to[codes]


def blocks(minute: Minute) -> list[Block]:
    """Everything steady of the minute."""
    return [flows(minute), names_asked(minute), processes(minute)]
