"""What cannot be patched is constrained, and the constraint is in force.

A proof of what was compiled shows what the fence would keep; that it is in force, only what was read back shows.
"""

from ringfence.analyse.rule import Atom
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When

_WANTED = Atom("requires_constraint", "it", "rule")

CHECK = Check(
    id="RF-G30",
    name="constraint_in_force",
    title="What cannot be patched is constrained, and the constraint is in force",
    layer=Layer.ACCELERATOR,
    each=(When((_WANTED,)),),
    fails=(
        When(
            (_WANTED, Atom("constraint_in_force", "it", "rule", {"held": False})),
            "the fence was proven not to keep it to the constraint",
        ),
    ),
    rests=(
        When(
            (_WANTED, Atom("constraint_in_force", "it", "rule", {"held": True})),
            "the fence, as it was compiled or read back, keeps it to each constraint",
            every=1,
        ),
        When(
            (_WANTED, Atom("constraint_in_force", "it", "rule", {"held": True, "by": "read-back"})),
            "what was read back from the enforcers keeps it to the constraint (a proof of compiled files alone shows "
            "no force)",
            every=1,
        ),
    ),
    why="A flaw without a patch stays open to whoever may use the thing; only a limit on who may closes it.",
    remedy="Apply the fence, then save what it reads back (fence drift -o); for images, admit only your own registry.",
    weight=7,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("SI-2", "SC-4")),
    source="GPUHammer, NVBleed and NVIDIA's container toolkit bulletins; SP 800-53 on compensating controls",
)
