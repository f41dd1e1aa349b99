"""Parts prove what they are."""

from ringfence.analyse.rule import Atom, Is, Like, Prefix
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

PROVED = Like("integrity/.{1,200}=Success")

CHECK = Check(
    id="RF-B05",
    name="component_integrity",
    title="The machine's parts prove their identity, and the proof holds",
    layer=Layer.FIRMWARE,
    each=(
        When((Atom("managed_by", "it", "bmc"),)),
        When((Atom("setting", "it", Prefix("integrity/")),)),
        When((Atom("tampered", "it", Is("integrity-failed")),)),
    ),
    fails=(
        When((Atom("tampered", "it", Is("integrity-failed")),), "a part's proof of identity failed"),
        When((Atom("setting", "it", Like("integrity/.{1,200}=Failed")),), "a part's proof of identity failed"),
        When(
            (Atom("setting", "it", Like("integrity/.{1,200}=disabled")),),
            "a part could prove its identity and is not asked to",
        ),
    ),
    rests=(
        asked_of("redfish"),
        When((Atom("setting", "it", PROVED),), "a part has proved its identity by SPDM or TPM"),
    ),
    doubts=(
        When(
            (Atom("setting", "it", Like("integrity/.{1,200}=unverified")),),
            "a part's proof of identity was not verified",
        ),
    ),
    why="A part with foreign firmware passes every check of the system above it; only its own root of trust tells.",
    remedy="Enable ComponentIntegrity (SPDM, TPM) in the controller, verify against the makers' certificates, and "
    "take a machine whose part fails out of service.",
    weight=8,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SI-7", "SR-11")),
    source="DMTF DSP0274 (SPDM) and Redfish's ComponentIntegrity",
)
