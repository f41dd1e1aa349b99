"""A checkpoint is read by its own tenant only."""

from ringfence.analyse.rule import Atom, Differ
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of
from ringfence.assess.seen import FOLDERS

_MINE = Atom("in_tenant", "it", "mine")
_KIND: dict[str, tuple[str, ...]] = {"it": ("checkpoint",)}

CHECK = Check(
    id="RF-W01",
    name="checkpoint_readers",
    title="A checkpoint is read by its own tenant only",
    layer=Layer.WORKFLOW,
    each=(all_of("checkpoint"),),
    fails=(
        When(
            (_MINE, Atom("readable_by", "it", "who"), Atom("in_tenant", "who", "theirs")),
            "an account of another tenant may read it",
            (Differ("mine", "theirs"),),
        ),
        When(
            (
                _MINE,
                Atom("readable_by", "it", "group"),
                Atom("member_of", "who", "group"),
                Atom("in_tenant", "who", "theirs"),
            ),
            "a group with another tenant's account may read it",
            (Differ("mine", "theirs"),),
        ),
        When(
            (_MINE, Atom("reads", "work", "it"), Atom("in_tenant", "work", "theirs")),
            "another tenant's job reads it",
            (Differ("mine", "theirs"),),
        ),
    ),
    rests=(FOLDERS, When((_MINE,), "its tenant is known")),
    why="Each step of a run leaves a whole copy of the weights behind; the run ends, the copies stay.",
    remedy="A folder per tenant with mode 0700 above every checkpoint, and a rule that deletes all but the last few.",
    opens=("read",),
    weight=7,
    mismatch=Mismatch.STATE,
    window=("a step is saved", "the checkpoint is deleted"),
    threats=("RF.T02", "RF.T16"),
    refs=Refs(nist=("AC-3", "AC-4", "SC-4"), atlas=("AML.T0035",), d3fend=("D3-LFP",)),
    source="RAND RR-A2849-1: fewer people with access to weights",
)
