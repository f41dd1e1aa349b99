"""One screen of an incident: what a person who was just woken has to know, and what to press.

incident (watch) ─┐
queue, words ─────┼─▶ Screen ─▶ terminal, JSON, a page to print
journal, pages ───┘

Nothing is changed, and no estate is needed: with one, the users of disturbed jobs are named. Every text of it may have
been chosen by an attacker: control and bidirectional characters are taken out here, each output escapes the rest. What
cannot be read is said; the rest is shown all the same.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ringfence.app.guard import alerts, approve, switch
from ringfence.app.guard.commands import Site
from ringfence.app.guard.room import Room
from ringfence.app.guard.screen_evidence import Told, told_of
from ringfence.app.guard.screen_press import Press, press_of, setup_of
from ringfence.app.watch import incidents
from ringfence.app.words import many
from ringfence.errors import RingfenceError
from ringfence.estate.estate import Estate
from ringfence.estate.ids import clean
from ringfence.respond import evidence
from ringfence.respond.act import acts
from ringfence.respond.evidence import cut_of
from ringfence.respond.separate_options import ALL
from ringfence.respond.spent import APPROVE
from ringfence.respond.values import HOLD, SHADOW, Cut, Planned, action_id
from ringfence.store import actions
from ringfence.store.actions import Action
from ringfence.watch.incident import OPEN
from ringfence.watch.values import Incident, Signal

BAD, WAITS, GOOD, OVER = "bad", "waits", "good", "over"
"""How it stands: something is not cut, a person is asked, all of it stands, nothing is left to do."""
WOULD, EXPIRED = "would", "expired"
"""States of a cut beside the queue's: shadow mode only lists it; its time is over, and nobody has looked since."""
_LATE = 60.0
"""Seconds after which a guard that runs has renewed what lapses, or told that it has lapsed."""
_STANDS = (actions.DONE,)
_UNDER_WAY = (actions.PLANNED, actions.DOING)
_BACK = (actions.UNDONE, actions.LAPSED)


class Seen(msgspec.Struct, frozen=True):
    """One signal. `when`: seconds since the epoch; `by`: the sources that told it; `count`: how often.

    `title`: that of the rule or detector.
    """

    when: float
    name: str
    said: str
    by: tuple[str, ...]
    count: int = 1
    title: str = ""


class Shown(msgspec.Struct, frozen=True):
    """One cut. `what` is done, in words; `subject`: to whom, "" where the place says it all.

    `since`: when it was read back, 0 where it was not; `until`: when it lapses, 0 for never. `why`: what it is for, or
    what is wrong; `rule`: the limit that holds it; `stays`: what cannot be undone.
    """

    action: str
    state: str
    verb: str
    what: str
    subject: str
    place: str
    since: float = 0.0
    until: float = 0.0
    why: str = ""
    rule: str = ""
    stays: str = ""


class Screen(msgspec.Struct, frozen=True):
    """All of it. `mood` is one of the four above; `says` it in a sentence. Times are seconds since the epoch.

    `cuts` stand, are under way or have failed; `held` wait for a person, or would be done but for shadow mode; `back`
    are taken back or have lapsed. `evidence` sentences, `whole` whether it can be relied on. `setup`: variables that a
    shell needs before what is to be pressed works.
    """

    incident: str
    title: str
    state: str
    severity: int
    opened: float
    updated: float
    now: float
    mood: str
    says: str
    sources: tuple[str, ...]
    signals: tuple[Seen, ...]
    chain: tuple[str, ...]
    jewels: tuple[str, ...]
    minutes: tuple[float, float]
    lost: tuple[str, ...]
    left: tuple[str, ...]
    cuts: tuple[Shown, ...]
    held: tuple[Shown, ...]
    back: tuple[Shown, ...]
    jobs: tuple[str, ...]
    users: tuple[str, ...]
    approved_by: tuple[str, ...]
    notes: tuple[str, ...]
    evidence: tuple[str, ...]
    whole: bool
    setup: Mapping[str, str]
    press: tuple[Press, ...]


