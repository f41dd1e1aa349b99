"""The rows of what befalls machines and of what operators do to them."""

from collections.abc import Callable, Iterator, Mapping
from random import Random

from ringfence.synth.plan import desk
from ringfence.synth.telemetry.block import SENSOR, Row, Value
from ringfence.synth.telemetry.noise import dice
from ringfence.synth.telemetry.people import flow_row, logon, process_row
from ringfence.synth.telemetry.world import Work, World, micro
from ringfence.wire.ocsf import classes

SWEEP_EVERY = 6 * 3600
"""Seconds between two runs of the configuration tool over every host."""
_XIDS = (31, 13, 43, 31, 48, 63, 74, 79, 94)
_FORBIDDEN_WHILE_DOWN = 240
"""Seconds from the beginning of maintenance to the reboot."""
MODULES = ("nvidia", "nvidia_uvm", "nvidia_peermem", "mlx5_core", "mlx5_ib", "ib_ipoib", "nfsv4", "overlay")


def stories(world: World, begin: int, end: int, told: frozenset[int]) -> Iterator[Row]:
    """Everything that befalls machines in these seconds, and the operators' day."""
    for work in world.works:
        make = _ROWS.get(work.kind)
        if make and begin <= work.start < end:
            yield from make(world, work, Random(work.number))  # noqa: S311 - must be reproducible
    yield from _sweep(world, begin, end, told)
    yield from _operators(world, begin, end)
    yield from _controllers(world, begin, end)
    yield from _kubernetes(world, begin, end)
    yield from _fabric(world, begin, end)
    yield from _builds(world, begin, end, told)


def reserve(world: World, when: float, hosts: tuple[int, ...], name: str, user: str, job: str = "") -> Row:
    """A reservation of the scheduler's."""
    fields: dict[str, Value] = {
        "job.reservation": name,
        "job.hosts": ",".join(world.names[host] for host in hosts),
        "job.nodes": len(hosts),
        "actor.user.name": user,
        "job.features": "flags=MAINT,IGNORE_JOBS" if name.startswith("maint") else "",
    }
    return Row(micro(when), world.of_role("scheduler")[0], SENSOR["slurm"], classes.JOB, 7, fields)


def hole(world: World, host: int, when: float, seconds: float, why: str) -> Row:
    """An agent says that it will be away."""
    fields: dict[str, Value] = {
        "telemetry.of": f"host:{world.names[host]}",
        "telemetry.seconds": seconds,
        "telemetry.why": why,
    }
    return Row(micro(when), host, SENSOR["health"], classes.TELEMETRY, 7, fields)


def hardware(world: World, host: int, when: float, activity: int, **more: Value) -> Row:
    """What a management controller says; the management host passes it on."""
    fields: dict[str, Value] = {"hardware.controller": f"bmc:{world.names[host]}"}
    fields |= {name if name == "message" else f"hardware.{name}": value for name, value in more.items()}
    teller = world.of_role("management")[0]
    return Row(micro(when), host, SENSOR["bmc"], classes.HARDWARE, activity, fields, teller)


def fabric(world: World, when: float, activity: int, message: str, **more: Value) -> Row:
    """What the subnet manager's log says."""
    fields: dict[str, Value] = {"message": message, **{name.replace("__", "."): value for name, value in more.items()}}
    return Row(micro(when), world.of_role("sm")[0], SENSOR["fabric"], classes.FABRIC, activity, fields)


def port(world: World, host: int, number: int, when: float, state: str) -> Row:
    """A port's link goes up or down."""
    fields: dict[str, Value] = {
        "ib.guid": world.guid(host, number),
        "ib.device": f"mlx5_{number - 1}",
        "ib.port": 1,
        "ib.state": state,
    }
    return Row(micro(when), host, SENSOR["ports"], classes.IB_PORT, 3, fields)


def _operator(world: World, number: int = 0) -> str:
    found = [user.name for user in world.plan.users if user.role == "operator"]
    return found[number % len(found)]


def _flap(world: World, work: Work, rng: Random) -> Iterator[Row]:
    if not world.ports[work.host]:
        return
    number = 1 + rng.randrange(int(world.ports[work.host]))
    for late, state in ((0.0, "Down"), (work.end - work.start, "Active")):
        yield port(world, work.host, number, work.start + late, state)
        text = f"port {world.guid(work.host, number)} of {world.names[work.host]} is {state}"
        yield fabric(world, work.start + late + 1, 1, text, ib__guid=world.guid(work.host, number))


