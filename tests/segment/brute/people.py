"""Slurm and sshd: one tenant and host, one login and host at a time."""

import random
import re
from fnmatch import fnmatchcase
from ipaddress import ip_address, ip_network

from ringfence.segment.compile.slurm import compile_slurm
from ringfence.segment.compile.sshd import compile_sshd
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Compiled
from ringfence.segment.prove.login import prove_login
from ringfence.segment.prove.scheduler import prove_scheduler
from tests.segment.brute.case import Case, Judge, Pair, became, dropped, edits, traded
from tests.segment.faults.fault import Scene
from tests.segment.small import small_policy

HOSTS = tuple(f"host:h{at}" for at in range(1, 7))
TENANTS = tuple(f"tenant:t{at}" for at in range(4))
PEOPLE = tuple(f"identity:{user}@10.0.0.{at}" for user in ("al", "bo") for at in (5, 6, 9))
THERE = ("", "PartitionName=p Nodes=h[1-6] AllowAccounts=ALL\n", "PartitionName=p Nodes=h[1-3] AllowAccounts=t0,t1\n")


def _nodes(text: str) -> set[str]:
    """`h[1-3,5],h6` spelled out."""
    found = set()
    for name, listed, single in re.findall(r"(h)\[([\d,-]+)\]|(h\d+)", text):
        found |= {single} if single else set()
        for part in filter(None, listed.split(",")):
            low, _, high = part.partition("-")
            found |= {f"{name}{at}" for at in range(int(low), int(high or low) + 1)}
    return found


def _words(line: str) -> dict[str, str]:
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


def _scheduler(there: str) -> Judge:
    """Some partition with the node admits the account, and every reservation over the node names it."""

    def judge(made: Compiled) -> tuple[set[Pair], set[Pair]]:
        lines = [line for one in made.artefacts for line in one.text.split("\n") if line.startswith("scontrol")]
        reserved = [_words(line) for line in lines if "ReservationName" in line]
        partitions = [_words(line) for line in [*lines, *there.split("\n")] if "PartitionName" in line]
        found = set()
        for host in HOSTS:
            node = host.partition(":")[2]
            over = [row for row in reserved if node in _nodes(row["Nodes"])]
            within = [row["AllowAccounts"].split(",") for row in partitions if node in _nodes(row["Nodes"])]
            for tenant in TENANTS:
                name = tenant.partition(":")[2]
                admitted = not there or any(name in one or one == ["ALL"] for one in within)
                if admitted and all(name in row.get("Accounts", "").split(",") for row in over):
                    found.add((tenant, host, "any"))
        return found, found

    return judge


def slurm(chance: random.Random) -> Case:
    """Six nodes, four accounts, partitions of others or none that anybody captured."""
    there = chance.choice(THERE)
    world = Inventory(enforcers={"slurm": ("cluster:c",)}, there={"slurm": {"cluster:c": there}})
    policy = small_policy(chance, "scheduler", [*HOSTS, *TENANTS])
    scene = Scene(compile_slurm, prove_scheduler, policy, world)
    return Case(scene, "scheduler", _scheduler(there), _SLURM, sources="tenant:", targets="host:")


def _sshd(made: Compiled) -> tuple[set[Pair], set[Pair]]:
    """The first AllowUsers pattern that fits lets in, unless a DenyUsers pattern fits; without either, everyone."""
    text = {host: one.text for one in made.artefacts for host in one.loaded_by}
    found = set()
    for host in HOSTS:
        words = [line.split() for line in text.get(host, "").split("\n")]
        allow = [pattern for line in words if line[:1] == ["AllowUsers"] for pattern in line[1:]]
        deny = [pattern for line in words if line[:1] == ["DenyUsers"] for pattern in line[1:]]
        for person in PEOPLE:
            if not any(_fits(one, person) for one in deny) and (not allow or any(_fits(one, person) for one in allow)):
                found.add((person, host, "any"))
    return found, found


def _fits(pattern: str, person: str) -> bool:
    user, address = person.partition(":")[2].split("@")
    name, at, place = pattern.partition("@")
    return fnmatchcase(user, name) and (not at or ip_address(address) in ip_network(place))


def sshd(chance: random.Random) -> Case:
    """Six hosts of which some have no drop-in, two users at three addresses."""
    world = Inventory(enforcers={"sshd": tuple(chance.sample(HOSTS, chance.randint(3, 6)))})
    policy = small_policy(chance, "login", [*HOSTS, *PEOPLE])
    scene = Scene(compile_sshd, prove_login, policy, world)
    # the prover asks for accounts and addresses that nobody named as well; this judge knows these six logins only
    return Case(
        scene, "login", _sshd, _SSHD, sources="identity:", targets="host:", aside=lambda source, _: source not in PEOPLE
    )


_SLURM = edits(
    traded(r"(?<= Nodes=)\S+"),
    traded(r"(?<= Accounts=)\S+"),
    traded(r"(?<=AllowAccounts=)\S+"),
    dropped("create reservation"),
    dropped("create PartitionName"),
)
_SSHD = edits(
    traded(r"\w+@\S+"),
    became("DenyUsers *", "DenyUsers al"),
    became("al@", "*@"),
    became("AllowUsers", "DenyUsers"),
    dropped("Users"),
)
