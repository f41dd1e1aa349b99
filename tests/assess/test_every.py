"""Where a pass rests on what several things said, the silence of one of them makes it unknown."""

import random
from collections.abc import Iterator

import msgspec
import numpy as np
import pytest

from ringfence.analyse.match import match, names_of
from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import IT, Check, Layer, Result, Verdict, When, asked_of
from ringfence.assess.checks import CHECKS
from ringfence.assess.judge import Judged, affected, check_checks, judge_one
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact
from ringfence.synth import generate
from tests.assess.test_checks import BY_NAME, judged, sample

OVER_SEVERAL = sorted((check.name, at) for check in CHECKS for at, when in enumerate(check.rests) if when.every)
WRITTEN = (
    "bmc_network_apart",
    "home_writers",
    "nvlink_across_tenants",
    "one_key_one_account",
    "outside_registry",
    "private_keys",
    "resumable_credentials",
    "scheduler_hooks",
    "scheduler_operators",
    "scheduler_state",
    "shared_volumes",
)
"""Checks whose samples hold two of the things that they lead to."""
ANSWERED = {"answered": True}
CHECK = Check(
    id="RF-T00",
    name="sample",
    title="All nodes were read",
    layer=Layer.HOST,
    each=(When((Atom("asked", "it", Is("slurm-conf")),)),),
    fails=(When((Atom("setting", "it", Is("bad=yes")),), "it is bad"),),
    rests=(
        asked_of(
            "gpu", "host", (Atom("in_cluster", "host", "it"), Atom("has_gpu", "host", "gpu")), kinds={"host": ("host",)}
        ),
    ),
    why="",
    remedy="",
)
CLUSTER = Fact("cluster:c", "asked", "slurm-conf", ANSWERED)


def nodes(count: int, *, silent: int = -1) -> list[Fact]:
    """A cluster's nodes with an accelerator each; all but one were asked."""
    found = [CLUSTER]
    for at in range(count):
        host = f"host:n{at:03}"
        found += [Fact(host, "in_cluster", "cluster:c"), Fact(host, "has_gpu", f"gpu:{at:03}")]
        if at != silent:
            found.append(Fact(host, "asked", "gpu", ANSWERED))
    return found


def one(check: Check, facts: list[Fact]) -> Result:
    (found,) = judged(check, facts)
    return found


def test_a_cluster_does_not_pass_by_the_word_of_all_nodes_but_one() -> None:
    """Whichever it is; and without a node nobody said anything."""
    assert one(CHECK, nodes(64)).verdict is Verdict.PASSED
    for silent in (0, 17, 63):
        assert one(CHECK, nodes(64, silent=silent)).verdict is Verdict.UNKNOWN
    assert one(CHECK, nodes(0)).verdict is Verdict.UNKNOWN


def test_what_is_of_another_kind_need_not_answer() -> None:
    """A job in the cluster is no host, and a host without an accelerator is not asked for one."""
    beside = [
        Fact("job:slurm/c/1", "in_cluster", "cluster:c"),
        Fact("job:slurm/c/1", "has_gpu", "gpu:000"),
        Fact("host:login", "in_cluster", "cluster:c"),
    ]
    assert one(CHECK, [*nodes(2), *(fact for fact in beside if fact.predicate == "in_cluster")]).verdict is (
        Verdict.PASSED
    )


def test_the_facts_of_a_pass_are_all_that_were_asked_and_the_others_are_counted() -> None:
    """Up to a bound, in the order of their names, whatever came first."""
    few = one(CHECK, list(reversed(nodes(3))))
    assert [fact.subject for fact in few.facts] == ["host:n000", "host:n001", "host:n002"]
    assert few.reason == "every host of it answered for gpu"
    many = one(CHECK, nodes(64))
    assert (len(many.facts), len(many.rows)) == (24, 64)
    assert many.reason.endswith("; 40 more facts say so")


