"""The scheduler's saved state lies where no compute node and no user reaches it."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.seen import SLURM

_STATE = Atom("root_runs_from", "it", "storage", {"hook": "StateSaveLocation"})
_CONTROLLER = Atom("controls", "controller", "it")
_NODES = (Atom("in_cluster", "node", "it"), Atom("in_partition", "node", "partition"))
"""Hosts that run jobs: each of them could mount what holds the state."""

CHECK = Check(
    id="RF-W07",
    name="scheduler_state",
    title="The scheduler's saved state lies where no compute node and no user reaches it",
    layer=Layer.SCHEDULER,
    each=(*SLURM,),
    fails=(
        When(
            (_STATE, Atom("mounts", "node", "storage"), Atom("in_partition", "node", "partition")),
            "a node that runs jobs mounts the file system that holds it",
            kinds={"node": ("host",)},
        ),
        When((_STATE, Atom("writable_by", "storage", "who")), "an account may write there"),
    ),
    rests=(
        asked_of("slurm-conf"),
        When((Atom("setting", "it", Prefix("StateSaveLocation=")),), "where the state lies is told"),
        asked_of("mounts", "controller", (_CONTROLLER,), complete=True),
        asked_of("mounts", "node", _NODES, complete=True, kinds={"node": ("host",)}),
    ),
    doubts=(
        When(
            (
                _STATE,
                Atom("in_cluster", "node", "it"),
                Atom("asked", "node", Is("mounts"), {"answered": False}),
            ),
            "what a node mounts was not read",
        ),
    ),
    why="The state holds every job's script, environment and credential: changed, it runs as anybody.",
    remedy="A file system for the controllers alone, exported to nobody else; mode 0700, owner SlurmUser.",
    opens=("admin",),
    weight=8,
    mismatch=Mismatch.STATE,
    window=("a job is submitted", "the controller purges it, after MinJobAge"),
    threats=("RF.T14", "RF.T24"),
    refs=Refs(nist=("AC-3", "SC-28")),
    source="Slurm's slurm.conf manual, StateSaveLocation",
)
