"""The scheduler's key lies where only its daemon reads it, and in one cluster only."""

from ringfence.analyse.rule import Atom, Differ, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, asked_of

_KEEPS = Atom("stores_credential", "it", "key")
_IS_KEY = Atom("scheduler_key", "key", "cluster")
_ELSEWHERE = ("workstation", "storage", "image", "container", "pod", "namespace")

CHECK = Check(
    id="RF-S02",
    name="scheduler_key",
    title="The scheduler's key lies where only its daemon reads it, and in one cluster only",
    layer=Layer.SCHEDULER,
    each=(
        When((_KEEPS, _IS_KEY), kinds={"it": ("host",)}),
        When((Atom("in_partition", "it", "queue"),)),
        When((Atom("asked", "it", Is("scheduler-key"), {"answered": True}),), kinds={"it": ("host",)}),
        When((Atom("in_cluster", "it", "cluster"), _IS_KEY), kinds={"it": ("host",)}),
        When(
            (Atom("in_cluster", "it", "cluster"), Atom("asked", "cluster", Is("slurm-conf"))), kinds={"it": ("host",)}
        ),
    ),
    fails=(
        When(
            (Atom("stores_credential", "it", "key", {"readable_by": "user"}), _IS_KEY), "ordinary accounts read the key"
        ),
        When(
            (Atom("stores_credential", "it", "key", {"mode": Like("[0-7]?[0-7](?:[1-7][0-7]|0[1-7])")}), _IS_KEY),
            "the file's mode lets a group or others in",
        ),
        When(
            (_KEEPS, _IS_KEY, Atom("scheduler_key", "key", "other")),
            "two clusters share one key",
            (Differ("cluster", "other"),),
        ),
        When(
            (_KEEPS, _IS_KEY, Atom("stores_credential", "place", "key")),
            "a copy of the key lies outside the cluster",
            kinds={"place": _ELSEWHERE},
        ),
    ),
    rests=(
        asked_of("scheduler-key"),
        When(
            (_KEEPS, _IS_KEY, Atom("stores_credential", "it", "key", {"mode": ("0400", "0600")})),
            "its key file's mode is 0400 or 0600",
            every=2,
        ),
    ),
    why="Whoever reads the key speaks to every daemon as anybody: one file is the superuser of the whole cluster.",
    remedy="chmod 0400 on every copy, owner munge (or slurm); one key per cluster; a new one if it leaked.",
    opens=("cluster#admin",),
    weight=10,
    threats=("RF.T14", "RF.T18"),
    refs=Refs(nist=("IA-5", "SC-12"), d3fend=("D3-LFP",)),
    source="Slurm's authentication page; munged(8)",
)
