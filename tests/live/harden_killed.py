"""Hardening killed at each of its moments: `python -m tests.live.harden_killed FOLDER EVERY FIRST`.

Moments are every call and return of what touches the tree, the receipt or the journal, and within the replacing of a
file every call of the system. After each kill the apply is completed, or undone, by a new process's eyes. Prints
{"moments": {"apply": n, "undo": n}, "tried": n, "wrong": [what was left]}.
"""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from ringfence.app.harden.host import Host, chosen, plan_of
from ringfence.app.harden.ledger import Ledger
from ringfence.enforce.host import act, files, live
from ringfence.store.state import receipts
from tests.harden.trees import OURS, grown, picture, sample
from tests.live.killing import BEGINS, ENDS, Killer, forked

NAMES = ("kernel_memory", "umad", "container_toolkit", "rare_modules", "ecc")
STEPS = (
    act.apply, act.restore, files._replace, files._sweep, files._make, files._unmake, files.write, files.restore,
    live._set, live._own, live._done, receipts.begin, receipts.mark, receipts.settle, Ledger.note,
)  # fmt: skip
ON = (BEGINS, ENDS, "c_call")


def hosted(root: Path) -> Host:
    return Host(root, Ledger(root / OURS / "harden").make())


def tree(root: Path) -> Path:
    whole = {path: what for name in NAMES for path, what in sample(name)["tree"].items()}
    del whole["/etc/modprobe.d/old.conf"]  # folders that have to be made are part of it
    (root / "etc/modprobe.d").mkdir(parents=True)
    return grown(root, whole)


def apply(root: Path) -> None:
    list(hosted(root).apply(plan_of(root, chosen(NAMES))))


def complete(root: Path) -> None:
    """What the next `ringfence harden apply --apply` does."""
    host = hosted(root)
    list(host.complete())
    list(host.apply(plan_of(root, chosen(NAMES))))


def undo(root: Path) -> None:
    host = hosted(root)
    list(host.undo(host.to_undo()))


def begun(root: Path) -> bool:
    """Whether there is a receipt to undo."""
    return bool(receipts.listed(hosted(root).ledger.database, ("begun", "applied", "failed", "undoing")))


def killed(do: Callable[[Path], None], root: Path, at: int, seen: Path | None = None) -> int:
    return forked(lambda: do(root), Killer({one.__code__ for one in STEPS}, at, ON, seen))


def plain(do: Callable[[Path], None], root: Path) -> None:
    """In a fork too: this process opens no database that a fork would inherit."""
    assert forked(lambda: do(root), Killer((), None)) == 0, do.__name__


def moments(do: Callable[[Path], None], root: Path, seen: Path) -> int:
    assert killed(do, root, -1, seen) == 0
    return int(seen.read_text())


def without_times(found: dict[str, tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
    return {path: what[:4] for path, what in found.items()}


def sweep(folder: Path, every: int, first: int) -> dict[str, object]:
    """Kill at moments `first`, `first + every`, … of an apply and of an undo."""
    done = tree(folder / "done")
    before = picture(done)
    count = {"apply": moments(apply, done, folder / "seen")}
    after = without_times(picture(done))
    count["undo"] = moments(undo, done, folder / "seen")
    wrong, tried = ([] if picture(done) == before else ["not even the plain undo"]), 0
    for at in range(first, count["apply"], every):
        root = tree(folder / "one")
        before, tried = picture(root), tried + 1
        assert killed(apply, root, at) == -9
        if tried % 2 or not forked_begun(root):
            plain(complete, root)
            wrong += [] if without_times(picture(root)) == after else [f"apply killed at {at}, then completed"]
        while forked_begun(root):
            plain(undo, root)
        wrong += [] if picture(root) == before else [f"apply killed at {at}, then undone"]
        shutil.rmtree(root)
    for at in range(first, count["undo"], every):
        root = tree(folder / "one")
        before, tried = picture(root), tried + 1
        plain(apply, root)
        assert killed(undo, root, at) == -9
        while forked_begun(root):
            plain(undo, root)
        wrong += [] if picture(root) == before else [f"undo killed at {at}, then undone"]
        shutil.rmtree(root)
    return {"moments": count, "tried": tried, "wrong": wrong}


def forked_begun(root: Path) -> bool:
    status = forked(lambda: begun(root) or sys.exit(1), Killer((), None))
    assert status in (0, 99), status
    return status == 0


if __name__ == "__main__":
    print(json.dumps(sweep(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
