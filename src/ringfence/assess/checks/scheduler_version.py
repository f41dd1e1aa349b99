"""Slurm is as new as its security fixes."""

from ringfence.analyse.rule import Atom, Is, Like, Prefix
from ringfence.assess.check import Check, Layer, Refs, When

_SLURM = Is("package:pkg:generic/slurm")

OLD = Like(
    r"(?:1?[0-9]|2[0-2])\.[0-9].*|23\.0[0-9].*|23\.11\.(?:[0-9]|10)(?:[^0-9].*)?"
    r"|24\.05\.[0-7](?:[^0-9].*)?|24\.11\.[0-4](?:[^0-9].*)?"
)
"""Versions before the fixes of the CVEs named below; 23.11.11, 24.05.8, 24.11.5 and 25.05 have them all."""

NEW = Like(
    r"23\.11\.1[1-9].*|24\.05\.(?:[89]|[1-9][0-9]).*|24\.11\.(?:[5-9]|[1-9][0-9]).*|2[5-9]\.[0-9].*|[3-9][0-9]\..*"
)

CHECK = Check(
    id="RF-S03",
    name="scheduler_version",
    title="Slurm is as new as its security fixes",
    layer=Layer.SCHEDULER,
    each=(
        When((Atom("runs_software", "it", _SLURM),), kinds={"it": ("cluster",)}),
        When((Atom("asked", "it", Is("slurm-conf")),), kinds={"it": ("cluster",)}),
    ),
    fails=(
        When((Atom("runs_software", "it", _SLURM, {"version": OLD}),), "its version lacks fixes"),
        When(
            (Atom("in_cluster", "node", "it"), Atom("runs_software", "node", _SLURM, {"version": OLD})),
            "a node's daemon lacks fixes",
        ),
        When((Atom("runs_software", "it", _SLURM), Atom("vulnerable_to", "it", Prefix("CVE-"))), "a flaw is known"),
    ),
    rests=(When((Atom("runs_software", "it", _SLURM, {"version": NEW}),), "its version has the fixes"),),
    why="Thirteen flaws from 2022 to 2025 let an account take the controller's or another account's rights.",
    remedy="Update to 23.11.11, 24.05.8, 24.11.5, 25.05 or newer. A distribution may have put fixes into an older one.",
    opens=("admin",),
    weight=8,
    threats=("RF.T14",),
    refs=Refs(
        nist=("SI-2",),
        cve=("CVE-2022-29500", "CVE-2022-29501", "CVE-2022-29502", "CVE-2023-41914", "CVE-2024-42511", "CVE-2024-48936",
             "CVE-2025-43904"),
    ),
    source="Slurm's CHANGELOG",
)  # fmt: skip