def test_with_every_given_a_thing_without_the_next_step_is_missed_as_well() -> None:
    """`every=1`: a node of which no accelerator is known has not been read, with 2 it is left out."""
    (rest,) = CHECK.rests
    strict = msgspec.structs.replace(CHECK, rests=(msgspec.structs.replace(rest, every=1),))
    bare = [*nodes(2), Fact("host:bare", "in_cluster", "cluster:c"), Fact("host:bare", "asked", "gpu", ANSWERED)]
    assert one(CHECK, bare).verdict is Verdict.PASSED
    assert one(strict, bare).verdict is Verdict.UNKNOWN
    assert one(strict, nodes(2)).verdict is Verdict.PASSED


def test_a_condition_whose_first_facts_do_not_name_the_subject_is_refused() -> None:
    far = When((Atom("has_gpu", "host", "gpu"), Atom("in_cluster", "host", "it")), "x", every=1)
    with pytest.raises(ValueError, match="without 'it'"):
        check_checks([msgspec.structs.replace(CHECK, rests=(far,))])
    with pytest.raises(ValueError, match="RF-T00"):
        check_checks([msgspec.structs.replace(CHECK, rests=(msgspec.structs.replace(CHECK.rests[0], every=3),))])


def test_no_check_leads_to_other_things_and_takes_the_word_of_one() -> None:
    """Each condition that ends in what another thing was asked holds of every such thing."""
    for check in CHECKS:
        for when in check.rests:
            elsewhere = any(atom.predicate == "asked" and atom.subject != IT for atom in when.facts)
            assert when.every > 0 or not elsewhere, (check.id, when.says)


@pytest.mark.parametrize("name", WRITTEN)
def test_samples_hold_two_things_and_the_silence_of_either_is_unknown(name: str) -> None:
    facts = sample(name, "passed")
    for passed in judged(BY_NAME[name], facts):
        asked = [fact for fact in passed.facts if fact.predicate == "asked" and fact.subject != passed.subject]
        assert len({fact.subject for fact in asked}) >= 2
        for gone in asked:
            again = one(BY_NAME[name], [fact for fact in facts if fact != gone])
            assert (again.verdict, gone.subject) == (Verdict.UNKNOWN, gone.subject)


@pytest.mark.parametrize(("name", "at"), OVER_SEVERAL)
def test_another_thing_beside_the_first_must_answer_too(name: str, at: int) -> None:
    """The things of a sample are doubled under other names; then each coverage fact of either is deleted."""
    facts = sample(name, "passed")
    first = judged(BY_NAME[name], facts)[0].subject
    doubled = [*facts, *_double(facts, BY_NAME[name].rests[at], first)]
    assert len(doubled) > len(facts)
    assert _of(BY_NAME[name], doubled, first) is Verdict.PASSED
    mine = [fact for fact in doubled if fact.predicate == "asked" and fact.object in _aspects(BY_NAME[name].rests[at])]
    for gone in mine:
        assert _of(BY_NAME[name], [fact for fact in doubled if fact != gone], first) is not Verdict.PASSED, gone


def _double(facts: list[Fact], when: When, subject: str) -> list[Fact]:
    """The facts of the first way to meet a condition, with all that is not the subject renamed.

    What one way is enough for (`When.some`) stays: another port, in the same partition of the same tenant.
    """
    estate = estate_of(facts)
    found = match(estate, when.facts, when.unless, when.kinds, given=_term(estate, subject))
    assert found is not None
    stay = {IT}
    if when.some:
        stay |= set().union(*map(names_of, when.facts[when.every :])) - set().union(
            *map(names_of, when.facts[: when.every])
        )
    names = {estate.terms.values[column[0]] for name, column in found.variables.items() if name not in stay}
    of = {name: f"{name}x" for name in names}
    way = [estate.fact(int(rows[0])) for rows in found.rows]
    renamed = [
        msgspec.structs.replace(
            fact, subject=of.get(fact.subject, fact.subject), object=of.get(fact.object, fact.object)
        )
        for fact in way
    ]
    # what other conditions ask of the same things
    beside = [
        msgspec.structs.replace(fact, subject=of[fact.subject])
        for fact in facts
        if fact.subject in of and fact not in way
    ]
    return list({msgspec.json.encode(fact): fact for fact in (*renamed, *beside)}.values())


