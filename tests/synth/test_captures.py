"""The captures of a generated cluster, read by the real collectors, say what its facts say."""

import hashlib
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

from ringfence.analyse.derive import derive
from ringfence.analyse.positions import parse, text
from ringfence.analyse.reach import Graph, reach_from
from ringfence.app.survey import Survey, survey_tree
from ringfence.collect.base import Scope
from ringfence.estate.estate import Estate, estate_of
from ringfence.synth import Cluster, Rates, draw, facts
from ringfence.synth.captures import captures, chosen_hosts, write
from ringfence.synth.captures_slurm import hostlist
from ringfence.synth.facts_answers import answers
from ringfence.synth.facts_answers import settings as config
from ringfence.synth.rates import UNITS
from ringfence.wire.slurm.hostlist import expand

SAID_ALIKE = (
    *("in_zone", "in_rack", "in_partition", "has_gpu", "nvlink_member", "device_open", "vulnerable_to"),
    *("managed_by", "routes_to", "reaches_outside", "logs_in_from", "session_on", "agent_forwarded"),
    *("unlocks", "stores_credential", "keeps_credential", "scheduler_key", "trusts_host", "stores_home"),
    *("may_login", "may_sudo", "may_use_runtime", "may_submit", "member_of", "operates", "coordinates"),
    *("root_runs_from", "runs_as", "uses_gpu", "uses_imex", "imex_of", "in_pkey", "sm_on", "exported_to"),
    *("stored_on", "readable_by", "writable_by", "has_format", "reads", "writes", "trained_from", "checkpoint_of"),
    *("watched_by", "enforced_by", "signs_orders", "jewel"),
)
"""Predicates whose facts are the same pairs either way."""

SAID_MORE = ("in_cluster", "runs_on", "mounts", "has_port", "on_fabric", "attached_to", "listens_on", "service_kind")
"""Predicates of which the captures say all that the facts say, and more: switches, pods' services, local mounts."""


@cache
def plan(seed: int) -> Cluster:
    """Forty nodes on which every second thing is misconfigured."""
    return draw(40, seed, Rates(**dict.fromkeys(UNITS, 0.5)))


@pytest.fixture(scope="module", params=[1, 2])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Estate, Survey]:
    """(the estate of the facts, what was collected from the captures)."""
    found = plan(request.param)
    folder = tmp_path_factory.mktemp("captures")
    write(found, folder, per_class=None)
    return estate_of(facts(found)), survey_tree(folder, Scope(found.name))


def pairs(estate: Estate) -> dict[str, set[tuple[str, str]]]:
    """Predicate → its (subject, object) pairs."""
    found: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for fact in estate.facts():
        found[fact.predicate].add((fact.subject, fact.object))
    return found


def test_every_file_is_understood(both: tuple[Estate, Survey]) -> None:
    """No problem at all: the writers know the formats."""
    assert [str(problem) for problem in both[1].problems] == []


def test_collected_captures_say_what_the_facts_say(both: tuple[Estate, Survey]) -> None:
    """Pair by pair, for everything that moves ask for."""
    said, collected = pairs(both[0]), pairs(both[1].estate)
    for predicate in SAID_ALIKE:
        assert said[predicate] ^ collected[predicate] == set(), predicate
    for predicate in SAID_MORE:
        assert said[predicate] - collected[predicate] == set(), predicate


def test_the_same_falls_from_facts_and_from_captures(both: tuple[Estate, Survey]) -> None:
    """Hosts with a shell and jewels read, from every workstation's user at once."""
    assert fallen(both[0]) == fallen(both[1].estate)


def fallen(estate: Estate) -> set[str]:
    graph = Graph.of(derive(estate))
    starts = [f"{term}#user" for term in estate.terms.values if term.startswith("workstation:res-")]
    held = [at for start in starts if (at := graph.index(parse(estate, start))) >= 0]
    names = {text(estate, int(graph.positions[at])) for at in reach_from(graph, held).mask.nonzero()[0]}
    shells = {name for name in names if name.startswith("host:") and name.endswith(("#root", "#user"))}
    return shells | {
        name for name in names if name.startswith(("model:", "dataset:", "checkpoint:")) and "#read" in name
    }


def test_captures_are_the_same_for_the_same_seed() -> None:
    """File by file, byte by byte; another seed gives others."""

    def digest(seed: int) -> str:
        whole = hashlib.sha256()
        for path, content in captures(draw(64, seed)):
            whole.update(path.encode() + b"\0" + content)
        return whole.hexdigest()

    assert digest(3) == digest(3)
    assert digest(3) != digest(4)


def test_files_are_for_the_owner_alone(tmp_path: Path) -> None:
    """A capture is a thief's best map."""
    files, size = write(plan(1), tmp_path)
    found = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(found) == files
    assert sum(path.stat().st_size for path in found) == size
    assert {path.stat().st_mode & 0o777 for path in found} == {0o600}


def test_a_sample_holds_some_nodes_of_each_partition_and_every_server() -> None:
    """The rest of a class is assumed to be like it."""
    found = draw(300, 1)
    chosen = chosen_hosts(found, 2)
    for partition in {host.partition for host in found.hosts if host.gpus}:
        assert sum(host.name in chosen for host in found.hosts if host.partition == partition) >= 2
    assert all(host.name in chosen for host in found.hosts if not host.gpus)
    assert len(chosen) < len(found.hosts) / 2


def test_hostlists_expand_to_what_they_abbreviate() -> None:
    """Read back by the reader of Slurm's own lists."""
    names = [host.name for host in draw(120, 1).hosts]
    assert sorted(expand(hostlist(names))) == sorted(names)


def test_logins_are_said_alike(both: tuple[Estate, Survey]) -> None:
    """What sshd takes: else a made-up cluster would be unknown where a captured one is judged."""
    said, collected = (
        {pair for pair in pairs(one)["setting"] if pair[1].startswith("sshd.")} for one in (both[0], both[1].estate)
    )
    assert said
    assert said == collected


def answered(estate: Estate) -> set[tuple[str, str, bool]]:
    """(who, for what, whether in full) of every answer."""
    return {
        (fact.subject, fact.object, bool(fact.attributes.get("complete")))
        for fact in estate.facts("asked")
        if fact.attributes.get("answered")
    }


def test_whoever_answers_in_the_facts_answers_in_the_captures(both: tuple[Estate, Survey]) -> None:
    """And as fully: a made-up cluster is no better known than a captured one. Of what it speaks of, all is there."""
    told = answered(estate_of([*answers(plan_of(both[0]))]))
    found = {one for one in answered(both[1].estate) if one[1] in {aspect for _, aspect, _ in told}}
    assert told - found == set()
    more = found - answered(both[0])
    assert {one for one in more if one[1] != "devices"} == set()  # a login node lists its sockets there


def test_what_the_facts_say_of_configurations_the_captures_say_too(both: tuple[Estate, Survey]) -> None:
    """Setting by setting, of the same things."""
    told = pairs(estate_of([*config(plan_of(both[0]))]))["setting"]
    names = {said.partition("=")[0] for _, said in told}
    found = {pair for pair in pairs(both[1].estate)["setting"] if pair[1].partition("=")[0] in names}
    assert told
    assert told == found


def plan_of(said: Estate) -> Cluster:
    """The plan that an estate of facts was made from."""
    return next(found for seed in (1, 2) if pairs(estate_of(facts(found := plan(seed)))) == pairs(said))
