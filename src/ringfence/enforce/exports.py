"""The NFS server of one host: our file among its exports, announced by `exportfs -ra`.

`exportfs -r` takes away what no file exports any more; a client that has it mounted meets ESTALE or EACCES at its next
request, so nothing that was open stays so.
"""

from collections.abc import Sequence
from pathlib import Path

from ringfence.enforce import files
from ringfence.errors import EnforceError, RingfenceError
from ringfence.segment.model import Artefact
from ringfence.wire.storage import exports


class Exports:
    """`/etc/exports.d/ringfence.exports` of one host. `announce` is the command after each change."""

    target = "exports"

    def __init__(
        self,
        where: str,
        file: Path = Path("/etc/exports.d/ringfence.exports"),
        announce: Sequence[str] = ("exportfs", "-ra"),
    ) -> None:
        self.where = where
        self._file, self._announce = file, tuple(announce)

    def read(self) -> str:
        """Our file; "" where there is none."""
        return files.text(self._file)

    def apply(self, artefact: Artefact) -> None:
        """Put it in place and announce it; where the server refuses, what was before is back."""
        self.restore(artefact.text)

    def restore(self, before: str) -> None:
        """The same with a text that `read` gave; exportfs skips lines that do not parse, so those are refused."""
        faults = exports.parse(before.encode()).faults
        if faults:
            raise EnforceError(f"line {faults[0].line}: {faults[0].what}", remedy="nothing was changed")
        old = self.read()
        files.replace(self._file, before, 0o644)
        try:
            files.run(self._announce)
        except RingfenceError as error:
            files.replace(self._file, old, 0o644)
            left = (f"the old file is back in {self._file}; the server may hold either until `exportfs -ra`",)
            raise EnforceError(error.what, remedy="see what it says, then apply again", left=left) from error
