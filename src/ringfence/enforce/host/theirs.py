"""What somebody else made of a thing since it was changed: seen before an undo, so that people can decide.

kept ─▶ theirs ─▶ None: it holds what was or what was set │ Theirs: what it holds now, and how that differs
"""

import errno
import hashlib
from collections import Counter
from collections.abc import Iterable

from ringfence.assess.harden.changes import Permit, Put, Run, Write, place
from ringfence.collect.tree import Tree, entry_in
from ringfence.enforce.host import live
from ringfence.enforce.host.kept import Kept, Theirs
from ringfence.errors import EnforceError, InputError
from ringfence.estate.ids import clean
from ringfence.wire.host.entry import Entry, Kind

MOST_LINES = 10
_NO_WAY = (errno.ELOOP, errno.ENOTDIR)


def theirs(tree: Tree, kept: Kept) -> Theirs | None:
    """None also where it cannot be told: putting it back says why."""
    try:
        if isinstance(kept.change, Write):
            return _of_file(tree, kept.change, kept)
        return _of_value(tree, kept.change, kept)
    except (EnforceError, InputError):
        return None


def _of_file(tree: Tree, change: Write, kept: Kept) -> Theirs | None:
    now = _there(tree, change.path)
    content = now.content if now.kind is Kind.FILE else None
    if now.kind in (Kind.FILE, Kind.ABSENT) and content in (kept.was.content, change.content):
        return None
    if now.kind is Kind.FILE:
        what = "it was edited"
    else:
        what = "it is gone" if now.kind is Kind.ABSENT else f"it is {now.why or f'a {now.kind}'} now"
    lines = tuple(difference(change.content, content)) if content is not None else ()
    return Theirs(
        place(change), what, _digest(kept.was.content), _digest(change.content), _digest(content), lines, content
    )


def _there(tree: Tree, path: str) -> Entry:
    """Raises `EnforceError` where it cannot be read."""
    above, _, name = path.rpartition("/")
    try:
        with tree.folder(above) as folder:
            return entry_in(folder, name, path)
    except FileNotFoundError:
        return Entry(path, Kind.ABSENT)
    except OSError as error:
        if error.errno in _NO_WAY:
            return Entry(path, Kind.UNREADABLE, why="behind a link or a file on the way to it")
        raise EnforceError(f"{path}: {error.strerror}") from None


def _of_value(tree: Tree, change: Put | Permit | Run, kept: Kept) -> Theirs | None:
    was = _value(change, kept.was.content, kept.was.mode, kept.was.gid)
    entry = Entry("", Kind.ABSENT) if isinstance(change, Run) else _there(tree, change.path)
    between: tuple[str, ...]
    if isinstance(change, Permit):
        ours = live.rights(change.mode, change.gid)
        between = live.rights(kept.was.mode, change.gid), live.rights(change.mode, kept.was.gid)
    else:
        ours, between = change.value, (live.CUT_OFF,) if isinstance(change, Put) else ()
    if isinstance(change, Run):
        answer = tree.ask(change.ask)
        now, what = answer.text.strip(), "it was set"
        if answer.status != 0:
            now, what = "", "its program no longer answers"
    elif entry.kind is Kind.ABSENT:
        now, what = "", "it is gone"
    elif isinstance(change, Put) and entry.kind is not Kind.FILE:
        now, what = "", f"it is {entry.why or f'a {entry.kind}'} now"
    else:
        there = live.value(tree, change.path) if isinstance(change, Put) else live.permissions(tree, change.path)
        now, what = _value(change, there.content, there.mode, there.gid), "it was set"
    if what == "it was set" and now in (was, ours, *between):
        return None
    return Theirs(place(change), what, was, ours, clean(now))


def _value(change: Put | Permit | Run, content: bytes | None, mode: int, gid: int) -> str:
    if isinstance(change, Permit):
        return live.rights(mode, gid)
    return (content or b"").decode("utf-8", "replace").strip()


def difference(ours: bytes, now: bytes) -> Iterable[str]:
    """Lines that only one of them has (`-`: the first), in their order; in time that grows with their length alone."""
    sides = (ours.decode("utf-8", "replace").splitlines(), now.decode("utf-8", "replace").splitlines())
    found = [*_only(sides[0], sides[1], "-"), *_only(sides[1], sides[0], "+")]
    yield from found[:MOST_LINES]
    if len(found) > MOST_LINES:
        yield f"… and {len(found) - MOST_LINES} more lines"


def _only(mine: list[str], other: list[str], sign: str) -> Iterable[str]:
    left = Counter(other)
    for line in mine:
        left[line] -= 1
        if left[line] < 0:
            yield f"{sign} {clean(line)}"


def _digest(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()
