"""What people and their accounts do: log in, look around, read colleagues' models, take results out."""

from collections.abc import Iterator, Sequence
from random import Random

from ringfence.synth import data, say
from ringfence.synth.layout import tracking
from ringfence.synth.plan import Cluster, User, desk
from ringfence.synth.telemetry import places
from ringfence.synth.telemetry.block import SENSOR, Row, Value
from ringfence.synth.telemetry.jobs import file_row
from ringfence.synth.telemetry.noise import dice
from ringfence.synth.telemetry.world import World, micro
from ringfence.wire.ocsf import classes

LOGINS_A_DAY = 6.0
FAILED = 0.06
FROM_NEW_PLACE, TRAVELS, NEW_USER = 0.03, 0.004, 0.004
READS_COLLEAGUE, TAKES_OUT, ROTATES, PROFILES = 0.25, 0.8, 0.03, 0.12
"""Times a day and person (logins from a new place and from abroad: of each login)."""

_HOURS = (1, 1, 1, 1, 1, 1, 2, 4, 8, 10, 10, 9, 7, 9, 10, 10, 9, 8, 6, 4, 3, 3, 2, 1)
"""How busy each hour of the day is."""
_BUSY = sum(_HOURS) / 24


def stories(world: World, begin: int, end: int, told: frozenset[int]) -> Iterator[Row]:
    """Everyone's hour."""
    share = (end - begin) / 86400 * _HOURS[begin // 3600 % 24] / _BUSY
    people = [user for user in world.plan.users if user.workstation and user.tenant]
    for user in people:
        rng = dice(world.seed, "people", user.name, begin)
        yield from _logins(world, user, rng, begin, end, share)
        login = world.at[data.login_of(world.plan, user).name]
        for chance, what in ((READS_COLLEAGUE, _reads), (TAKES_OUT, _takes_out), (PROFILES, _profiles)):
            if rng.random() < chance * share:
                yield from what(world, user, rng, begin + rng.random() * (end - begin - 600), login)
        if rng.random() < ROTATES * share:
            yield from _rotates(world, user, begin + rng.random() * (end - begin), login)
    yield from _services(world, begin, end)
    yield from _new_user(world, begin, end, len(people))


def logon(
    world: World,
    host: int,
    when: float,
    user: str,
    source: str,
    how: str = "publickey",
    worked: bool = True,
    service: str = "sshd",
) -> Row:
    """Somebody logs in, or fails to."""
    fields: dict[str, Value] = {
        "user.name": user,
        "src_endpoint.ip": source,
        "auth_protocol": how,
        "status_id": 1 if worked else 2,
        "service.name": service,
        "dst_endpoint.ip": world.addresses[host],
    }
    return Row(micro(when), host, SENSOR["auth"], classes.AUTHENTICATION, 1, fields)


def flow_row(
    world: World,
    host: int,
    when: float,
    to: tuple[str, int],
    sent: tuple[int, int],
    program: str,
    user: str = "root",
    job: str = "",
    activity: int = 2,
    source: str = "",
) -> Row:
    """A connection to (address, port) that sent and got so many bytes."""
    fields: dict[str, Value] = {
        "src_endpoint.ip": source or world.addresses[host],
        "src_endpoint.port": 32768 + micro(when) % 28000,
        "dst_endpoint.ip": to[0],
        "dst_endpoint.port": to[1],
        "connection_info.protocol_name": "tcp",
        "connection_info.direction": "outbound",
        "traffic.bytes_out": sent[0],
        "traffic.bytes_in": sent[1],
        "actor.process.name": program,
        "actor.user.name": user,
    }
    fields |= {"job.uid": job} if job else {}
    return Row(micro(when), host, SENSOR["sockets"], classes.NETWORK, activity, fields)


def process_row(
    host: int, when: float, name: str, command: str, parent: str, user: str, job: str = "", path: str = ""
) -> Row:
    """A program starts."""
    fields: dict[str, Value] = {
        "process.pid": 3000 + micro(when) % 4_000_000,
        "process.name": name,
        "process.file.path": path or f"/usr/bin/{name}",
        "process.cmd_line": command,
        "process.user.name": user,
        "actor.process.name": parent,
        "actor.user.name": user,
    }
    fields |= {"job.uid": job} if job else {}
    return Row(micro(when), host, SENSOR["processes"], classes.PROCESS, 1, fields)


def _logins(world: World, user: User, rng: Random, begin: int, end: int, share: float) -> Iterator[Row]:
    nodes = world.of_role("login")
    usual = world.at[data.login_of(world.plan, user).name]
    for _ in range(_poisson(rng, LOGINS_A_DAY * share)):
        when = begin + rng.random() * (end - begin - 60)
        host = usual if rng.random() < 0.85 else rng.choice(nodes)
        chance = rng.random()
        seat = desk(user)
        if chance < TRAVELS:
            seat = f"11.{rng.randrange(100, 250)}.{rng.randrange(250)}.{rng.randrange(1, 250)}"
        elif chance < TRAVELS + FROM_NEW_PLACE:
            seat = f"10.200.{rng.randrange(120, 250)}.{rng.randrange(1, 250)}"
        if rng.random() < FAILED:
            yield logon(world, host, when - 8, user.name, seat, rng.choice(("publickey", "password")), False)
        yield logon(world, host, when, user.name, seat)
        yield process_row(host, when + 0.4, "bash", "-bash", "sshd", user.name)
        yield from _on_to_jobs(world, user, rng, when + 30, host)


def _on_to_jobs(world: World, user: User, rng: Random, when: float, login: int) -> Iterator[Row]:
    """People look after their jobs on the nodes themselves."""
    mine = [run for run in world.runs if run.user == user.name and run.start <= when < run.end - 60]
    mine = [run for run in mine if run.uid.startswith("job:")]
    if not mine or rng.random() > 0.4:
        return
    run = rng.choice(mine)
    host = rng.choice(run.hosts)
    yield logon(world, host, when, user.name, world.addresses[login])
    yield flow_row(world, login, when, (world.addresses[host], 22), (60_000, 240_000), "ssh", user.name)
    for late, command in enumerate(("nvidia-smi", "top -b -n 1", "tail -n 200 train.log")):
        name = command.split(" ")[0]
        yield process_row(host, when + 5 + 9 * late, name, command, "bash", user.name, run.uid)


def _poisson(rng: Random, rate: float) -> int:
    left, found = rng.expovariate(1.0), 0
    while left < rate:
        left += rng.expovariate(1.0)
        found += 1
    return found


def _colleagues(plan: Cluster, user: User) -> Sequence[int]:
    return [at for at, line in enumerate(plan.pipelines) if line.tenant == user.tenant]


def _reads(world: World, user: User, rng: Random, when: float, login: int) -> Iterator[Row]:
    """A colleague's published model is looked at, now and then copied."""
    lines = _colleagues(world.plan, user)
    if not lines:
        return
    pipeline = rng.choice(lines)
    line = world.plan.pipelines[pipeline]
    entity = say.model(line)
    many = places.shards(line.model_bytes)
    top = places.folder(world, pipeline, entity)
    mine = [run for run in world.runs if run.user == user.name and run.start <= when < run.end - 700]
    run = rng.choice(mine) if mine else None
    host = rng.choice(run.hosts) if run else login
    for turn in range(min(many, rng.choice((1, 1, 2, 8, 24)))):
        path, size = f"{top}/{places.named(entity, turn, many)}", line.model_bytes // many
        yield file_row(host, when + 20 * turn, 14, path, entity, 0, "python3", run, user.name)
        yield file_row(host, when + 20 * turn + 15, 2, path, entity, size, "python3", run, user.name)


def _takes_out(world: World, user: User, rng: Random, when: float, login: int) -> Iterator[Row]:
    """Logs and figures go home by scp or rsync; now and then something large."""
    size = int(2e7 * 10 ** rng.gauss(0, 0.9))
    tool = rng.choice(("scp", "rsync", "sftp-server"))
    yield process_row(login, when, tool, f"{tool} results-{rng.randrange(100)}.tar {desk(user)}:", "bash", user.name)
    yield flow_row(world, login, when + 5 + size / 4e7, (desk(user), 22), (size, size // 60), tool, user.name)


def _profiles(world: World, user: User, rng: Random, when: float, login: int) -> Iterator[Row]:
    """People profile their own jobs, which reads performance counters by the thousand."""
    mine = [run for run in world.runs if run.user == user.name and run.kind in ("train", "evaluate", "interactive")]
    mine = [run for run in mine if run.start + run.load <= when < run.end - 600]
    if not mine:
        return
    run = rng.choice(mine)
    host = rng.choice(run.hosts)
    yield process_row(host, when, "nsys", "nsys profile -t cuda,nvtx python3 train.py", "bash", user.name, run.uid)
    for late in range(rng.randrange(3, 9)):
        fields: dict[str, Value] = {
            "gpu.uuid": world.uuids[host][run.first],
            "gpu.index": run.first,
            "gpu.samples": rng.randrange(500, 20_000),
            "process.name": rng.choice(("nsys", "nsys", "ncu")),
            "process.user.name": user.name,
            "job.uid": run.uid,
        }
        yield Row(micro(when + 60 * late + 5), host, SENSOR["gpu"], classes.GPU, 6, fields)


def _rotates(world: World, user: User, when: float, login: int) -> Iterator[Row]:
    """A new key: the old is read once more, the new written."""
    home = data.home_folder(world.plan, user)
    yield process_row(login, when, "ssh-keygen", "ssh-keygen -t ed25519", "bash", user.name)
    for late, (activity, name) in enumerate(((14, "id_ed25519"), (3, "id_ed25519"), (3, "authorized_keys"))):
        yield file_row(login, when + 4 + late, activity, f"{home}/.ssh/{name}", "", 420, "ssh-keygen", None, user.name)


def _services(world: World, begin: int, end: int) -> Iterator[Row]:
    """Every tenant's service account comes from its tracking server each night, and refreshes the prepared data."""
    for number, group in enumerate(world.plan.tenants):
        when = begin + 600 + number * 60
        if begin // 3600 % 24 != 2 or when >= end - 600:
            continue
        rng = dice(world.seed, "refresh", group.name, begin)
        server = world.at[tracking(world.plan.tenants, group.name)]
        login = world.of_role("login")[0]
        account = f"svc-{group.name}"
        yield logon(world, login, when, account, world.addresses[server])
        yield process_row(login, when + 1, "python3", "python3 refresh.py --nightly", "sshd", account)
        for pipeline, line in enumerate(world.plan.pipelines):
            if line.tenant != group.name or rng.random() < 0.5:
                continue
            entity = say.dataset(line, "prepared")
            top, many = places.folder(world, pipeline, entity), places.shards(10 * line.model_bytes)
            for turn in range(min(many, rng.randrange(4, 60))):
                path = f"{top}/{places.named(entity, rng.randrange(many), many)}"
                yield file_row(login, when + 20 + 5 * turn, 3, path, entity, 2_000_000_000, "python3", None, account)


def _new_user(world: World, begin: int, end: int, people: int) -> Iterator[Row]:
    """Somebody starts work: an account is made on the login nodes, and used soon."""
    rng = dice(world.seed, "new", begin)
    if rng.random() > NEW_USER * people * (end - begin) / 86400:
        return
    name, when = f"new-{begin // 3600:03d}", begin + rng.random() * (end - begin - 1800)
    boss = next(user for user in world.plan.users if user.role == "operator")
    for host in world.of_role("login"):
        fields: dict[str, Value] = {"user.name": name, "actor.user.name": boss.name, "status_id": 1}
        yield Row(micro(when), host, SENSOR["auth"], classes.ACCOUNT_CHANGE, 1, fields)
    seat = f"10.200.{rng.randrange(100, 120)}.{rng.randrange(1, 250)}"
    yield logon(world, world.of_role("login")[0], when + 1500, name, seat)
