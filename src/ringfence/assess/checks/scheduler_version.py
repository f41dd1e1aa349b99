"""Slurm is as new as its security fixes."""

from ringfence.analyse.rule import Atom, Is, Like, Prefix
from ringfence.assess.check import Check, Layer, Refs, When
from ringfence.assess.seen import SLURM

_SLURM = Is("package:pkg:generic/slurm")

_OLD = Like(
    r"(?:1?[0-9]|2[0-4])\.[0-9].*|25\.0[0-4].*|25\.05\.[0-8](?:[^0-9].*)?|25\.11\.[0-7](?:[^0-9].*)?"
    r"|26\.05\.[0-3](?:[^0-9].*)?"
)
"""Versions that lack a fix; 25.05.9, 25.11.8 and 26.05.4 have them all, and no older series got those of 2026."""

_MENDED = Like(
    r"25\.05\.(?:9|[1-9][0-9]).*|25\.11\.(?:[89]|[1-9][0-9]).*|26\.05\.(?:[4-9]|[1-9][0-9]).*|26\.1[0-2]\..*"
    r"|2[7-9]\.[0-9].*|[3-9][0-9]\..*"
)

CHECK = Check(
    id="RF-S03",
    name="scheduler_version",
    title="Slurm is as new as its security fixes",
    layer=Layer.SCHEDULER,
    each=(*SLURM,),
    fails=(
        When((Atom("runs_software", "it", _SLURM, {"version": _OLD}),), "its version lacks fixes"),
        When(
            (Atom("in_cluster", "node", "it"), Atom("runs_software", "node", _SLURM, {"version": _OLD})),
            "a node's daemon lacks fixes",
        ),
        When((Atom("runs_software", "it", _SLURM), Atom("vulnerable_to", "it", Prefix("CVE-"))), "a flaw is known"),
    ),
    rests=(When((Atom("runs_software", "it", _SLURM, {"version": _MENDED}),), "its version has the fixes"),),
    why="Of twenty-one flaws from 2022 to 2026 the worst give an account the controller's or another account's rights.",
    remedy="Update to 25.05.9, 25.11.8, 26.05.4 or newer. A distribution may have put fixes into an older one.",
    opens=("admin",),
    weight=8,
    threats=("RF.T14",),
    refs=Refs(
        nist=("SI-2",),
        d3fend=("D3-SU",),
        cve=("CVE-2022-29500", "CVE-2022-29501", "CVE-2022-29502", "CVE-2023-41914", "CVE-2024-42511", "CVE-2024-48936",
             "CVE-2025-43904", "CVE-2026-65107", "CVE-2026-65140"),
    ),
    source="Slurm's CHANGELOG and release notes",
)  # fmt: skip
