"""What the command line calls: the enforcer with the drivers of its settings, and questions to a running one."""

from pathlib import Path

import msgspec

from ringfence.app.enforcer import hooks
from ringfence.app.enforcer.drivers import drivers_of
from ringfence.app.enforcer.run import serve
from ringfence.app.enforcer.settings import Settings, read
from ringfence.app.files import private
from ringfence.errors import InputError, UsageError
from ringfence.wire.hooks import VERBS, Answer, Request
from ringfence.wire.orders import Envelope


def start(folder: Path, settings_file: Path | None) -> None:
    """Run the enforcer of an enrolled node. Raises `UsageError`, `InputError`, `StateError`."""
    settings = read(settings_file) if settings_file else Settings()
    serve(folder, settings, drivers_of(settings))


def asked(socket: Path, verb: str, job: str, deadline: float, token_file: Path | None) -> Answer:
    """The answer of the enforcer at `socket`. Raises `UsageError`, `InputError`."""
    if verb not in VERBS:
        raise UsageError(f"no verb is called {verb!r}", "one of: " + ", ".join(VERBS))
    try:
        token = msgspec.json.decode(private(token_file), type=Envelope) if token_file else None
    except msgspec.MsgspecError:
        raise InputError(f"{token_file} is not a release token") from None
    return hooks.ask(socket, Request(verb, job, deadline, token), max(60.0, 2 * deadline))
