"""The node's agent is killed first; then the weights go."""

from collections.abc import Sequence

from ringfence.app.lab import ours, processes
from ringfence.app.lab.inside import said
from ringfence.app.lab.kinds import exfiltrate
from ringfence.app.lab.kinds.kind import About
from ringfence.app.lab.stage import Stage

about = About(
    name="agent_killed",
    title="The agent is killed first",
    what="Root on the node kills its agent; then the compromised job reads the model and sends it outside.",
    seen="that the host is silent, after a minute and a half and only where it was heard for half an hour, so not in a "
    "trial. Nothing on the node tells of the weights: what bounds them is the fence's budget, which needs no agent",
)
_KILL = 'pkill -9 -f "^[^ ]*python[^ ]* -m ringfence.app.agent"'


def play(stage: Stage, rate: float) -> Sequence[str]:
    """The agent is started again when the trial ends."""
    stage.say("began")
    stage.afterwards(lambda: _restart(stage))
    said(stage.layout, stage.node(), ["sh", "-c", _KILL])
    stage.compromise(stage.carrying(rate))
    return ()


def longest(rate: float) -> float:
    """As long as the weights take."""
    return exfiltrate.longest(rate)


def hosts(stage: Stage) -> tuple[str, ...]:
    """The job's node."""
    return (stage.node().name,)


def _restart(stage: Stage) -> None:
    if not processes.noted(stage.layout.home(stage.node())).get("agent"):
        ours.start_agent(stage.layout, stage.node())
