"""The scheduler proves who sends its messages."""

from ringfence.analyse.rule import Atom, Is, Prefix
from ringfence.assess.check import Check, Layer, Refs, When, asked_of
from ringfence.assess.seen import SLURM

CHECK = Check(
    id="RF-S01",
    name="scheduler_auth",
    title="The scheduler proves who sends its messages",
    layer=Layer.SCHEDULER,
    each=(*SLURM,),
    fails=(When((Atom("setting", "it", Is("AuthType=auth/none")),), "messages carry no proof of their sender"),),
    rests=(
        asked_of("slurm-conf"),
        When((Atom("setting", "it", Prefix("AuthType=auth/")),), "AuthType is set"),
    ),
    why="Whoever may speak to the controller unproven submits, cancels and runs as anybody, the superuser included.",
    remedy="Set AuthType=auth/munge or auth/slurm in slurm.conf on every host, and restart the daemons.",
    opens=("admin",),
    weight=10,
    threats=("RF.T14",),
    refs=Refs(nist=("IA-3", "IA-9"), d3fend=("D3-MAN",)),
    source="Slurm's slurm.conf manual, AuthType",
)
