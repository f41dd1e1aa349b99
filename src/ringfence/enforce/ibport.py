"""The hard cut: one leaf port is switched off, and the host behind it is gone from the fabric at once.

The last resort of containment, where milliseconds count; quarantine by partition keys keeps management and is
undone by a sweep. On real switches `restore` brings the link up again. ibsim 0.10 never does so in the same run, so
no test here shows the way back.
"""

import subprocess
from collections.abc import Mapping

from ringfence.errors import EnforceError, MissingPart
from ringfence.wire.ibnet.tables import Place

PATIENCE = 10.0


def cut(place: Place, environment: Mapping[str, str] | None = None, folder: str | None = None) -> None:
    """Switch the leaf port of this place off. Raises `EnforceError` where the switch did not take it."""
    _set(place, "disable", environment, folder)


def restore(place: Place, environment: Mapping[str, str] | None = None, folder: str | None = None) -> None:
    """Switch it on again."""
    _set(place, "enable", environment, folder)


def _set(place: Place, state: str, environment: Mapping[str, str] | None, folder: str | None) -> None:
    command = ("ibportstate", str(place.leaf_lid), str(place.leaf_port), state)
    port = f"port {place.leaf_port} of the switch with LID {place.leaf_lid}"
    try:
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, timeout=PATIENCE, check=False)
    except FileNotFoundError:
        raise MissingPart("ibportstate is not installed", "install infiniband-diags") from None
    except subprocess.TimeoutExpired:
        raise EnforceError(f"{port} did not answer within {PATIENCE:.0f} s", "pull the cable", (port,)) from None
    if done.returncode:
        said = (done.stderr or done.stdout).decode("utf-8", "replace").strip().splitlines()
        raise EnforceError(f"{port} could not be set: {said[-1] if said else 'no reason given'}", "", (port,))
