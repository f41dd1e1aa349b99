"""What a driver has to remember of before, on disk before it changes anything.

One JSON file per kind of thing, replaced whole: a kill leaves the old version or the new one.
"""

from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from ringfence.enforce import files
from ringfence.errors import EnforceError

Shape = TypeVar("Shape", bound=msgspec.Struct)
_ENCODE = msgspec.json.Encoder(order="sorted").encode


class Kept(Generic[Shape]):
    """A value of `shape` in the file `path`; where there is no file, `shape()`."""

    def __init__(self, path: Path, shape: type[Shape]) -> None:
        self.path, self._shape = path, shape

    def load(self) -> Shape:
        """What was kept last. Raises `EnforceError` where the file is damaged: what was before is then unknown."""
        text = files.text(self.path)
        try:
            return msgspec.json.decode(text, type=self._shape) if text else self._shape()
        except (msgspec.MsgspecError, RecursionError) as error:
            remedy = "put right by hand what it names, then move it away"
            raise EnforceError(f"{self.path} is damaged: {error}"[:300], remedy) from None

    def save(self, value: Shape) -> None:
        """Keep it, durably; an empty value leaves no file. Raises `EnforceError`; the file is then as before."""
        text = "" if value == self._shape() else _ENCODE(value).decode()
        if text == files.text(self.path):
            return
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise EnforceError(f"{self.path.parent} cannot be made: {error}", remedy="nothing was changed") from None
        files.replace(self.path, text)
