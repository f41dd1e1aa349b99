"""People: from which machine they log in where, and what operators and management hosts reach.

A key is taken only from its owner's workstation, and on login hosts only. From there a user reaches the hosts of the
user's own jobs, where the scheduler adopts the session (pam_slurm_adopt) and unless the user's key lies readable on
that login host: then whoever else is there could follow.
"""

from collections.abc import Iterable, Iterator

from ringfence.segment.compartment import cannot_tell, group
from ringfence.segment.model import Allow, Group, Residual
from ringfence.segment.needs.accounts import People, host_network
from ringfence.segment.needs.known import Known
from ringfence.segment.scene import Scene
from ringfence.segment.seen import part, starting
from ringfence.segment.workflow import Gang

SSH = "tcp/22"


def shared(known: Known) -> Iterator[Group | Allow | Residual]:
    """Users, operators, controllers."""
    yield from _users(known.people)
    yield from _operators(known.people)
    yield from _controllers(known.scene)


def _users(people: People) -> Iterator[Group | Allow | Residual]:
    """Login hosts that admit the same accounts, and those accounts' machines."""
    alike: dict[frozenset[str], list[str]] = {}
    for host, accounts in people.admitted.items():
        alike.setdefault(frozenset(one for one in accounts if one in people.from_), []).append(host)
    for accounts, hosts in alike.items():
        if accounts:
            target = group(f"logins:{hosts[0].partition(':')[2]}", "role", "", "login hosts", ip=hosts, login=hosts)
            source = _machines(people, f"users:{hosts[0].partition(':')[2]}", accounts, "people who may log in there")
            yield from (source, target)
            yield Allow(source.name, target.name, "ip", SSH, "people log in from their own machines")
            yield Allow(source.name, target.name, "login", "any", "a key is taken only from its owner's own machine")
        else:
            why = "nobody told whom it admits and from where: no login is allowed"
            yield from (
                cannot_tell("login", host, "people", why, "capture its passwd, and who works where") for host in hosts
            )
    for one, machines in sorted(people.seen.of("logs_in_from").items()):
        unknown = [name for name in sorted(set(machines)) if not any(people.scene.addresses.get(name, {}).values())]
        for machine in unknown:
            why = f"no address of {machine} is known: its whole network may log in as {one}"
            yield cannot_tell(
                "login", one, machine, why, "record the address, or issue certificates with a source address"
            )


def _machines(people: People, name: str, accounts: Iterable[str], why: str) -> Group:
    accounts = sorted(accounts)
    return group(
        name,
        "outside",
        "",
        why,
        ip=[host_network(place) for one in accounts for place in people.from_[one]],
        login=[f"{one}@{place}" for one in accounts for place in people.from_[one]],
    )


def each(known: Known, gang: Gang) -> Iterator[Group | Allow]:
    """From login hosts to the hosts of one gang, as its own accounts, where the session is adopted by the job."""
    people = known.people
    adopts = [host for host in gang.hosts if "pam_slurm_adopt=on" in people.seen.objects(host, "setting")]
    if gang.pods or not adopts or len(adopts) < len(gang.hosts):
        return
    ends = [
        f"{one}@{place}"
        for one in gang.accounts
        for host, accounts in people.admitted.items()
        if one in accounts and (host, one) not in people.exposed
        for place in people.inside[host]
    ]
    if ends:
        short = "+".join(part(one.partition(":")[2]) for one in gang.accounts)
        yield group(f"at-login:{short}", "role", "", f"{short} on the login hosts", login=ends)
        yield Allow(f"at-login:{short}", gang.name, "login", "any", "a user looks into the user's own running job")
        yield Allow("login", gang.name, "ip", SSH, "a user looks into the user's own running job")


def _operators(people: People) -> Iterator[Group | Allow]:
    """Operators' machines to what they operate; accounts with the same hosts together."""
    alike: dict[frozenset[str], list[str]] = {}
    for one, hosts in people.operators.items():
        alike.setdefault(hosts, []).append(one)
    for hosts, accounts in alike.items():
        name = accounts[0].partition(":")[2]
        source = _machines(people, f"operators:{name}", accounts, "people who operate the same hosts")
        yield source
        yield group(f"operated:{name}", "role", "", f"what {', '.join(accounts)} operate", ip=hosts, login=hosts)
        yield Allow(source.name, f"operated:{name}", "ip", SSH, "operators work from their own machines")
        yield Allow(
            source.name, f"operated:{name}", "login", "any", "an operator's key is taken only from its owner's machine"
        )


def _controllers(scene: Scene) -> Iterator[Group | Allow]:
    """Management controllers, for management hosts with an address in their network."""
    ends = [one for one in scene.addresses if one.startswith("bmc:")]
    networks = {name for one in ends for name in scene.addresses[one]}
    zone = starting(scene.seen.subjects("in_zone", "management"), "host")
    hosts = [host for host in zone if scene.addresses.get(host, {}).keys() & networks]
    if ends:
        yield group("controllers", "service", "", "baseboard management controllers", ip=ends)
    if ends and hosts:
        yield group("management", "role", "", "management hosts in the controllers' network", ip=hosts)
        for what, why in (("tcp/443", "Redfish"), ("udp/623", "IPMI")):
            yield Allow("management", "controllers", "ip", what, f"machines are switched, watched and updated by {why}")
