"""Attacks as the sensors would see them, put among the benign events of a generated cluster.

        drawn attacks ──jobs of their own──▶ World ──each kind's function──▶ rows, happenings ──▶ Replay

A replay holds the world with all attacks in it, the stories to generate it from, and the truth about each attack.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from ringfence.synth.attacks import accelerators, below, blinding, leaving, moving, ranks, scheduling, touching
from ringfence.synth.attacks.base import Attack, Impossible, Make
from ringfence.synth.plan import Cluster
from ringfence.synth.telemetry import BENIGN, Story
from ringfence.synth.telemetry.block import Row
from ringfence.synth.telemetry.operations import world as benign_world
from ringfence.synth.telemetry.schedule import Run, schedule
from ringfence.synth.telemetry.world import World, micro

KINDS: Mapping[str, Make] = {
    make.__name__: make
    for make in (
        leaving.weights_egress,
        leaving.slow_exfiltration,
        leaving.exfiltration_over_used_service,
        leaving.dns_tunnel,
        leaving.staged_on_node,
        touching.weights_read_by_non_member,
        touching.checkpoint_read_out_of_phase,
        touching.checkpoint_rewritten,
        touching.dataset_tampered,
        touching.credential_harvest,
        ranks.rank_sends_more,
        ranks.rank_runs_processes,
        ranks.rank_slowed,
        ranks.rank_reads_more,
        accelerators.mining_job,
        accelerators.mining_on_idle,
        accelerators.mining_in_job,
        accelerators.process_on_foreign_gpu,
        accelerators.gpu_setting_changed,
        accelerators.nvlink_without_job,
        accelerators.counter_side_channel,
        moving.cross_compartment_flow,
        moving.cross_compartment_rdma,
        moving.odd_traffic,
        moving.port_scan,
        moving.lateral_chain,
        moving.stolen_key_login,
        moving.service_account_login,
        moving.reverse_shell,
        moving.metadata_service_access,
        moving.container_escape,
        moving.poisoned_image_start,
        moving.kernel_module_loaded,
        scheduling.job_as_somebody_else,
        scheduling.neighbour_hunting,
        scheduling.hold_up_by_reservation,
        below.bmc_account_added,
        below.firmware_replaced,
        below.chassis_opened,
        below.part_swapped,
        below.cable_moved,
        below.partition_tampered,
        below.subnet_manager_takeover,
        blinding.agent_silenced,
        blinding.events_withheld,
        blinding.events_forged,
    )
}
"""Kind → what makes its events."""

_SECONDS = 72 * 3600.0
"""What the drawn times are meant for; shorter replays have them earlier, and attacks as long as there is room."""


class Truth(msgspec.Struct, frozen=True):
    """What an attack was: seconds of the replay from `start` to `end`, and who took part."""

    id: str
    kind: str
    start: float
    end: float
    entities: tuple[str, ...]
    loudness: str


class Replay(msgspec.Struct, frozen=True):
    """Days with attacks: `skipped` are those for which the replay had no victim."""

    world: World
    stories: tuple[Story, ...]
    truth: tuple[Truth, ...]
    skipped: tuple[str, ...] = ()


def replay(plan: Cluster, seed: int, seconds: int, attacks: Iterable[Attack]) -> Replay:
    """A cluster over some seconds, with these attacks."""
    wanted = [_fitted(one, seconds) for one in attacks]
    runs = schedule(plan, seed, seconds)
    plain = World(plan, seed, seconds, runs)
    for attack in wanted:
        if attack.kind == "mining_job":
            runs = _with(runs, accelerators.mining_run(plain, attack))
    world = benign_world(plan, seed, seconds, runs)
    truth: list[Truth] = []
    rows: list[Row] = []
    skipped: list[str] = []
    happenings = world.happenings
    for attack in wanted:
        try:
            made = KINDS[attack.kind](world, attack)
        except Impossible:
            skipped.append(attack.id)
            continue
        rows += made.rows
        happenings = happenings.plus(made.happenings)
        start = attack.start if made.start < 0 else made.start
        truth.append(Truth(attack.id, attack.kind, start, made.end, made.entities, attack.loudness))
    world = msgspec.structs.replace(world, happenings=happenings)
    return Replay(world, (*BENIGN, story(rows)), tuple(truth), tuple(skipped))


def story(rows: Sequence[Row]) -> Story:
    """The rows of attacks as a story."""
    ordered = sorted(rows, key=lambda row: (row.time, row.host, row.sensor, row.class_uid))
    times = [row.time for row in ordered]

    def told(world: World, begin: int, end: int, hosts: frozenset[int]) -> Iterator[Row]:
        yield from ordered[bisect_left(times, micro(begin)) : bisect_left(times, micro(end))]

    return told


def _fitted(attack: Attack, seconds: int) -> Attack:
    if seconds >= _SECONDS:
        return attack
    return msgspec.structs.replace(attack, start=round(attack.start * seconds / _SECONDS, 1))


def _with(runs: Sequence[Run], new: Run) -> tuple[Run, ...]:
    """The schedule with one more run: what held its accelerators ends before it, what would come meanwhile does not."""
    kept = [new]
    taken = set(new.hosts)
    for run in runs:
        if taken.isdisjoint(run.hosts) or run.kind == "cpu" or run.end <= new.start or run.start >= new.end:
            kept.append(run)
        elif run.start < new.start - 300:
            kept.append(msgspec.structs.replace(run, end=new.start - 60, state="COMPLETED"))
    return tuple(sorted(kept, key=lambda run: run.start))
