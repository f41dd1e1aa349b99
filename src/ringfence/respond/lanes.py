"""Which lane goes next, so that none waits for a slower one; and many small writes as a few large ones.

        lanes with something to do ─▶ rank at the same place ─▶ rate ─▶ room ─▶ those that begin now

A *lane* is (target, place). At one place what has a lower rank goes first, but is waited for `patience` seconds at
most. A lane that failed is tried again ever more seldom; one that went well rests as long as its turn took, `rest`
seconds at most, so that in a burst many actions share one turn. Each target has room of its own, and a lane that has
not answered for `slow` seconds gives its room back, so that those that hang use up no other's.
"""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import msgspec

from ringfence.errors import StateError
from ringfence.store.actions import Lane, Waiting

In = TypeVar("In")
Out = TypeVar("Out")


class Pace(msgspec.Struct, frozen=True):
    """Seconds and numbers. `deadline`: after which a lane without an answer is told as failed.

    `at_once` lanes of a target that answer in time, and `stuck` that do not, may be under way. `first` and `longest`
    bound what is waited between two tries; what is new is tried at least every `fresh` seconds.
    """

    patience: float = 1.0
    slow: float = 1.0
    deadline: float = 15.0
    at_once: int = 64
    stuck: int = 256
    first: float = 0.25
    longest: float = 60.0
    fresh: float = 1.0
    rest: float = 0.05


class _State(msgspec.Struct):
    """What is known of one lane; times are the monotonic clock's."""

    waits_since: float | None = None
    busy_since: float | None = None
    tried_at: float = 0.0
    rests: float = 0.0
    fails: int = 0
    late: bool = False


class Lanes:
    """Which lanes are under way, since when, and which may begin. `clock` is monotonic. Safe for several threads."""

    def __init__(self, clock: Callable[[], float], pace: Pace) -> None:
        self._clock, self._pace = clock, pace
        self._states: dict[Lane, _State] = {}
        self._lock = threading.Lock()

    def begin(self, due: Sequence[Waiting]) -> list[Lane]:
        """Those that begin now; they are under way until `ended`."""
        with self._lock:
            now, ranks = self._clock(), _Ranks(due)
            room = self._room(now)
            begun = []
            for one in sorted(due, key=lambda one: (_order(one), one.lane)):
                state = self._states.setdefault(one.lane, _State())
                if state.busy_since is not None:
                    continue
                state.waits_since = now if state.waits_since is None else state.waits_since
                blocked = ranks.blocked(one) and now - state.waits_since < self._pace.patience
                if blocked or now < self._not_before(state, one.fresh) or not self._fits(room, one.lane):
                    continue
                state.busy_since, state.waits_since, state.late = now, None, False
                begun.append(one.lane)
            return begun

    def ended(self, lane: Lane, well: bool) -> None:
        """A lane's turn is over."""
        with self._lock:
            state = self._states[lane]
            now = self._clock()
            state.rests = min(self._pace.rest, now - (state.busy_since or now))
            state.busy_since, state.tried_at = None, now
            state.fails = 0 if well else state.fails + 1

    def late(self) -> list[Lane]:
        """Lanes that have not answered by their deadline; each is told once a turn."""
        with self._lock:
            now = self._clock()
            found = [
                lane
                for lane, one in self._states.items()
                if one.busy_since is not None and not one.late and now - one.busy_since >= self._pace.deadline
            ]
            for lane in found:
                self._states[lane].late = True
            return found

    @property
    def busy(self) -> frozenset[Lane]:
        """Lanes under way."""
        with self._lock:
            return frozenset(lane for lane, one in self._states.items() if one.busy_since is not None)

    def _not_before(self, state: _State, fresh: bool) -> float:
        if not state.fails:
            return state.tried_at + state.rests
        wait = min(self._pace.longest, self._pace.first * 2.0 ** min(state.fails - 1, 30))
        return state.tried_at + (min(wait, self._pace.fresh) if fresh else wait)

    def _room(self, now: float) -> dict[str, list[int]]:
        """Target → [how many answer in time, how many do not]."""
        room: dict[str, list[int]] = {}
        for (target, _), one in self._states.items():
            if one.busy_since is not None:
                room.setdefault(target, [0, 0])[now - one.busy_since >= self._pace.slow] += 1
        return room

    def _fits(self, room: dict[str, list[int]], lane: Lane) -> bool:
        used = room.setdefault(lane[0], [0, 0])
        if used[0] >= self._pace.at_once or used[1] >= self._pace.stuck:
            return False
        used[0] += 1
        return True


class _Ranks:
    """Per place, the ranks that its lanes have still to begin or are at."""

    def __init__(self, due: Iterable[Waiting]) -> None:
        self._doing: dict[str, list[tuple[int, str]]] = {}
        self._undoing: dict[str, list[tuple[int, str]]] = {}
        for one in due:
            target, place = one.lane
            for rank in (one.first, one.doing):
                if rank is not None:
                    self._doing.setdefault(place, []).append((rank, target))
            if one.undo is not None:
                self._undoing.setdefault(place, []).append((one.undo, target))

    def blocked(self, one: Waiting) -> bool:
        """Whether another target of the same place is to go first."""
        target, place = one.lane
        first, undo = one.first, one.undo
        if first is not None and any(rank < first and it != target for rank, it in self._doing.get(place, ())):
            return True
        return undo is not None and any(rank > undo and it != target for rank, it in self._undoing.get(place, ()))


def _order(one: Waiting) -> int:
    """What is new goes before what failed, and that in the order of ranks."""
    return one.first if one.first is not None else 50 - one.undo if one.undo is not None else 100


class Together(Generic[In, Out]):
    """`together(item)` gives its result once it is on disk: whoever comes while one batch is written is in the next.

    The twin, for threads, of `app.orders.batches`. Whatever `write` raises, everyone in the batch gets.
    """

    MOST = 512

    def __init__(self, write: Callable[[list[In]], Sequence[Out]]) -> None:
        self._write = write
        self._waiting: list[_Asked[In, Out]] = []
        self._led = False
        self._lock = threading.Lock()

    def __call__(self, item: In) -> Out:
        """Put one item into the next batch."""
        asked: _Asked[In, Out] = _Asked(item)
        with self._lock:
            self._waiting.append(asked)
            leads, self._led = not self._led, True
        if not leads:
            asked.answered.wait()
        if not (asked.results or asked.error):
            self._one_batch()
        if asked.error is not None:
            raise asked.error
        return asked.results[0]

    def _one_batch(self) -> None:
        """Write what waits (whoever leads is the first of it), and let the first of those that came since lead."""
        with self._lock:
            batch, self._waiting = self._waiting[: self.MOST], self._waiting[self.MOST :]
        try:
            for asked, result in zip(batch, self._write([one.item for one in batch]), strict=True):
                asked.results.append(result)
        except Exception as error:  # whoever waits is told, and what comes later is tried again
            for asked in batch:
                asked.error = error if isinstance(error, StateError) else StateError(str(error))
        finally:
            with self._lock:
                following = self._waiting[:1]
                self._led = bool(following)
            for asked in (*batch, *following):
                asked.answered.set()


class _Asked(Generic[In, Out]):
    def __init__(self, item: In) -> None:
        self.item = item
        self.results: list[Out] = []
        self.error: StateError | None = None
        self.answered = threading.Event()
