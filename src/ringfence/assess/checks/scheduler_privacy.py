"""Accounts see only their own jobs and users."""

from ringfence.analyse.rule import Atom, Like
from ringfence.assess.check import Check, Layer, Refs, When, asked_of
from ringfence.assess.seen import SLURM

CHECK = Check(
    id="RF-S04",
    name="scheduler_privacy",
    title="Accounts see only their own jobs and users",
    layer=Layer.SCHEDULER,
    each=(*SLURM,),
    fails=(
        When((Atom("setting", "it", Like("PrivateData=(?!.*jobs).*")),), "everybody sees everybody's jobs"),
        When((Atom("setting", "it", Like("PrivateData=(?!.*users).*")),), "everybody sees all users"),
    ),
    rests=(
        asked_of("slurm-conf"),
        When((Atom("setting", "it", Like("PrivateData=(?=.*jobs)(?=.*users).*")),), "PrivateData hides jobs and users"),
    ),
    why="Names, nodes, scripts and times of other tenants' jobs tell an intruder whom to sit beside, and when.",
    remedy="Set PrivateData=accounts,jobs,usage,users in slurm.conf, and in slurmdbd.conf as well.",
    weight=3,
    threats=("RF.T09", "RF.T16"),
    refs=Refs(nist=("AC-3", "AC-6")),
    source="Slurm's slurm.conf manual, PrivateData",
)