def _restart(world: World, work: Work, rng: Random) -> Iterator[Row]:
    yield hole(world, work.host, work.start - 0.5, work.end - work.start + 5, "the agent is restarted")
    yield process_row(work.host, work.end + 1, "ringfence", "ringfence agent", "systemd", "root")


def _drops(world: World, work: Work, rng: Random) -> Iterator[Row]:
    """Mostly the agent knows what it dropped; sometimes it is lost on the way."""
    if rng.random() < 0.7:
        sensor = "gpu" if world.gpus[work.host] else "sockets"
        fields: dict[str, Value] = {
            "telemetry.of": f"host:{world.names[work.host]}/{sensor}",
            "telemetry.count": 1 + work.number % 6,
            "telemetry.why": "the queue was full",
        }
        yield Row(micro(work.start + 20), work.host, SENSOR["health"], classes.TELEMETRY, 2, fields)


def _logged(world: World, work: Work, rng: Random) -> Iterator[Row]:
    message = rng.choice(("Fan speed is below normal", "Correctable memory error", "Inlet temperature is high"))
    yield hardware(world, work.host, work.start, 1, sensor=message.split(" ")[0], message=message)


def _alarm(world: World, work: Work, rng: Random) -> Iterator[Row]:
    yield hardware(world, work.host, work.start, 6, message_id="PowerSupplyFailed", component="psu2")
    yield hardware(world, work.host, work.end, 6, message_id="PowerSupplyRestored", component="psu2")


def modules(world: World, host: int, when: float, names: tuple[str, ...], signed: str = "true") -> Iterator[Row]:
    """Kernel modules are loaded."""
    for late, name in enumerate(names):
        path = f"/lib/modules/6.8.0-60-generic/kernel/drivers/{name}.ko"
        fields: dict[str, Value] = {
            "module.file.path": path,
            "module.signed": signed,
            "actor.process.name": "modprobe",
            "actor.user.name": "root",
        }
        yield Row(micro(when + 0.2 * late), host, SENSOR["processes"], classes.MODULE, 1, fields)


def _module(world: World, work: Work, rng: Random) -> Iterator[Row]:
    name = rng.choice(("fuse", "xfs", "br_netfilter", "nf_conntrack", "binfmt_misc", "nvidia_fs"))
    yield process_row(work.host, work.start, "modprobe", f"modprobe {name}", "systemd-modules", "root")
    yield from modules(world, work.host, work.start, (name,))


def setting(world: World, host: int, when: float, gpu: int, name: str, value: str, user: str) -> Row:
    """A mode of an accelerator is changed."""
    fields: dict[str, Value] = {
        "gpu.uuid": world.uuids[host][gpu],
        "gpu.index": gpu,
        "gpu.setting": name,
        "gpu.value": value,
        "actor.user.name": user,
        "actor.process.name": "nvidia-smi",
    }
    return Row(micro(when), host, SENSOR["gpu"], classes.GPU, 5, fields)


def _set(world: World, work: Work, rng: Random) -> Iterator[Row]:
    """An operator changes a power limit, or persistence after a reset."""
    name, value = rng.choice((("power_limit", "650"), ("persistence_mode", "Enabled"), ("compute_mode", "Default")))
    boss = _operator(world, work.number)
    yield logon(world, work.host, work.start - 60, boss, world.addresses[world.of_role("management")[0]])
    for gpu in range(int(world.gpus[work.host])):
        yield setting(world, work.host, work.start + 0.2 * gpu, gpu, name, value, "root")


def xid(world: World, host: int, when: float, gpu: int, number: int, job: str = "") -> Row:
    """The driver reports an error."""
    fields: dict[str, Value] = {"gpu.uuid": world.uuids[host][gpu], "gpu.index": gpu, "gpu.xid": number}
    fields |= {"job.uid": job} if job else {}
    return Row(micro(when), host, SENSOR["gpu"], classes.GPU, 4, fields)


def _xid(world: World, work: Work, rng: Random) -> Iterator[Row]:
    runs = world.running(work.host, work.start)
    job = runs[0].uid if runs else ""
    number, gpu = rng.choice(_XIDS), rng.randrange(int(world.gpus[work.host]))
    for late in range(rng.choice((1, 1, 2, 5))):
        yield xid(world, work.host, work.start + 0.4 * late, gpu, number, job)


