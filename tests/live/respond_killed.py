"""Kills one who acts, or takes back, at each of its steps, and tells what the next one made of it, as JSON.

    python -m tests.live.respond_killed FOLDER act|undo [AT…]

A fork of this process does a plan of six cuts at five places (files that count how often they were changed) and kills
itself with SIGKILL as one of `STEPS` begins or ends; `AT` are numbers of such moments, else all. A second one goes on.
"""

import json
import sys
from pathlib import Path

from ringfence.app.fence.ledger import ORIGIN, Ledger
from ringfence.app.guard.evidence import Book
from ringfence.respond.act import Act
from ringfence.respond.undo import stands
from ringfence.store import actions
from ringfence.store.journal import check, lines, read
from ringfence.store.state import Database
from tests.live.killing import BEGINS, ENDS, Killer, died
from tests.respond.acting import BLOCK, ENDED, JOB, KEY, NODE, PORT, QUICK, do
from tests.respond.fakes import FileEnforcer

CUTS = (BLOCK, ENDED, PORT, KEY, JOB, NODE)
STEPS = {
    one.__code__
    for one in (
        actions.submit, actions.claim, actions.mark, actions.keep_before, actions.forget_before, actions.take_back,
        Book.write, FileEnforcer.put, FileEnforcer.read,
    )
}  # fmt: skip


def lived(folder: Path, verb: str, at: int = -1) -> bool:
    """Act, or take back, in a fork that is killed at one moment; whether it was."""
    return died(lambda: acted(folder, verb), Killer(STEPS, at, (BEGINS, ENDS), folder / "seen"))


def acted(folder: Path, verb: str) -> None:
    """One life of the guard: what was planned is submitted, what is queued is done."""
    ledger = Ledger(folder / "state").make()
    with Act(
        ledger.database, lambda target, place: FileEnforcer(target, place, folder), Book(ledger), options=QUICK
    ) as act:
        if verb == "act":
            act.submit("incident-1", do(CUTS))
        else:
            act.undo("incident-1")
        assert act.settle(20)


def killed(folder: Path, verb: str, at: int) -> dict[str, object]:
    """Kill at one moment, go on, and judge: each cut in force once, counted once, told once; then taken back."""
    folder.mkdir()
    if verb == "undo":
        assert not lived(folder, "act")
    dead = lived(folder, verb, at)
    places = [FileEnforcer(one.target, one.place, folder) for one in CUTS]
    if verb == "act":
        assert not lived(folder, "act")
    done = {f"{one.target} {one.where}": one.times for one in places}
    with Database.open(folder / "state" / "state.sqlite") as database:
        counted = actions.counted(database)
    assert not lived(folder, "undo")
    with Database.open(folder / "state" / "state.sqlite") as database:
        over, left = stands(database).over, actions.counted(database)
    return {
        "at": at,
        "killed": dead,
        "counted": counted,
        "times": done,
        "over": over and list(left) == [actions.UNDONE],
        "equal": all(one.there == "" for one in places),
        "journal": journal(folder / "state"),
    }


def journal(folder: Path) -> dict[str, object]:
    """Whether the journal is sound, has no event twice, and how many cuts it says stood and were taken back."""
    verifier = Ledger(folder).signer.verifier
    told = [lines.decode(one) for one in read(folder / "journal", [verifier], ORIGIN).entries()]
    events = [one.detail["event"] for one in told]
    stood = {one.detail["action"] for one in told if one.what == "respond.verify" and one.detail["holds"]}
    undone = {one.detail["action"] for one in told if one.what == "respond.undo"}
    return {
        "sound": check(folder / "journal", [verifier], ORIGIN) == [],
        "once": len(events) == len(set(events)),
        "stood": len(stood),
        "undone": len(undone),
    }


def sweep(folder: Path, verb: str, moments: list[int]) -> list[dict[str, object]]:
    """Every moment, or those asked for."""
    whole = folder / "whole"
    whole.mkdir()
    assert not lived(whole, "act")
    if verb == "undo":
        assert not lived(whole, "undo")
    seen = int((whole / "seen").read_text())
    return [killed(folder / str(at), verb, at % (seen + 1)) for at in moments or range(seen + 1)]


if __name__ == "__main__":
    where, verb, *given = sys.argv[1:]
    json.dump(sweep(Path(where), verb, [int(at) for at in given]), sys.stdout)
