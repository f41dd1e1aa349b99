"""Orders to many hosts at once: each place gets the latest text, one at a time, and says what is in force.

Several jobs may change one host at the same moment. Whoever's turn it is sends what is wanted *now*, never what was
wanted when the event came, so an older text cannot arrive after a newer one.
"""

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Condition

import msgspec

from ringfence.app.follow.making import Place, Wanted
from ringfence.errors import RingfenceError
from ringfence.wire.control import Result
from ringfence.wire.orders import Receipt

Give = Callable[..., Iterable[Result]]
"""`ControlClient.send`: (hosts, target, action, text, name=, covers=, timeout=) → what became of each."""

AT_ONCE = 8
"""Different texts on their way at the same time; each goes to all its hosts at once."""


class Said(msgspec.Struct, frozen=True):
    """What one place answered: its receipt and what it read back, or why it is not in force there."""

    place: Place
    wanted: Wanted
    receipt: Receipt | None
    error: str = ""
    text: str = ""

    @property
    def good(self) -> bool:
        """Whether it is in force."""
        return self.receipt is not None and self.receipt.outcome == "applied"


class Orders:
    """The places of a fence, and what each is to hold."""

    def __init__(self, give: Give) -> None:
        self._give = give
        self._turn = Condition()
        self._busy: set[Place] = set()
        self._wanted: dict[Place, Wanted] = {}
        self._said: dict[Place, Said] = {}
        self._pool = ThreadPoolExecutor(AT_ONCE, "orders")

    def want(self, wanted: Mapping[Place, Wanted]) -> None:
        """What places are to hold from now on, in place of what was wanted before."""
        with self._turn:
            self._wanted.update(wanted)

    def bring(self, places: Iterable[Place], deadline: float) -> dict[Place, Said]:
        """Have places hold what is wanted of them, within `deadline` seconds; what each said, also if late."""
        end, left = time.monotonic() + deadline, set(places)
        done: dict[Place, Said] = {}
        while left:
            mine = self._take(left, done, end)
            left -= done.keys()
            if mine:
                try:
                    found = self._send(mine, max(0.1, end - time.monotonic()))
                finally:
                    self._free(mine)
                done.update(found)
                left -= mine.keys()
        return done

    def places(self, hosts: Collection[str]) -> list[Place]:
        """The places of these hosts of which anything is wanted."""
        with self._turn:
            return [place for place in sorted(self._wanted) if place[1] in hosts]

    def failed(self) -> tuple[Said, ...]:
        """Places that do not hold what is wanted of them."""
        with self._turn:
            return tuple(said for place, said in sorted(self._said.items()) if not self._holds(place))

    def late(self) -> list[Place]:
        """The same places, to be brought again."""
        return [said.place for said in self.failed()]

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()

    def _holds(self, place: Place) -> bool:
        said = self._said.get(place)
        return said is not None and said.good and said.wanted == self._wanted[place]

    def _take(self, left: set[Place], done: dict[Place, Said], end: float) -> dict[Place, Wanted]:
        """Those of `left` that nobody else is at; what holds already is done."""
        with self._turn:
            while True:
                done.update({place: self._said[place] for place in left if self._holds(place)})
                mine = {place: self._wanted[place] for place in left - done.keys() if place not in self._busy}
                if mine or not left - done.keys():
                    self._busy |= mine.keys()
                    return mine
                if not self._turn.wait(end - time.monotonic()):
                    late = (Said(place, self._wanted[place], None, "its last order is not answered") for place in left)
                    done.update({said.place: said for said in late if said.place not in done})
                    return {}

    def _free(self, places: Iterable[Place]) -> None:
        with self._turn:
            self._busy -= set(places)
            self._turn.notify_all()

    def _send(self, mine: Mapping[Place, Wanted], timeout: float) -> dict[Place, Said]:
        alike: dict[tuple[str, Wanted], list[str]] = {}
        for (target, host), wanted in mine.items():
            alike.setdefault((target, wanted), []).append(host)
        work = [(target, wanted, tuple(sorted(hosts)), timeout) for (target, wanted), hosts in alike.items()]
        found = {said.place: said for part in self._pool.map(lambda one: list(self._one(*one)), work) for said in part}
        with self._turn:
            self._said.update(found)
        return found

    def _one(self, target: str, wanted: Wanted, hosts: Sequence[str], timeout: float) -> Iterator[Said]:
        missing = set(hosts)
        why = "the server gave no answer for it"
        try:
            more = {"name": wanted.name, "covers": wanted.covers, "timeout": timeout}
            for result in self._give(hosts, target, "apply", wanted.text, **more):
                missing.discard(result.host)
                yield Said((target, result.host), wanted, result.receipt, _why(result), result.text)
        except RingfenceError as error:
            why = error.what
        yield from (Said((target, host), wanted, None, why) for host in sorted(missing))


def _why(result: Result) -> str:
    if result.receipt is None:
        return result.error
    return result.receipt.error if result.receipt.outcome != "applied" else ""
