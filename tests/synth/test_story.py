"""The founding story: fourteen hosts, datasets and models fall, and each repair moves the numbers."""

from functools import cache

import msgspec
import pytest

from ringfence.analyse.derive import derive
from ringfence.analyse.positions import parse, text
from ringfence.analyse.reach import Graph, reach_from
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.synth import story


class Outcome(msgspec.Struct, frozen=True):
    """What falls with the workstation: hosts with a shell, GPUs whose memory is read, jewels with their minutes."""

    hosts: frozenset[str]
    memory: frozenset[str]
    jewels: dict[str, float]

    def of(self, kind: str) -> set[str]:
        return {jewel for jewel in self.jewels if jewel.startswith(f"{kind}:")}


def outcome(facts: list[Fact]) -> Outcome:
    """Derived from the facts, nothing else."""
    estate = estate_of(facts)
    graph = Graph.of(derive(estate))
    reached = reach_from(graph, [graph.index(parse(estate, story.START))])
    held = {text(estate, int(graph.positions[at])): float(reached.cost[at]) for at in reached.mask.nonzero()[0]}
    names = {name.partition("#")[0] for name in held if name.startswith("host:") and name.endswith(("#user", "#root"))}
    return Outcome(
        frozenset(names),
        frozenset(name for name in held if name.startswith("gpu:") and name.endswith("#memory")),
        {
            name: minutes
            for name, minutes in held.items()
            if name.startswith(("model:", "checkpoint:", "dataset:")) and name.endswith("#read")
        },
    )


@cache
def told(seed: int = 0) -> tuple[Fact, ...]:
    return tuple(story.story(seed))


@cache
def before() -> Outcome:
    return outcome(list(told()))


@cache
def after(name: str) -> Outcome:
    """With one planted misconfiguration repaired."""
    planted = next(planted for planted in story.PLANTED if planted.name == name)
    return outcome(list(planted.repair(told())))


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_the_workstation_pivots_through_fourteen_hosts_to_datasets_and_models(seed: int) -> None:
    """Four login nodes and ten trays of the rack; on the eight others only GPU memory is read."""
    found = outcome(list(told(seed)))
    assert len(found.hosts) == 14
    assert sum(name.startswith("host:nvl01-") for name in found.hosts) == 10
    assert len(found.memory) == 18 * 4
    assert found.of("dataset")
    assert found.of("checkpoint")
    assert {f"model:t03-p{number}#read" for number in (1, 2, 3)} <= found.of("model")


def test_the_cluster_has_two_thousand_gpu_nodes_and_most_of_it_is_not_reached() -> None:
    """A rack of 18 trays with three tenants among them."""
    plan = story.plan()
    assert sum(host.gpus > 0 for host in plan.hosts) == 2000
    assert {host.tenant for host in plan.hosts if host.rack == story.RACK} == {"t01", "t02", "t03"}
    tenants = {jewel.partition(":")[2].partition("-")[0] for jewel in before().jewels}
    assert len(tenants) < len(plan.tenants) / 4


@pytest.mark.parametrize("name", [planted.name for planted in story.PLANTED])
def test_each_repair_moves_the_numbers_and_nothing_gets_worse(name: str) -> None:
    """No jewel falls that did not, none sooner, and something is saved or takes longer."""
    was, now = before(), after(name)
    assert now.hosts <= was.hosts
    assert set(now.jewels) <= set(was.jewels)
    assert all(now.jewels[jewel] >= was.jewels[jewel] for jewel in now.jewels)
    saved = set(was.jewels) - set(now.jewels)
    later = {jewel for jewel in now.jewels if now.jewels[jewel] > was.jewels[jewel]}
    assert saved | later


def test_a_passphrase_makes_everything_take_much_longer() -> None:
    """What is left is waiting for the owner to log in."""
    assert min(after("plain-key").jewels.values()) > 3 * min(before().jewels.values())


def test_hiding_the_colleagues_key_saves_her_tenants_trays() -> None:
    """Fourteen hosts become ten."""
    assert len(after("readable-key").hosts) == 10


def test_a_channel_for_each_job_saves_the_memory_of_the_others() -> None:
    """No accelerator's memory can be mapped any more."""
    assert not after("one-imex-channel").memory


@pytest.mark.parametrize("name", ["default-key", "open-tracking-server"])
def test_the_tracking_server_is_out_of_reach_or_asks_for_a_password(name: str) -> None:
    """The neighbour's models, which only it had, are saved."""
    assert before().of("model") - after(name).of("model") >= {f"model:t04-p{number}#read" for number in (1, 2, 3)}


def test_private_checkpoints_are_not_read_by_the_group() -> None:
    """They are lost only through the memory of a job that has them, and hours later."""
    was, now = before().jewels, after("group-readable-checkpoints").jewels
    mine = [jewel for jewel in was if jewel.startswith("checkpoint:t01-")]
    assert mine
    assert all(jewel not in now or now[jewel] > 2 * was[jewel] for jewel in mine)


def test_a_repair_changes_few_facts() -> None:
    """At most the memberships of all ports; all but that one far less than a hundred."""
    whole = {repr(fact) for fact in told()}
    for planted in story.PLANTED:
        changed = whole ^ {repr(fact) for fact in planted.repair(told())}
        assert 0 < len(changed) < (100 if planted.name != "default-key" else len(whole) / 2), planted.name
