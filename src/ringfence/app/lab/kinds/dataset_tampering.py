"""Training data is rewritten on the storage by an account that does not make it."""

from collections.abc import Sequence
from pathlib import Path

from ringfence.app.lab import keyring
from ringfence.app.lab.inside import said
from ringfence.app.lab.kinds.kind import About
from ringfence.app.lab.kinds.programs import tamper
from ringfence.app.lab.layout import ALICE
from ringfence.app.lab.stage import PYTHON, Stage
from ringfence.errors import EnforceError

SECONDS = 15.0
about = About(
    name="dataset_tampering",
    title="A dataset is tampered with",
    what="The files of the dataset can be written by everybody for the length of the trial; an account of tenant a, "
    "which is no owner, logs in to the storage host and rewrites the heads of all of them, and writes back what was "
    f"there after {SECONDS:.0f} seconds.",
    seen="RF.D14: an account that does not make data writes it, as the storage host's agent tells of each file, with "
    "account and program. What was written is not seen: the agent reads no file",
)


def play(stage: Stage, rate: float) -> Sequence[str]:
    """By way of ssh from the login host, with the account's own key."""
    del rate  # nothing is sent
    shards = sorted((stage.layout.model.parent / "datasets").glob("*.tar"))
    _open_up(stage, shards)
    key = keyring.home(stage, ALICE) / ".ssh" / "id_ed25519"
    keyring.found_key(stage, ALICE, ALICE, key)
    command = f"exec {PYTHON} {stage.program(tamper)} {shards[0].parent} {stage.log()} {SECONDS}"
    there = f"{ALICE.name}@store"
    argv = keyring.ssh(stage, f"/home/{ALICE.name}/.ssh/{key.name}", there, command=command)
    stage.run(stage.layout.machine("login"), argv, ALICE)
    return ()


def longest(rate: float) -> float:
    """The program ends sooner; what happened to files is thought over for up to a minute."""
    return 75.0


def hosts(stage: Stage) -> tuple[str, ...]:
    """Where the account was used."""
    return ("login", "store")


def _open_up(stage: Stage, shards: Sequence[Path]) -> None:
    before = [(one, one.stat().st_mode & 0o777, one.read_bytes()[: tamper.FIRST]) for one in shards]

    def restore() -> None:
        for place, mode, head in before:
            with place.open("rb") as file:
                same = file.read(tamper.FIRST) == head
            if not same:
                _write(stage, place, head)
            place.chmod(mode)

    for one in shards:
        one.chmod(0o666)
    stage.afterwards(restore)


def _write(stage: Stage, place: Path, head: bytes) -> None:
    """By the same account: the watch has one story to tell, not two."""
    program = f"open({str(place)!r}, 'r+b').write(bytes.fromhex({head.hex()!r}))"
    said(stage.layout, stage.layout.machine("store"), [PYTHON, "-c", program], account=ALICE)
    with place.open("rb") as file:
        if file.read(len(head)) != head:
            raise EnforceError(f"{place} is not as it was")
