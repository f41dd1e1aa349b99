"""Partition keys: which are needed, how they are written, what they open, and in which order they change."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.segment.compile import partitions as writer
from ringfence.segment.compile.keys import RESERVED, SPACE, allocate
from ringfence.segment.compile.partitions import Before, Held, compile_partitions, plan_fabrics, tables, text
from ringfence.segment.inventory import Fabric, Inventory
from ringfence.segment.model import Allow, Artefact, Group, Policy
from ringfence.segment.prove.failopen import refuse
from ringfence.segment.prove.ib import prove_ib, prove_tables
from ringfence.wire.ibnet import partitions
from ringfence.wire.ibnet.partitions import LONGEST_LINE
from ringfence.wire.ibnet.tables import Seen

OPEN_FILE = "Default=0x7fff, ipoib : ALL=full;\n"


def port(number: int) -> str:
    """An end port."""
    return f"ibport:0x{0x1000 + number:016x}"


def group(name: str, *numbers: int, kind: str = "gang", tenant: str = "t") -> Group:
    """A group with these ports."""
    return Group(name, kind, tenant, {"ib": tuple(sorted(map(port, numbers)))})


def policy(groups: list[Group], *pairs: str) -> Policy:
    """`a-b`: a and b may speak; `a-a`: a with itself."""
    ends = (pair.split("-") for pair in pairs)
    return Policy({one.name: one for one in groups}, tuple(Allow(a, b, "ib", "any", "") for a, b in ends))


def inventory(count: int = 12, room: int = 64, software: str = "opensm", managers: int = 1) -> Inventory:
    """One fabric; port 0 (and those after it) are its managers'."""
    ports = tuple(map(port, range(count)))
    hosts = tuple(f"host:m{at}" for at in range(managers))
    fabric = Fabric("ib0", hosts, ports[:managers], ports, table=dict.fromkeys(ports, room), software=software)
    return Inventory(fabrics={"ib0": fabric}, enforcers={software: ("ib0",)})


JOBS = policy(
    [group("storage", 9, 10, kind="service"), group("a", 1, 2, 3), group("b", 4, 5, tenant="u")],
    *("storage-storage", "a-a", "b-b", "a-storage", "b-storage"),
)


def was(before: str) -> tuple[Held, frozenset[int]]:
    """What goes on from a file, no table holding anything else."""
    return Before(before).held(), frozenset()


def speak(held: partitions.Tables, one: int, other: int) -> bool:
    """The rule of the InfiniBand specification, for two ports."""
    mine, theirs = held[0x1000 + one], held[0x1000 + other]
    return any(key in theirs and "full" in (how, theirs[key]) for key, how in mine.items())


def meant(wanted: Policy, one: int, other: int) -> bool:
    """Whether the policy allows a pair, spelled out."""
    here, there = port(one), port(other)
    ends = ((wanted.groups[row.source].on("ib"), wanted.groups[row.target].on("ib")) for row in wanted.allows)
    return any((here in a and there in b) or (here in b and there in a) for a, b in ends)


def test_each_job_costs_one_key_and_shared_storage_one_in_all():
    """Storage is full, its clients limited: they reach it and do not reach each other through its key."""
    ((plan,), _) = plan_fabrics(JOBS, inventory(), "opensm", {})
    assert [(key.name.split(".")[1], len(key.full), len(key.limited)) for key in plan.keys] == [
        ("a", 3, 0),
        ("b", 2, 0),
        ("storage", 2, 5),
    ]


def test_the_file_reads_as_what_was_meant_and_its_proof_holds():
    """A host in no job has the default partition as limited, and nothing else."""
    compiled = compile_partitions(JOBS, inventory())
    made = partitions.tables(
        partitions.read(compiled.artefacts[0].text.encode()),
        [partitions.Port(0x1000 + at, "adapter") for at in range(12)],
        0x1000,
    )
    assert made[0x100B] == {0x7FFF: "limited"}
    assert made[0x1000] == {0x7FFF: "full"}
    for one, other in itertools.combinations(range(1, 12), 2):
        assert speak(made, one, other) == meant(JOBS, one, other)
    proof = prove_ib(JOBS, inventory(), compiled.artefacts, compiled.residuals)
    assert proof.holds
    assert proof.open_pairs == 2 * 11  # the manager's port and everyone, told as a residual