def test_every_port_of_a_host_must_be_in_a_partition_that_is_known() -> None:
    """Seven of eight are too few, whichever it is; the default partition beside the tenant's does no harm."""
    whole = [*_ports(8), Fact("ibport:3", "in_pkey", "network:ib/f/0x7fff", {"membership": "limited"})]
    check = BY_NAME["pkeys_across_tenants"]
    assert one(check, whole).verdict is Verdict.PASSED
    for port in range(8):
        left = [f for f in whole if (f.subject, f.object) != (f"ibport:{port}", "network:ib/f/0x0101")]
        assert (port, one(check, left).verdict) == (port, Verdict.UNKNOWN)


def test_the_facts_of_a_pass_are_the_same_in_whatever_order_they_came() -> None:
    """All partitions of all ports, by name."""
    told = _ports(8)
    first = one(BY_NAME["pkeys_across_tenants"], told).facts
    assert sum(fact.predicate == "in_pkey" for fact in first) == 8
    for seed in range(5):
        random.Random(seed).shuffle(told)
        assert one(BY_NAME["pkeys_across_tenants"], told).facts == first


def _ports(count: int) -> list[Fact]:
    """A host with an accelerator, all of whose ports are in its tenant's partition."""
    found = [
        Fact("host:a", "has_gpu", "gpu:a/0", {"index": 0}),
        Fact("network:ib/f", "asked", "pkeys", {"answered": True, "complete": True}),
        Fact("network:ib/f/0x0101", "in_tenant", "tenant:t"),
    ]
    for at in range(count):
        port = f"ibport:{at}"
        found += [
            Fact("host:a", "has_port", port, {"port": 1}),
            Fact(port, "on_fabric", "network:ib/f", {"link_layer": "InfiniBand"}),
            Fact(port, "in_pkey", "network:ib/f/0x0101", {"membership": "full"}),
        ]
    return found


def test_each_constraint_that_is_required_must_be_in_force() -> None:
    """Of two, one that is says nothing of the other."""
    held = {"held": True, "by": "read-back"}
    told = [
        Fact("gpu:1", "requires_constraint", "one-tenant"),
        Fact("gpu:1", "requires_constraint", "no-foreign-neighbour"),
        Fact("gpu:1", "constraint_in_force", "one-tenant", held),
    ]
    assert one(BY_NAME["constraint_in_force"], told).verdict is Verdict.UNKNOWN
    both = [*told, Fact("gpu:1", "constraint_in_force", "no-foreign-neighbour", held)]
    assert one(BY_NAME["constraint_in_force"], both).verdict is Verdict.PASSED


def _of(check: Check, facts: list[Fact], subject: str) -> Verdict:
    return next((found.verdict for found in judged(check, facts) if found.subject == subject), Verdict.UNKNOWN)


def _aspects(when: When) -> set[str]:
    return {atom.object.term for atom in when.facts if atom.predicate == "asked" and isinstance(atom.object, Is)}


def _term(estate: Estate, subject: str) -> dict[str, np.ndarray[tuple[int], np.dtype[np.int32]]]:
    return {IT: np.array([estate.terms.find(subject)], np.int32)}


@pytest.fixture(scope="module")
def site() -> Estate:
    return estate_of(generate(16, 5))


