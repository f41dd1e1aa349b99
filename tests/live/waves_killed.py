"""A run of waves killed between any two of its actions: `python -m tests.live.waves_killed FOLDER FEW SEED`.

After each kill the same run is begun again, at once, as somebody would. Two kinds of hosts: those where a command goes
on when its caller is killed (`far`: moments are the runner's), and those where it dies with it (`near`: moments are
also those of every change). Prints {"moments": {case: n}, "tried": n, "wrong": [what was left]}.
"""

import json
import random
import shutil
import signal
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from types import CodeType

import msgspec

from ringfence.app.harden import waves as runner
from ringfence.app.harden.host import Host
from ringfence.app.harden.ledger import Ledger
from ringfence.app.harden.waves import Settings, Waves
from ringfence.assess.harden.waves import Rules
from ringfence.enforce.host import act
from ringfence.store.journal import check, read
from ringfence.store.journal.lines import decode
from ringfence.store.state import receipts
from tests.harden.trees import OURS, grown, picture, sample
from tests.live import far
from tests.live.killing import BEGINS, ENDS, Killer, forked

HOSTS = ("a", "b", "c")
CASES = {
    "well": ({}, {"a": "healthy", "b": "healthy", "c": "healthy"}),
    "sick canary": ({"sick": "a"}, {"a": "put back", "b": "old", "c": "old"}),
    "slow canary": ({"slow": "a"}, {"a": "put back", "b": "old", "c": "old"}),
    "sick later": ({"sick": "c"}, {"a": "healthy", "b": "put back", "c": "put back"}),
}
"""What hosts are like when they are hardened, and where each then stands."""
RUNNER = (
    runner._write, runner._read, Waves._look, Waves._each, Waves._timed, Waves._apply, Waves._judge, Waves._put_back,
    far.Far.__call__, far.Near.__call__,
)  # fmt: skip
HOST = (act.apply, act.restore, receipts.begin, receipts.mark, receipts.settle, Ledger.note, Host._carry_out, Host.undo)
STEPS = {"far": RUNNER, "near": (*RUNNER, *HOST)}


def site(folder: Path, case: str) -> Path:
    """Three hosts with a umad device and a GPU, whose `nvidia-smi` writes down what it was told to set."""
    for host in HOSTS:
        tree = sample("umad")["tree"] | sample("ecc")["tree"]
        smi = tree["/usr/bin/nvidia-smi"]
        log = f'echo "$3 $4" >> "$here/../../{OURS}/set"\ncase "$3 $4" in\n'
        told = smi["text"].replace('case "$3 $4" in\n', log)
        (folder / host / OURS).mkdir(parents=True)
        grown(folder / host, tree | {"/usr/bin/nvidia-smi": smi | {"text": told}})
    for name in ("sick", "slow"):
        (folder / name).write_text(CASES[case][0].get(name, ""))
    return folder


def carried(folder: Path, kind: str) -> None:
    """What the command does, from the file of the run on."""
    settings = Settings(far.REACH, ("umad", "ecc"), "health", "pace", patience=120.0)
    transport = far.Near(folder) if kind == "near" else far.Far(folder)
    list(Waves(HOSTS, Rules(), settings, folder / "run.json", transport).run())


def begun(folder: Path, kind: str, at: int | None, seen: Path | None = None) -> int:
    steps: Collection[CodeType] = {one.__code__ for one in STEPS[kind]}
    return forked(lambda: carried(folder, kind), Killer(steps, at, (BEGINS, ENDS), seen))


def wrong_of(folder: Path, case: str, kind: str, before: dict[str, object], after: dict[str, object]) -> Iterator[str]:
    """Everything about a run that has ended that should be otherwise."""
    run = msgspec.json.decode((folder / "run.json").read_bytes(), type=runner.Run)
    stands = {host: str(one.stand) for host, one in run.hosts.items()}
    if stands != CASES[case][1]:
        yield f"they stand so: {stands}, {[one.why for one in run.hosts.values()]}"
    asked = far.asked(folder)
    others = [at for at, (host, verb) in enumerate(asked) if host != "a" and verb == "apply"]
    judged = [at for at, one in enumerate(asked) if one == ("a", "health")]
    if others and not (judged and judged[0] < others[0]):
        yield f"others before the canary was judged: {asked}"
    for host in HOSTS:
        untouched = stands[host] in ("old", "put back")
        there = picture(folder / host)
        if there != before[host] if untouched else timeless(there) != after[host]:
            yield f"the tree of {host}, which is {stands[host]}"
        yield from (f"{host}: {what}" for what in _remembered(folder / host, stands[host], run.receipt, kind))


