"""Reservations and partitions say whose work may start where, and the proof reads them as Slurm does."""

import random

import pytest

from ringfence.enforce.slurm import steps
from ringfence.errors import InputError
from ringfence.segment.compile import WRITERS
from ringfence.segment.inventory import Inventory
from ringfence.segment.model import Artefact, Compiled, Policy
from ringfence.wire.slurm import hostlist
from ringfence.wire.slurm.reserve import orders, reservations
from ringfence.wire.slurm.values import Reservation
from tests.segment.policies import damaged, fence, proven, some

HOSTS = tuple(f"host:gpu{at:04d}" for at in range(1, 7))
TENANTS = tuple(f"tenant:t{at}" for at in range(5))
OPEN = "PartitionName=train Nodes=gpu[0001-0006] AllowAccounts=ALL OverSubscribe=NO\n"
ALL = Inventory(enforcers={"slurm": ("cluster:rf",)}, there={"slurm": {"cluster:rf": OPEN}})
TWO = fence(
    "scheduler",
    {"vision": ("tenant:t0",), "nlp": ("tenant:t1",), "a": HOSTS[:2], "b": HOSTS[2:4], "idle": HOSTS[4:]},
    [("vision", "a", "any"), ("nlp", "b", "any"), ("vision", "b", "any")],
)


def compiled(policy: Policy = TWO, inventory: Inventory = ALL) -> Compiled:
    return WRITERS["slurm"].write(policy, inventory)


@pytest.mark.parametrize("seed", range(60))
@pytest.mark.parametrize("there", ["", OPEN, OPEN.replace("ALL", "t1") + OPEN.replace("train", "b")])
def test_what_is_written_is_what_is_meant(seed: int, there: str) -> None:
    chance = random.Random(seed)
    policy = some(chance, "scheduler", TENANTS, HOSTS)
    inventory = Inventory(enforcers=ALL.enforcers, there={"slurm": {"cluster:rf": there}})
    assert proven("slurm", policy, inventory).differences == ()


@pytest.mark.parametrize(
    ("old", "new", "witness"),
    [
        ("Accounts=t0 ", "Accounts=t0,t3 ", None),
        ("Accounts=t0 ", "Accounts=t0,t1 ", ("leak", "tenant:t1", HOSTS[0])),
        ("Nodes=gpu[0001-0002]", "Nodes=gpu0001", ("leak", "tenant:t1", HOSTS[1])),
        ("Accounts=t0,t1 ", "Accounts=t1 ", ("break", "tenant:t0", HOSTS[2])),
        ("Users=root", "Accounts=t0", ("leak", "tenant:t0", HOSTS[4])),
        ("scontrol create reservation ReservationName=rf-+none", "# ", ("leak", "tenant:t0", HOSTS[4])),
        ("gpu[0003-0004]", "gpu[0003-0005]", ("break", "", "")),
    ],
)
def test_damage_is_seen(old: str, new: str, witness: tuple[str, str, str] | None) -> None:
    proof = proven("slurm", TWO, ALL, damaged(compiled(), old, new))
    found = {(one.kind, one.source, one.target) for one in proof.differences}
    if witness is None or not witness[1]:  # an account that is no tenant's; a host that two reservations close
        assert found == set()
    else:
        assert witness in found


def test_partitions_of_others_that_admit_nobody_are_no_break_since_ours_admit() -> None:
    closed = Inventory(enforcers=ALL.enforcers, there={"slurm": {"cluster:rf": OPEN.replace("ALL", "other")}})
    assert proven("slurm", TWO, closed).holds
    without = Compiled(
        "slurm",
        "scheduler",
        tuple(
            Artefact(
                one.name,
                "".join(line + "\n" for line in one.text.splitlines() if "PartitionName" not in line),
                one.loaded_by,
            )
            for one in compiled().artefacts
        ),
    )
    assert {one.kind for one in proven("slurm", TWO, closed, without).differences} == {"break"}


def test_tenants_whose_jobs_may_meet_on_a_host_are_told() -> None:
    (told,) = compiled().residuals
    assert (told.source, told.target, told.pairs) == ("tenant:t0", "tenant:t1", 2)
    assert "train" in told.why
    kept_apart = Inventory(
        enforcers=ALL.enforcers,
        there={"slurm": {"cluster:rf": OPEN.replace("OverSubscribe=NO", "OverSubscribe=EXCLUSIVE")}},
    )
    assert compiled(TWO, kept_apart).residuals == ()


def test_hosts_of_no_cluster_are_open_and_told() -> None:
    both = Inventory(
        enforcers={"slurm": ("cluster:a", "cluster:b")},
        there={
            "slurm": {
                "cluster:a": OPEN.replace("0006", "0002"),
                "cluster:b": OPEN.replace("[0001-0006]", "[0003-0004]"),
            }
        },
    )
    proof = proven("slurm", TWO, both)
    assert proof.holds
    assert proof.open_pairs == 4
    assert [one.loaded_by for one in compiled(TWO, both).artefacts] == [("cluster:a",), ("cluster:b",)]