def test_in_a_generated_estate_nothing_passes_without_any_answer_that_it_leads_to(site: Estate) -> None:
    """A seeded sample of passes of every check: each `asked` that a rest leads to is deleted, one at a time."""
    draw, tried, several = random.Random(11), 0, 0
    for check in CHECKS:
        found = judge_one(site, check)
        passed = found.subjects[~found.failed & (found.missing < 0)].tolist()
        for term in draw.sample(passed, min(9, len(passed))):
            leads = sorted(_answers(site, check, term))
            several += len(leads) > len(check.rests)
            for subject, aspect in draw.sample(leads, min(6, len(leads))):
                silent = [fact for fact in site.about(subject, "asked") if fact.object == aspect]
                again = judge_one(site.with_delta(removed=silent), check, np.array([term], np.int32))
                assert Verdict.PASSED not in [verdict for verdict, count in again.counts().items() if count], (
                    check.id,
                    site.terms.values[term],
                    silent,
                )
                tried += 1
    assert tried > 100
    assert several > 0


def _answers(estate: Estate, check: Check, term: int) -> Iterator[tuple[str, str]]:
    """(thing, aspect) of every answer that a rest leads to, by plain joins of what leads there."""
    pairs: set[tuple[str, str]] = set()
    for when in check.rests:
        asked = [atom for atom in when.facts if atom.predicate == "asked"]
        by = [atom for atom in when.facts if atom.predicate != "asked"]
        for atom in asked:
            assert isinstance(atom.subject, str)
            assert isinstance(atom.object, Is)
            given = {IT: np.array([term], np.int32)}
            found = match(estate, by, when.unless, when.kinds, given=given) if by else None
            column = found.variables[atom.subject] if found is not None else given[IT]
            pairs |= {(estate.terms.values[code], atom.object.term) for code in np.unique(column).tolist()}
    yield from pairs


def test_verdicts_judged_again_after_a_change_are_those_of_the_whole(site: Estate) -> None:
    """Whatever is taken away or given back, of coverage and of what leads to it, nothing affected is left out."""
    draw = random.Random(7)
    checks = [check for check in CHECKS if any(when.every for when in check.rests)]
    told = [*site.facts("asked", "in_cluster", "has_gpu", "nvlink_member", "part_of", "runs_on", "in_partition")]
    less, _, removed = _change(site, (), draw.sample(told, 40))
    for before, after, rows in ((site, less, removed),):
        for check in checks:
            _same(before, after, check, rows)
    gone = draw.sample([*less.facts("in_cluster", "asked")], 20)
    further, _, again = _change(less, (), gone)
    for check in checks:
        _same(less, further, check, again)


def test_a_host_that_comes_or_goes_is_judged_whatever_fact_told_of_it(site: Estate) -> None:
    """It is there with its first fact, and gone with its last; what is said more of it changes nothing."""
    check = BY_NAME["ssh_root_login"]
    first, _, rows = _change(site, (Fact("host:new", "in_zone", "compute"),), [])
    assert [first.terms.values[term] for term in affected(site, first, check, rows)] == ["host:new"]
    _same(site, first, check, rows)
    second, _, more = _change(first, (Fact("host:new", "in_rack", "r1"),), [])
    assert not len(affected(first, second, check, more))
    gone, _, less = _change(second, (), [*second.about("host:new", "in_zone"), *second.about("host:new", "in_rack")])
    assert "host:new" not in [gone.terms.values[term] for term in judge_one(gone, check).subjects]
    _same(second, gone, check, less)


def _change(estate: Estate, added: tuple[Fact, ...], removed: list[Fact]) -> tuple[Estate, object, tuple[object, ...]]:
    after, plus, minus = estate.changed(added, removed)
    return after, plus, (minus, plus)


def _same(before: Estate, after: Estate, check: Check, rows: object) -> None:
    touched = set(affected(before, after, check, rows).tolist())
    one_, other = _verdicts(before, check), _verdicts(after, check)
    moved = {term for term in {*one_, *other} if one_.get(term) != other.get(term)}
    assert moved <= touched, check.id


def _verdicts(estate: Estate, check: Check) -> dict[int, tuple[bool, bool]]:
    found: Judged = judge_one(estate, check)
    said = zip(found.failed.tolist(), (found.missing < 0).tolist(), strict=True)
    return dict(zip(found.subjects.tolist(), said, strict=True))