def agree(seed: int) -> None:
    """One random policy, pair by pair: nothing meant is shut, nothing else is open that no residual names."""
    chance = random.Random(seed)
    names = "abcde"[: chance.randint(1, 5)]
    groups = [
        group(name, *chance.sample(range(1, 30), chance.choice((1, 2, 3, 20))), kind=chance.choice(("gang", "service")))
        for name in names
    ]
    pairs = [f"{chance.choice(names)}-{chance.choice(names)}" for _ in range(chance.randint(0, 7))]
    wanted = policy(groups, *pairs)
    place = inventory(30)
    compiled = compile_partitions(wanted, place)
    ((plan,), _) = plan_fabrics(wanted, place, "opensm", {})
    held = tables(plan)
    told = {one.source for one in compiled.residuals if one.source == one.target}
    for one, other in itertools.combinations(range(1, 30), 2):
        allowed = any({port(one), port(other)} <= set(wanted.groups[name].on("ib")) for name in told)
        assert meant(wanted, one, other) <= speak(held, one, other)
        assert speak(held, one, other) <= (meant(wanted, one, other) or allowed)
    assert prove_ib(wanted, place, compiled.artefacts, compiled.residuals).holds
    assert refuse(compiled.artefacts[0].text, place.fabrics["ib0"], held) == ()


@given(st.integers(0, 2**32))
def test_keys_open_what_the_policy_says_and_what_is_told_besides(seed):
    """A hundred random policies against brute force, and the prover and the guard agree with it."""
    agree(seed)


@pytest.mark.long
def test_keys_prover_and_guard_equal_brute_force_on_ten_thousand_policies():
    """The same, seeded."""
    for seed in range(10_000):
        agree(seed)


def test_same_input_same_bytes_and_names_keep_their_keys():
    """Compiled again over its own file nothing changes, and a new job moves nobody's key."""
    first = compile_partitions(JOBS, inventory()).artefacts[0].text
    again = compile_partitions(JOBS, inventory(), {"ib0": Before(first)}).artefacts[0].text
    assert again == first
    more = policy(
        [*JOBS.groups.values(), group("c", 6, 7)], "c-c", "storage-storage", "a-a", "b-b", "a-storage", "b-storage"
    )
    ((plan,), _) = plan_fabrics(more, inventory(), "opensm", {"ib0": was(first)})
    ((old,), _) = plan_fabrics(JOBS, inventory(), "opensm", {})
    kept = {key.name: key.number for key in plan.keys}
    assert {key.name: key.number for key in old.keys}.items() <= kept.items()


@given(st.sets(st.text("abc", min_size=1, max_size=4), max_size=30), st.sets(st.integers(0, 0x7FFF), max_size=50))
def test_keys_are_distinct_free_and_independent_of_order(names, busy):
    """Reserved keys and keys in use are never given out."""
    given_out = allocate(names, {}, busy)
    assert given_out == allocate(sorted(names, reverse=True), {}, busy)
    assert len(set(given_out.values())) == len(names)
    assert not set(given_out.values()) & (busy | RESERVED)


def test_a_freed_key_is_not_given_out_while_a_table_or_the_file_has_it():
    """The name that held it may have it back; nobody else."""
    key = allocate(["a"], {})["a"]
    assert allocate(["b"], {"b": key})["b"] == key
    assert allocate(["b"], {"a": key})["b"] != key
    taken = set(range(SPACE)) - {key, 5}
    assert allocate(["b"], {}, taken | {key}) == {"b": 5}


def test_a_full_key_space_is_refused():
    """32,766 keys, and not one more."""
    with pytest.raises(InputError, match="key space is full"):
        allocate(["x"], {}, range(SPACE))


