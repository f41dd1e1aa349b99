"""A volume belongs to one tenant for as long as it lives."""

from ringfence.analyse.rule import Atom, Differ
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When, asked_of

_KIND: dict[str, tuple[str, ...]] = {"it": ("storage",), "user": ("container",)}
_USED = Atom("shares_volume", "user", "it", {"content": ("data", "nfs")})

CHECK = Check(
    id="RF-W11",
    name="shared_volumes",
    title="A volume belongs to one tenant for as long as it lives",
    layer=Layer.STORAGE,
    each=(When((_USED,)),),
    fails=(
        When(
            (
                Atom("shares_volume", "user", "it", {"content": ("data", "nfs"), "mode": "rw"}),
                Atom("shares_volume", "other", "it"),
                Atom("part_of", "user", "pod"),
                Atom("in_namespace", "pod", "mine"),
                Atom("part_of", "other", "neighbour"),
                Atom("in_namespace", "neighbour", "theirs"),
            ),
            "containers of two namespaces mount it, and one may write",
            (Differ("mine", "theirs"),),
        ),
    ),
    rests=(asked_of("kubernetes-pods", "pod", (_USED, Atom("part_of", "user", "pod")), complete=True, every=1),),
    why="What one tenant leaves in it, the other loads: data, checkpoints and caches cross without any hand-over.",
    remedy="One claim per tenant; hand data over through a read-only export whose content is checked.",
    opens=("write",),
    weight=5,
    mismatch=Mismatch.STATE,
    window=("the first tenant writes to it", "the volume is deleted"),
    threats=("RF.T01", "RF.T05"),
    refs=Refs(nist=("AC-4", "SC-4")),
    source="Kubernetes' page on persistent volumes",
)