def _announced(world: World, work: Work, name: str) -> Iterator[Row]:
    boss = _operator(world, work.number)
    yield reserve(world, work.start - 200, (work.host,), name, boss)
    yield logon(world, work.host, work.start + 20, boss, world.addresses[world.of_role("management")[0]])
    yield process_row(work.host, work.start + 200, "systemctl", "systemctl reboot", "bash", "root")
    down = work.start + _FORBIDDEN_WHILE_DOWN
    yield hole(world, work.host, down - 1, 900.0, "a planned reboot")
    yield hardware(world, work.host, down + 5, 6, message_id="PowerState", component="system", version="off")
    yield hardware(world, work.host, down + 60, 6, message_id="PowerState", component="system", version="on")
    up = down + 300 + work.number % 240
    yield from modules(world, work.host, up + 2, MODULES)
    yield process_row(work.host, up + 4, "ringfence", "ringfence agent", "systemd", "root")


def _reboot(world: World, work: Work, rng: Random) -> Iterator[Row]:
    yield from _announced(world, work, f"maint-reboot-{work.number % 10_000}")


def _firmware(world: World, work: Work, rng: Random) -> Iterator[Row]:
    part, old, new = rng.choice((("bmc", "2.14.0", "2.15.1"), ("nic", "28.41.1000", "28.43.2026")))
    yield from _announced(world, work, f"maint-firmware-{work.number % 10_000}")
    when = work.start + 120
    yield hardware(world, work.host, when, 4, component=part, previous=old, version=new)


def _part(world: World, work: Work, rng: Random) -> Iterator[Row]:
    """A ticket, an open chassis, one part out and another in."""
    part = rng.choice(("gpu", "nic", "dimm", "psu", "drive"))
    yield from _announced(world, work, f"maint-ticket-INC{work.number % 1_000_000:06d}")
    down = work.start + _FORBIDDEN_WHILE_DOWN
    yield hardware(world, work.host, down + 70, 5, sensor="ChassisIntrusion", message="the chassis was opened")
    old, new = (f"{part.upper()}{rng.randrange(1 << 32):010d}" for _ in range(2))
    yield hardware(world, work.host, down + 110, 3, component=part, serial=old)
    yield hardware(world, work.host, down + 170, 2, component=part, serial=new, previous=old)
    yield hardware(world, work.host, down + 200, 5, sensor="ChassisIntrusion", message="the chassis was closed")


def _cable(world: World, work: Work, rng: Random) -> Iterator[Row]:
    """A cable is replaced: the same port, down for some minutes, with a reservation."""
    boss, number = _operator(world, work.number), 1 + rng.randrange(max(1, int(world.ports[work.host])))
    yield reserve(world, work.start - 200, (work.host,), f"maint-cable-{work.number % 10_000}", boss)
    for late, state in ((60.0, "Down"), (60.0 + rng.uniform(60, 600), "Active")):
        yield port(world, work.host, number, work.start + late, state)


def _crash(world: World, work: Work, rng: Random) -> Iterator[Row]:
    yield hardware(world, work.host, work.start + 2, 1, message_id="SystemReset", message="watchdog expired")
    yield from modules(world, work.host, work.end + 3, MODULES)


_ROWS: Mapping[str, Callable[[World, Work, Random], Iterator[Row]]] = {
    "link flap": _flap,
    "agent restart": _restart,
    "events dropped": _drops,
    "hardware log": _logged,
    "hardware alarm": _alarm,
    "module load": _module,
    "gpu setting": _set,
    "xid": _xid,
    "reboot": _reboot,
    "firmware": _firmware,
    "part": _part,
    "cable": _cable,
    "crash": _crash,
}


