"""Below the system, and in the fabric: controllers, firmware, parts, cables, partitions, managers."""

from ringfence.synth.attacks.base import MINUTE, Attack, Made, host, pick, several
from ringfence.synth.plan import DEFAULT_KEY
from ringfence.synth.telemetry.machines import fabric, hardware, port
from ringfence.synth.telemetry.world import Happenings, Silence, World


def _machines(world: World) -> list[int]:
    return [at for at, one in enumerate(world.plan.hosts) if one.gpus and one.partition != "kube"]


def _all(world: World, hosts: list[int]) -> tuple[str, ...]:
    return tuple(entity for at in hosts for entity in (host(world, at), f"bmc:{world.names[at]}"))


def bmc_account_added(world: World, attack: Attack) -> Made:
    """A controller has an account more, and perhaps resets its host."""
    at, rows = pick(_machines(world), attack), []
    for turn in range(attack.count("accounts")):
        where = f"/redfish/v1/AccountService/Accounts/{6 + turn}"
        text = "The resource has been created successfully"
        name = "ResourceEvent.1.3.ResourceCreated"
        rows.append(hardware(world, at, attack.start + 15 * turn, 7, message_id=name, component=where, message=text))
    silences, when = [], attack.start + 120
    for _ in range(round(attack["reboots"])):
        if when > world.seconds - 900:
            break
        rows.append(hardware(world, at, when, 6, message_id="PowerState", component="system", version="off"))
        rows.append(hardware(world, at, when + 30, 6, message_id="PowerState", component="system", version="on"))
        silences.append(Silence(at, when + 1, when + 260))
        when += 600
    end = max(when, attack.start + 60)
    return Made(end, _all(world, [at]), tuple(rows), Happenings(silences=tuple(silences)))


def firmware_replaced(world: World, attack: Attack) -> Made:
    """Firmware is written that nobody announced."""
    hosts, rng, rows = several(_machines(world), attack.count("hosts"), attack), attack.dice(), []
    some = (("bmc", "2.14.0", "2.14.0-1"), ("nic", "28.41.1000", "28.40.1200"), ("bios", "1.6", "1.4"))
    part, old, new = rng.choice(some)
    for turn, at in enumerate(hosts):
        rows.append(hardware(world, at, attack.start + 40 * turn, 4, component=part, previous=old, version=new))
    return Made(attack.start + 40 * len(hosts), _all(world, hosts), tuple(rows))


def chassis_opened(world: World, attack: Attack) -> Made:
    """Somebody opens a chassis."""
    hosts, rows = several(_machines(world), attack.count("hosts"), attack), []
    for turn, at in enumerate(hosts):
        when = attack.start + 300 * turn
        rows.append(hardware(world, at, when, 5, sensor="ChassisIntrusion", message="the chassis was opened"))
        rows.append(hardware(world, at, when + 200, 5, sensor="ChassisIntrusion", message="the chassis was closed"))
    return Made(attack.start + 300 * len(hosts), _all(world, hosts), tuple(rows))


def part_swapped(world: World, attack: Attack) -> Made:
    """Parts are exchanged in hosts that are off for it; the quiet one's intrusion switch is held down."""
    rng, rows, silences = attack.dice(), [], []
    hosts = several(_machines(world), max(1, attack.count("parts") // 2), attack)
    for turn in range(attack.count("parts")):
        at, when = hosts[turn % len(hosts)], attack.start + 900 * (turn // len(hosts)) + 5 * (turn % len(hosts))
        part = rng.choice(("nic", "dimm", "drive"))
        old, new = (f"{part.upper()}{rng.randrange(1 << 32):010d}" for _ in range(2))
        rows.append(hardware(world, at, when, 6, message_id="PowerState", component="system", version="off"))
        if attack.loudness == "loud":
            rows.append(hardware(world, at, when + 60, 5, sensor="ChassisIntrusion", message="the chassis was opened"))
        rows.append(hardware(world, at, when + 90, 3, component=part, serial=old))
        rows.append(hardware(world, at, when + 200, 2, component=part, serial=new, previous=old))
        rows.append(hardware(world, at, when + 300, 6, message_id="PowerState", component="system", version="on"))
        silences.append(Silence(at, when + 1, when + 560))
    end = attack.start + 900 * (1 + attack.count("parts") // len(hosts))
    return Made(end, _all(world, hosts), tuple(rows), Happenings(silences=tuple(silences)))


def cable_moved(world: World, attack: Attack) -> Made:
    """Ports of hosts are plugged in elsewhere: down for a moment, then at another port of a switch."""
    rng, rows, hosts = attack.dice(), [], []
    for turn in range(attack.count("ports")):
        at = rng.choice(_machines(world))
        number, when = 1 + rng.randrange(int(world.ports[at])), attack.start + 45 * turn
        guid = world.guid(at, number)
        leaf, place = f"S-leaf{rng.randrange(40):02d}", rng.randrange(1, 65)
        rows += [port(world, at, number, when, "Down"), port(world, at, number, when + 25, "Active")]
        rows.append(fabric(world, when + 1, 1, f"port {guid} of {world.names[at]} is Down", ib__guid=guid))
        text = f"port {guid} of {world.names[at]} is Active at {leaf} port {place}"
        rows.append(fabric(world, when + 26, 1, text, ib__guid=guid))
        hosts.append(at)
    entities = tuple(host(world, at) for at in dict.fromkeys(hosts))
    return Made(attack.start + 45 * attack.count("ports"), entities, tuple(rows))


def partition_tampered(world: World, attack: Attack) -> Made:
    """Ports get a partition key that is not theirs."""
    rng, rows, hosts = attack.dice(), [], []
    groups = {group.name: group.pkey for group in world.plan.tenants}
    for turn in range(attack.count("ports")):
        at = rng.choice([one for one in _machines(world) if world.plan.hosts[one].tenant])
        others = [key for name, key in groups.items() if name != world.plan.hosts[at].tenant]
        key = rng.choice([*others, DEFAULT_KEY]) | 0x8000
        guid = world.guid(at, 1 + rng.randrange(int(world.ports[at])))
        when = attack.start + 0.5 * turn
        said = {"ib__pkey": f"0x{key:04x}", "ib__guid": guid, "actor__user__name": "root"}
        rows.append(fabric(world, when, 2, "partition changed", **said))
        hosts.append(at)
    manager = world.of_role("sm")[0]
    entities = (host(world, manager), *(host(world, at) for at in dict.fromkeys(hosts)))
    return Made(attack.start + 0.5 * attack.count("ports") + 1, entities, tuple(rows))


def subnet_manager_takeover(world: World, attack: Attack) -> Made:
    """A compute node's port becomes the subnet's master for a while."""
    at, own = pick(_machines(world), attack), world.of_role("sm")[0]
    end = min(attack.start + attack["minutes"] * MINUTE, world.seconds - 60.0)
    guid, before = world.guid(at, 1), world.guid(own, 1)
    rows = (
        fabric(world, attack.start, 3, "entering standby state", ib__manager=guid),
        fabric(world, end, 3, "entering master state", ib__manager=before),
    )
    return Made(end, (host(world, at), host(world, own)), rows)
