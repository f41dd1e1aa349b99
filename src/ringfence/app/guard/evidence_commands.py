"""What `ringfence evidence` and `ringfence postmortem` ask, in the words of the command line: texts, paths, ids."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ringfence.app import files
from ringfence.app.fence.ledger import Ledger
from ringfence.app.guard.evidence_export import Exported, Verified, export, verify
from ringfence.app.guard.postmortem import Account, account
from ringfence.app.guard.witness_server import NAME, Keeper, serving
from ringfence.app.watch import incidents
from ringfence.errors import InputError, UsageError
from ringfence.estate.estate import Estate
from ringfence.respond import pattern
from ringfence.respond.postmortem import as_json, as_markdown
from ringfence.store.journal import Verifier
from ringfence.transport.witness import FileWitness, HttpWitness, witness_of

_KEY = 4096


def log_key(state: Path) -> str:
    """The key of the fence's journal, as witnesses and verifiers are to be given it."""
    return str(Ledger(state).there().signer.verifier)


def witnesses_of(state: Path, texts: Sequence[str]) -> list[FileWitness | HttpWitness]:
    """The witnesses that settings name. Raises `UsageError`."""
    keys = (Ledger(state).signer.verifier,) if texts else ()
    return [witness_of(one, keys) for one in texts]


def exported(state: Path, home: Path, out: Path, incident: str = "", witnesses: Sequence[str] = ()) -> Exported:
    """`ringfence evidence export`: of one incident by its id, or enough of it; "" for all lines."""
    found = incidents.one(home, incident)[0] if incident else None
    body = msgspec.json.encode(found) if found else b""
    return export(state, out, found.id if found else "", body, witnesses_of(state, witnesses))


def verified(
    file: Path | None, keys: Sequence[str] = (), witness_files: Sequence[Path] = (), journal: Path | None = None
) -> Verified:
    """`ringfence evidence verify`: each key is its text, or a file that holds it. Raises `UsageError`."""
    return verify(file, keys_of(keys), witness_files, journal)


def keys_of(texts: Sequence[str]) -> list[Verifier]:
    """Keys of logs, each as text or in a file. Raises `UsageError`."""
    found = []
    for one in texts:
        text = one
        if "+" not in one:
            try:
                with Path(one).open("rb") as file:
                    text = file.read(_KEY).decode("utf-8", "replace").strip()
            except OSError as error:
                raise UsageError(
                    f"{one}: {error.strerror}", "a key is name+id+base64, or a file that holds it"
                ) from None
        try:
            found.append(Verifier.parse(text))
        except InputError as error:
            raise UsageError(f"{one[:200]}: {error.what}", "`ringfence evidence key` prints the journal's") from None
    return found


@contextmanager
def witness(
    listen: str, folder: Path, keys: Sequence[str], name: str = NAME, everywhere: bool = False
) -> Iterator[tuple[str, str]]:
    """`ringfence evidence witness`: serve the logs of these keys; gives (its address, its key) while it does."""
    if not keys:
        raise UsageError(
            "a witness serves the logs whose keys it is given", "--key KEY; `ringfence evidence key` prints one"
        )
    host, port = files.address(listen)
    keeper = Keeper(folder, keys_of(keys), name)
    with serving(keeper, host, port, everywhere) as (at, bound):
        yield f"http://{f'[{at}]' if ':' in at else at}:{bound}", str(keeper.witness.cosigner)


def postmortem(
    state: Path, home: Path, incident: str, estate: Estate | None = None, folder: Path | None = None
) -> tuple[Account, list[Path]]:
    """`ringfence postmortem`: the account, and with a `folder` the files in it that were made, 0600.

    The folder is made (0700) if it is not there. Raises `UsageError` for an incident that is not there, and for files
    that are.
    """
    found = account(state, incidents.one(home, incident)[0], estate)
    if folder is None:
        return found, []
    made = {
        "md": as_markdown(found.report).encode(),
        "json": as_json(found.report),
        "pattern.json": pattern.encode(found.pattern),
    }
    paths = {folder / f"{found.report.incident}.{end}": data for end, data in made.items()}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}", "name a folder, there or new") from None
    for path, data in paths.items():
        files.new(path, data)
    return found, list(paths)
