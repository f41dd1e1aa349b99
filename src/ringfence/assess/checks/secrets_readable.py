"""Roles do not read every secret of their scope."""

from ringfence.analyse.rule import Atom, Like
from ringfence.assess.check import Check, Layer, Refs, When, all_of
from ringfence.assess.seen import OF_KUBERNETES, ROLE

_READS = Atom("permits", "it", Like(r"(get|list|watch|\*) (secrets|\*)|\*|\*:\*"))
_SCOPE = Atom("scoped_to", "it", "scope")

CHECK = Check(
    id="RF-K08",
    name="secrets_readable",
    title="Roles do not read every secret of their scope",
    layer=Layer.IDENTITY,
    each=(all_of("role", named=OF_KUBERNETES),),
    fails=(
        When(
            (_READS, _SCOPE, Atom("stores_credential", "scope", "secret")),
            "it reads secrets that are there",
            opens=("secret#use",),
        ),
        When(
            (_READS, _SCOPE, Atom("in_cluster", "space", "scope"), Atom("stores_credential", "space", "secret")),
            "it reads secrets of every namespace",
            opens=("secret#use",),
        ),
        When((_READS, _SCOPE), "it may read every secret of its scope"),
        When(
            (Atom("permits", "it", Like(r"(create|\*) serviceaccounts/(token|\*)")), _SCOPE),
            "it may issue tokens of accounts",
        ),
    ),
    rests=(ROLE, When((_SCOPE,), "where it holds is known")),
    why="Registry passwords, bucket keys and tokens of other accounts lie in secrets: to read them all is to be "
    "them all.",
    remedy="Name the secrets in the rule (resourceNames) and take list and watch away; mount secrets instead of "
    "reading "
    "them over the API.",
    weight=6,
    refs=Refs(
        nist=("AC-6", "IA-5"),
        atlas=("AML.T0055",),
        attack=("T1552.007",),
        d3fend=("D3-UAP",),
        cis=("Kubernetes 5.1.2",),
    ),
    source="KubeHound, TOKEN_LIST, TOKEN_STEAL; Kubernetes, RBAC good practices",
)
