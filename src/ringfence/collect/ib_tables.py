"""Every partition table of a fabric: of each end port, and of the leaf switch's port that it is cabled to.

        with TableReader() as reader:          a child process holds the way into the fabric
            places = reader.places()           ibnetdiscover, once; again when cables change
            moved = reader.moved(places)       ports that are not at their LID any more: cables have changed
            seen = reader.read(places)         some 40,000 datagrams a second on a simulated fabric

Read-only: the only datagrams are SubnGet. What does not answer is told by name and never taken for fine. Needs
access to `/dev/infiniband/umad*`, and an M_Key protection level below 2, or the port's own M_Key is asked for.
"""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from ringfence.errors import InputError, MissingPart
from ringfence.wire.ibnet import discover, tables
from ringfence.wire.ibnet.tables import Place, Seen

CHILD = Path(__file__).with_name("ib_ports.py")
PER_BLOCK = 32
PATIENCE = 60.0
"""Seconds that the child may be silent before it is given up."""


class TableReader:
    """One way into one fabric, kept open. Not for several threads at once.

    `environment`: of the child and of ibnetdiscover; on a simulated fabric it names the preloaded library.
    """

    def __init__(self, environment: Mapping[str, str] | None = None, folder: str | None = None) -> None:
        self.environment = dict(environment) if environment is not None else None
        self.folder = folder
        self._room: dict[int, int] = {}
        self._rest = b""
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        command = (sys.executable, "-I", str(CHILD))
        self._child = subprocess.Popen(command, env=self.environment, cwd=folder, stdin=pipe, stdout=pipe, stderr=null)

    def __enter__(self) -> "TableReader":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End the child."""
        for stream in (self._child.stdin, self._child.stdout):
            if stream:
                stream.close()
        try:
            self._child.wait(5)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def places(self) -> tuple[Place, ...]:
        """Where every end port is, from `ibnetdiscover`. Raises `MissingPart`, `InputError`."""
        try:
            done = subprocess.run(
                ("ibnetdiscover",), env=self.environment, cwd=self.folder, capture_output=True, timeout=300, check=False
            )
        except FileNotFoundError:
            raise MissingPart("ibnetdiscover is not installed", "install infiniband-diags") from None
        except subprocess.TimeoutExpired:
            raise InputError("ibnetdiscover did not end within five minutes", remedy="is a switch hanging?") from None
        return tables.places(discover.read(done.stdout))

    def room(self, places: Iterable[Place]) -> dict[int, int]:
        """How many keys the port of each place and its leaf port hold, the smaller of both; 0 where neither said.

        PartitionCap of NodeInfo, PartitionEnforcementCap of SwitchInfo.
        """
        self._capacities(places := tuple(places))
        return {one.guid: min(self._room[one.lid], self._room[one.leaf_lid]) for one in places}

    def moved(self, places: Iterable[Place]) -> tuple[int, ...]:
        """GUIDs of places at whose LID another port answers, or none: cables or LIDs have changed since."""
        places = tuple(places)
        answers = self._ask([("who", one.lid, 0, 1) for one in places])
        return tuple(one.guid for one, answer in zip(places, answers, strict=True) if answer != [one.guid])

    def read(self, places: Iterable[Place], wanted: Iterable[int] = ()) -> Seen:
        """The tables of these places. `wanted`: GUIDs that should be among them; those that are not are `absent`.

        A table is whole or not there: a port of which a block, or the size of its table, did not come is `unread`.
        """
        places = tuple(places)
        self._capacities(places)
        asked = []
        for one in places:
            asked.append(("keys", one.lid, 1, self._blocks(one.lid)))
            asked.append(("keys", one.leaf_lid, one.leaf_port, self._blocks(one.leaf_lid)))
        answers = self._ask(asked)
        ends, leaves, unread = {}, {}, []
        for at, one in enumerate(places):
            end, leaf = answers[2 * at], answers[2 * at + 1]
            if end is None or leaf is None:
                unread.append(one.guid)
            if end is not None:
                ends[one.guid] = tables.table(end)
            if leaf is not None:
                leaves[one.guid] = tables.table(leaf)
        absent = set(wanted) - {one.guid for one in places}
        return Seen(ends, leaves, tuple(unread), tuple(sorted(absent)))

    def _blocks(self, lid: int) -> int:
        return -(-self._room[lid] // PER_BLOCK)

    def _capacities(self, places: Iterable[Place]) -> None:
        """Sizes of the tables not asked for before. 0 blocks: the size did not come, so neither can the table."""
        ends = {one.lid: "node" for one in places} | {one.leaf_lid: "switch" for one in places}
        fresh = [lid for lid in ends if not self._room.get(lid)]
        answers = self._ask([(ends[lid], lid, 0, 1) for lid in fresh])
        self._room |= {lid: answer[0] if answer else 0 for lid, answer in zip(fresh, answers, strict=True)}

    def _ask(self, questions: Sequence[tuple[str, int, int, int]]) -> list[list[int] | None]:
        """One answer for each question; `None`: none came."""
        if not questions:
            return []
        assert self._child.stdin is not None
        text = "".join(f"{what} {lid} {port} {blocks}\n" for what, lid, port, blocks in questions) + "\n"
        try:
            self._child.stdin.write(text.encode())
            self._child.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None
        return [
            None if line == b"-" else [int(word, 16) for word in line.split()] for line in self._lines(len(questions))
        ]

    def _lines(self, count: int) -> list[bytes]:
        """So many lines of the child. It is one process that may hang in a driver: it gets a deadline."""
        assert self._child.stdout is not None
        parts, have, until = [self._rest], self._rest.count(b"\n"), time.monotonic() + PATIENCE
        while have < count:
            ready, _, _ = select.select([self._child.stdout], [], [], max(0.0, until - time.monotonic()))
            if not ready:
                self._child.kill()
                raise InputError(f"no partition table came within {PATIENCE:.0f} s", remedy="is the subnet manager up?")
            data = os.read(self._child.stdout.fileno(), 1 << 20)
            if not data:
                raise self._ended()
            parts.append(data)
            have += data.count(b"\n")
            until = time.monotonic() + PATIENCE
        *lines, self._rest = b"".join(parts).split(b"\n")
        return lines

    @staticmethod
    def _ended() -> MissingPart:
        remedy = "install libibmad5, and run where /dev/infiniband/umad* may be opened"
        return MissingPart("this host has no way into the fabric: the reader of partition tables ended", remedy)
