"""`ringfence fence allows`: the connections that Kubernetes manifests allow."""

import sys
from pathlib import Path

from rich.text import Text

from ringfence.app.netpol import allows as judged
from ringfence.app.netpol import written
from ringfence.cli import output
from ringfence.cli.estate import AsJson


def allows(folder: Path, /, *, format: str = "txt", json: AsJson = False) -> int:
    """Print every connection that a folder of Kubernetes manifests allows, one line each.

    Workloads and address ranges; NetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy,
    ClusterNetworkPolicy and MultiNetworkPolicy; Ingress and Route; user-defined and attached networks.

    Example: `ringfence fence allows manifests/`

    Parameters
    ----------
    folder
        The folder, with all folders in it, or one file; .yaml, .yml and .json are read.
    format
        `txt` or `json`.
    """
    answer = judged(folder)
    text = written(answer, "json" if json else format)
    sys.stdout.write(text if text.endswith("\n") or not text else f"{text}\n")
    for note in answer.notes:
        output.err.print(Text(f"  {note}"))
    if answer.lost:
        output.err.print(Text(f"ringfence: {len(answer.lost)} could not be read:", style="bold red"))
        output.problems(answer.lost)
        return 3
    return 0
