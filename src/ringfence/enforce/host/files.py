"""Files of a host replaced whole, and put back exactly: bytes, mode, owner, extended attributes, absence.

     .NAME.ringfence ── written, fsync ──▶ rename over NAME ──▶ fsync of the folder ──▶ read back

The name of the temporary file is always the same, so whoever comes after a kill finds it and takes it away.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ringfence.assess.harden.changes import Write
from ringfence.collect.tree import Tree, entry_in
from ringfence.enforce.host.kept import Theirs, Was
from ringfence.errors import EnforceError, InputError
from ringfence.wire.host.entry import Entry, Kind

_NOTHING = "nothing was changed"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def reached(tree: Tree, path: str) -> Iterator[tuple[int, str]]:
    """(descriptor of the folder, name). Raises `EnforceError` where the way is not ours alone."""
    above, _, name = path.rpartition("/")
    try:
        with tree.folder(above, ours=True) as folder:
            yield folder, name
    except InputError as error:
        raise EnforceError(f"{path}: {error.what}", f"{error.remedy}; {_NOTHING}") from None
    except OSError as error:
        raise EnforceError(f"{path}: {error.strerror}", f"{_NOTHING}; run as root, and see what is there") from None


def before(tree: Tree, path: str) -> Was:
    """What is there now, folders that are missing included. Raises `EnforceError`."""
    missing = _missing(tree, path.rpartition("/")[0])
    if missing:
        with reached(tree, missing[0]) as (above, _):
            writable(above, ".", path)
        return Was(None, made=missing)
    with reached(tree, path) as (folder, name):
        writable(folder, ".", path)
        try:
            found = entry_in(folder, name, path)
        except FileNotFoundError:
            return Was(None)
        if found.kind is not Kind.FILE:
            raise EnforceError(f"{path} is a {found.kind}, and no file", f"{_NOTHING}; plan again")
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
        return Was(
            found.content, found.mode, found.uid, found.gid, seen.st_mtime_ns, _attributes(folder, name)
        )  # fmt: skip


def writable(folder: int, name: str, path: str) -> None:
    """Raises `EnforceError` where the kernel would refuse a write: told before anything is begun."""
    how = os.W_OK | (os.X_OK if name == "." else 0)
    if os.access(name, how, dir_fd=folder, effective_ids=True):
        return
    why = errno.EROFS if os.fstatvfs(folder).f_flag & os.ST_RDONLY else errno.EACCES
    raise EnforceError(f"{path} cannot be written: {os.strerror(why)}", f"{_NOTHING}; make it writable, or run as root")


def write(tree: Tree, change: Write, was: Was) -> None:
    """Put the content in place. Raises `EnforceError` where the file is neither what the plan saw nor what it wants."""
    _make(tree, was.made)
    with reached(tree, change.path) as (folder, name):
        _sweep(folder, name)
        now = _now(folder, name, change.path)
        if now.kind is Kind.FILE and now.content == change.content:
            return
        if now.digest != change.before or now.kind not in (Kind.FILE, Kind.ABSENT):
            raise EnforceError(f"{change.path} has changed since the plan was made", f"{_NOTHING}; plan again")
        new = Was(change.content, change.mode, os.geteuid(), os.getegid())
        if was.content is not None:
            new = Was(change.content, was.mode, was.uid, was.gid, attributes=was.attributes)
        _replace(folder, name, new)
        there = _now(folder, name, change.path)
        if there.content != change.content or there.mode != new.mode:
            raise EnforceError(f"{change.path} holds something else after it was written", left=(change.path,))


def restore(tree: Tree, change: Write, was: Was, over: Theirs | None = None) -> None:
    """Put back exactly what was there. Raises `EnforceError` where somebody changed it since, to other than `over`."""
    if was.made and _missing(tree, change.path.rpartition("/")[0]):
        _unmake(tree, was.made)
        return
    with reached(tree, change.path) as (folder, name):
        _sweep(folder, name)
        now = _now(folder, name, change.path)
        content = now.content if now.kind is Kind.FILE else None
        known = (was.content, change.content) if over is None else (was.content, change.content, over.content)
        kinds = (Kind.FILE, Kind.ABSENT) if over is None else (Kind.FILE, Kind.ABSENT, Kind.LINK, Kind.OTHER)
        if now.kind not in kinds or content not in known:
            what = f"{change.path} was changed by somebody else since"
            raise EnforceError(what, "decide by hand what it should hold, then undo again", (change.path,))
        if was.content is None:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)
        elif now.kind is not Kind.FILE or content != was.content:
            _replace(folder, name, was)
        os.fsync(folder)
    _unmake(tree, was.made)


def digest(was: Was) -> str:
    """SHA-256 of the content, as a plan names it; "" for no file."""
    return "" if was.content is None else hashlib.sha256(was.content).hexdigest()


def _now(folder: int, name: str, path: str) -> Entry:
    try:
        return entry_in(folder, name, path)
    except FileNotFoundError:
        return Entry(path, Kind.ABSENT)


def _replace(folder: int, name: str, new: Was) -> None:
    beside = _beside(name)
    try:
        with os.fdopen(os.open(beside, _NEW, 0o600, dir_fd=folder), "wb") as file:
            file.write(new.content or b"")
            file.flush()
            os.fchown(file.fileno(), new.uid, new.gid)
            os.fchmod(file.fileno(), new.mode)
            for key, value in new.attributes.items():
                os.setxattr(file.fileno(), key, value)
            if new.changed:
                os.utime(file.fileno(), ns=(new.changed, new.changed))
            os.fsync(file.fileno())
        os.rename(beside, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except OSError as error:
        with suppress(OSError):
            os.unlink(beside, dir_fd=folder)
        what = f"{name} cannot be written: {error.strerror}"
        raise EnforceError(what, f"{_NOTHING}; make room, or run as root") from None


def _sweep(folder: int, name: str) -> None:
    """Take away what a killed process left beside the file."""
    with suppress(FileNotFoundError):
        os.unlink(_beside(name), dir_fd=folder)


def _beside(name: str) -> str:
    return f".{name}.ringfence"


def _attributes(folder: int, name: str) -> dict[str, bytes]:
    handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    try:
        return {key: os.getxattr(handle, key) for key in os.listxattr(handle)}
    except OSError:
        return {}  # a file system without them
    finally:
        os.close(handle)


def _missing(tree: Tree, folder: str) -> tuple[str, ...]:
    """Folders on the way that do not exist, the outermost first."""
    parts = [part for part in folder.split("/") if part]
    ways = ["/" + "/".join(parts[: at + 1]) for at in range(len(parts))]
    return tuple(way for way in ways if tree.entry(way).kind is Kind.ABSENT)


def _make(tree: Tree, folders: tuple[str, ...]) -> None:
    for one in folders:
        with reached(tree, one) as (above, name):
            with suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=above)
                os.chmod(name, 0o755, dir_fd=above)  # noqa: S103  # as every folder of /etc
            if not stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode):
                raise EnforceError(f"{one} is no folder", _NOTHING)
            os.fsync(above)


def _unmake(tree: Tree, folders: tuple[str, ...]) -> None:
    """Take away the folders that we made, unless somebody put something there."""
    for one in reversed(folders):
        with suppress(EnforceError), reached(tree, one) as (above, name), suppress(OSError):
            os.rmdir(name, dir_fd=above)
            os.fsync(above)
