"""Accelerators are hijacked, to mine or for work of somebody else."""

from ringfence.analyse.rule import Atom, Is, Like, Prefix
from ringfence.assess.check import When, asked_of
from ringfence.assess.conditions import PROVEN, WITHOUT_PROOF
from ringfence.assess.threat import Control, Stride, Threat, Way

THREAT = Threat(
    id="RF.T15",
    name="hijacked_compute",
    each=(
        When((Atom("service_kind", "it", Like("ray|jupyter|triton|docker")),)),
        When((Atom("asked", "it", Is("slurm-conf")),)),
        When((Atom("setting", "it", Prefix("AccountingStorageEnforce=")),)),
    ),
    ways=(
        Way(
            "it runs what strangers send it",
            opens=(When((Atom("authenticates", "it", WITHOUT_PROOF),), "it asks nobody who they are"),),
            shut=(
                Control(
                    "it asks for proof", (When((Atom("authenticates", "it", PROVEN),), "it asks callers for proof"),)
                ),
            ),
            about=("service",),
        ),
        Way(
            "nobody is limited in what they take",
            opens=(When((Atom("setting", "it", Is("AccountingStorageEnforce=none")),), "no limits are enforced"),),
            shut=(
                Control(
                    "accounts have limits that are enforced",
                    (
                        asked_of("slurm-conf"),
                        When(
                            (Atom("setting", "it", Like("AccountingStorageEnforce=.*(limits|qos|safe).*")),),
                            "limits are enforced",
                        ),
                    ),
                ),
            ),
            about=("cluster",),
        ),
    ),
    why=(
        "Idle accelerators are money: open dashboards have been mined on for months before anybody looked at the power."
    ),
    remedy="Close or authenticate every service that runs code, and enforce limits per account.",
    phases=("pre-train", "evaluate", "export"),
    stride=(Stride.DENIAL, Stride.ELEVATION),
    atlas=("AML.T0034", "AML.T0048.000", "AML.T0049"),
    attack=("T1496",),
)
