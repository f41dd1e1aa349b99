"""A container's token for the platform expires."""

from ringfence.analyse.rule import Atom, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.seen import POD

_PATH = Like(".*/secrets/kubernetes.io/serviceaccount/?")
_HELD = Atom("stores_credential", "it", "token", {"path": _PATH})
_PROJECTED = Atom("shares_volume", "it", "volume", {"content": "token"})

CHECK = Check(
    id="RF-W04",
    name="service_tokens",
    title="A container's token for the platform expires",
    layer=Layer.IDENTITY,
    each=(When((_HELD,), kinds={"it": ("container",)}), When((_PROJECTED,))),
    fails=(
        When((_HELD,), "its token is a stored secret, which does not expire", kinds={"it": ("container",)}),
        When(
            (
                Atom("stores_credential", "it", "token"),
                Atom("stores_credential", "space", "token", {"kind": "kubernetes.io/service-account-token"}),
            ),
            "it mounts a stored token",
            kinds={"it": ("container",), "space": ("namespace",)},
        ),
    ),
    rests=(POD,),
    why="A stored token outlives its pod, its node and the person who made it: a copy works until somebody deletes it.",
    remedy="Delete secrets of type kubernetes.io/service-account-token; let pods mount projected tokens instead.",
    opens=("token#use",),
    weight=5,
    mismatch=Mismatch.STATE,
    window=("the secret is made", "it is deleted: the pod's end does not end it"),
    threats=("RF.T17", "RF.T18"),
    refs=Refs(nist=("IA-5", "AC-12"), attack=("T1528",), d3fend=("D3-CRO",)),
    source="Kubernetes' page on managing service accounts",
)
