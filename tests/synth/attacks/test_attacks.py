"""Attacks: every kind can be made, shows where it says it does, and leaves everybody else alone."""

from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pytest
from bench.quality.kinds import KINDS as DRAWN

from ringfence.synth import draw
from ringfence.synth.attacks import KINDS, Replay, replay
from ringfence.synth.attacks.base import Attack
from ringfence.synth.telemetry import chunks
from ringfence.synth.telemetry.world import EPOCH, SECOND
from ringfence.wire.ocsf.columns import COLUMNS

TUNING = Path(__file__).parents[3] / "bench" / "quality" / "tuning.json"
HOUR = 3600


@pytest.fixture(scope="module")
def drawn() -> list[Attack]:
    """The attacks that detectors are developed with."""
    return msgspec.json.decode(TUNING.read_bytes(), type=list[Attack])


@pytest.fixture(scope="module")
def days(drawn: list[Attack]) -> Replay:
    """Three days of a cluster with all of them."""
    return replay(draw(200, 3), 3, 72 * HOUR, drawn)


def test_every_kind_that_is_drawn_can_be_made():
    """The tables of kinds and of what makes them hold the same."""
    assert set(KINDS) == set(DRAWN)


def test_every_attack_finds_a_victim(days: Replay, drawn: list[Attack]):
    """On 200 nodes nothing has to be left out."""
    assert days.skipped == ()
    assert {one.id for one in days.truth} == {one.id for one in drawn}


def test_an_attack_begins_about_when_it_was_drawn_and_ends_after_it_began(days: Replay, drawn: list[Attack]):
    """Attacks that wait for a job or a checkpoint begin later, never much earlier."""
    wanted = {one.id: one.start for one in drawn}
    for one in days.truth:
        assert wanted[one.id] - 600 <= one.start < one.end <= 72 * HOUR + HOUR, one
        assert one.start - wanted[one.id] < 12 * HOUR, one


def test_entities_are_hosts_jobs_and_accounts_of_the_cluster(days: Replay):
    """What an incident has to name is named as the estate names it."""
    hosts = {f"host:{name}" for name in days.world.names}
    people = {f"identity:{user.name}" for user in days.world.plan.users}
    for one in days.truth:
        assert one.entities
        for entity in one.entities:
            kind = entity.partition(":")[0]
            assert kind in ("host", "job", "identity", "bmc"), entity
            assert kind != "host" or entity in hosts
            assert kind != "identity" or entity in people


def test_every_attack_shows_in_some_event(days: Replay, drawn: list[Attack]):
    """Each kind has events of its own, or changes what samples show, or what arrives."""
    for attack in drawn:
        if attack.kind != "mining_job":
            made = KINDS[attack.kind](days.world, attack)
            assert made.rows or made.happenings.overlays or made.happenings.silences, attack.id
            assert all(name in COLUMNS for row in made.rows for name in row.fields), attack.id


def test_nobody_else_notices_an_attack(drawn: list[Attack]):
    """Hosts that have no part in it tell the same events with it and without."""
    one = next(attack for attack in drawn if attack.kind == "reverse_shell" and attack.loudness == "loud")
    plan = draw(32, 3)
    with_it, without = replay(plan, 3, 4 * HOUR, [one]), replay(plan, 3, 4 * HOUR, [])
    truth = with_it.truth[0]
    start, end = int(truth.start // 60 * 60), int(truth.start // 60 * 60) + 240
    hosts = {with_it.world.at[entity.removeprefix("host:")] for entity in truth.entities if entity.startswith("host:")}
    others = [at for at in range(len(with_it.world.names)) if at not in hosts]
    for mine, same in ((others, True), (sorted(hosts), False)):
        seen = [list(chunks(one.world, one.stories, start, end, mine)) for one in (with_it, without)]
        assert (seen[0] == seen[1]) is same


def test_a_thinned_out_host_lacks_the_share_that_was_withheld(days: Replay):
    """Numbers are missing at its sources while the attack lasts."""
    truth = next(one for one in days.truth if one.kind == "events_withheld" and one.loudness == "loud")
    at = days.world.at[truth.entities[0].removeprefix("host:")]
    start = int(truth.start // 60 * 60) + 60
    batch = next(iter(chunks(days.world, days.stories, start, start + 60, [at])))
    gpu = batch.filter(pa.compute.equal(batch.column("source").cast(pa.string()), f"host:{days.world.names[at]}/gpu"))
    assert (np.diff(gpu.column("seq").to_numpy()) > 1).any()
    assert gpu.column("time").to_numpy().min() >= EPOCH + start * SECOND
