"""Every kind of change: keep what was, do it, put it back.

kept = before(tree, change)     all that an undo needs; nothing is touched
check(tree, change)             whether the program that reads it would take it
apply(tree, kept)               whole or not at all, read back; again does no harm
theirs(tree, kept)              what somebody else made of it since, None if nobody did
back(kept)                      what a restore gives back
restore(tree, kept)             exactly as it was; refuses where somebody else changed it since, but for what is named
"""

from ringfence.assess.harden.changes import Change, Permit, Put, Run, Write
from ringfence.collect.tree import Tree
from ringfence.enforce.host import files, live, programs
from ringfence.enforce.host.back import Back, back
from ringfence.enforce.host.kept import Kept, Theirs, Was
from ringfence.enforce.host.theirs import theirs
from ringfence.errors import EnforceError, RingfenceError

__all__ = ["Back", "Theirs", "apply", "back", "before", "check", "restore", "theirs"]


def before(tree: Tree, change: Change) -> Kept:
    """Raises `EnforceError` where what is there cannot be kept, or is not what the plan saw."""
    match change:
        case Write(path):
            was = files.before(tree, path)
        case Put(path):
            live.settable(tree, path)
            was = live.value(tree, path)
        case Permit(path):
            was = live.permissions(tree, path)
        case Run():
            was = live.said(tree, change)
    _as_planned(change, was)
    return Kept(change, was)


def check(tree: Tree, change: Change) -> None:
    """Raises `EnforceError`, `MissingPart`."""
    if isinstance(change, Write):
        programs.check(tree, change)


def apply(tree: Tree, kept: Kept) -> None:
    """Raises `EnforceError`; `left` names what is in doubt."""
    match kept.change:
        case Write() as change:
            files.write(tree, change, kept.was)
            try:
                programs.announce(tree, change)
            except RingfenceError as error:
                left = (f"{change.path} is in place, and not announced",)
                raise EnforceError(error.what, error.remedy, left) from error
        case Put() as change:
            live.put(tree, change)
        case Permit() as change:
            live.permit(tree, change)
        case Run() as change:
            live.run(tree, change)


def restore(tree: Tree, kept: Kept, over: Theirs | None = None) -> None:
    """`over`: what somebody else made of it, and may be lost. Raises `EnforceError` where it is yet another thing."""
    match kept.change:
        case Write() as change:
            files.restore(tree, change, kept.was, over)
            programs.announce(tree, change)
        case Put() as change:
            live.put_back(tree, change, kept.was, over)
        case Permit() as change:
            live.permit_back(tree, change, kept.was, over)
        case Run() as change:
            live.run_back(tree, change, kept.was, over)


def _as_planned(change: Change, was: Was) -> None:
    now: object = (was.content or b"").decode("utf-8", "replace").strip()
    match change:
        case Write(path, before=wanted):
            what, now = path, files.digest(was)
        case Put(path, before=wanted):
            what = path
        case Permit(path, before=wanted):
            what, now = path, (was.mode, was.gid)
        case Run(name, before=wanted):
            what = name
    if now != wanted:
        raise EnforceError(f"{what} has changed since the plan was made", "nothing was changed; plan again")
