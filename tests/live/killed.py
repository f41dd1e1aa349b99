"""Kills `ringfence fence apply --apply` (or `undo --apply`) at each of its steps, and tells what was left, as JSON.

    python -m tests.live.killed FOLDER apply|undo [AT…]

Three hosts in network namespaces: host 1 is handed from tenant a to tenant b. A fork of this process runs the
command and kills itself with SIGKILL as one of `STEPS` begins; `AT` are numbers of such moments, else all.
"""

import json
import os
import signal
import sys
from pathlib import Path

from ringfence.app.fence.ledger import ORIGIN, Ledger
from ringfence.app.fence.status import status
from ringfence.enforce import conntrack, nftables
from ringfence.segment.prove.ip_flow import Gate
from ringfence.segment.what import What
from ringfence.store.journal import check
from ringfence.store.state import receipts
from ringfence.wire.nft import text
from tests.live.fences import Fenced, Jobs, fenced
from tests.live.killing import Killer, forked
from tests.live.netns import Namespace, v4

OLD: Jobs = {1: ("a", (0, 1)), 2: ("b", (2,))}
NEW: Jobs = {1: ("a", (0,)), 2: ("b", (1, 2))}
STEPS = {
    one.__code__
    for one in (
        Ledger.intend, Ledger.keep, Ledger.stands, Ledger.write_down, receipts.begin, receipts.mark, receipts.settle,
        nftables.Nftables._change, conntrack.end_flows,
    )
}  # fmt: skip


def command(lab: Fenced, *words: str, at: int = -1) -> int:
    """Run a command in a fork that is killed at one moment; its exit status, -9 if it was. `seen`: its moments."""
    killer = Killer(STEPS, at, seen=lab.folder / "seen")

    def run() -> None:
        said = os.open(lab.folder / "said", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(said, 1)
        os.dup2(said, 2)
        killer.end(lab(*words))

    return forked(run, killer)


def open_pairs(lab: Fenced) -> list[tuple[int, int]]:
    """Hosts of which the first may open a connection to the second now, by both rulesets."""
    gates = [Gate(text.read(one.encode()), [v4(at) for at in range(3)]) for one in lab.rulesets()]
    what = What("tcp", 9, 9)
    return [
        (one, other)
        for one in range(3)
        for other in range(3)
        if one != other and gates[one].opens("out", v4(other), what) and gates[other].opens("in", v4(one), what)
    ]


def sweep(lab: Fenced, verb: str, moments: list[int]) -> list[dict[str, object]]:
    """Every moment, or those asked for, while host 1 goes to and fro between the tenants."""
    sides = [Side(lab, OLD), Side(lab, NEW)]
    seen = int((lab.folder / "seen").read_text())
    assert command(lab, "undo", "--apply") == 0
    moments, seen = (moments, seen) if verb == "apply" else (moments, int((lab.folder / "seen").read_text()))
    found = []
    for at in moments or range(seen + 1):
        lab.jobs(sides[1].jobs)
        if verb == "undo":
            assert command(lab, "apply", "--apply") == 0
        found.append(killed(lab, verb, at % (seen + 1), *sides))
        if lab.rulesets() == sides[1].rulesets:
            sides.reverse()
    assert check(lab.state / "journal", [Ledger(lab.state).signer.verifier], ORIGIN) == []
    return found


class Side:
    """Who has which hosts, and the rulesets that come of it."""

    def __init__(self, lab: Fenced, jobs: Jobs) -> None:
        assert command(lab.jobs(jobs), "apply", "--apply") == 0
        self.jobs, self.rulesets = jobs, lab.rulesets()


def killed(lab: Fenced, verb: str, at: int, here: Side, there: Side) -> dict[str, object]:
    """Kill at one moment; what was left, and what became of it when it was completed or, in turn, taken back."""
    died = command(lab, verb, "--apply", at=at) == -signal.SIGKILL
    now, named = lab.rulesets(), bool(status(Ledger(lab.state))["interrupted"])
    left = "old" if now == here.rulesets else "new" if now == there.rulesets else "between"
    told: dict[str, object] = {"at": at, "killed": died, "left": left, "named": named, "open": open_pairs(lab)}
    if named and (verb == "undo" or at % 2 == 1):
        done = command(lab, "undo", "--apply")
        return told | {"reached": done == 0 and lab.rulesets() == here.rulesets}
    if verb == "undo":  # it had not begun, or was over
        return told | {"reached": left in ("old", "new")}
    done = command(lab, "apply", "--apply")
    return told | {"reached": done == 0 and lab.rulesets() == there.rulesets}


if __name__ == "__main__":
    folder, verb, *given = sys.argv[1:]
    hosts = [Namespace() for _ in range(3)]
    json.dump(sweep(fenced(Path(folder), hosts), verb, [int(at) for at in given]), sys.stdout)
