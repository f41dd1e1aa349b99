"""No part was exchanged without a survey that knows of it."""

from ringfence.analyse.rule import Atom
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

CHECK = Check(
    id="RF-B11",
    name="parts_known",
    title="All parts are those of the last survey",
    layer=Layer.FIRMWARE,
    each=(
        When((Atom("managed_by", "it", "bmc"),)),
        When((Atom("has_component", "it", "part"),)),
        When((Atom("changed_part", "it", "part"),)),
    ),
    fails=(
        When(
            (Atom("changed_part", "it", "part", {"dma": True}),),
            "a part that reaches the machine's memory by itself was not there at the last survey",
            kinds={"it": ("host",)},
            opens=("root",),
        ),
        When((Atom("changed_part", "it", "part"),), "a part was not there at the last survey"),
    ),
    rests=(
        asked_of("parts-compared", complete=True),
        When((Atom("has_component", "it", "part"),), "its parts were told"),
    ),
    why="Nobody ordered the exchange, so nobody knows what it is: a prepared adapter or accelerator reads the "
    "memory of its host.",
    remedy="Compare with the maintenance log; a part without an entry comes out. Then SPDM attestation and the IOMMU "
    "on. `--before FILE` names the survey to compare with.",
    weight=6,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("CM-8",), atlas=("AML.T0010",), attack=("T1200",), d3fend=("D3-HCI",)),
    source="serials of two surveys, Redfish and the driver",
)
