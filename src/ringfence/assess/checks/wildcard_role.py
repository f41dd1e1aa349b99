"""No role allows everything, and none can be raised to it."""

from ringfence.analyse.rule import Atom, Like
from ringfence.assess.check import Check, Layer, Refs, When, all_of
from ringfence.assess.permissions import EVERYTHING
from ringfence.assess.seen import OF_KUBERNETES, ROLE

_HOLDER = Atom("holds_role", "who", "it")
_ALL = Atom("permits", "it", EVERYTHING)
_RAISE = Like(
    r"escalate (roles|clusterroles)|bind clusterroles|create clusterrolebindings|impersonate (users|groups)|"
    r"update clusterroles|\* (roles|clusterroles|clusterrolebindings|users|groups)|(escalate|bind|impersonate) \*"
)

CHECK = Check(
    id="RF-K07",
    name="wildcard_role",
    title="No role allows everything, and none can be raised to it",
    layer=Layer.IDENTITY,
    each=(all_of("role", named=OF_KUBERNETES),),
    fails=(
        When((_ALL, Atom("scoped_to", "it", "scope"), _HOLDER), "it allows every verb on every resource"),
        When((_ALL, Atom("scoped_to", "it", "scope")), "it allows every verb on every resource"),
        When((Atom("permits", "it", _RAISE), Atom("scoped_to", "it", "scope")), "its holder can give itself the rest"),
    ),
    rests=(ROLE, When((Atom("scoped_to", "it", "scope"),), "where it holds is known")),
    why="Operators of training platforms ship with wildcard roles: their service account, in one pod, is the cluster.",
    remedy="Replace `*` with the verbs and resources that are used (the audit log names them), bind it in namespaces "
    "instead of the cluster, and keep cluster-admin for people.",
    opens=("scope#admin",),
    weight=8,
    refs=Refs(
        nist=("AC-6",),
        attack=("T1098",),
        d3fend=("D3-UAP",),
        cis=("Kubernetes 5.1.1", "Kubernetes 5.1.3", "Kubernetes 5.1.8"),
    ),
    source="KubeHound, ROLE_BIND, IDENTITY_IMPERSONATE; Kubernetes, RBAC good practices",
)
