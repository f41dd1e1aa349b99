"""IMEX channels are given to jobs, not to everyone."""

from ringfence.analyse.rule import Atom, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

CHECK = Check(
    id="RF-G16",
    name="imex_channel_open",
    title="No IMEX channel is open to every account",
    layer=Layer.ACCELERATOR,
    each=(
        When((Atom("uses_imex", "it", "channel"),), kinds={"it": ("host",)}),
        When((Atom("device_open", "it", Is("imex")),)),
    ),
    fails=(
        When(
            (Atom("device_open", "it", Is("imex")), Atom("uses_imex", "it", "channel")),
            "any account may open an IMEX channel of its NVLink domain",
            opens=("channel#export",),
        ),
        When((Atom("device_open", "it", Is("imex")),), "any account may open an IMEX channel", opens=()),
    ),
    rests=(asked_of("devices", complete=True),),
    why="A channel is the only thing between importers and exporters of memory in one NVLink domain: jobs on one "
    "channel map what each of them exports.",
    remedy="A channel per job (SwitchType=switch/nvidia_imex, or compute domains in Kubernetes); "
    "NVreg_CreateImexChannel0=0.",
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SC-4",)),
    source="NVIDIA's IMEX service guide, channels",
)
