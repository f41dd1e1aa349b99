"""Every error Ringfence raises on purpose.

RingfenceError
├── InputError      a file or an answer that cannot be read as what it claims to be
├── EstateError     a saved estate that this version cannot use
├── StateError      a journal or a state database that cannot be used: damaged, newer, busy, disk full
├── EnforceError    the world could not be changed as ordered; says what was left
├── UsageError      a command that names something which does not exist
└── MissingPart     an optional extra or a system package is not installed

A bad file met while collecting does not stop the others: it becomes a `Problem`, which is a
value, and a hole in the coverage.
"""

import msgspec


class RingfenceError(Exception):
    """The root. `str()` is one sentence for people; `remedy` says what to do next."""

    def __init__(self, what: str, remedy: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.remedy = remedy


class InputError(RingfenceError):
    """Input that does not parse. `line` counts from 1; 0 means the file as a whole."""

    def __init__(self, what: str, *, line: int = 0, remedy: str = "") -> None:
        super().__init__(what, remedy)
        self.line = line


class EstateError(RingfenceError):
    """A saved estate that is damaged, or of a schema that this version does not know."""


class EnforceError(RingfenceError):
    """An enforcer refused or failed. `left` lists what is in force that should not be, or the reverse."""

    def __init__(self, what: str, remedy: str = "", left: tuple[str, ...] = ()) -> None:
        super().__init__(what, remedy)
        self.left = left


class StateError(RingfenceError):
    """A journal or a state database that is damaged, of a newer schema, in use by another, or on a full disk."""


class UsageError(RingfenceError):
    """A request that names an entity, a move or a file that is not there."""


class MissingPart(RingfenceError):
    """An extra (`pip install ringfence[…]`) or a system package that the command needs."""


class Problem(msgspec.Struct, frozen=True, order=True):
    """One thing that could not be read while the rest went on.

    `file` is relative to the capture (or names the live source), `line` counts from 1 and is 0
    where no line applies.
    """

    file: str
    line: int
    what: str
    remedy: str = ""

    @classmethod
    def of(cls, file: str, error: RingfenceError) -> "Problem":
        return cls(file, getattr(error, "line", 0), error.what, error.remedy)

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.what}" + (f" ({self.remedy})" if self.remedy else "")
