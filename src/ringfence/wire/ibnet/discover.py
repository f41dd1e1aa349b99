"""`ibnetdiscover`: the switches and adapters of an InfiniBand subnet and the cables between them.

        vendid=0x2c9                                     about the node that follows
        devid=0x1021
        caguid=0xe09d730300156ff6
        Ca  1 "H-e09d730300156ff6"  # "gpu0001 mlx5_0"   the node
        [1](e09d730300156ff6)  "S-2c5eab0300c26480"[8]  # lid 246 lmc 0 "leaf 1" lid 119 4xNDR

Format as printed by infiniband-diags 44 and as found in real fabrics: the port GUID in brackets
comes with or without `0x`, and only on adapters.
"""

import re
from collections.abc import Iterator

from ringfence.errors import InputError, Problem
from ringfence.wire import safe
from ringfence.wire.ibnet.values import Link, Node, Topology

_NODE = re.compile(r'(Switch|Ca|Rt)[ \t]+(\d{1,3})[ \t]+"([SHR])-(?:0x)?([0-9a-fA-F]{1,16})"(.*)\Z')
_LINK = re.compile(
    r"\[(\d{1,3})\](?:\[[^\]]{0,20}\])?(?:\((?:0x)?([0-9a-fA-F]{1,16})\))?[ \t]*"
    r'"([SHR])-(?:0x)?([0-9a-fA-F]{1,16})"\[(\d{1,3})\](?:\[[^\]]{0,20}\])?(?:\((?:0x)?([0-9a-fA-F]{1,16})\))?(.*)\Z'
)
_COMMENT = re.compile(r'\A[^"#]*+#[ \t]*+(?:lid (\d{1,5}) lmc \d )?(?:"([^"]*+)")?[ \t]*+(.*)\Z')
_RATE = re.compile(r"(\d{1,2}x[A-Za-z0-9]{1,8})")
_LID = re.compile(r"\blid (\d{1,5})\b")
_CALLED = {"Switch": "switch", "Ca": "adapter", "Rt": "router"}
_ABOUT = ("vendid", "devid", "sysimgguid", "switchguid", "caguid", "rtguid")
_REMEDY = "run `ibnetdiscover` again and copy its whole output"


def read(data: bytes) -> Topology:
    """The nodes of one `ibnetdiscover` output, and a problem for each line that is none of its own.

    Raises `InputError` if it holds no node at all. Linear in the input.
    """
    reader = _Reader()
    for number, line in safe.lines(data):
        reader.feed(number, line.strip())
    return reader.end()


class _Reader:
    """Gathers lines into nodes; `problems` name every line that was not used."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.problems: list[Problem] = []
        self.about: dict[str, int] = {}
        self.head: tuple[str, int, int, str, int, int] | None = None
        self.links: list[Link] = []

    def feed(self, number: int, line: str) -> None:
        """One line, without its white space."""
        if line.startswith("["):
            self._link(number, line)
        elif not line or line.startswith("#"):
            return
        elif line.startswith(("Switch", "Ca", "Rt")):
            self._node(number, line)
        else:
            self._attribute(number, line)

    def _attribute(self, number: int, line: str) -> None:
        name, equals, value = line.partition("=")
        if not equals or name not in _ABOUT:
            self._problem(number, f"not a line of ibnetdiscover: {line[:60]!r}")
            return
        if name == "vendid":
            self._close()
        digits = value.partition("(")[0]
        try:
            self.about[name] = int(digits, 16) if len(digits) <= 18 else 0
        except ValueError:
            self._problem(number, f"{name} is not a number: {value[:40]!r}")

    def _node(self, number: int, line: str) -> None:
        self._close()
        match = _NODE.match(line)
        if match is None:
            self._problem(number, f"a node line that does not parse: {line[:60]!r}")
            return
        lid, said, rest = _comment(match[5])
        if match[1] == "Switch":
            lid = _number(_LID.search(rest))
        self.head = (_CALLED[match[1]], int(match[4], 16), int(match[2]), said, lid, number)

    def _link(self, number: int, line: str) -> None:
        match = _LINK.match(line)
        if match is None:
            self._problem(number, f"a port line that does not parse: {line[:60]!r}")
            return
        if self.head is None:
            self._problem(number, "a port line that belongs to no node: the node's own line is missing")
            return
        lid, _, rest = _comment(match[7])
        rate = _RATE.search(rest)
        self.links.append(
            Link(
                int(match[1]),
                int(match[2] or "0", 16),
                int(match[4], 16),
                int(match[5]),
                int(match[6] or "0", 16),
                lid,
                rate[1] if rate else "",
                number,
            )
        )

    def _close(self) -> None:
        if self.head is not None:
            kind, guid, ports, said, lid, number = self.head
            if not self.links:
                self._problem(number, f"no port of this {kind} is listed: the output is cut short, or its link is down")
            vendor, device = self.about.get("vendid", 0), self.about.get("devid", 0)
            self.nodes.append(Node(kind, guid, ports, said, lid, vendor, device, tuple(self.links), number))
            self.about = {}
        self.head, self.links = None, []

    def _problem(self, number: int, what: str) -> None:
        self.problems.append(Problem("", number, what, _REMEDY))

    def end(self) -> Topology:
        """The topology, once all lines were fed."""
        self._close()
        if not self.nodes:
            raise InputError("no switch and no adapter in this ibnetdiscover output", remedy=_REMEDY)
        self.problems.extend(_one_sided(self.nodes))
        return Topology(tuple(self.nodes), tuple(self.problems))


def _comment(text: str) -> tuple[int, str, str]:
    """(LID before the description, description, what follows it) of the part after `#`."""
    match = _COMMENT.match(text)
    if match is None:
        return 0, "", ""
    return int(match[1] or 0), match[2] or "", match[3]


def _number(match: re.Match[str] | None) -> int:
    return int(match[1]) if match else 0


def _one_sided(nodes: list[Node]) -> Iterator[Problem]:
    """A cable that only one end lists, or an end that is no node here: part of the output is missing."""
    ends = {(node.guid, link.port): (link.peer, link.peer_port) for node in nodes for link in node.links}
    known = {node.guid for node in nodes}
    for node in nodes:
        for link in node.links:
            if link.peer not in known:
                yield Problem(
                    "", link.line, f"leads to node 0x{link.peer:016x}, which has no entry of its own", _REMEDY
                )
            elif ends.get((link.peer, link.peer_port)) != (node.guid, link.port):
                yield Problem("", link.line, f"node 0x{link.peer:016x} does not list this cable", _REMEDY)
