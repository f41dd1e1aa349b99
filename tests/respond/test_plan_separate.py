"""The cuts that separate are the cheapest there are, told by trying all of them with other code."""

from collections.abc import Iterable
from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.analyse.derive import Edges
from ringfence.analyse.positions import parse
from ringfence.analyse.reach import Graph
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.respond.ground import Ground
from ringfence.respond.separate import Feet, separate
from ringfence.respond.separate_options import CUT, HOST, JOB, Options, weigh
from ringfence.respond.verbs import Grade

HOSTS = tuple(f"host:h{at}" for at in range(5))
JEWELS = ("dataset:a", "dataset:b")
FABRIC = "network:ib/lab"
PLACES = frozenset({*(("contain", host) for host in HOSTS), ("quarantine", FABRIC)})

Step = tuple[tuple[str, ...], str]


def port(host: str) -> str:
    return f"ibport:0x{int(host[-1]) + 1:016x}"


def estate(jobs: Iterable[tuple[int, int]]) -> Estate:
    """Five hosts with a port each; (job, host) pairs say what runs where."""
    facts = [Fact(f"job:slurm/lab/{job}", "runs_on", HOSTS[host]) for job, host in jobs]
    facts += [Fact(host, "has_port", port(host)) for host in HOSTS]
    facts += [Fact(port(host), "on_fabric", FABRIC) for host in HOSTS]
    facts += [Fact(jewel, "jewel", "yes") for jewel in JEWELS]
    facts += [Fact(host, "attached_to", "network:10.0.0.0/24", {"address": f"10.0.0.{host[-1]}"}) for host in HOSTS]
    return estate_of(facts)


def graph(of: Estate, steps: list[Step]) -> Graph:
    start = np.full((len(steps), 3), -1, np.int64)
    for at, (begins, _) in enumerate(steps):
        start[at, : len(begins)] = [parse(of, one) for one in begins]
    to = np.array([parse(of, end) for _, end in steps], np.int64)
    ones = np.ones(len(steps), np.float32)
    none = np.zeros((len(steps), 8), np.int64) - 1
    return Graph.of(Edges(np.zeros(len(steps), np.int16), start, to, none, ones, ones, np.zeros(len(steps), np.bool_)))


def where(position: str) -> str:
    entity = position.partition("#")[0]
    return next((host for host in HOSTS if entity in (host, port(host))), "")


def falls(held: str, steps: list[Step], isolated: frozenset[str], quarantined: frozenset[str]) -> set[str]:
    """What is reached, by going round until nothing more is."""
    reached = {held}
    while True:
        more = set()
        for begins, end in steps:
            hosts = {where(one) for one in begins}
            by_fabric = any(one.startswith("ibport:") for one in begins)
            far = where(end) not in hosts and not end.startswith("dataset:")
            gone = (quarantined if by_fabric else isolated) & {*hosts, where(end)} if far else frozenset()
            if not gone and set(begins) <= reached and end not in reached:
                more.add(end)
        if not more:
            return reached
        reached |= more


def cheapest(held: str, steps: list[Step], jobs: set[tuple[int, int]]) -> int | None:
    """The least weight of isolated and quarantined hosts after which no jewel is reached that can be saved."""
    goals = {f"{jewel}#read" for jewel in JEWELS}
    everything = frozenset(HOSTS)
    goals -= falls(held, steps, everything, everything)
    best: int | None = None
    sets = [frozenset(some) for size in range(len(HOSTS) + 1) for some in combinations(HOSTS, size)]
    for isolated in sets:
        for quarantined in sets:
            hosts = isolated | quarantined
            hit = {job for job, host in jobs if HOSTS[host] in hosts}
            weight = JOB * len(hit) + HOST * len(hosts) + CUT * (len(isolated) + len(quarantined))
            if (best is None or weight < best) and not goals & falls(held, steps, isolated, quarantined):
                best = weight
    return best


