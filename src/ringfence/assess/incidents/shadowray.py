"""ShadowRay: open Ray clusters were used for months before anybody looked."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import When
from ringfence.assess.incident import Incident, Step

_RAY = (Atom("service_kind", "service", Is("ray")),)

INCIDENT = Incident(
    id="AML.CS0023",
    name="shadowray",
    title="Open Ray clusters run what strangers send them",
    source="MITRE ATLAS 5.6.0, case study AML.CS0023",
    entry=When(_RAY, "a Ray head or dashboard"),
    start=("service#connect",),
    steps=(
        Step(
            "AML.T0006",
            "scanners find the dashboard's port from outside",
            facts=When((*_RAY, Atom("listens_on", "service", "network")), "it is told where it listens"),
            gains=("service#connect",),
        ),
        Step(
            "AML.T0049",
            "its job interface runs what anybody sends",
            facts=When((*_RAY, Atom("authenticates", "service", Is("none"))), "it asks nobody who they are"),
            not_if=When(
                (*_RAY, Atom("authenticates", "service", Like("password|key|token|mtls"))), "it asks callers for proof"
            ),
            by=When((Atom("runs_on", "service", "host"),), "it is told which host it runs on"),
            gains=("host#user", "host#root"),
        ),
        Step(
            "AML.T0035",
            "models and data of running workloads are collected",
            gains=("*model#read", "*checkpoint#read", "*dataset#read"),
        ),
        Step("AML.T0055", "secrets that lie on the node are taken", gains=("*credential#use", "*identity#use")),
        Step(
            "AML.T0025",
            "what was collected is sent outside",
            gains=("*model#stolen", "*checkpoint#stolen", "*dataset#stolen"),
        ),
        Step(
            "AML.T0010.003",
            "models are replaced by others with what was taken",
            gains=("*model#write", "*checkpoint#write"),
        ),
        Step(
            "AML.T0048.000",
            "accelerators compute for strangers",
            facts=When((Atom("has_gpu", "node", "gpu"),), "there are accelerators"),
            gains=("node#user", "node#root", "gpu#context"),
        ),
    ),
    ends="Bind Ray to the loopback address or a partition of its own, and switch token authentication on.",
    aspect="sockets",
)
