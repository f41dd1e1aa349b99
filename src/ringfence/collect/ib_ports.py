"""The child of `collect.ib_tables`: reads partition tables by management datagrams, nothing else.

It is run as a script, by its path, in a process of its own: libibmad ends the process on some errors, and the
simulator's library can only be loaded before the first instruction. It imports nothing of Ringfence.

        stdin    one line a question:  keys <lid> <port> <blocks>   the partition table; port 1 of an adapter
                                       node <lid> 0 1               how many keys an adapter's table holds
                                       switch <lid> 0 1             the same of a switch's ports
                                       who <lid> 0 1                the GUID of the port that has this LID
                 an empty line:        answer now
        stdout   for each question a line: `-` (none came), or hexadecimal numbers; keys that are 0 are left out

Each is a SubnGet: P_KeyTable (modifier port << 16 | block, 32 keys a block), NodeInfo, SwitchInfo; IBA 14.2.5.
"""

import ctypes
import struct
import sys

ATTRIBUTES = {"keys": 0x16, "node": 0x11, "switch": 0x12, "who": 0x11}
FIELDS = {"node": (">H", 28), "switch": (">H", 14), "who": (">Q", 20)}
"""Shape and first byte in the answer: PartitionCap and PortGUID of NodeInfo, PartitionEnforcementCap of SwitchInfo."""

WAIT_MS, TRIES = 200, 4
_CLASSES = (1, 0x81, 3)
_UNPACK = struct.Struct(">32H").unpack_from


def _library() -> ctypes.CDLL:
    mad = ctypes.CDLL("libibmad.so.5")
    mad.mad_rpc_open_port.restype = ctypes.c_void_p
    mad.mad_rpc_open_port.argtypes = [ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int]
    mad.smp_query_via.restype = ctypes.c_void_p
    mad.smp_query_via.argtypes = [
        ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint, ctypes.c_void_p,
    ]  # fmt: skip
    return mad


def _ask(mad: ctypes.CDLL, way: int, what: str, lid: int, port: int, blocks: int) -> list[int] | None:
    """The numbers of one answer; `None` where a part of it did not come, however often it was asked for."""
    place = ctypes.create_string_buffer(512)  # ib_portid_t, which begins with the LID
    struct.pack_into("=i", place, 0, lid)
    answer = ctypes.create_string_buffer(64)
    found: list[int] = []
    for block in range(blocks):
        which = port << 16 | block
        tries = (mad.smp_query_via(answer, place, ATTRIBUTES[what], which, WAIT_MS, way) for _ in range(TRIES))
        if not any(tries):
            return None
        if what in FIELDS:
            shape, at = FIELDS[what]
            return list(struct.unpack_from(shape, answer, at))
        found.extend(key for key in _UNPACK(answer) if key)
    return found if blocks else None


def main() -> int:
    """Answer until the questions end."""
    mad = _library()
    classes = (ctypes.c_int * len(_CLASSES))(*_CLASSES)
    way = mad.mad_rpc_open_port(None, 0, classes, len(_CLASSES))
    if not way:
        sys.stderr.write("no InfiniBand port can be opened\n")
        return 1
    asked: list[list[str]] = []
    for line in sys.stdin:
        if line.strip():
            asked.append(line.split())
            continue
        for what, *numbers in asked:
            found = _ask(mad, way, what, *map(int, numbers))
            sys.stdout.write("-\n" if found is None else " ".join(f"{one:x}" for one in found) + "\n")
        asked.clear()
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
