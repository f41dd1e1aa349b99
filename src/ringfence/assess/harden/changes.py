"""What a plan would change on a host: values that can be read first. `enforce.host` carries them out."""

import msgspec


class Write(msgspec.Struct, frozen=True, tag="write"):
    """A file's whole content. `before`: SHA-256 of what the plan was made from, "" for no file.

    `mode` is that of a new file; one that is there keeps its own. `check`: by which program the new content has to be
    accepted first; `announce`: who is told of it after (`enforce.host.programs` has both by name).
    """

    path: str
    content: bytes
    before: str
    mode: int = 0o644
    check: str = ""
    announce: str = ""


class Put(msgspec.Struct, frozen=True, tag="put"):
    """A value of the running kernel, written in place. `before` is what stood there."""

    path: str
    value: str
    before: str


class Permit(msgspec.Struct, frozen=True, tag="permit"):
    """Permission bits and group of a device or file. `before`: (mode, gid)."""

    path: str
    mode: int
    gid: int
    before: tuple[int, int]


class Run(msgspec.Struct, frozen=True, tag="run"):
    """A setting of hardware that a program holds. `ask` prints it; `back` sets `before` again."""

    name: str
    ask: tuple[str, ...]
    argv: tuple[str, ...]
    value: str
    before: str
    back: tuple[str, ...]


Change = Write | Put | Permit | Run


def place(change: Change) -> str:
    """The name under which a receipt keeps it; no two changes of a plan have the same."""
    what = change.name if isinstance(change, Run) else change.path
    return f"{type(change).__struct_config__.tag} {what}"


def told(change: Change) -> str:
    """A change in a line."""
    match change:
        case Write(path, content, before):
            return f"{'change' if before else 'make'} {path} ({len(content)} bytes)"
        case Put(path, value, before):
            return f"set {path}: {before} → {value}"
        case Permit(path, mode, gid, (mode_before, gid_before)):
            group = f", group {gid_before} → {gid}" if gid != gid_before else ""
            return f"set {path}: {mode_before:04o} → {mode:04o}{group}"
        case Run(name, _, _, value, before):
            return f"set {name}: {before} → {value}"
