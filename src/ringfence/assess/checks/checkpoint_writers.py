"""Between its writing and the resume that loads it, a checkpoint is changed by nobody but its owner."""

from ringfence.analyse.rule import Atom, Differ, Is
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, all_of
from ringfence.assess.seen import FOLDERS, GROUP
from ringfence.estate.kinds import EVERYONE

_KIND: dict[str, tuple[str, ...]] = {"it": ("checkpoint",)}

CHECK = Check(
    id="RF-W02",
    name="checkpoint_writers",
    title="Between its writing and the resume that loads it, a checkpoint is changed by nobody but its owner",
    layer=Layer.WORKFLOW,
    each=(all_of("checkpoint"),),
    fails=(
        When((Atom("writable_by", "it", Is(EVERYONE)),), "every account may change it", kinds=_KIND),
        When((Atom("writable_by", "it", GROUP),), "a whole group may change it", kinds=_KIND),
        When(
            (Atom("writable_by", "it", "who"), Atom("writable_by", "it", "other")),
            "two accounts may change it",
            (Differ("who", "other"),),
            _KIND,
        ),
    ),
    rests=(FOLDERS, When((Atom("writable_by", "it", "who"),), "who may change it is known", kinds=_KIND)),
    why="The run trusts what it resumes from: changed weights go on being trained, and a pickle runs as the job.",
    remedy="chmod 0700 the folder, sign each checkpoint when it is written and check before the resume; safetensors.",
    opens=("write",),
    weight=8,
    mismatch=Mismatch.STATE,
    window=("a step is saved", "the run resumes from it, or a later step replaces it"),
    threats=("RF.T05", "RF.T07"),
    refs=Refs(nist=("AC-3", "SI-7"), atlas=("AML.T0018",), d3fend=("D3-LFP",)),
    source="MITRE ATLAS, Manipulate AI Model",
)
