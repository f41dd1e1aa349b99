"""The classes of event that are read, by their `class_uid`: OCSF's own, then those of our extension.

The uid of an extension's class is `extension * 100000 + category * 1000 + number` (OCSF, "Extending the schema"). 999
is the number that OCSF keeps for extensions in development; a registered number replaces it and nothing else.
"""

from collections.abc import Mapping

import msgspec

EXTENSION = 999


class Class(msgspec.Struct, frozen=True):
    """One class: its name and what `activity_id` stands for there. 0 is unknown and 99 other in every class."""

    uid: int
    name: str
    activities: Mapping[int, str]

    @property
    def category(self) -> int:
        """OCSF's category: 1 system, 2 findings, 3 identity, 4 network, 5 discovery, 6 application."""
        return self.uid % 100_000 // 1000


def _ours(category: int, number: int) -> int:
    return EXTENSION * 100_000 + category * 1000 + number


BASE = 0
FILE = 1001
KERNEL_EXTENSION = 1002
KERNEL = 1003
MEMORY = 1004
MODULE = 1005
SCHEDULED_JOB = 1006
PROCESS = 1007
EVENT_LOG = 1008
SCRIPT = 1009
REGISTRY_KEY = 201001
REGISTRY_VALUE = 201002
DETECTION_FINDING = 2004
INCIDENT_FINDING = 2005
ACCOUNT_CHANGE = 3001
AUTHENTICATION = 3002
USER_ACCESS = 3005
NETWORK = 4001
HTTP = 4002
DNS = 4003
SSH = 4007
CONFIG_STATE = 5002
APPLICATION = 6002
API = 6003

GPU = _ours(1, 1)
HARDWARE = _ours(1, 2)
HOST_INTERVAL = _ours(1, 3)
NVLINK = _ours(4, 1)
IB_PORT = _ours(4, 2)
RDMA = _ours(4, 3)
FABRIC = _ours(4, 4)
FLOW_INTERVAL = _ours(4, 5)
FENCE = _ours(4, 6)
JOB = _ours(6, 1)
TELEMETRY = _ours(6, 2)

_FILE = {1: "create", 2: "read", 3: "update", 4: "delete", 5: "rename", 6: "set attributes", 7: "set security"}
_FILE |= {8: "get attributes", 9: "get security", 10: "encrypt", 11: "decrypt", 12: "mount", 13: "unmount", 14: "open"}
_NET = {1: "open", 2: "close", 3: "reset", 4: "fail", 5: "refuse", 6: "traffic", 7: "listen"}

CLASSES: Mapping[int, Class] = {
    one.uid: one
    for one in (
        Class(BASE, "base event", {}),
        Class(FILE, "file system activity", _FILE),
        Class(KERNEL_EXTENSION, "kernel extension activity", {1: "load", 2: "unload"}),
        Class(KERNEL, "kernel activity", {1: "create", 2: "read", 3: "delete", 4: "invoke"}),
        Class(
            MEMORY, "memory activity", {1: "allocate page", 2: "modify page", 4: "buffer overflow", 8: "read process"}
        ),
        Class(MODULE, "module activity", {1: "load", 2: "unload", 3: "invoke"}),
        Class(SCHEDULED_JOB, "scheduled job activity", {1: "create", 2: "update", 3: "delete", 6: "start"}),
        Class(PROCESS, "process activity", {1: "launch", 2: "terminate", 3: "open", 4: "inject", 5: "set user id"}),
        Class(EVENT_LOG, "event log activity", {1: "clear", 2: "delete", 6: "rotate", 7: "start", 8: "stop"}),
        Class(SCRIPT, "script activity", {1: "execute"}),
        Class(REGISTRY_KEY, "registry key activity", {1: "create", 2: "read", 3: "modify", 4: "delete"}),
        Class(REGISTRY_VALUE, "registry value activity", {1: "get", 2: "set", 3: "modify", 4: "delete"}),
        Class(DETECTION_FINDING, "detection finding", {1: "create", 2: "update", 3: "close"}),
        Class(INCIDENT_FINDING, "incident finding", {1: "create", 2: "update", 3: "close"}),
        Class(ACCOUNT_CHANGE, "account change", {1: "create", 2: "enable", 3: "password change", 6: "delete"}),
        Class(AUTHENTICATION, "authentication", {1: "logon", 2: "logoff", 3: "authentication ticket"}),
        Class(USER_ACCESS, "user access management", {1: "assign privileges", 2: "revoke privileges"}),
        Class(NETWORK, "network activity", _NET),
        Class(HTTP, "http activity", {1: "connect", 2: "delete", 3: "get", 4: "head", 6: "post", 7: "put"}),
        Class(DNS, "dns activity", {1: "query", 2: "response", 6: "traffic"}),
        Class(SSH, "ssh activity", _NET),
        Class(CONFIG_STATE, "device configuration state", {1: "log", 2: "collect"}),
        Class(APPLICATION, "application lifecycle", {1: "install", 2: "remove", 3: "start", 4: "stop", 8: "update"}),
        Class(API, "api activity", {1: "create", 2: "read", 3: "update", 4: "delete"}),
        Class(
            GPU,
            "gpu activity",
            {1: "sample", 2: "process start", 3: "process stop", 4: "error", 5: "configure", 6: "profile"},
        ),
        Class(
            HARDWARE,
            "hardware activity",
            {1: "log", 2: "insert", 3: "remove", 4: "firmware update", 5: "intrusion", 6: "power", 7: "configure"},
        ),
        Class(HOST_INTERVAL, "host interval", {1: "sample"}),
        Class(NVLINK, "nvlink activity", {1: "sample", 2: "error", 3: "state change"}),
        Class(IB_PORT, "infiniband port activity", {1: "sample", 2: "error", 3: "state change"}),
        Class(RDMA, "rdma resource activity", {1: "open", 2: "close", 3: "snapshot"}),
        Class(FABRIC, "fabric management activity", {1: "log", 2: "partition change", 3: "takeover", 4: "refused"}),
        Class(FLOW_INTERVAL, "flow interval", {1: "sample"}),
        Class(FENCE, "fence activity", {1: "denied", 2: "budget spent", 3: "budget throttled"}),
        Class(
            JOB,
            "job activity",
            {1: "submit", 2: "start", 3: "end", 4: "requeue", 5: "cancel", 6: "modify", 7: "reserve"},
        ),
        Class(
            TELEMETRY,
            "telemetry health",
            {1: "gap", 2: "drop", 3: "clock skew", 4: "silence", 5: "resume", 6: "rejected", 7: "hole", 8: "spool"}
            | {9: "heartbeat"},
        ),
    )
}
