"""Who runs the scheduler does no daily work with that account."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When

_BEFORE_FIX = Like(
    r"(?:1?[0-9]|2[0-2])\.[0-9].*|23\.0[0-9].*|23\.11\.(?:[0-9]|10)(?:[^0-9].*)?"
    r"|24\.05\.[0-7](?:[^0-9].*)?|24\.11\.[0-4](?:[^0-9].*)?"
)
"""Versions of Slurm with CVE-2025-43904, which 23.11.11, 24.05.8, 24.11.5 and 25.05 end."""

_RIGHTS = Atom("operates", "it", "cluster", {"level": ("operator", "administrator")})
_OWN_WORK = (Atom("runs_as", "job", "it"), Atom("in_cluster", "job", "cluster"))

CHECK = Check(
    id="RF-S11",
    name="scheduler_operators",
    title="Who runs the scheduler does no daily work with that account",
    layer=Layer.SCHEDULER,
    each=(When((_RIGHTS,)), When((Atom("coordinates", "it", "tenant"),))),
    fails=(
        When((_RIGHTS, *_OWN_WORK), "its own jobs run with the rights of an operator"),
        When(
            (Atom("operates", "it", "cluster", {"level": "slurm-user"}), *_OWN_WORK),
            "jobs run as the scheduler's own account",
            opens=("cluster#admin",),
        ),
        When(
            (
                Atom("coordinates", "it", "tenant"),
                Atom("in_cluster", "it", "cluster"),
                Atom("runs_software", "cluster", "slurm", {"version": _BEFORE_FIX}),
            ),
            "a coordinator of a Slurm this old makes administrators",
            opens=("cluster#admin",),
        ),
    ),
    rests=(
        When(
            (Atom("operates", "it", "cluster"), Atom("asked", "cluster", Is("jobs"), {"answered": True})),
            "the jobs of every cluster that it operates were read",
            every=1,
        ),
    ),
    why="Code of any job that an operator starts may cancel, change and submit everybody's work.",
    remedy="Give operators a second account for their own work, and let few accounts hold either level.",
    weight=5,
    threats=("RF.T14", "RF.T16"),
    refs=Refs(nist=("AC-5", "AC-6"), d3fend=("D3-UAP",), cve=("CVE-2025-43904",)),
    source="Slurm's CHANGELOG 24.11.5; sacctmgr(1), AdminLevel",
)
