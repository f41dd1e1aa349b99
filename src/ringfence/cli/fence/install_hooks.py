"""`ringfence fence install-hooks`: the hooks of Slurm and of pods as files, and the lines that slurm.conf needs."""

from pathlib import Path

from ringfence.cli import output


def install_hooks(
    *, out: Path = Path("/etc/ringfence/hooks"), follower: Path = Path("/run/ringfence/follow.sock"),
    enforcer: Path = Path("/run/ringfence/enforcer.sock"), python: Path = Path("/usr/bin/python3"),
    deadline: float = 10, on_outage: str = "hold",
) -> int:  # fmt: skip
    """Write the hooks through which Slurm waits for the fence, and show the lines for slurm.conf. Changes no Slurm.

    Install the same files at the same place on the controller and on every node. `pod-gate.json` is for nodes of
    Kubernetes: the last entry of `plugins` in their CNI list.

    Example: `ringfence fence install-hooks --out /etc/ringfence/hooks`

    Parameters
    ----------
    out
        Where to write them; root's alone, on a disk of each machine's own.
    follower
        The follower's socket, on the controller's machine.
    enforcer
        The socket of a node's enforcer; `%n` stands for the node's name, where several slurmd share a machine.
    python
        A Python 3 that is on every machine; hooks need no package.
    deadline
        Seconds that a job may wait for its compartment.
    on_outage
        What a gate says when our own side does not answer: allow or hold. docs/design/churn.md says what follows.
    """
    from ringfence.app.fence.hooks import Settings, conf_lines, install

    settings = Settings(out.absolute(), follower, enforcer, python, deadline, on_outage)
    for path in install(settings):
        output.err.print(f"wrote {path}", markup=False)
    for line in conf_lines(settings):
        output.out.out(line)
    return 0
