"""Which Slurm format a file is, by its first bytes. Cheap, never raises."""

import re

_JSON_MARKS = (
    b'"data_parser/v0.0.',
    b'"openapi/v0.0.',
    b'"openapi/slurm',
    b'"openapi\\/v0.0.',
    b'"openapi\\/dbv0.0.',
    b'"data_parser\\/v0.0.',
    b'"burstbuffer_network_address"',
    b'"accrue_time"',
    b'"allocation_nodes"',
    b'"allowed_allocation"',
    b'"allowed_accounts"',
    b'"administrator_level"',
    b'"parent_account"',
    b'"gres_detail"',
    b'"specialized_cores"',
    b'"slurmd_start_time"',
    b'"associations"',
    b'"gres_used"',
    b'"job_state"',
    b'"sinfo"',
)
_JSON_TABLE = re.compile(
    rb'"(?:nodes|jobs|partitions|sinfo|accounts|associations|users|qos|QOS|reservations|pings|meta|errors)"\s*:'
)
_OPENAPI = re.compile(rb'methods that query slurmctld|"title"\s*:\s*"Slurm Rest API"|"\\\\?/slurm(?:db)?\\\\?/v0\.0\.')
_REFUSED = (
    b"Authentication failure",
    b"Authentication does not apply",
    b"Unable find requested URL",
    b"Unable to find",
)
_SHOWN = (
    (
        "node-text",
        re.compile(rb"^[ \t]*+NodeName=\S++ .*\bArch=|^[ \t]*+NodeName=\S++ .*\bCoresPerSocket=\d++[ \t\r]*+$", re.M),
    ),
    ("node-text", re.compile(rb"^[ \t]*+NodeName=\S++ .*\bCPUAlloc=", re.M)),
    ("job-text", re.compile(rb"^[ \t]*+JobId=\d++ .*\bJobName=", re.M)),
    (
        "partition-text",
        re.compile(
            rb"^PartitionName=\S++[ \t\r]*+"
            rb"(?:\n[ \t]++Allow| (?>.*?\bAllowGroups=)\S++ (?>.*?\bMaxNodes=)\S++.*\bTotalCPUs=)",
            re.M,
        ),
    ),
    ("config-text", re.compile(rb"^Configuration data as of |^SlurmctldHost(?:\[\d+\])? +=|^AuthType +=", re.M)),
)
_CONF = (
    ("slurmdbd-conf", re.compile(rb"^[ \t]*+(?:DbdHost|DbdAddr|StorageLoc|StoragePass)[ \t]*+=", re.M | re.I)),
    (
        "cgroup-conf",
        re.compile(
            rb"^[ \t]*+(?:Constrain(?:Cores|Devices|RAMSpace|SwapSpace|KmemSpace)|"
            rb"CgroupPlugin|CgroupAutomount|CgroupMountpoint|AllowedRAMSpace|"
            rb"EnableControllers|IgnoreSystemd)[ \t]*+=",
            re.M | re.I,
        ),
    ),
    ("topology-conf", re.compile(rb"^[ \t]*+(?:SwitchName|BlockName|BlockSizes)[ \t]*+=", re.M | re.I)),
    ("topology-yaml", re.compile(rb"^[ \t]*+-?[ \t]*+topology[ \t]*+:", re.M)),
    (
        "slurm-conf",
        re.compile(
            rb"^[ \t]*+(?:ClusterName|SlurmctldHost|ControlMachine|"
            rb"SlurmUser|SlurmctldPort|StateSaveLocation|ProctrackType|TaskPlugin|SelectType|"
            rb"PartitionName|SlurmdSpoolDir|Prolog|Epilog|HealthCheckProgram)[ \t]*+=[ \t]*+\S",
            re.M | re.I,
        ),
    ),
    (
        "gres-conf",
        re.compile(
            rb"^[ \t]*+(?:AutoDetect[ \t]*+=[ \t]*+\w++|"
            rb"(?:NodeName[ \t]*+=[ \t]*+\S++[ \t]++)?Name[ \t]*+=[ \t]*+\w++.*"
            rb"\b(?:File|Type|Count|Flags|Cores)[ \t]*+=)",
            re.M | re.I,
        ),
    ),
    ("slurm-conf", re.compile(rb"^[ \t]*+NodeName[ \t]*+=[ \t]*+\S++\s", re.M | re.I)),
)
_TABLES = (
    ("assoc-text", (b"Account", b"User"), (b"Share", b"Partition", b"Coordinators", b"QOS", b"ParentName", b"Admin")),
    ("sreport-text", (b"Account", b"Login"), (b"Used", b"Cluster")),
    ("sacct-text", (b"JobID",), (b"AllocTRES", b"Elapsed", b"User")),
)
_KEY = re.compile(
    rb"^0?[0-7]{3,4} \S++ sha256:[0-9a-f]{16,64} "
    rb"(?:(?>\S*?munge)\S*key|(?>\S*?jwt)\S*\.key|\S*(?:slurm\.key|slurmdbd\.conf))[ \t\r]*+$",
    re.M,
)
"""Searched in whole heads, as all above: `\\s` would run over the ends of lines, and twice from each of them."""


def form(path: str, head: bytes) -> str:
    """The short name of the format, or ""."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith(b"{"):
        if _OPENAPI.search(head):
            return "openapi"
        return "json" if _JSON_TABLE.search(head) and any(mark in head for mark in _JSON_MARKS) else ""
    if start.startswith(_REFUSED) and len(head) < 1024:
        return "refused"
    if _KEY.search(head):
        return "keys"
    table = _table(start.partition(b"\n")[0], head)
    if table:
        return table
    for name, pattern in (*_SHOWN, *_CONF):
        if pattern.search(head):
            return name
    return ""


def _table(first: bytes, head: bytes) -> str:
    """Parsable output (`-P`): column names between bars; sreport puts a title above them."""
    for line in (first, *head.split(b"\n", 6)[1:6]):
        columns = [column.strip() for column in line.strip().split(b"|")]
        if len(columns) < 2:
            continue
        for name, needed, some in _TABLES:
            if all(column in columns for column in needed) and any(column in columns for column in some):
                return name
        if b"User" in columns and (b"Admin" in columns or b"Coord Accounts" in columns or b"AdminLevel" in columns):
            return "assoc-text"
        if b"Account" in columns and b"Coord" in b"".join(columns):
            return "assoc-text"
        return ""
    return ""
