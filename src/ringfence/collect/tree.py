"""A host's file tree below one root, read without following a link.

Every folder on the way is opened by its name in the one before, with `O_NOFOLLOW`: whoever owns a folder below the root
can put a link there, and it leads nowhere. Pipes and devices are never opened. Programs are those of the tree.
"""

import errno
import os
import stat
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from ringfence.errors import InputError, UsageError
from ringfence.wire.host.entry import Entry, Kind, Said, Seen

MOST_BYTES = 4 << 20
MOST_ENTRIES = 4096
PATIENCE = 30.0
"""Seconds that a program may take."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_FOLDER = (errno.ELOOP, errno.ENOTDIR)
_PIECE = 1 << 16
_PROGRAMS = ("/usr/bin", "/usr/sbin", "/usr/local/bin")


class Tree:
    """The tree below `root`, which is resolved once and trusted itself."""

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root.resolve()
        if not self.root.is_dir():
            raise UsageError(f"{root} is no folder", "name the root of a host's file tree with --root")

    @property
    def live(self) -> bool:
        """Whether it is this machine's own tree."""
        return self.root == Path("/")

    @contextmanager
    def folder(self, path: str, *, ours: bool = False) -> Iterator[int]:
        """A descriptor of a folder. `ours`: only people who may change the tree can put anything on the way.

        Raises `OSError`; `InputError` for a way that others can change.
        """
        handle = os.open(self.root, _FOLDER)
        done = ""
        try:
            for part in _parts(path):
                done += f"/{part}"
                following = os.open(part, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = following
                if ours:
                    _ours(done, os.fstat(handle))
            yield handle
        finally:
            os.close(handle)

    def entry(self, path: str) -> Entry:
        """What is at a path."""
        above, _, name = path.rpartition("/")
        try:
            with self.folder(above) as folder:
                return entry_in(folder, name, path)
        except FileNotFoundError:
            return Entry(path, Kind.ABSENT)
        except OSError as error:
            return Entry(path, Kind.UNREADABLE, why=_why(error))

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Paths that a pattern names, ascending; at most `MOST_ENTRIES`. `*` and `?` stop at a slash.

        Raises `OSError` where a folder on the way cannot be listed: what it holds is then not known.
        """
        found, guessed = [""], False
        for part in _parts(pattern):
            if _wild(part):
                names = ((above, name) for above in found for name in self._names(above, guessed))
                found, guessed = [f"{above}/{name}" for above, name in names if fnmatchcase(name, part)], True
            else:
                found = [f"{above}/{part}" for above in found]
            found = found[:MOST_ENTRIES]
        return tuple(sorted(one for one in found if self._is(one)))

    def ask(self, argv: tuple[str, ...]) -> Said:
        """Run a program of the tree that only prints. It is not run where others could have put it there."""
        program = self.program(argv[0])
        if program is None:
            return Said(argv, None, why=f"{argv[0]} is not installed", absent=True)
        if isinstance(program, str):
            return Said(argv, None, why=program)
        try:
            done = subprocess.run(
                (str(program), *argv[1:]), capture_output=True, text=True, timeout=PATIENCE, check=False,
                errors="replace", stdin=subprocess.DEVNULL,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            return Said(argv, None, why=f"{argv[0]}: {error}"[:300])
        return Said(argv, done.returncode, done.stdout[:MOST_BYTES], done.stderr.strip()[-300:])

    def program(self, name: str) -> Path | str | None:
        """Where a program lies; why it is not to be run; None where there is none."""
        for folder in _PROGRAMS:
            try:
                with self.folder(folder, ours=True) as handle:
                    # a link within a folder that is ours leads where its owner means it to
                    seen = os.stat(name, dir_fd=handle, follow_symlinks=self.live)
                    _ours(f"{folder}/{name}", seen)
            except OSError:
                continue
            except InputError as error:
                return error.what
            if stat.S_ISREG(seen.st_mode):
                return Path(f"{self.root}/{folder}/{name}")
        return None

    def _names(self, path: str, guessed: bool) -> list[str]:
        """What a folder holds. `guessed`: by a wildcard; it may be a file or a link, and then it holds nothing."""
        try:
            with self.folder(path) as handle, os.scandir(handle) as found:
                return sorted(one.name for one, _ in zip(found, range(MOST_ENTRIES), strict=False))
        except FileNotFoundError:
            return []
        except OSError as error:
            if guessed and error.errno in _NO_FOLDER:
                return []
            raise

    def _is(self, path: str) -> bool:
        """Whether something is there; below what is no folder nothing is."""
        above, _, name = path.rpartition("/")
        try:
            with self.folder(above) as folder:
                os.stat(name, dir_fd=folder, follow_symlinks=False)
        except OSError as error:
            return error.errno not in (errno.ENOENT, *_NO_FOLDER)
        return True


def look(tree: Tree, patterns: Iterable[str], commands: Iterable[tuple[str, ...]]) -> Seen:
    """Read what a plan asks for."""
    entries: dict[str, Entry] = {}
    matched = {}
    for pattern in dict.fromkeys(patterns):
        try:
            paths = tree.matching(pattern) if _wild(pattern) else (pattern,)
        except OSError as error:
            entries[pattern] = Entry(pattern, Kind.UNREADABLE, why=_why(error))
            continue
        entries |= {path: tree.entry(path) for path in paths if path not in entries}
        if _wild(pattern):
            matched[pattern] = paths
    return Seen(entries, matched, {argv: tree.ask(argv) for argv in dict.fromkeys(commands)})


def entry_in(folder: int, name: str, path: str) -> Entry:
    """What a folder holds under a name. Raises `OSError`."""
    seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
    kind, why, content = _kind(seen.st_mode), "", b""
    if kind is Kind.LINK:
        why = os.readlink(name, dir_fd=folder)[:300]
    if kind is Kind.FILE:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        try:
            content = read(handle, MOST_BYTES + 1)
        finally:
            os.close(handle)
        if len(content) > MOST_BYTES:
            kind, content, why = Kind.UNREADABLE, b"", f"it is larger than {MOST_BYTES} bytes"
    return Entry(path, kind, content, stat.S_IMODE(seen.st_mode), seen.st_uid, seen.st_gid, why)


def read(handle: int, most: int) -> bytes:
    """At most so many bytes, in small pieces: the kernel takes memory for the whole piece that is asked of /proc."""
    pieces, size = [], 0
    while size < most and (piece := os.read(handle, min(_PIECE, most - size))):
        pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)


def _ours(path: str, seen: os.stat_result) -> None:
    """Refuse what an account other than root's or ours owns or may write."""
    theirs = seen.st_uid not in (0, os.geteuid())
    open_ = seen.st_mode & stat.S_IWOTH or (seen.st_mode & stat.S_IWGRP and seen.st_gid not in (0, os.getegid()))
    if theirs or open_:
        how = f"owned by account {seen.st_uid}" if theirs else f"writable by others ({stat.S_IMODE(seen.st_mode):04o})"
        raise InputError(f"{path} is {how}", remedy="give it to root, with mode 0755, then plan again")


def _kind(mode: int) -> Kind:
    tests = ((stat.S_ISREG, Kind.FILE), (stat.S_ISLNK, Kind.LINK), (stat.S_ISDIR, Kind.FOLDER))
    devices = ((stat.S_ISCHR, Kind.DEVICE), (stat.S_ISBLK, Kind.DEVICE))
    return next((kind for test, kind in (*tests, *devices) if test(mode)), Kind.OTHER)


def _why(error: OSError) -> str:
    if error.errno in _NO_FOLDER:
        return "a link or a file stands on the way to it, and is not followed"
    return f"{error.strerror}" + ("; run as root" if error.errno == errno.EACCES else "")


def _wild(pattern: str) -> bool:
    return any(sign in pattern for sign in "*?[")


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part]
    if ".." in parts or "." in parts:
        raise InputError(f"{path!r} steps out of its folder")
    return parts
