"""Somebody on the workstation uses the operator's key: into the login host, on to a node, and takes the weights."""

from collections.abc import Sequence

from ringfence.app.lab import keyring
from ringfence.app.lab.kinds import exfiltrate
from ringfence.app.lab.kinds.kind import About
from ringfence.app.lab.layout import OPERATOR
from ringfence.app.lab.stage import Stage

about = About(
    name="stolen_key",
    title="The operator's key is stolen",
    what="With the key on the workstation somebody logs in to the login host and through it to a GPU node, reads the "
    "model there outside any job and sends it outside.",
    seen="both logins, by the hosts' agents; the connection out of an account that no job has, and its bytes",
)


def play(stage: Stage, rate: float) -> Sequence[str]:
    """One login through the other, as `ssh -J` does it."""
    stage.say("began")
    login, node = (f"{OPERATOR.name}@{name}" for name in ("login", stage.node().name))
    key = f"/home/{OPERATOR.name}/.ssh/id_ed25519"  # the workstation has homes of its own
    command = keyring.ssh(stage, key, node, command=stage.carrying(rate), via=login)
    stage.run(stage.layout.machine("ws"), command, OPERATOR)
    return ()


def longest(rate: float) -> float:
    """As long as the weights take."""
    return exfiltrate.longest(rate)


def hosts(stage: Stage) -> tuple[str, ...]:
    """Where it logged in."""
    return ("login", stage.node().name)
