"""The guard's settings: `guard.toml` in its folder. Without the file, the defaults stand.

up_to = "isolate"                                # hardest grade that is done without a person
hosts_a_minute = 8
second_person_above = 16
protected = ["host:login*", "identity:root"]     # not cut without a person
never = ["host:sm*"]                             # not cut at all
hours = ["Mon-Fri 08:00-18:00 Europe/Zurich"]    # or "always"
keep = ["10.0.0.5"]                              # stays reachable for hosts that are cut off

`respond.limits.SETTINGS` has every setting with its meaning.
"""

from pathlib import Path

from ringfence.app import settings_file
from ringfence.respond.limits import Limits

FILE = "guard.toml"
_PAGE = "docs/design/respond.md"


def read(path: Path) -> Limits:
    """The limits in a file. Raises `InputError`, with the line where one is to blame."""
    return settings_file.read(path, Limits, _PAGE)


def of(folder: Path, named: Path | None = None) -> Limits:
    """The limits in the file that is named, else in the guard's folder, else the defaults. Raises `InputError`."""
    path = named or folder / FILE
    return read(path) if named or path.exists() else Limits()