ROOT = st.sampled_from([f"{host}#root" for host in HOSTS])
USER = st.sampled_from([f"{host}#user" for host in HOSTS])
SEND = st.sampled_from([f"{port(host)}#send" for host in HOSTS])
ENDS = st.sampled_from([f"{jewel}#read" for jewel in JEWELS])
LOCAL: list[Step] = [((f"{host}#root",), f"{port(host)}#send") for host in HOSTS]
OR_STEPS = st.lists(
    st.one_of(
        st.tuples(st.tuples(ROOT), USER),
        st.tuples(st.tuples(USER), ROOT),
        st.tuples(st.tuples(SEND), USER),
        st.tuples(st.tuples(USER), ENDS),
    ),
    min_size=12,
    max_size=30,
)
AND_STEPS = st.lists(st.tuples(st.tuples(ROOT, USER), st.one_of(USER, ENDS)), max_size=4)
JOBS = st.sets(st.tuples(st.integers(1, 3), st.integers(0, 4)), max_size=6)


def kept_apart(steps: list[Step]) -> list[Step]:
    return [(begins, end) for begins, end in steps if len(set(begins)) == len(begins) and end not in begins]


@settings(max_examples=60, deadline=None)
@given(OR_STEPS, AND_STEPS, JOBS)
def test_the_weight_is_that_of_the_best_of_all_sets(
    or_steps: list[Step], and_steps: list[Step], jobs: set[tuple[int, int]]
) -> None:
    steps = kept_apart([*LOCAL, *or_steps, *and_steps])
    of = estate(jobs)
    asked = graph(of, steps)
    goals = asked.indices(np.array([parse(of, f"{jewel}#read") for jewel in JEWELS], np.int64))
    ground = Ground(of, asked, goals[goals >= 0].tolist(), PLACES)
    held = ground.number("host:h0#root")
    found = separate(Options(ground, Grade.ISOLATE), Feet((held,)), goals[goals >= 0])
    left = {ground.text(at) for at in found.left}
    everything = frozenset(HOSTS)
    assert left == {f"{jewel}#read" for jewel in JEWELS} & falls("host:h0#root", steps, everything, everything)
    assert found.exact
    assert weigh(found.chosen) == cheapest("host:h0#root", steps, jobs)


@settings(max_examples=60, deadline=None)
@given(OR_STEPS, AND_STEPS, JOBS)
def test_no_cut_is_superfluous_and_all_of_them_separate(
    or_steps: list[Step], and_steps: list[Step], jobs: set[tuple[int, int]]
) -> None:
    steps = kept_apart([*LOCAL, *or_steps, *and_steps])
    of = estate(jobs)
    asked = graph(of, steps)
    goals = asked.indices(np.array([parse(of, f"{jewel}#read") for jewel in JEWELS], np.int64))
    ground = Ground(of, asked, goals[goals >= 0].tolist(), PLACES)
    found = separate(Options(ground, Grade.ISOLATE), Feet((ground.number("host:h0#root"),)), goals[goals >= 0])
    names = {one.name for one in found.chosen}

    def lost(left_out: str = "") -> set[str]:
        off = frozenset(name.split()[1] for name in names - {left_out} if name.startswith("isolate"))
        out = frozenset(name.split()[1] for name in names - {left_out} if name.startswith("quarantine"))
        reached = falls("host:h0#root", steps, off, out)
        return {f"{jewel}#read" for jewel in JEWELS} & reached - {ground.text(at) for at in found.left}

    assert not lost()
    assert all(lost(name) for name in names)


def test_a_single_peer_is_blocked_where_that_disturbs_less_than_cutting_the_host_off() -> None:
    of = estate({(1, 0)})
    asked = graph(of, [(("host:h0#root",), "host:h1#user"), (("host:h1#user",), "dataset:a#read")])
    ground = Ground(of, asked, [asked.index(parse(of, "dataset:a#read"))], PLACES)
    options = Options(ground, Grade.ISOLATE, never=frozenset({"host:h1"}) - {"host:h1"}, own=("host:h0",))
    found = separate(options, Feet((ground.number("host:h0#root"),)), ground.jewels)
    assert [cut.verb for one in found.chosen for cut in one.cuts] == ["block"]
    assert [cut.subject for one in found.chosen for cut in one.cuts] == ["10.0.0.1"]