def test_an_overflowing_table_is_refused_with_the_port():
    """opensm would set what fits and drop the rest."""
    groups = [group(f"g{at}", 1, 2) for at in range(5)]
    wanted = policy([*groups, *(group(f"h{at}", 1, 3 + at) for at in range(4))], *(f"h{at}-h{at}" for at in range(4)))
    with pytest.raises(InputError, match=r"ibport:0x0000000000001001 would need 5 partition keys and holds 4"):
        compile_partitions(wanted, inventory(room=4))


def test_the_site_keeps_its_partitions_and_they_enter_the_proof():
    """Its text stays byte for byte below ours; what it opens is a leak that says which key does it."""
    site = "# the site's own\nlegacy=0x8100, mtu=5, defmember=full : 0x1001, 0x1004;\n"
    before = {"ib0": Before("Default=0x7fff, ipoib, mtu=5 : ALL=full;\n" + site)}
    compiled = compile_partitions(JOBS, inventory(), before)
    made = compiled.artefacts[0].text
    assert made.endswith(site)
    assert "Default=0x7fff, ipoib, mtu=5, defmember=limited : ALL=limited" in made
    proof = prove_ib(JOBS, inventory(), compiled.artefacts, compiled.residuals)
    assert [(gap.kind, gap.source, gap.target, gap.because) for gap in proof.differences] == [
        ("leak", port(1), port(4), "common keys 0x0100"),
        ("leak", port(4), port(1), "common keys 0x0100"),
    ]
    assert compile_partitions(JOBS, inventory(), {"ib0": Before(made)}).artefacts[0].text == made


def test_a_default_partition_written_below_ours_is_taken_away_again():
    """An administrator's `ALL=full` after our part would open the fabric; the next text is without it."""
    good = compile_partitions(JOBS, inventory()).artefacts[0].text
    spoiled = good + "Default=0x7fff : ALL=full;\nlegacy=0x8100 : 0x1001;\n"
    again = compile_partitions(JOBS, inventory(), {"ib0": Before(spoiled)}).artefacts[0].text
    assert again == good + "legacy=0x8100 : 0x1001;\n"


def test_rails_are_judged_each_by_itself():
    """A gang on two fabrics: its ports of different rails never meet, and that is no break."""
    ports = tuple(map(port, range(12)))
    rails = {f"ib{at}": Fabric(f"ib{at}", (f"host:m{at}",), ports[at : at + 1], ports[at::2]) for at in range(2)}
    place = Inventory(fabrics=rails, enforcers={"opensm": ("ib0", "host:m1")})
    compiled = compile_partitions(JOBS, place)
    assert [(one.name, one.loaded_by) for one in compiled.artefacts] == [
        ("ib0/partitions.conf", ("host:m0",)),
        ("ib1/partitions.conf", ("host:m1",)),
    ]
    assert prove_ib(JOBS, place, compiled.artefacts, compiled.residuals).holds
    lost = prove_ib(JOBS, place, compiled.artefacts[:1], compiled.residuals)
    assert {gap.kind for gap in lost.differences} == {"leak"}
    half = Inventory(fabrics=rails, enforcers={"opensm": ("ib0",)})
    told = compile_partitions(JOBS, half)
    assert prove_ib(JOBS, half, told.artefacts, told.residuals).holds
    assert not prove_ib(JOBS, half, told.artefacts, ()).holds


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("site : ALL=full;\n", "has no key"),
        (f"{writer.FIRST}\n{writer.LAST}\nsite=0x8001 : 0xzz;\n", "do not parse"),
        ("Default=0x7fff : ALL=full; site=0x8001 : 0x1001;\n", "stands on the line of the default one"),
    ],
)
def test_a_site_file_that_cannot_be_kept_is_refused(before, said):
    """Rather than lose a partition of the site, or write one whose key nobody knows."""
    with pytest.raises(InputError, match=said):
        compile_partitions(JOBS, inventory(), {"ib0": Before(before)})


