"""The kinds of attack: one a file, one line of registration here, one heading in docs/design/lab.md, one test."""

from ringfence.app.lab.kinds import (
    agent_killed,
    dataset_tampering,
    exfiltrate,
    forged_telemetry,
    malicious_job,
    mining,
    open_before,
    partition_tampering,
    scan_and_pivot,
    slow_exfiltration,
    stolen_key,
    story,
)
from ringfence.app.lab.kinds.kind import Kind

ALL: tuple[Kind, ...] = (
    exfiltrate,
    stolen_key,
    malicious_job,
    scan_and_pivot,
    slow_exfiltration,
    open_before,
    mining,
    dataset_tampering,
    partition_tampering,
    agent_killed,
    forged_telemetry,
    story,
)
KINDS: dict[str, Kind] = {one.about.name: one for one in ALL}