def _sweep(world: World, begin: int, end: int, told: frozenset[int]) -> Iterator[Row]:
    """The configuration tool logs in to every host, four times a day, twenty minutes long."""
    if begin % SWEEP_EVERY != 3600:
        return
    manager = world.of_role("management")[0]
    rng = dice(world.seed, "sweep", begin)
    who, update = _operator(world, begin // SWEEP_EVERY), rng.random() < 0.3
    for host in range(len(world.names)):
        when = begin + 300 + 1200 * host / len(world.names) + rng.random()
        if manager in told:
            to = (world.addresses[host], 22)
            yield flow_row(world, manager, when, to, (90_000, 30_000), "ansible-playbo", who)
        if host in told:
            yield logon(world, host, when + 0.3, who, world.addresses[manager])
            yield process_row(host, when + 1, "sudo", "sudo -n /bin/sh -c python3", "sshd", who)
            yield process_row(host, when + 1.4, "python3", "/usr/bin/python3 AnsiballZ_setup.py", "sudo", "root")
            if update:
                yield process_row(host, when + 4, "apt-get", "apt-get -y install openssl", "python3", "root")


def _operators(world: World, begin: int, end: int) -> Iterator[Row]:
    """Operators log in to servers all day, and to any node where something is wrong."""
    for user in world.plan.users:
        if user.role != "operator" or not 7 <= begin // 3600 % 24 <= 19:
            continue
        rng = dice(world.seed, "operator", user.name, begin)
        manager = world.of_role("management")[0]
        yield logon(world, manager, begin + 60 + 600 * rng.random(), user.name, desk(user))
        for _ in range(rng.randrange(4)):
            host = rng.randrange(len(world.names))
            when = begin + 700 + 2400 * rng.random()
            yield logon(world, host, when, user.name, world.addresses[manager])
            yield flow_row(world, manager, when, (world.addresses[host], 22), (40_000, 90_000), "ssh", user.name)
            command = rng.choice(("journalctl -n 200", "dmesg -T", "nvidia-smi -q", "systemctl status slurmd"))
            yield process_row(host, when + 9, "sudo", f"sudo {command}", "bash", user.name)


def _controllers(world: World, begin: int, end: int) -> Iterator[Row]:
    """Monitoring logs in to every management controller once an hour, and its own host tells that it did."""
    manager = world.of_role("management")[0]
    source = world.addresses[manager]
    for host in range(len(world.names)):
        when = begin + 3600 * host / len(world.names)
        fields: dict[str, Value] = {
            "user.name": "monitor",
            "src_endpoint.ip": source,
            "auth_protocol": "password",
            "status_id": 1,
            "service.name": "redfish",
            "hardware.controller": f"bmc:{world.names[host]}",
        }
        yield Row(micro(when), manager, SENSOR["bmc"], classes.AUTHENTICATION, 1, fields)


_ASKED = (
    ("get", "pods", 2),
    ("update", "leases", 3),
    ("list", "nodes", 2),
    ("patch", "events", 3),
    ("watch", "pods", 2),
)


def _kubernetes(world: World, begin: int, end: int) -> Iterator[Row]:
    """The API server's audit: kubelets and controllers, a few a minute."""
    for server in world.of_role("kube")[:1]:
        nodes = [host.name for host in world.plan.hosts if host.partition == "kube"]
        rng = dice(world.seed, "audit", begin)
        for _ in range(240 if nodes else 0):
            verb, kind, activity = rng.choice(_ASKED)
            node = rng.choice(nodes)
            fields: dict[str, Value] = {
                "api.operation": verb,
                "api.service.name": "kubernetes",
                "resource.type": kind,
                "resource.namespace": "kube-system",
                "resource.name": node,
                "actor.user.name": f"system:node:{node}",
                "status_id": 1,
            }
            when = begin + 3599 * rng.random()
            yield Row(micro(when), server, SENSOR["audit"], classes.API, activity, fields)


def _fabric(world: World, begin: int, end: int) -> Iterator[Row]:
    """The subnet manager sweeps; about once a day an operator moves a node between partitions."""
    rng = dice(world.seed, "fabric", begin)
    for turn in range(6):
        yield fabric(world, begin + 600 * turn + 5, 1, "heavy sweep completed")
    if rng.random() < 1 / 24:
        hosts = [at for at, host in enumerate(world.plan.hosts) if host.tenant and host.gpus]
        host = rng.choice(hosts)
        group = next(one for one in world.plan.tenants if one.name == world.plan.hosts[host].tenant)
        boss, when = _operator(world, begin), begin + 1800 * rng.random()
        yield logon(world, world.of_role("sm")[0], when - 90, boss, world.addresses[world.of_role("management")[0]])
        for number in range(1, int(world.ports[host]) + 1):
            yield fabric(
                world,
                when,
                2,
                "partition changed",
                ib__pkey=f"0x{group.pkey | 0x8000:04x}",
                ib__guid=world.guid(host, number),
                actor__user__name=boss,
            )


def _builds(world: World, begin: int, end: int, told: frozenset[int]) -> Iterator[Row]:
    """CPU jobs build: bursts of hundreds of short programs."""
    for run in world.runs:
        if run.kind == "cpu" and begin <= run.start < end and run.hosts[0] in told:
            rng = dice(world.seed, "build", run.uid)
            span = min(600, run.end - run.start)
            for _ in range(rng.randrange(60, 400)):
                name = rng.choice(("cc1plus", "nvcc", "as", "ld", "cicc", "ptxas"))
                when = run.start + 2 + rng.random() * span
                yield process_row(run.hosts[0], when, name, f"{name} -o build/x.o", "make", run.user, run.uid)