def test_an_account_that_slurm_would_read_as_all_but_is_never_written() -> None:
    policy = fence("scheduler", {"odd": ("tenant:-t0", "tenant:a b"), "a": HOSTS}, [("odd", "a", "any")])
    assert "Users=root" in compiled(policy).artefacts[0].text
    assert {one.kind for one in proven("slurm", policy, ALL).differences} == {"break"}


def test_hosts_of_an_nvlink_domain_are_shown_as_a_block() -> None:
    domains = Inventory(
        enforcers=ALL.enforcers,
        domains={"nvlink:x/1": ("gpu:1", "gpu:2")},
        host_of={"gpu:1": HOSTS[0], "gpu:2": HOSTS[1]},
    )
    assert "Nodes=gpu[0001-0002]\n" in compiled(TWO, domains).artefacts[0].text.partition("# BlockName=")[2]


@pytest.mark.parametrize(
    "text",
    [
        "scontrol shutdown\n",
        "scontrol create Nodes=a\n",
        "scontrol create reservation Nodes=a Nodes=b\n",
        "scontrol create reservation ReservationName=x Nodes=gpu[1-\n",
    ],
)
def test_other_commands_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        orders(text.encode())


@pytest.mark.parametrize("seed", range(50))
def test_a_folded_hostlist_expands_to_the_same_names(seed: int) -> None:
    chance = random.Random(seed)
    names = {
        f"{chance.choice(['gpu', 'n1-', 'r'])}{chance.randrange(30):0{chance.randint(1, 4)}d}{chance.choice(['', 'x'])}"
        for _ in range(20)
    }
    assert sorted(hostlist.expand(hostlist.fold(names))) == sorted(names)


def test_what_slurm_prints_is_read() -> None:
    text = (
        "ReservationName=rf-a StartTime=2026-11-23T01:57:40 EndTime=2027-11-23T01:57:40 Duration=365-00:00:00 "
        "Nodes=gpu[0001-0002] NodeCnt=2 CoreCnt=128 Features=(null) PartitionName=(null) "
        "Flags=IGNORE_JOBS,SPEC_NODES,MAGNETIC TRES=cpu=128 Users=(null) Groups=(null) Accounts=vision,nlp "
        "Licenses=(null) State=INACTIVE BurstBuffer=(null) Watts=n/a\n"
    )
    (one,) = reservations(text.encode())
    assert (one.nodes, one.accounts, one.users, one.active) == ("gpu[0001-0002]", ("vision", "nlp"), (), False)
    assert reservations(b"No reservations in the system\n") == ()


@pytest.mark.parametrize("seed", range(200))
def test_no_step_leaves_a_changing_host_to_everyone(seed: int) -> None:
    """A model of what scontrol does: where reservations overlap, a job needs them all."""
    chance = random.Random(seed)
    have, want = _random_fence(chance), _random_fence(chance)
    now = {one.name: (set(hostlist.expand(one.nodes)), one.accounts or one.users) for one in have}
    before = {node: who for nodes, who in now.values() for node in nodes}
    after = {node: one.accounts or one.users for one in want for node in hostlist.expand(one.nodes)}
    for step in steps(have, want, (), ()):
        _obey(now, step)
        for node in before.keys() & after.keys():
            holders = [who for nodes, who in now.values() if node in nodes]
            assert holders, f"{node} is nobody's after {step}"
            admitted = set.intersection(*(set(who) for who in holders))
            assert admitted <= {*before[node], *after[node], "root"}
    assert {node: who for nodes, who in now.values() for node in nodes} == after


def _random_fence(chance: random.Random) -> list[Reservation]:
    nodes = [f"gpu{at}" for at in range(6)]
    chance.shuffle(nodes)
    cuts = sorted(chance.sample(range(1, 6), 2))
    parts = (nodes[: cuts[0]], nodes[cuts[0] : cuts[1]], nodes[cuts[1] :])
    names = chance.sample(["rf-a", "rf-b", "rf-c", "rf-d"], 3)
    return [Reservation(name, hostlist.fold(part), (name[3:],)) for name, part in zip(names, parts, strict=True)][
        : chance.randint(0, 3)
    ]


def _obey(now: dict[str, tuple[set[str], tuple[str, ...]]], step: tuple[str, ...]) -> None:
    said = dict(word.split("=", 1) for word in step if "=" in word)
    name = said["ReservationName"]
    if step[0] == "delete":
        del now[name]
        return
    assert (name in now) == (step[0] == "update")
    nodes = set(hostlist.expand(said["Nodes"]))
    who = said.get("Accounts") or said.get("Users")
    now[name] = (nodes, tuple(who.split(",")) if who else now[name][1])


def test_a_host_whose_name_is_an_option_or_a_list_is_no_node() -> None:
    odd = ("host:x Users=eve", "host:gpu[0001-0006]", "host:a,b")
    policy = fence("scheduler", {"vision": ("tenant:t0",), "odd": odd, "a": HOSTS[:1]}, [("vision", "a", "any")])
    made = compiled(policy)
    assert "eve" not in made.artefacts[0].text
    assert "[" not in made.artefacts[0].text
    assert {one.target for one in made.residuals} == {"odd"}
    assert proven("slurm", policy, ALL).holds