def test_no_line_comes_near_the_buffer_and_names_cannot_break_out():
    """3,000 ports, and a group whose name is a stanza of its own."""
    evil = "x\nDefault=0x7fff : ALL=full;\n#" + "y" * 5000
    wanted = policy([group(evil, *range(1, 3000))], f"{evil}-{evil}".replace("-" + evil, "") + "-")
    wanted = Policy(wanted.groups, (Allow(evil, evil, "ib", "any", ""),))
    place = inventory(3000)
    compiled = compile_partitions(wanted, place)
    assert max(map(len, compiled.artefacts[0].text.split("\n"))) < LONGEST_LINE
    assert prove_ib(wanted, place, compiled.artefacts, compiled.residuals).holds


def test_a_fabric_without_an_enforcer_is_open_and_told():
    """The proof counts its pairs as open; without the residual they are leaks."""
    place = Inventory(fabrics=inventory().fabrics)
    compiled = compile_partitions(JOBS, place)
    assert compiled.artefacts == ()
    assert [(one.source, one.pairs) for one in compiled.residuals] == [("network:ib/ib0", 12 * 11)]
    assert not prove_ib(JOBS, place, (), ()).holds
    assert prove_ib(JOBS, place, (), compiled.residuals).open_pairs > 0


def test_a_port_without_a_guid_and_a_manager_without_a_port_are_told():
    """No key reaches the one; without the other nobody can say what the tables will be."""
    odd = "ibport:gpu7/mlx5_0/1"
    one = inventory().fabrics["ib0"]
    place = Inventory(
        fabrics={"ib0": Fabric("ib0", one.managers, one.manager_ports, (*one.ports, odd))},
        enforcers={"opensm": ("ib0",)},
    )
    compiled = compile_partitions(JOBS, place)
    assert odd in {row.source for row in compiled.residuals}
    assert prove_ib(JOBS, place, compiled.artefacts, compiled.residuals).holds
    assert not prove_ib(JOBS, place, compiled.artefacts, ()).holds
    blind = Inventory(fabrics={"ib0": Fabric("ib0", one.managers, (), one.ports)}, enforcers={"opensm": ("ib0",)})
    assert compile_partitions(JOBS, blind).artefacts == ()


def test_a_missing_file_is_judged_as_opensm_treats_it():
    """Everyone with everyone."""
    proof = prove_ib(JOBS, inventory(), ())
    assert not proof.holds
    assert proof.differences[0].because == "common keys 0x7fff"


def test_a_port_of_two_gangs_is_told_and_nothing_else_tolerated():
    """Its processes share one table; the other members of both gangs stay apart."""
    wanted = policy([group("a", 1, 2), group("b", 2, 3)], "a-a", "b-b")
    compiled = compile_partitions(wanted, inventory())
    assert {(one.source, one.target) for one in compiled.residuals} == {("*", port(0)), (port(2), "a"), (port(2), "b")}
    assert prove_ib(wanted, inventory(), compiled.artefacts, compiled.residuals).holds


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda good: "", "holds no partition"),
        (lambda good: good.replace("\n", "\r\n"), "open the whole fabric"),
        (lambda good: good.replace(" : 0x", " : bad, 0x", 1), "bad port GUID"),
        (lambda good: good.replace("ALL=limited", "ALL=full"), "0x7fff full, wanted"),
        (lambda good: good + "late=0x9999 : ALL;\n", "would hold"),
        (lambda good: good.rpartition("rf.")[0], "would hold"),
    ],
)
def test_the_guard_stops(spoil, said):
    """Whatever opensm would read otherwise than it is meant."""
    ((plan,), _) = plan_fabrics(JOBS, inventory(), "opensm", {})
    problems = refuse(spoil(text(plan)), plan.fabric, tables(plan))
    assert problems
    assert said in problems[0].what


