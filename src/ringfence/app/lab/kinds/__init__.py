"""The kinds of attack: one a file, one line of registration here, one heading in docs/design/lab.md, one test."""

from ringfence.app.lab.kinds import exfiltrate
from ringfence.app.lab.kinds.kind import Kind

ALL: tuple[Kind, ...] = (exfiltrate,)
KINDS: dict[str, Kind] = {one.about.name: one for one in ALL}
