"""The options that every command about one estate shares."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

EstateFile = Annotated[
    Path, Parameter(name=["--estate"], env_var="RINGFENCE_ESTATE", help="The saved estate (default ./cluster.estate).")
]
Identity = Annotated[
    Path | None,
    Parameter(name=["--identity"], env_var="RINGFENCE_IDENTITY", help="age identity file, for an encrypted estate."),
]
AsJson = Annotated[bool, Parameter(name=["--json"], negative="", help="Print the documented JSON shape.")]
SecretFile = Annotated[Path, Parameter(allow_leading_hyphen=True)]
"""A private file, or `-` for standard input: a bare hyphen is no option."""

DEFAULT = Path("cluster.estate")