def screen(site: Site, named: str, estate: Estate | None = None, now: float | None = None) -> Screen:
    """The screen of an incident by its id, or enough of it. Raises `UsageError` where there is none."""
    incident, _ = incidents.one(site.home, named)
    when, room = time.time() if now is None else now, Room(site.state, site.settings)
    status = alerts.status(site.state)
    notes = []
    rows: list[Action] = []
    runs = False
    if room.is_there:
        try:
            rows = actions.listed(room.ledger.database, incident.id)
            runs = acts(room.ledger.database)
        except RingfenceError as error:
            notes.append(f"what was done cannot be read: {error}")
    told = told_of(room, incident.id, status)
    decided = {one.detail.get("action"): one.detail for one in told.lines if one.what == evidence.DECISION}
    shown = [_shown(one, decided.get(one.id, {}), when - (_LATE if runs else 0.0)) for one in rows]
    listed = _listed(incident.id, told, {one.id for one in rows})
    cuts = [one for one in shown if one.state not in (*_BACK, actions.HELD)]
    held = [one for one in shown if one.state == actions.HELD] + listed
    plan, jobs = told.last(evidence.PLAN), _jobs(rows)
    notes += _notes(room, cuts, plan, runs)
    renews = runs and not (status and status.silent(when))
    mood, says = _says(incident, cuts, held, shown, plan, renews)
    return Screen(
        incident=incident.id,
        title=_text(incident.title),
        state=incident.state,
        severity=incident.severity,
        opened=incident.opened / 1e6,
        updated=incident.updated / 1e6,
        now=when,
        mood=mood,
        says=says,
        sources=_clean(incident.sources),
        signals=tuple(map(_seen, sorted(incident.signals, key=lambda one: (one.since or one.time, one.name)))),
        chain=_clean(incident.chain),
        jewels=_clean(incident.stake.jewels),
        minutes=incident.stake.minutes,
        lost=_texts(plan, "lost"),
        left=_texts(plan, "left"),
        cuts=tuple(cuts),
        held=tuple(held),
        back=tuple(one for one in shown if one.state in _BACK),
        jobs=jobs,
        users=_users(estate, jobs),
        approved_by=_approved(room, incident.id),
        notes=_clean(notes),
        evidence=_clean(told.said),
        whole=told.whole,
        setup=setup_of(site, status),
        press=tuple(press_of(site, incident, rows, bool(held))),
    )


def _seen(one: Signal) -> Seen:
    said, when = one.why or one.title, (one.since or one.time) / 1e6
    return Seen(when, clean(one.name), _text(said), _clean(one.sources), one.count, _text(one.title))


def _shown(row: Action, decided: Mapping[str, Any], over: float) -> Shown:
    """One row. What was to lapse before `over` is not said to stand."""
    planned = msgspec.json.decode(row.body, type=Planned)
    about, held = planned.cut.about, row.state == actions.HELD
    until = float(row.stands or row.until) if row.lasts else 0.0
    expired = row.state == actions.DONE and 0 < until < over
    why = str(decided.get("why", "")) if held else row.why or planned.why
    return Shown(
        row.id, EXPIRED if expired else row.state, row.verb, about.title, _subject(planned.cut), clean(row.place),
        row.done_at or 0.0, until, _text(why),
        clean(str(decided.get("rule", ""))) if held else "", about.undo,
    )  # fmt: skip


def _subject(cut: Cut) -> str:
    return "" if cut.subject == ALL else clean(cut.subject)


def _listed(named: str, told: Told, queued: set[str]) -> list[Shown]:
    """What the latest plan holds or would do and the queue does not have: a guard in shadow mode queues nothing."""
    version = told.last(evidence.PLAN).get("version")
    found: dict[str, Shown] = {}
    for one in told.lines:
        cut = cut_of(one)
        if one.what != evidence.DECISION or cut is None or one.detail.get("version") != version:
            continue
        action, verdict = action_id(named, cut), one.detail.get("verdict")
        found.pop(action, None)
        if verdict in (HOLD, SHADOW) and action not in queued and one.detail.get("rule") != "undone":
            state = WOULD if verdict == SHADOW else actions.HELD
            why, rule = _text(str(one.detail.get("why", ""))), clean(str(one.detail.get("rule", "")))
            found[action] = Shown(
                action, state, cut.verb, cut.about.title, _subject(cut), clean(cut.place), why=why, rule=rule,
                stays=cut.about.undo,
            )  # fmt: skip
    return list(found.values())


def _says(
    incident: Incident, cuts: Sequence[Shown], held: Sequence[Shown], every: Sequence[Shown], plan: Mapping[str, Any],
    renews: bool,
) -> tuple[str, str]:  # fmt: skip
    """How it stands, in one sentence. `plan`: the latest, empty where none is known; `renews`: a guard runs, and acts.

    Good is only what is cut as a whole: nothing taken or left in reach, and somebody there who keeps it so.
    """
    stand = sum(one.state in _STANDS for one in cuts)
    coming = sum(one.state in _UNDER_WAY for one in cuts)
    going = sum(one.state == actions.UNDOING for one in cuts)
    wrong = any(one.state in (actions.FAILED, EXPIRED) for one in cuts)
    lapsed = any(one.state == actions.LAPSED for one in every)
    left, lost = _texts(plan, "left"), _texts(plan, "lost")
    said = "; ".join([*_counted(cuts, held), *_reached(left, lost)])
    if not cuts and not held:
        nothing = "the plan has nothing that can be cut" if plan else "nothing was planned"
        said = "; ".join(
            [
                "all has lapsed or is taken back" if lapsed else "all is taken back" if every else nothing,
                *_reached(left, lost),
            ]
        )
    if incident.state != OPEN and not cuts:
        return OVER, f"OVER ({incident.state}): {said}."
    if wrong and (stand or any(one.state == actions.FAILED for one in cuts)):
        return BAD, f"NOT ALL OF IT IS CUT: {said}."
    if going and not stand and not coming:
        return WAITS, f"BEING TAKEN BACK: {said}."
    if not stand and not coming:
        back = every and not held and not wrong and not lapsed
        return (OVER, f"NOTHING IS CUT ANY MORE: {said}.") if back else (BAD, f"NOTHING IS CUT: {said}.")
    if left or lost:
        return BAD, f"CUT, BUT {'NOT ENOUGH' if left else 'TOO LATE FOR SOME OF IT'}: {said}."
    if held or coming:
        return WAITS, f"CUT IN PART: {said}."
    if not renews:
        return WAITS, f"CUT, BUT NO GUARD KEEPS IT SO: {said}; none runs that acts, or it is silent."
    if not plan:
        return WAITS, f"CUT, BUT WHAT STAYS IN REACH IS NOT KNOWN: {said}; no plan can be read."
    return GOOD, f"CUT: {said}. No cut waits for you."


