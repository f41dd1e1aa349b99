"""Accelerators that work together run one firmware."""

from ringfence.analyse.rule import Atom, Differ, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of
from ringfence.assess.ways import HOST_OF_GPU

OWN = Atom("runs_firmware", "it", "firmware", {"name": Like(".{0,200} vbios")})

CHECK = Check(
    id="RF-G20",
    name="gpu_firmware_alike",
    title="All accelerators of an NVLink domain run one firmware",
    layer=Layer.FIRMWARE,
    each=(When((Atom("nvlink_member", "it", "domain"),)),),
    fails=(
        When(
            (
                OWN,
                Atom("nvlink_member", "it", "domain"),
                Atom("nvlink_member", "other", "domain"),
                Atom("runs_firmware", "other", "another", {"name": Like(".{0,200} vbios")}),
            ),
            "another accelerator of its NVLink domain runs another firmware",
            (Differ("firmware", "another"), Differ("it", "other")),
        ),
    ),
    rests=(
        asked_of("gpu", "host", HOST_OF_GPU, complete=True),
        When((OWN,), "its firmware was told"),
    ),
    why="Accelerators of one board leave the factory alike and are updated together: one that differs was "
    "exchanged, missed by an update, or changed.",
    remedy="Compare serials with the last survey, then update the odd one, or attest it if nobody can say why it "
    "differs.",
    weight=4,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(attack=("T1542",), atlas=("AML.T0010.000",)),
    source="NVIDIA's HGX firmware guides: one bundle per board",
)
