"""Kills a guard, or an undo, between any two of its steps, on real hosts; tells what the next one made of it, as JSON.

    python -m tests.live.contain_killed FOLDER SERVER act|undo NETNS,NETNS,… [AT…]

A fork of this process takes two incidents and acts on them by orders to real enforcers, and kills itself with SIGKILL
as one of `STEPS` begins or ends. The next fork goes on by itself; what is in force is read with nft.
"""

import json
import subprocess
import sys
from pathlib import Path

from ringfence.app.guard.evidence import Book
from ringfence.app.guard.responder import Responder
from ringfence.app.orders.remote import RemoteEnforcer
from ringfence.respond.undo import stands
from ringfence.store import actions
from tests.live.contained import Acting, Guarded, elements, leak
from tests.live.killing import BEGINS, ENDS, Killer, died

INCIDENTS = (leak("RF-one", 0, 1, 2), leak("RF-two", 1, 3, sources=(0, 1)), leak("RF-three", 0, 2))
STEPS = {
    one.__code__
    for one in (
        actions.submit, actions.claim, actions.mark, actions.keep_before, actions.forget_before, actions.take_back,
        Book.hold, Book.write, Responder.think, RemoteEnforcer._order,
    )
}  # fmt: skip


def lived(guarded: Guarded, verb: str, at: int | None = None) -> bool:
    """One life of a guard, killed at one moment, if any (-1: none comes, they are counted); whether it was."""
    killer = Killer(STEPS, at, (BEGINS, ENDS), guarded.folder / "seen")

    def life() -> None:
        with guarded.acting() as guard:
            acted(guard, verb)
            killer.end()

    return died(life, killer)


def acted(guard: Acting, verb: str) -> None:
    """Take the incidents, as a guard does that finds them open, or take all back."""
    if verb == "act":
        for one in INCIDENTS:
            guard.responder.take(one)
        assert guard.act.settle(20)
    else:
        guard.act.undo(who="alice")
        assert guard.act.settle(20)
        assert stands(guard.act.database).over


def killed(guarded: Guarded, verb: str, at: int, paths: list[str]) -> dict[str, object]:
    """Kill at one moment, go on, and look; then take it all back, and look."""
    if verb == "undo":
        assert not lived(guarded, "act")
    dead = lived(guarded, verb, at)
    if verb == "act":
        assert not lived(guarded, "act")
    counted, blocked = guarded.counted(), [[one["val"] for one in elements(path)] for path in paths[:2]]
    assert not lived(guarded, "undo")
    told = guarded.told()
    return {
        "at": at,
        "killed": dead,
        "counted": counted,
        "blocked": blocked,
        "stood": len({one.detail["action"] for one in told if one.what == "respond.verify" and one.detail["holds"]}),
        "undone": len({one.detail["action"] for one in told if one.what == "respond.undo"}),
        "left": guarded.counted(),
        "equal": not any(ruleset(path) for path in paths),
    }


def ruleset(path: str) -> str:
    """All that is in force in a namespace."""
    done = subprocess.run(["nsenter", f"--net={path}", "nft", "list", "ruleset"], capture_output=True, check=True)
    return done.stdout.decode()


def main(folder: Path, server: Path, verb: str, paths: list[str], moments: list[int]) -> list[dict[str, object]]:
    """Every moment, or those asked for."""
    hosts = len(paths)
    whole = Guarded(folder / "whole", server, hosts)
    assert not lived(whole, "act", -1)
    seen = int((whole.folder / "seen").read_text())
    assert not lived(whole, "undo", -1)
    seen = seen if verb == "act" else int((whole.folder / "seen").read_text())
    return [killed(Guarded(folder / str(at), server, hosts), verb, at % seen, paths) for at in moments or range(seen)]


if __name__ == "__main__":
    where, home, what, places, *given = sys.argv[1:]
    json.dump(main(Path(where), Path(home), what, places.split(","), [int(at) for at in given]), sys.stdout)