def _remembered(root: Path, stand: str, receipt: str, kind: str) -> Iterator[str]:
    """Receipts and journal of a host, and how often its GPU was set."""
    ledger = Ledger(root / OURS / "harden")
    told = root / OURS / "set"
    sets = told.read_text().splitlines() if told.exists() else []
    if stand == "old":
        if ledger.folder.exists() or sets:
            yield "it was touched"
        return
    listed = receipts.listed(ledger.database)
    if [(one.id, one.status) for one in listed] != [(receipt, "applied" if stand == "healthy" else "undone")]:
        yield f"receipts {[(one.id, one.status) for one in listed]}"
    keys, folder = [ledger.signer.verifier], ledger.folder / "journal"
    yield from map(str, check(folder, keys))
    said = [decode(entry).what for entry in read(folder, keys).entries()]
    names = ("harden.apply.begun", "harden.apply.done", "harden.undo.begun", "harden.undo.done")
    found = [said.count(name) for name in names]
    wanted = [1, 1, 0, 0] if stand == "healthy" else [1, 1, 1, 1]
    if kind == "near":  # a host that was killed says again how it ended, and may have died before it said it began
        found, wanted = [min(n, 1) for n in found[1:]], wanted[1:]
    if found != wanted:
        yield f"the journal has {said}"
    if kind == "far" and sets != (["-e 1"] if stand == "healthy" else ["-e 1", "-e 0"]):
        yield f"its GPU was set so: {sets}"


def timeless(found: dict[str, tuple[object, ...]]) -> dict[str, tuple[object, ...]]:
    return {path: what[:4] for path, what in found.items()}


def tried(folder: Path, case: str, kind: str, at: int | None, after: dict[str, object]) -> list[str]:
    """Killed at a moment and begun again; what is wrong then."""
    root = folder / "one"
    root.mkdir()
    site(root, case)
    before = {host: picture(root / host) for host in HOSTS}
    if at is not None:
        assert begun(root, kind, at) in (0, -signal.SIGKILL)
    assert begun(root, kind, None) == 0
    if kind == "far":
        far.settled(root)
    found = [f"{case}, {kind}, {at}: {what}" for what in wrong_of(root, case, kind, before, after)]
    shutil.rmtree(root)
    return found


def hardened(folder: Path) -> tuple[dict[str, object], dict[str, int]]:
    """Trees of hosts that are well and hardened; how many moments there are, by case and kind of host."""
    count, after = {}, {}
    for kind in STEPS:
        for case in CASES:
            root = folder / "whole"
            root.mkdir()
            site(root, case)
            assert begun(root, kind, -1, folder / "seen") == 0
            count[f"{case}, {kind}"] = int((folder / "seen").read_text())
            if case == "well":
                after = {host: timeless(picture(root / host)) for host in HOSTS}
            shutil.rmtree(root)
    return after, count


def sweep(folder: Path, few: int, seed: int) -> dict[str, object]:
    """Kill at `few` moments of each case, drawn by `seed`; 0: at every one."""
    with far.listening(folder):
        return _swept(folder, few, seed)


def _swept(folder: Path, few: int, seed: int) -> dict[str, object]:
    after, count = hardened(folder)
    wrong, number, chance = [], 0, random.Random(seed)
    for named, moments in count.items():
        case, kind = named.split(", ")
        wrong += tried(folder, case, kind, None, after)
        at = range(moments)
        for moment in sorted(chance.sample(at, min(few, moments))) if few else at:
            wrong += tried(folder, case, kind, moment, after)
            number += 1
    return {"moments": count, "tried": number, "wrong": wrong}


if __name__ == "__main__":
    print(json.dumps(sweep(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))
