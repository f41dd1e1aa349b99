"""A plan as a CACAO playbook for other sites and tools, and one of theirs in the place of our plan.

out: plan, what became of its cuts ─▶ file          in: file ─▶ verbs of ours ─▶ whom each disturbs *here* ─▶ guard

Of a playbook that comes in only verb, place and subject of each cut are taken, and its sentence why. Whom a cut
disturbs and where it is felt is worked out from the estate here, never believed: limits count it.
"""

import time
from pathlib import Path

import msgspec

from ringfence.app import files
from ringfence.app.guard.commands import Instead, Site
from ringfence.app.guard.known import Known
from ringfence.app.guard.responder import Answer
from ringfence.app.guard.room import Room
from ringfence.errors import InputError, UsageError
from ringfence.respond import cacao
from ringfence.respond.act_turn import cut_of
from ringfence.respond.cacao import LARGEST, Playbook
from ringfence.respond.measures import Whom
from ringfence.respond.plan_cuts import Gathered
from ringfence.respond.values import Plan, Planned
from ringfence.respond.verbs import Grade
from ringfence.store import actions


def written(site: Site, answer: Answer, path: Path) -> None:
    """Make a new file (0600) of a plan, with the state of what is in the queue. Raises `UsageError`, `StateError`."""
    room = Room(site.state, site.settings)
    rows = actions.listed(room.ledger.database, answer.incident.id) if room.is_there else []
    files.new(path, cacao.playbook(answer.plan, time.time(), {cut_of(one): one.state for one in rows}))


def read(path: Path) -> Playbook:
    """A playbook of our own verbs. Raises `UsageError`, `InputError` that names what is not taken."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        told = "name a playbook; `ringfence respond plan --cacao FILE` writes one"
        raise UsageError(f"{path}: {error.strerror}", told) from None
    try:
        return cacao.read(data)
    except InputError as error:
        raise InputError(f"{path}: {error.what}", remedy=error.remedy) from None


def instead_of(path: Path | None) -> tuple[str, Instead]:
    """The incident that a playbook is about, and what puts it in the place of a plan; without one the plan stays.

    Raises as `read`.
    """
    if path is None:
        return "", lambda made, _: made
    book = read(path).plan
    return book.incident, lambda made, known: instead(made, book, known)


def instead(made: Plan, book: Plan, known: Known) -> Plan:
    """Our plan of an incident with the cuts of a playbook in the place of its own.

    Raises `InputError` for a cut that cannot or must never be done here: a playbook is done whole or not at all.
    """
    gathered = Gathered(known.ground, known.never)
    own = {one.cut: one for one in made.cuts}
    for one in book.cuts:
        gathered.add(one.cut, f"the playbook: {one.why}", _whom(one, known), one.needed)
    if gathered.missing:
        raise InputError(f"the playbook cannot be done here: {gathered.missing[0]}", remedy="take that step out of it")
    cuts = tuple(own.get(one.cut, one) for one in gathered.planned())
    return msgspec.structs.replace(
        made,
        cuts=cuts,
        grade=max((one.cut.about.grade for one in cuts), default=Grade.WATCH),
        jobs=tuple(sorted({job for one in cuts for job in one.jobs})),
        seconds=max((one.cut.about.seconds for one in cuts if one.needed), default=0.0),
        exact=False,
        unknown=(*made.unknown, "the cuts are those of a playbook: whether they separate anything was not worked out"),
    )


def _whom(one: Planned, known: Known) -> Whom:
    """The jobs of the estate that a cut may be about by its subject: more rather than fewer."""
    jobs = (job for jobs in known.ground.jobs_on.values() for job in jobs)
    every = one.cut.verb in ("block", "throttle")  # whoever is there may be talking to that address
    return Whom(jobs=tuple(sorted({job for job in jobs if every or job.rpartition("/")[2] == one.cut.subject})))
