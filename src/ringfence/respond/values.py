"""What is passed on between plan, guard, act and evidence: cuts, plans, decisions."""

import hashlib

import msgspec

from ringfence.respond.verbs import VERBS, Grade, Verb

SHADOW, DO, HOLD = "shadow", "do", "hold"
"""Verdicts on a cut: only listed, done now, or kept until a person says so."""

HELD, PLANNED, DOING, DONE, FAILED, UNDOING, UNDONE, LAPSED = (
    "held", "planned", "doing", "done", "failed", "undoing", "undone", "lapsed",
)  # fmt: skip
"""States of an action. `held` waits for a person; `lapsed` ended by itself."""


class Cut(msgspec.Struct, frozen=True, order=True):
    """One verb at one place about one subject. Two incidents that want the same cut have the same one.

    `place` is the entity whose driver does it (`host:…`, `network:ib/…`, `cluster:…`); `subject` is what the document's
    field names: an address, an account, a job's number, a GUID, a node, a key.
    """

    verb: str
    place: str
    subject: str

    @property
    def about(self) -> Verb:
        """The verb's line in the table."""
        return VERBS[self.verb]

    @property
    def target(self) -> str:
        """The driver that does it."""
        return self.about.target


class Planned(msgspec.Struct, frozen=True):
    """A cut in a plan. `jobs` it disturbs; `ends` are the positions that it takes from the attacker, told in `why`.

    `hosts` are the hosts on which it is felt: what the limits count. `needed`: the separation rests on it; the rest
    (end sessions, drain, …) makes the cut last.
    """

    cut: Cut
    why: str
    jobs: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    needed: bool = True


class Plan(msgspec.Struct, frozen=True):
    """What would end an incident, in the order of doing.

    `held`: positions that the attacker has. `jewels` that they lead to now, `left` those that they lead to when all
    of it is done, `lost` those that they have already. `minutes` [low, high] to the nearest jewel, `seconds` until the
    last needed cut stands. `jobs` are all that are disturbed. `exact` is false where a cheaper set may exist. `estate`
    is the SHA-256 of the estate that was asked, `age` its age in seconds; `unknown` says what could not be asked.
    """

    incident: str
    version: int
    grade: Grade
    cuts: tuple[Planned, ...]
    held: tuple[str, ...] = ()
    jewels: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    minutes: tuple[float, float] = (0.0, 0.0)
    seconds: float = 0.0
    jobs: tuple[str, ...] = ()
    exact: bool = True
    estate: str = ""
    age: float = 0.0
    unknown: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True):
    """What the guard says of one cut. `rule` names the limit that decided it (a key of `guard.RULES`)."""

    cut: Cut
    verdict: str
    rule: str
    why: str


def action_id(incident: str, cut: Cut) -> str:
    """The id of "this cut, because of this incident": 32 hexadecimal digits, the same however often it is asked."""
    parts = (incident, cut.verb, cut.place, cut.subject)
    return hashlib.sha256(b"".join(len(one.encode()).to_bytes(4, "big") + one.encode() for one in parts)).hexdigest()[
        :32
    ]
