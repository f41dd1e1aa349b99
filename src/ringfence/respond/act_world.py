"""The one place where containment touches the world: look, put what is not there, look again.

first look (what was before us; what a kill left) ─▶ evidence ─▶ apply ─▶ read back
                                                                   │ refused as a whole
                                                                   └▶ halves, until who is to blame is alone
"""

from collections.abc import Callable, Sequence

from ringfence.enforce.base import Answering, Enforcer
from ringfence.errors import RingfenceError
from ringfence.respond import act_turn, desired, verify
from ringfence.respond.act_turn import Found, Turn
from ringfence.segment.model import Artefact
from ringfence.store.actions import DOING, Action

MOST_APPLIES = 24
"""Applies in one turn that look for those whom a driver refuses."""


class World:
    """One enforcer, for one turn. `before`: what was read there before our first action.

    `order()` writes the evidence of an order, and raises where it must not be done.
    """

    def __init__(self, turn: Turn, enforcer: Enforcer, order: Callable[[], None], before: str) -> None:
        self._turn, self._enforcer, self._order, self._before = turn, enforcer, order, before

    def bring_about(self, seen: str | None) -> Found:
        """`seen`: what was just read, None where nobody looked. Raises what the enforcer raises when it is read."""
        turn = self._turn
        if seen is not None and (self._stands(seen) or (turn.only_lapses and act_turn.open_things(turn, seen))):
            return Found(seen, different=self._different(seen))
        self._order()
        problems = self._put()
        told = self._enforcer.found if isinstance(self._enforcer, Answering) else None
        found = self._enforcer.read() if told is None else told
        return Found(found, problems, self._different(found), ordered=True)

    def _stands(self, found: str) -> bool:
        """Whether nothing has to be applied. What does a thing once is done whenever it is asked."""
        if self._turn.lane[0] in desired.MOMENTARY:
            return not self._turn.asked
        try:
            return self._turn.compared(found).holds and not self._different(found)
        except RingfenceError:
            return False

    def _put(self) -> dict[str, str]:
        """Id → what the driver said against it. What it could do counts: what is read back says what that was."""
        turn = self._turn
        if not turn.want:
            try:
                self._enforcer.restore(self._before)
            except RingfenceError as error:
                return dict.fromkeys((one.id for one in turn.leave), act_turn.readable(error))
            return {}
        asked = [one for one in turn.want if one.state == DOING]
        try:
            self._apply(turn.text)
        except RingfenceError as error:
            why = act_turn.readable(error)
            if len({desired.thing_of(act_turn.cut_of(one)) for one in asked}) > 1 and self._nothing_came(asked):
                return self._divided(asked)
            return dict.fromkeys((one.id for one in (*turn.want, *turn.leave)), why)
        return {}

    def _nothing_came(self, asked: Sequence[Action]) -> bool:
        """Whether a document was refused as a whole: then one line of it may be what is wrong."""
        try:
            missing = self._turn.compared(self._enforcer.read()).missing
        except RingfenceError:
            return False
        return all(desired.thing_of(act_turn.cut_of(one)) in missing for one in asked)

    def _divided(self, asked: list[Action]) -> dict[str, str]:
        """Apply halves beside what stands, until whoever is refused is alone."""
        ids = {one.id for one in asked}
        taken = [one for one in self._turn.want if one.id not in ids]
        problems: dict[str, str] = {}
        halves, applies = _halved(asked), 0
        while halves:
            half = halves.pop(0)
            if applies == MOST_APPLIES:
                problems.update((one.id, "not tried by itself yet") for one in half)
                continue
            applies += 1
            try:
                self._apply(self._turn.of((*taken, *half)))
                taken += half
            except RingfenceError as error:
                if len(half) > 1:
                    halves = _halved(half) + halves
                else:
                    problems[half[0].id] = act_turn.readable(error)
        return problems

    def _apply(self, text: str) -> None:
        target, place = self._turn.lane
        self._enforcer.apply(Artefact(f"ringfence-{target}", text, (place,)))

    def _different(self, found: str) -> tuple[str, ...]:
        """How a lane that is to hold nothing of ours any more is not as it was before the first action."""
        if self._turn.want or self._turn.lane[0] in desired.MOMENTARY:
            return ()
        return verify.same(self._turn.lane[0], self._before, found, self._turn.now)


def _halved(rows: list[Action]) -> list[list[Action]]:
    middle = len(rows) // 2
    return [half for half in (rows[:middle], rows[middle:]) if half]
