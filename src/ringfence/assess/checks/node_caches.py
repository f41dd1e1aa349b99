"""A folder of the node that a container writes is no other tenant's."""

from ringfence.analyse.rule import Atom, Differ
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.seen import POD

_MINE = Atom("mounts_host_path", "it", "path", {"mode": "rw"})

CHECK = Check(
    id="RF-W05",
    name="node_caches",
    title="A folder of the node that a container writes is no other tenant's",
    layer=Layer.WORKFLOW,
    each=(When((_MINE,)), When((Atom("shares_volume", "it", "volume"),))),
    fails=(
        When(
            (
                _MINE,
                Atom("runs_on", "it", "node"),
                Atom("mounts_host_path", "other", "path"),
                Atom("runs_on", "other", "node"),
                Atom("part_of", "it", "pod"),
                Atom("in_namespace", "pod", "mine"),
                Atom("part_of", "other", "neighbour"),
                Atom("in_namespace", "neighbour", "theirs"),
            ),
            "a container of another namespace mounts the same folder of the node",
            (Differ("mine", "theirs"),),
        ),
    ),
    rests=(POD,),
    why="A cache of data, kernels or images on the node's disk stays when the pod goes: the next reads and poisons it.",
    remedy="An emptyDir or a volume per pod for caches; no writable hostPath, by the restricted pod security level.",
    weight=5,
    mismatch=Mismatch.STATE,
    window=("a pod writes to the folder", "the node is reinstalled, or the folder emptied"),
    threats=("RF.T01", "RF.T08"),
    refs=Refs(nist=("SC-4", "AC-4"), cis=("Kubernetes 5.2.12",)),
    source="Kubernetes' pod security standards, hostPath",
)
