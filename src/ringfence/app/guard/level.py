"""How grave what came of an incident is, and whether somebody is woken for it (again).

answer ─▶ Level: grade, cuts ordered, cuts held, what stays in reach ─▶ above what was paged? ─▶ why, what to press
"""

from typing import Any

import msgspec

from ringfence.app.guard.responder import Answer
from ringfence.respond.values import DO, HOLD

QUIET = frozenset({"closed", "undone", "never", "floors"})
"""Rules that hold a cut and wake nobody: no person is asked, or it is not grave enough."""


class Level(msgspec.Struct, frozen=True):
    """How grave what came of an incident is: the hardest grade that is done or held, how many are cut and held.

    `left`: jewels that stay in reach when all of it is done; 1 where nothing at all can be cut.
    """

    grade: int
    cut: int
    held: int
    left: int = 0

    def above(self, paged: "Level | None") -> bool:
        """Whether somebody is woken (again): at first, for a harder cut, for what waits or stays in reach."""
        if paged is None or self.grade > paged.grade:
            return True
        return (self.held > 0 and not paged.held) or (self.left > 0 and not paged.left)

    def with_(self, other: "Level") -> "Level":
        """The gravest of both."""
        return Level(*map(max, msgspec.structs.astuple(self), msgspec.structs.astuple(other)))


def level_of(answer: Answer, floor: int = 0) -> Level | None:
    """How grave what came of it is; None where nobody is woken.

    That is so where nothing is done and no person is asked, unless the incident has at least the severity `floor` and
    there is nothing that can be cut, or jewels stay in reach.
    """
    asked = {one.cut for one in answer.decisions if one.verdict == HOLD and one.rule not in QUIET}
    cut, held = answer.of(DO), [one for one in answer.of(HOLD) if one.cut in asked]
    left = len(answer.plan.left) or (not answer.plan.cuts)
    left = int(left) if answer.incident.severity >= floor else 0
    if not cut and not held and not left:
        return None
    return Level(max((int(one.cut.about.grade) for one in (*cut, *held)), default=0), len(cut), len(held), left)


def why_of(answer: Answer, level: Level) -> str:
    """What came of it, in a sentence."""
    rules = sorted({one.rule for one in answer.decisions if one.verdict == HOLD and one.rule not in QUIET})
    stand = sum(one.verdict == DO and one.rule == "stands" for one in answer.decisions)
    said = [f"{level.cut - stand} ordered"] if level.cut > stand else []
    said += [f"{stand} {'stands' if stand == 1 else 'stand'} already"] if stand else []
    said = said or ["nothing is cut" if answer.plan.cuts else "NOTHING CAN BE CUT here"]
    said += [f"{level.held} wait for a person ({', '.join(rules)})"] if level.held else []
    for name, those in (("stay in reach", answer.plan.left), ("are taken", answer.plan.lost)):
        said += [f"{len(those)} {name}: {', '.join(those[:3])}"] if those else []
    return ", ".join(said)


def press_of(id: str, held: bool = False) -> list[str]:
    """What to press next, the first thing first."""
    approve = [f"ringfence respond apply {id} --apply"] if held else []
    return [f"ringfence respond ack {id}", f"ringfence respond show {id}", *approve,
            f"ringfence respond undo {id} --apply"]  # fmt: skip


def level_in(body: bytes) -> Level:
    """What a page that was kept says; one about the journal says nothing of cuts."""
    counts: Any = msgspec.json.decode(body).get("counts", {})
    return Level(*(int(counts.get(name, 0)) for name in Level.__struct_fields__))
