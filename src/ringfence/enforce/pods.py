"""A node's list of pods that may start: those whose compartment the cluster's API was read back to hold.

        namespace/name  uid  compartment        one pod a line, sorted; a first comment line

The list is what a signed order brings (target `pods`, its `covers` the numbers of these pods), and `app.pod_gate`
asks for. The file itself opens nothing: the policies are the cluster's.
"""

import os
from pathlib import Path

from ringfence.errors import EnforceError
from ringfence.segment.model import Artefact

LONGEST = 4 << 20


class Admitted:
    """The list in the file `path` of the host `where`."""

    target = "pods"

    def __init__(self, where: str, path: Path) -> None:
        self.where, self._path = where, path

    def read(self) -> str:
        """The list; "" where there is none."""
        try:
            with open(self._path, "rb", opener=_beside) as file:
                return file.read(LONGEST).decode("utf-8")
        except FileNotFoundError:
            return ""
        except (OSError, UnicodeDecodeError) as error:
            raise EnforceError(f"{self._path}: {error}", "delete it; the next order brings it again") from None

    def apply(self, artefact: Artefact) -> None:
        """Put a list in the place of the one before, whole or not at all."""
        self.restore(artefact.text)

    def restore(self, before: str) -> None:
        """Bring back what `read` returned."""
        try:
            if not before:
                self._path.unlink(missing_ok=True)
                return
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = self._path.with_name(self._path.name + ".new")
            handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(before)
                file.flush()
                os.fsync(handle)
            fresh.replace(self._path)
        except OSError as error:
            raise EnforceError(f"{self._path}: {error.strerror}; the list is as it was") from None


def _beside(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
