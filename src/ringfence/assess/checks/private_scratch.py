"""A job's scratch folders end with it."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.seen import SLURM

_OFF = Atom("setting", "it", Is("JobContainerType=job_container/none"))

CHECK = Check(
    id="RF-W06",
    name="private_scratch",
    title="A job's scratch folders end with it",
    layer=Layer.SCHEDULER,
    each=(*SLURM,),
    fails=(When((_OFF,), "jobs share /tmp and /dev/shm of the node"),),
    rests=(
        asked_of("slurm-conf"),
        When(
            (
                Atom(
                    "setting", "it", Like("(?:JobContainerType=job_container|NamespaceType=namespace)/(?:tmpfs|linux)")
                ),
            ),
            "each job has /tmp and /dev/shm of its own",
        ),
    ),
    why="Tokens, shards and compiled kernels lie in /tmp and /dev/shm; the next tenant finds or forges them.",
    remedy="Set JobContainerType=job_container/tmpfs (since 25.11 NamespaceType=namespace/linux), PrologFlags=Contain.",
    weight=5,
    mismatch=Mismatch.STATE,
    window=("a job writes to the node's scratch", "the node is restarted, or an epilog empties it"),
    threats=("RF.T02", "RF.T08"),
    refs=Refs(nist=("SC-4",), d3fend=("D3-KBPI",)),
    source="Slurm's namespace plugins page",
)
