"""Scheduler and operator pods have no more privileges than their work needs."""

from ringfence.analyse.rule import Atom, Is, Like
from ringfence.assess.check import Check, Layer, Mismatch, Refs, When
from ringfence.assess.permissions import EVERYTHING
from ringfence.assess.seen import POD

_IMAGE = Atom(
    "uses_image",
    "it",
    Like(
        r"image:.*(slurmd|slurmctld|slurm-operator|gpu-operator|network-operator|training-operator|kuberay|kueue|"
        r"volcano|mpi-operator).*"
    ),
)
_ON = Atom("runs_on", "it", "host")

CHECK = Check(
    id="RF-K09",
    name="operator_pods",
    title="Scheduler and operator pods have no more privileges than their work needs",
    layer=Layer.SCHEDULER,
    each=(When((_IMAGE,), kinds={"it": ("container",)}),),
    fails=(
        When((_IMAGE, Atom("runs_with", "it", Is("privileged")), _ON), "it is privileged"),
        When(
            (
                _IMAGE,
                Atom("runs_as", "it", "account"),
                Atom("holds_role", "account", "role"),
                Atom("permits", "role", EVERYTHING),
                Atom("scoped_to", "role", "scope"),
            ),
            "its account may do everything",
            opens=("scope#admin",),
        ),
    ),
    rests=(POD, When((_ON,), "where it runs is known")),
    why="A privileged slurmd pod runs every tenant's jobs with the node in its hands: slices and device rules "
    "between "
    "them hold for nobody.",
    remedy="Run slurmd with the capabilities that it names instead of privileged, devices through the plugin; give "
    "operators a role with the kinds that they manage.",
    opens=("host#root",),
    weight=8,
    mismatch=Mismatch.ACCELERATOR,
    refs=Refs(nist=("AC-6",), attack=("T1611",), cis=("Kubernetes 5.2.2",)),
    source="SlinkyProject/slurm-operator issue 238: slurmd pods are privileged",
)
