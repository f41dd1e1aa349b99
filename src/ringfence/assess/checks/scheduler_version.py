"""Slurm is as new as its security fixes."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import Check, Layer, Refs, When
from ringfence.assess.ways import SLURM, SLURM_MENDED, SLURM_OLD

CHECK = Check(
    id="RF-S03",
    name="scheduler_version",
    title="Slurm is as new as its security fixes",
    layer=Layer.SCHEDULER,
    each=(
        When((Atom("runs_software", "it", SLURM),), kinds={"it": ("cluster",)}),
        When((Atom("asked", "it", Is("slurm-conf")),), kinds={"it": ("cluster",)}),
    ),
    fails=(
        When((Atom("runs_software", "it", SLURM, {"version": SLURM_OLD}),), "its version lacks fixes"),
        When(
            (Atom("in_cluster", "node", "it"), Atom("runs_software", "node", SLURM, {"version": SLURM_OLD})),
            "a node's daemon lacks fixes",
        ),
        When((Atom("runs_software", "it", SLURM), Atom("vulnerable_to", "it", Prefix("CVE-"))), "a flaw is known"),
    ),
    rests=(When((Atom("runs_software", "it", SLURM, {"version": SLURM_MENDED}),), "its version has the fixes"),),
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
