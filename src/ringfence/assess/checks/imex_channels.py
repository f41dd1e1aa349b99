"""IMEX channels are given to one job and taken back."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

_USED = (Atom("in_cluster", "node", "it"), Atom("uses_imex", "node", "channel"))

CHECK = Check(
    id="RF-W10",
    name="imex_channels",
    title="IMEX channels are given to one job and taken back",
    layer=Layer.ACCELERATOR,
    each=(When((Atom("in_partition", "node", "queue"), *_USED)), When((Atom("asked", "it", Is("slurm-conf")), *_USED))),
    fails=(
        When(
            (*_USED, Atom("setting", "it", Like("SwitchType=(?!switch/nvidia_imex$).*"))),
            "a node holds a channel that no job is given or gives back",
            opens=("channel#export",),
        ),
    ),
    rests=(
        asked_of("slurm-conf"),
        When((Atom("setting", "it", Is("SwitchType=switch/nvidia_imex")),), "the scheduler hands channels out"),
    ),
    why="Whoever holds the channel maps the memory of every accelerator that shares it, also those of the next tenant.",
    remedy="Set SwitchType=switch/nvidia_imex, and take /dev/nvidia-caps-imex-channels/channel0 away from all nodes.",
    weight=6,
    mismatch=Mismatch.STATE,
    window=("a job is given the channel", "the channel is taken back, which only the scheduler's plugin does"),
    threats=("RF.T10", "RF.T20"),
    refs=Refs(nist=("SC-4", "AC-4")),
    source="NVIDIA's IMEX guide; Slurm's slurm.conf manual, SwitchType",
)
