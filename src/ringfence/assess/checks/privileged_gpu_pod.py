"""Work on accelerators runs without privileges."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.seen import POD

_DEVICE = Atom("setting", "it", Like(r"(nvidia|amd|habana|intel)\.[a-z.]{1,20}/[\w.-]{1,40}=.*"))
_PRIVILEGED = Atom("runs_with", "it", Is("privileged"))
_ON = Atom("runs_on", "it", "host")

CHECK = Check(
    id="RF-K02",
    name="privileged_gpu_pod",
    title="Work on accelerators runs without privileges",
    layer=Layer.ACCELERATOR,
    each=(
        When((_DEVICE,), kinds={"it": ("container",)}),
        When((Atom("uses_gpu", "it", "gpu"),), kinds={"it": ("container",)}),
    ),
    fails=(
        When((_PRIVILEGED, Atom("uses_gpu", "it", "gpu"), _ON), "it is privileged, and computes on an accelerator"),
        When((_PRIVILEGED, _DEVICE, _ON), "it is privileged, and asks for accelerators"),
        When((_PRIVILEGED, _ON), "it is privileged"),
    ),
    rests=(POD, When((_ON,), "where it runs is known")),
    why="A privileged container sees every accelerator of its host whatever it asked for: no slice, partition or "
    "device "
    "rule between tenants holds.",
    remedy="Ask for nvidia.com/gpu through the device plugin or a resource claim, with CDI, and drop privileged; "
    "where "
    "RDMA needs it, add IPC_LOCK alone.",
    opens=("host#root",),
    weight=8,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("AC-6", "SC-39"), atlas=("AML.T0105",), attack=("T1611",), cis=("Kubernetes 5.2.2",)),
    source="SlinkyProject/slurm-operator issues 238 and 45: privileged work sees all accelerators",
)
