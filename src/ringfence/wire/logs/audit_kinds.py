"""Tables of Linux audit: which system calls and record types stand for which class of event.

Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (arm64) of Linux 6; record types:
include/uapi/linux/audit.h and audit-userspace's lib/audit-records.h.
"""

from collections.abc import Mapping
from ipaddress import ip_address

from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Value

_X86: Mapping[str, str] = {
    "2": "open", "41": "socket", "42": "connect", "49": "bind", "59": "execve", "82": "rename", "83": "mkdir",
    "84": "rmdir", "85": "creat", "86": "link", "87": "unlink", "88": "symlink", "90": "chmod", "92": "chown",
    "101": "ptrace", "133": "mknod", "135": "personality", "165": "mount", "175": "init_module",
    "176": "delete_module", "257": "openat", "263": "unlinkat", "264": "renameat", "265": "linkat",
    "266": "symlinkat", "268": "fchmodat", "304": "open_by_handle_at", "313": "finit_module", "316": "renameat2",
    "319": "memfd_create", "321": "bpf", "322": "execveat", "437": "openat2",
}  # fmt: skip
_ARM: Mapping[str, str] = {
    "33": "mknodat", "34": "mkdirat", "35": "unlinkat", "36": "symlinkat", "37": "linkat", "38": "renameat",
    "40": "mount", "53": "fchmodat", "54": "fchownat", "56": "openat", "92": "personality", "105": "init_module",
    "106": "delete_module", "117": "ptrace", "198": "socket", "200": "bind", "203": "connect", "221": "execve",
    "265": "open_by_handle_at", "273": "finit_module", "276": "renameat2", "279": "memfd_create", "280": "bpf",
    "281": "execveat", "437": "openat2",
}  # fmt: skip
_CALLS: Mapping[str, Mapping[str, str]] = {"c000003e": _X86, "c00000b7": _ARM}

_OPENED = {"NORMAL": 14, "CREATE": 1}
_MADE = {"CREATE": 1}
_GONE = {"DELETE": 4}
_MOVED = {"DELETE": 5, "CREATE": 5}
_SET = {"NORMAL": 6}
FILE_CALLS: Mapping[str, Mapping[str, int]] = {
    **dict.fromkeys(("open", "openat", "openat2", "open_by_handle_at", "creat"), _OPENED),
    **dict.fromkeys(("mknod", "mknodat", "link", "linkat", "symlink", "symlinkat", "mkdir", "mkdirat"), _MADE),
    **dict.fromkeys(("unlink", "unlinkat", "rmdir"), _GONE),
    **dict.fromkeys(("rename", "renameat", "renameat2"), _MOVED),
    **dict.fromkeys(("chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat", "utimensat"), _SET),
}
"""Call → kind of path (`nametype`) → activity of a file."""
MODULE_CALLS = frozenset({"init_module", "finit_module", "delete_module"})

USER: Mapping[str, tuple[int, int]] = {
    "USER_LOGIN": (classes.AUTHENTICATION, 1),
    "USER_AUTH": (classes.AUTHENTICATION, 1),
    "USER_CMD": (classes.AUTHENTICATION, 1),
    "USER_LOGOUT": (classes.AUTHENTICATION, 2),
    "USER_END": (classes.AUTHENTICATION, 2),
    "ADD_USER": (classes.ACCOUNT_CHANGE, 1),
    "DEL_USER": (classes.ACCOUNT_CHANGE, 6),
    "USER_CHAUTHTOK": (classes.ACCOUNT_CHANGE, 3),
    "SERVICE_START": (classes.APPLICATION, 3),
    "SERVICE_STOP": (classes.APPLICATION, 4),
    "DAEMON_START": (classes.EVENT_LOG, 7),
    "DAEMON_END": (classes.EVENT_LOG, 8),
    "DAEMON_ABORT": (classes.EVENT_LOG, 8),
    "DAEMON_ROTATE": (classes.EVENT_LOG, 6),
}
"""Record type → class and activity, where the record tells by itself."""
ALONE = frozenset(USER) | {
    "USER_ACCT", "USER_START", "USER_ERR", "USER_MGMT", "USER_TTY", "USER_AVC", "CRED_ACQ", "CRED_DISP", "CRED_REFR",
    "ADD_GROUP", "DEL_GROUP", "GRP_MGMT", "CRYPTO_KEY_USER", "CRYPTO_SESSION", "SYSTEM_BOOT", "SYSTEM_RUNLEVEL",
    "SYSTEM_SHUTDOWN", "DAEMON_CONFIG", "DAEMON_ACCEPT", "DAEMON_CLOSE", "LOGIN", "VIRT_CONTROL", "SOFTWARE_UPDATE",
}  # fmt: skip
"""Record types that are the only one of their serial."""


def call_name(call: Mapping[str, str]) -> str:
    """The name of a SYSCALL record's call: as auditd adds it, else by architecture and number; "" if not known."""
    return call.get("SYSCALL") or _CALLS.get(call.get("arch", ""), {}).get(call.get("syscall", ""), "")


def socket(saddr: str) -> Mapping[str, Value]:
    """The columns of a SOCKADDR record's address, the bytes of a `struct sockaddr`; none where it is no IP."""
    try:
        raw = bytes.fromhex(saddr)
    except ValueError:
        return {}
    family = int.from_bytes(raw[:2], "little")
    size = {2: (4, 8), 10: (8, 24)}.get(family)
    if size is None or len(raw) < size[1]:
        return {}
    address = ip_address(raw[size[0] : size[1]])
    mapped = getattr(address, "ipv4_mapped", None)
    return {"dst_endpoint.ip": str(mapped or address), "dst_endpoint.port": int.from_bytes(raw[2:4], "big")}
