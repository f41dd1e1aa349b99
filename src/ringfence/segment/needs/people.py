"""People: from which machine they log in where, and what operators and management hosts reach.

A key is taken only from its owner's workstation, and on login hosts only. From there a user reaches the hosts of the
user's own jobs, where the scheduler adopts the session (pam_slurm_adopt) and unless the user's key lies readable on
that login host: then whoever else is there could follow.
"""

from collections.abc import Iterable, Iterator
from functools import cached_property

from ringfence.segment.compartment import cannot_tell, group
from ringfence.segment.model import Allow, Group, Residual
from ringfence.segment.scene import Scene
from ringfence.segment.seen import starting
from ringfence.segment.workflow import Gang

SSH = "tcp/22"


def needs(scene: Scene) -> Iterator[Group | Allow | Residual]:
    """Users, their jobs' hosts, operators, controllers."""
    people = People(scene)
    yield from _users(people)
    for gang in scene.gangs.values():
        yield from gang_needs(people, gang)
    yield from _operators(people)
    yield from _controllers(scene)


class People:
    """Accounts, and the machines that they come from."""

    def __init__(self, scene: Scene) -> None:
        self.scene, self.seen = scene, scene.seen

    @cached_property
    def from_(self) -> dict[str, tuple[str, ...]]:
        """Account → the addresses of its owner's workstations; their networks where no address is known."""
        found = {}
        for one, machines in self.seen.of("logs_in_from").items():
            found[one] = tuple(sorted({place for machine in machines for place in self._places(machine)}))
        return {one: found[one] for one in sorted(found) if found[one]}

    def _places(self, machine: str) -> list[str]:
        networks = self.scene.addresses.get(machine, {})
        return [place for name, known in networks.items() for place in known or [name.partition(":")[2]]]

    @cached_property
    def inside(self) -> dict[str, tuple[str, ...]]:
        """Login host → its addresses in networks in which nodes of Slurm are."""
        nodes = {host for name in self.scene.slurm for host in self.scene.nodes.get(name, ())}
        common = {name for host in nodes for name in self.scene.addresses.get(host, {})}
        return {
            host: tuple(sorted({one for name in mine.keys() & common for one in mine[name]}))
            for host in self.scene.login
            for mine in (self.scene.addresses.get(host, {}),)
        }

    @cached_property
    def admitted(self) -> dict[str, frozenset[str]]:
        """Login host → accounts that it admits, groups opened."""
        known: dict[str, set[str]] = {}
        found = {}
        for host in self.scene.login:
            subjects = self.seen.subjects("may_login", host)
            for one in subjects:
                if one not in known:
                    known[one] = self.seen.members(one)
            found[host] = frozenset(account for one in subjects for account in known[one])
        return found

    @cached_property
    def exposed(self) -> frozenset[tuple[str, str]]:
        """(host, account) where a key of the account lies readable to others."""
        owners = self.seen.of("unlocks")
        return frozenset(
            (host, account)
            for host, credential, shown in self.seen.rows("stores_credential")
            if host.startswith("host:") and shown.get("readable_by") == "user"
            for account in owners.get(credential, ())
        )

    @cached_property
    def operators(self) -> dict[str, frozenset[str]]:
        """Account with a workstation → hosts of which it may become superuser, or whose cluster it operates."""
        found: dict[str, set[str]] = {}
        for one, places in self.seen.of("may_sudo").items():
            hosts = self._hosts(places)
            for account in self.seen.members(one):
                found.setdefault(account, set()).update(hosts)
        for account, clusters in self.seen.of("operates").items():
            found.setdefault(account, set()).update(self._hosts(clusters))
        return {one: frozenset(found[one]) for one in sorted(found) if one in self.from_}

    def _hosts(self, places: Iterable[str]) -> set[str]:
        found = set()
        for one in set(places):
            if one.startswith("host:"):
                found.add(one)
            else:
                found |= {*self.scene.nodes.get(one, ()), *starting(self.seen.subjects("controls", one), "host")}
        return found


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


def host_network(place: str) -> str:
    """`network:10.0.0.5/32` of an address, `network:10.0.0.0/16` of a network."""
    return f"network:{place}" if "/" in place else f"network:{place}/{128 if ':' in place else 32}"


def gang_needs(people: People, gang: Gang) -> Iterator[Group | Allow]:
    """From login hosts to the hosts of one gang, as its own accounts, where the session is adopted by the job."""
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
        short = "+".join(one.partition(":")[2] for one in gang.accounts)
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
