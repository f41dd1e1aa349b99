"""A guard's folder over two hosts with fake enforcers, for tests of the loop; the queue and the journal are real."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from ringfence.app.fence.ledger import ORIGIN
from ringfence.app.guard import commands
from ringfence.app.guard.inbox import Inbox
from ringfence.app.guard.responder import Answer
from ringfence.app.guard.room import Room
from ringfence.app.guard.run import Guard, beside
from ringfence.app.guard.start import Wanted, guarding
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.store import actions
from ringfence.store.journal import lines, read
from ringfence.store.saved import save
from ringfence.watch.values import Incident
from tests.respond.fakes import FakeEnforcer
from tests.respond.guarded import incident, signal

HOST, OTHER = "host:gpu01", "host:gpu02"


def leak(id: str, host: str = HOST, **more: Any) -> Incident:
    """Bytes leave a host for outside, as it says itself."""
    told = signal(host, name="RF.D04", peers=("192.0.2.1",), key=id)
    return incident(told, **({"id": id, "severity": 55, "confidence": 0.5} | more))


class Site:
    """`acting` is a guard that runs on the folder; `fake` stands at the first host; `answers`: what came of each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "state"
        self.folder.mkdir()
        self.where = commands.Site(self.folder, folder / "watch", folder / "fence.toml")
        self.fake, self.other = FakeEnforcer("contain", HOST), FakeEnforcer("contain", OTHER)
        self.file = folder / "cluster.estate"
        self.answers: list[Answer] = []
        save(estate_of([Fact(one, "attached_to", "network:10.0.0.0/24") for one in (HOST, OTHER)]), self.file)

    def settings(self, text: str) -> None:
        """guard.toml."""
        (self.folder / "guard.toml").write_text(text)

    @contextmanager
    def acting(self, apply: bool = True) -> Iterator[tuple[Guard, Inbox, list[str]]]:
        """The guard, its inbox, and what it tells."""
        room, inbox, said = Room(self.folder).make(), Inbox(), list[str]()
        wanted = Wanted(self.where, self.file, apply=apply)
        others = {(one.target, one.where): one for one in (self.fake, self.other)}
        with guarding(room, wanted, None, said.append, others) as made:
            guard = msgspec.structs.replace(made, again=0.05, look=0.05)
            with beside(guard, self.where.home, inbox, threading.Event(), said.append, self.answers.append):
                yield guard, inbox, said

    def states(self) -> dict[str, str]:
        """Incident → the state of its block."""
        rows = actions.listed(Room(self.folder).ledger.database)
        return {one.incident: one.state for one in rows if one.verb == "block"}

    def told(self) -> list[str]:
        """What each line of the journal is."""
        trusted = [Room(self.folder).ledger.signer.verifier]
        return [lines.decode(one).what for one in read(self.folder / "journal", trusted, ORIGIN).entries()]