def test_the_guard_judges_for_every_manager_that_may_become_master():
    """`SELF` is whoever is master: a file that only names SELF changes when the standby takes over."""
    place = inventory(managers=2)
    ((plan,), _) = plan_fabrics(JOBS, place, "opensm", {})
    assert refuse(text(plan), plan.fabric, tables(plan)) == ()
    only_self = text(plan).replace(f"Default=0x7fff, defmember=full : 0x{0x1000:016x}, 0x{0x1001:016x};\n", "")
    assert refuse(only_self, plan.fabric, tables(plan)) == ()
    standby_limited = text(plan) + "Default=0x7fff : 0x1001=limited;\n"
    assert refuse(standby_limited, plan.fabric, tables(plan))


def test_a_table_that_did_not_come_is_never_fine():
    """A switch that answers half: its ports count as open, and a leak names the side."""
    compiled = compile_partitions(JOBS, inventory())
    ((plan,), _) = plan_fabrics(JOBS, inventory(), "opensm", {})
    held = tables(plan)
    seen = Seen(held, held)
    assert prove_tables(JOBS, inventory(), {"ib0": seen}, compiled.residuals).holds
    half = Seen(held, {guid: row for guid, row in held.items() if guid != 0x100B}, unread=(0x100B,))
    proof = prove_tables(JOBS, inventory(), {"ib0": half}, compiled.residuals)
    assert {gap.kind for gap in proof.differences} == {"leak"}
    assert all(gap.because.startswith("leaf switches") for gap in proof.differences)
    assert not prove_tables(JOBS, inventory(), {}, compiled.residuals).holds


def test_an_absent_port_is_named_and_not_judged():
    """A host that is down breaks nobody's proof."""
    ((plan,), told) = plan_fabrics(JOBS, inventory(), "opensm", {})
    held = {guid: row for guid, row in tables(plan).items() if guid != 0x1002}
    proof = prove_tables(JOBS, inventory(), {"ib0": Seen(held, held, absent=(0x1002,))}, told)
    assert proof.holds
    assert "1 port(s) are not on the fabric" in proof.covers


def test_drift_is_a_difference_on_the_side_where_it_is():
    """A leaf port that lost a key breaks; an adapter with a key too many leaks."""
    ((plan,), told) = plan_fabrics(JOBS, inventory(), "opensm", {})
    held = tables(plan)
    key = plan.keys[0].number
    leaves = held | {0x1001: {k: how for k, how in held[0x1001].items() if k != key}}
    ends = held | {0x1004: held[0x1004] | {key: "full"}}
    proof = prove_tables(JOBS, inventory(), {"ib0": Seen(ends, leaves)}, told)
    assert {(gap.kind, gap.because.partition(":")[0]) for gap in proof.differences} == {
        ("leak", "adapters"),
        ("break", "leaf switches"),
    }


def test_faults_planted_in_the_file_are_found_by_the_proof():
    """One for each kind of line that the writer makes."""
    compiled = compile_partitions(JOBS, inventory())
    good = compiled.artefacts[0].text
    job = next(line for line in good.split("\n") if line.startswith("rf.a."))
    stored = next(line for line in good.split("\n") if line.startswith("rf.storage") and "limited" in line)
    key = job.partition("=0x")[2][:4]
    faults = {
        "the default is full": good.replace("ALL=limited", "ALL=full"),
        "a job is missing": good.replace(job, ""),
        "a job has a stranger": good.replace(job, job.replace(" : ", " : 0x1004, ")),
        "a job's members are limited": good.replace(job, job.replace("full", "limited")),
        "storage relays": good.replace(stored, stored.replace("limited", "full")),
        "storage lost its clients": good.replace(stored, ""),
        "two jobs share a key": "\n".join(
            f"rf.b=0x{key}" + line[line.index(",") :] if line.startswith("rf.b.") else line for line in good.split("\n")
        ),
    }
    for name, text_ in faults.items():
        proof = prove_ib(JOBS, inventory(), [Artefact("ib0/partitions.conf", text_, ())], compiled.residuals)
        assert not proof.holds, name
