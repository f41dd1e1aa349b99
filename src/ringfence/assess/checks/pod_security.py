"""Namespaces enforce a pod security level."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Refs, When, all_of
from ringfence.assess.seen import NAMESPACE

_SYSTEM_READ = Atom("asked", "it", Is("kubernetes-namespaces"), {"answered": True})

CHECK = Check(
    id="RF-K05",
    name="pod_security",
    title="Namespaces enforce a pod security level",
    layer=Layer.HOST,
    each=(all_of("namespace"),),
    fails=(
        When(
            (Atom("setting", "it", Is("pod-security=privileged")), _SYSTEM_READ),
            "whoever may create pods here may create privileged ones",
        ),
    ),
    rests=(
        NAMESPACE,
        When((Atom("setting", "it", Like(r"pod-security=(baseline|restricted)")),), "a level is enforced"),
    ),
    why="Without a level, the right to start a notebook is the right to be the superuser of the node that it lands on.",
    remedy="Label the namespace pod-security.kubernetes.io/enforce=baseline (restricted for tenants); keep "
    "privileged "
    "daemons in one namespace that tenants cannot use.",
    opens=("admin",),
    weight=7,
    refs=Refs(nist=("AC-6", "CM-7"), attack=("T1611",), cis=("Kubernetes 5.2.1",)),
    source="Kubernetes, Pod Security Admission: without the label, privileged is allowed",
)
