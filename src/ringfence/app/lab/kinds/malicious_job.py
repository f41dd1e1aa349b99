"""A stolen account of tenant a submits a job of its own, whose script reads the weights and sends them."""

from collections.abc import Sequence

from ringfence.app.lab.kinds import exfiltrate
from ringfence.app.lab.kinds.kind import About
from ringfence.app.lab.layout import ALICE
from ringfence.app.lab.stage import Stage
from ringfence.errors import EnforceError

about = About(
    name="malicious_job",
    title="A job that was made to steal",
    what="From the login host a stolen account submits a job by sbatch; its script reads the model and sends it "
    "outside.",
    seen="the connection out of the new job and its bytes, by the node's agent",
)


def play(stage: Stage, rate: float) -> Sequence[str]:
    """Submit it, on the node of this trial."""
    try:
        job = stage.submit(ALICE, stage.node(), stage.carrying(rate), "prepare")
    except EnforceError as stopped:
        return (f"nothing was submitted: {stopped}",)
    ran = "" if stage.running(job) else ", which did not run"
    return (f"job {job} on {stage.node().name}{ran}",)


def longest(rate: float) -> float:
    """As long as the weights take."""
    return exfiltrate.longest(rate)


def hosts(stage: Stage) -> tuple[str, ...]:
    """The job's node, and where its owner's account was used."""
    return ("login", stage.node().name)
