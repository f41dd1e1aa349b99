"""Weights take more than a day to carry off."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of, asked_of

CHECK = Check(
    id="RF-D06",
    name="hours_to_exfiltrate",
    title="Weights take more than a day to carry off",
    layer=Layer.WORKFLOW,
    each=(all_of("model", "checkpoint"),),
    fails=(
        When(
            (Atom("setting", "it", Is("hours-to-exfiltrate=under-a-day")),),
            "its holders together send its size outside in less than a day",
        ),
    ),
    rests=(
        asked_of("egress", complete=True),
        When(
            (Atom("setting", "it", Like(r"hours-to-exfiltrate=(a-day-or-more|no-way)")),),
            "its holders take a day or more",
        ),
    ),
    why="Weights are gigabytes to terabytes: the one control that they have and documents do not is that they take "
    "long "
    "to move. Fast ways outside from the hosts that hold them give it away.",
    remedy="Close or throttle the ways outside of the hosts that hold weights (an egress proxy, a rate limit on the "
    "boundary, no default route on compute nodes), and keep copies on fewer hosts.",
    weight=6,
    mismatch=Mismatch.DATA,
    window=("the first byte leaves", "the size is sent: hours at the known bandwidth"),
    refs=Refs(nist=("SC-7", "AC-4"), atlas=("AML.T0025",), d3fend=("D3-OTF",)),
    source="RAND RR-A2849-1: a bandwidth limit between weight stores and the outside",
)
