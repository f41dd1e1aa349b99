"""What a collector is: it recognises files of a capture by content and turns them into facts.

        capture tree ─▶ CapturedFile ─▶ Collector.recognise ─▶ groups ─▶ Collector.collect ─▶ Fact | Problem

A collector never opens a path itself: it is given the bytes. It yields a `Problem` for what it
cannot read and goes on.
"""

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

import msgspec

from ringfence.errors import InputError, Problem
from ringfence.estate import ids, stamps
from ringfence.estate.facts import Fact
from ringfence.wire.safe import MOST_BYTES

HEAD = 8192
"""How many bytes a recogniser is shown."""

_TOOLS = "nvidia smi amd rocm nvml fmpm nvlink topo imex mig gpu gpus gpuinfo exports exportfs mounts fstab findmnt"
_SAYS = "list log output out stdout dump info show status static config cfg conf compute index params nodes node host"
_FOLDERS = "data etc proc sys self self1 run var tmp slurm fabric storage kubernetes cloud redfish artefacts lineage"
_GENERIC = frozenset(f"{_TOOLS} {_SAYS} {_FOLDERS} json xml txt text file capture raw all f l m q s x".split())
"""Words that name a tool, its option or a folder of a capture; a name of nothing else is no host's."""


class CapturedFile(msgspec.Struct, frozen=True):
    """One file of a capture. `path` is relative, with `/`; `observed_at` is its modification time, UTC."""

    path: str
    data: bytes
    observed_at: float = 0.0

    @property
    def head(self) -> bytes:
        return self.data[:HEAD]

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    def text(self) -> str:
        """The content as text; bytes that are not UTF-8 become replacement characters."""
        return self.data.decode("utf-8", "replace")


class Scope(msgspec.Struct, frozen=True):
    """What a capture as a whole says about names.

    `cluster` is the default for ids that carry one (else the folder's name is taken), `site`
    prefixes host names where several clusters reuse them, `salt` keys all hashes of secrets.
    """

    cluster: str = ""
    site: str = ""
    salt: bytes = b""

    def host(self, name: str) -> str:
        """The entity id of a host by the name that a file gives."""
        return ids.host(name, self.site)

    def host_of(self, path: str) -> str:
        """The host that a capture path speaks of: `…/hosts/NAME/…`, else the file's stem.

        A stem that only says which tool wrote the file (`nvidia-smi.xml`) gives way to the nearest
        folder that does not: `node7/nvidia-smi.xml` is node7's.
        """
        parts = PurePosixPath(path).parts
        if "hosts" in parts[:-1]:
            at = parts.index("hosts") + 1
            return self.host(parts[at] if at < len(parts) - 1 else PurePosixPath(parts[at]).stem)
        stem = PurePosixPath(path).stem
        return self.host(next((name for name in (stem, *reversed(parts[:-1])) if not is_generic(name)), stem))

    def cluster_of(self, path: str) -> str:
        """The cluster that a path speaks of: the one given, else `…/clusters/NAME/…`, else the top folder."""
        parts = PurePosixPath(path).parts
        if "clusters" in parts[:-2]:
            return ids.clean(parts[parts.index("clusters") + 1])
        return self.cluster or ids.clean(parts[0] if len(parts) > 1 else "cluster")


def is_generic(name: str) -> bool:
    """Whether a file's or folder's name says only what it holds, not whose it is.

    >>> is_generic("nvidia-smi_-q_-x"), is_generic("gpu0001")
    (True, False)
    """
    words = name.lower().replace("-", " ").replace("_", " ").replace(".", " ").split()
    return all(word in _GENERIC for word in words)


Found = Fact | Problem


class Collector(msgspec.Struct, frozen=True):
    """One outside system's files.

    `recognise(path, head)` names the format ("slurm/nodes-json") or returns "" and must not
    raise. `collect(files, scope)` gets all files of one format at once.
    `aspects` are the coverage aspects that it answers for.
    """

    name: str
    recognise: Callable[[str, bytes], str]
    collect: Callable[[str, list[CapturedFile], Scope], Iterator[Found]]
    aspects: tuple[str, ...] = ()


def each(files: Iterable[CapturedFile], read: Callable[[CapturedFile], Iterable[Fact]]) -> Iterator[Found]:
    """Facts of every file by `read`; a file that does not parse becomes a `Problem`, the rest go on.

    All or nothing per file: a file that fails halfway yields no facts. Facts without a source or
    time of their own get the file's.
    """
    for file in files:
        try:
            facts = list(read(file))
        except InputError as error:
            yield Problem.of(file.path, error)
        except RecursionError:
            yield Problem(file.path, 0, "nested too deeply", "the file is damaged or hostile")
        else:
            yield from (stamped(fact, file) for fact in facts)


def stamped(fact: Fact, file: CapturedFile) -> Fact:
    """The fact with the file as its source and time where it names none."""
    if fact.source and fact.observed_at:
        return fact
    return msgspec.structs.replace(
        fact, source=fact.source or file.path, observed_at=fact.observed_at or file.observed_at
    )


def asked(subject: str, aspect: str, *, answered: bool, complete: bool = False, reason: str = "") -> Fact:
    """A coverage fact: `subject` was asked for `aspect`."""
    attributes: dict[str, str | int | float | bool] = {"answered": answered}
    if complete:
        attributes["complete"] = True
    if reason:
        attributes["reason"] = reason
    return Fact(subject, "asked", aspect, attributes)


def read_file(path: Path, root: Path) -> CapturedFile | Problem:
    """One plain file, or why it was left out."""
    place = shown(path, root)
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return Problem(place, 0, "a link was not followed" if path.is_symlink() else f"not readable: {error.strerror}")
    about = os.fstat(handle)
    if not stat.S_ISREG(about.st_mode):
        os.close(handle)
        return Problem(place, 0, "not a plain file")
    with os.fdopen(handle, "rb") as file:
        if about.st_size > MOST_BYTES:
            return Problem(place, 0, f"larger than {MOST_BYTES >> 20} MiB", "split the capture")
        seen = about.st_mtime if stamps.known(about.st_mtime) else 0.0
        return CapturedFile(place, file.read(), seen)


def shown(path: Path, root: Path) -> str:
    """A path relative to `root`, with `/` and without control characters."""
    return "/".join(ids.clean(part) for part in path.relative_to(root).parts)