def _counted(cuts: Sequence[Shown], held: Sequence[Shown]) -> list[str]:
    """How many cuts stand in which way, in words."""
    stand = sum(one.state in _STANDS for one in cuts)
    failed = sum(one.state == actions.FAILED for one in cuts)
    coming = sum(one.state in _UNDER_WAY for one in cuts)
    going = sum(one.state == actions.UNDOING for one in cuts)
    expired = sum(one.state == EXPIRED for one in cuts)
    would = sum(one.state == WOULD for one in held)
    parts = [f"{many(stand, 'cut')} {_verb(stand, 'stands', 'stand')}, read back"] if stand else []
    parts += [f"{failed} FAILED and {_verb(failed, 'is', 'are')} tried again"] if failed else []
    parts += [f"{expired} EXPIRED, nobody renewed {_verb(expired, 'it', 'them')}"] if expired else []
    parts += [f"{coming} under way"] if coming else []
    parts += [f"{going} being taken back"] if going else []
    parts += [f"{would} only listed (shadow mode)"] if would else []
    waits = len(held) - would
    return [*parts, f"{waits} {_verb(waits, 'waits', 'wait')} for a person"] if waits else parts


def _reached(left: Sequence[str], lost: Sequence[str]) -> list[str]:
    """How many jewels no planned cut keeps from the attacker."""
    parts = [f"{many(len(lost), 'jewel')} {_verb(len(lost), 'is', 'are')} TAKEN already"] if lost else []
    if not left:
        return parts
    return [*parts, f"{many(len(left), 'jewel')} {_verb(len(left), 'stays', 'stay')} IN REACH even when all is cut"]


def _notes(room: Room, cuts: Sequence[Shown], plan: Mapping[str, Any], runs: bool) -> list[str]:
    """What else a person has to know before he presses anything."""
    stopped = switch.stopped(room.folder)
    said = [f"STOPPED, nothing new is cut: {stopped}"] if stopped else []
    if not runs and any(one.until for one in cuts if one.state in (*_STANDS, EXPIRED)):
        said.append("no guard runs here: what lapses is not renewed; `ringfence guard … --apply` renews it")
    if not runs and any(one.state in (*_UNDER_WAY, actions.FAILED, actions.UNDOING) for one in cuts):
        said.append("no guard runs here: what is not done yet waits until one does")
    return [*said, *(f"the plan: {one}" for one in _texts(plan, "unknown")[:5])]


def _jobs(rows: Iterable[Action]) -> tuple[str, ...]:
    """The jobs that what stands or is under way disturbs."""
    live = [one for one in rows if one.state not in (*_BACK, actions.HELD)]
    named = (job for one in live for job in msgspec.json.decode(one.body, type=Planned).jobs)
    return tuple(sorted({clean(job) for job in named}))


def _users(estate: Estate | None, jobs: Sequence[str]) -> tuple[str, ...]:
    wanted = set(jobs)
    if estate is None or not wanted:
        return ()
    return tuple(sorted({clean(one.object) for one in estate.facts("runs_as") if one.subject in wanted}))


def _approved(room: Room, named: str) -> tuple[str, ...]:
    """Who has approved anything of it."""
    try:
        words = approve.words(room.folder)
    except RingfenceError:
        return ()
    return tuple(dict.fromkeys(clean(one.who) for one in words if one.what == APPROVE and one.about == named))


def _texts(detail: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = detail.get(name)
    return _clean(one for one in found if isinstance(one, str)) if isinstance(found, list | tuple) else ()


def _clean(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(_text, texts))


def _text(text: str) -> str:
    """A text as `clean` gives it; one that is too long for it ends between two words, and says that it goes on."""
    kept = clean(text)
    if len(text.strip()) <= len(kept):
        return kept
    return (kept.rpartition(" ")[0] or kept[:-2]) + " …"


def _verb(count: int, one: str, several: str) -> str:
    return one if count == 1 else several
