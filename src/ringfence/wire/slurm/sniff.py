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
    ("node-text", re.compile(rb"^\s*NodeName=\S+ .*\bArch=|^\s*NodeName=\S+ .*\bCoresPerSocket=\d+\s*$", re.M)),
    ("node-text", re.compile(rb"^\s*NodeName=\S+ .*\bCPUAlloc=", re.M)),
    ("job-text", re.compile(rb"^\s*JobId=\d+ .*\bJobName=", re.M)),
    (
        "partition-text",
        re.compile(rb"^PartitionName=\S+\s*(?:\n\s+Allow| .*\bAllowGroups=\S+ .*\bMaxNodes=\S+.*\bTotalCPUs=)", re.M),
    ),
    ("config-text", re.compile(rb"^Configuration data as of |^SlurmctldHost(?:\[\d+\])? +=|^AuthType +=", re.M)),
)
_CONF = (
    ("slurmdbd-conf", re.compile(rb"^\s*(?:DbdHost|DbdAddr|StorageLoc|StoragePass)\s*=", re.M | re.I)),
    (
        "cgroup-conf",
        re.compile(
            rb"^\s*(?:Constrain(?:Cores|Devices|RAMSpace|SwapSpace|KmemSpace)|CgroupPlugin|CgroupAutomount|CgroupMountpoint|AllowedRAMSpace|EnableControllers|IgnoreSystemd)\s*=",
            re.M | re.I,
        ),
    ),
    ("topology-conf", re.compile(rb"^\s*(?:SwitchName|BlockName|BlockSizes)\s*=", re.M | re.I)),
    ("topology-yaml", re.compile(rb"^\s*-?\s*topology\s*:", re.M)),
    (
        "slurm-conf",
        re.compile(
            rb"^\s*(?:ClusterName|SlurmctldHost|ControlMachine|SlurmUser|SlurmctldPort|StateSaveLocation|ProctrackType|TaskPlugin|SelectType|PartitionName|SlurmdSpoolDir|Prolog|Epilog|HealthCheckProgram)\s*=\s*\S",
            re.M | re.I,
        ),
    ),
    (
        "gres-conf",
        re.compile(
            rb"^\s*(?:AutoDetect\s*=\s*\w+|(?:NodeName\s*=\s*\S+\s+)?Name\s*=\s*\w+.*\b(?:File|Type|Count|Flags|Cores)\s*=)",
            re.M | re.I,
        ),
    ),
    ("slurm-conf", re.compile(rb"^\s*NodeName\s*=\s*\S+\s", re.M | re.I)),
)
_TABLES = (
    ("assoc-text", (b"Account", b"User"), (b"Share", b"Partition", b"Coordinators", b"QOS", b"ParentName", b"Admin")),
    ("sreport-text", (b"Account", b"Login"), (b"Used", b"Cluster")),
    ("sacct-text", (b"JobID",), (b"AllocTRES", b"Elapsed", b"User")),
)
_KEY = re.compile(
    rb"^0?[0-7]{3,4} \S+ sha256:[0-9a-f]{16,64} \S*(?:munge\S*key|slurm\.key|jwt\S*\.key|slurmdbd\.conf)\s*$", re.M
)


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
