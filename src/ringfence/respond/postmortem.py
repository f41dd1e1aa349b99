"""What happened, why, what would have stopped it, what was cut and undone, and who was disturbed.

        incident, lines of the journal, the estate's way to the jewel, choke points ─▶ Postmortem ─▶ Markdown, JSON

Everything in it is said with where it comes from: the number of a line of the journal, or the incident's signals. What
the estate does not know is said to be unknown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from ringfence.respond import evidence
from ringfence.respond.evidence import cut_of, incident_of
from ringfence.respond.pattern import Hop
from ringfence.respond.values import Cut
from ringfence.store.journal.lines import Line
from ringfence.watch.values import Incident, Signal

STANDS, UNDONE, LAPSED, NOT_DONE = "stands", "undone", "lapsed", "not done"
"""How a cut ended."""


class Event(msgspec.Struct, frozen=True):
    """One entry of the timeline. `when`: seconds. `line`: its number in the journal, -1: the incident's own."""

    when: float
    what: str
    said: str
    line: int = -1


class Link(msgspec.Struct, frozen=True):
    """One link of the root cause chain: from one position to the next, by the estate's hops; none: it knows no way."""

    start: str
    to: str
    hops: tuple[Hop, ...] = ()


class Stopper(msgspec.Struct, frozen=True):
    """What would have ended the way. `kind` is "move" (repaired everywhere, by `end`) or "entity"."""

    kind: str
    what: str
    jewels: int
    jobs: int
    end: str = ""


class Earliest(msgspec.Struct, frozen=True):
    """The earliest signal on which something could have been cut, and the seconds from it to the first cut that stood.

    `seconds` is None where no cut was read back.
    """

    name: str
    title: str
    when: float
    alone: bool
    seconds: float | None = None


class Ended(msgspec.Struct, frozen=True):
    """A cut, when it was first read back (0: never), how it ended and when, and what stays of it."""

    cut: Cut
    stood: float
    state: str
    ended: float = 0.0
    stays: str = ""


class Postmortem(msgspec.Struct, frozen=True):
    """All of it. `title` and `state` are the incident's; `unknown` says what could not be told."""

    incident: str
    title: str
    state: str
    opened: float
    timeline: tuple[Event, ...]
    chain: tuple[Link, ...]
    stoppers: tuple[Stopper, ...]
    earliest: Earliest | None
    cuts: tuple[Ended, ...]
    disturbed: tuple[str, ...]
    jewels: tuple[str, ...]
    lost: tuple[str, ...]
    unknown: tuple[str, ...] = ()


def postmortem(
    incident: Incident,
    lines: Iterable[tuple[int, Line]],
    links: Sequence[Link] = (),
    stoppers: Sequence[Stopper] = (),
    unknown: Sequence[str] = (),
) -> Postmortem:
    """The postmortem of an incident. `lines` are (number, line) of the journal; those of other incidents are left out.

    `links`: what the estate knows of the incident's chain; `stoppers`: choke points on it, the best first.
    """
    own = [(at, one) for at, one in lines if incident.id in incident_of(one)]
    cuts = _ended(own)
    stood = min((one.stood for one in cuts if one.stood), default=0.0)
    gaps = [f"the estate knows no way from {one.start} to {one.to}" for one in links if not one.hops]
    plans = [one.detail for _, one in own if one.what == evidence.PLAN]
    if not own:
        gaps.append("the journal has no line of this incident")
    return Postmortem(
        incident.id,
        incident.title,
        incident.state,
        incident.opened / 1e6,
        tuple(_timeline(incident, own)),
        tuple(links),
        tuple(stoppers),
        _earliest(incident.signals, stood),
        cuts,
        tuple(_disturbed(plans, cuts)),
        incident.stake.jewels,
        tuple(dict.fromkeys(one for plan in plans for one in _texts(plan, "lost"))),
        (*unknown, *gaps),
    )


def as_json(found: Postmortem) -> bytes:
    """The same, for programs."""
    return msgspec.json.format(msgspec.json.encode(found), indent=1) + b"\n"


def as_markdown(found: Postmortem) -> str:
    """The same, for people."""
    return "\n".join(_markdown(found)) + "\n"


def _markdown(found: Postmortem) -> Iterator[str]:
    yield f"# {_plain(found.incident)}: {_plain(found.title)}"
    yield ""
    yield f"Opened {_time(found.opened)}, now {found.state}. {_cut_line(found)}"
    yield from _section("Timeline", (_event(one) for one in found.timeline))
    yield from _section("Root cause", _chain(found.chain))
    yield from _section("What would have stopped it", _stopped(found))
    yield from _section("What was cut, and what of it stands", (_cut(one) for one in found.cuts))
    yield from _section("Who was disturbed", (f"- {_plain(one)}" for one in found.disturbed))
    yield from _section("At stake", (f"- {_plain(one)}" + " (taken)" * (one in found.lost) for one in found.jewels))
    yield from _section("Not known", (f"- {_plain(one)}" for one in found.unknown))


def _section(title: str, rows: Iterable[str]) -> Iterator[str]:
    yield from ("", f"## {title}", "")
    yield from list(rows) or ["Nothing."]


def _cut_line(found: Postmortem) -> str:
    count = sum(bool(one.stood) for one in found.cuts)
    stands = sum(one.state == STANDS for one in found.cuts)
    return f"{count} of {len(found.cuts)} cuts were made and read back, {stands} stand."


def _event(one: Event) -> str:
    place = f"line {one.line}" if one.line >= 0 else "signal"
    return f"- {_time(one.when)} · {one.what} · {_plain(one.said)} ({place})"


def _chain(links: Sequence[Link]) -> Iterator[str]:
    for at, link in enumerate(links, 1):
        yield f"{at}. {_plain(link.start)} → {_plain(link.to)}" + ("" if link.hops else ": no way is known")
        for hop in link.hops:
            low, high = hop.minutes
            yield f"   - {hop.move}: {_plain(' + '.join(hop.start))} → {_plain(hop.to)}, {low:g} to {high:g} minutes"
            yield from (f"     - because {_plain(' '.join(fact))}" for fact in hop.because)


def _stopped(found: Postmortem) -> Iterator[str]:
    for one in found.stoppers:
        saved = f"saves {one.jewels} jewels, disturbs {one.jobs} jobs"
        what = "repair" if one.kind == "move" else "cut off"
        yield f"- {what} {_plain(one.what)}: {saved}" + (f". {_plain(one.end)}" if one.end else "")
    first = found.earliest
    if first:
        after = "no cut was read back" if first.seconds is None else f"the first cut stood {first.seconds:.3f} s later"
        enough = "" if first.alone else "; alone it may cut no more than its own sender"
        named = f"{_plain(first.name)}, {_plain(first.title)}, {_time(first.when)}"
        yield f"- earliest signal to cut on: {named}; {after}{enough}"


def _cut(one: Ended) -> str:
    when = f"stood {_time(one.stood)}" if one.stood else "was not read back"
    ended = f", {one.state} {_time(one.ended)}" if one.ended else f", {one.state}"
    stays = f"; {one.stays}" if one.stays else ""
    return f"- {one.cut.verb} {_plain(one.cut.subject)} at {_plain(one.cut.place)}: {when}{ended}{stays}"


def _timeline(incident: Incident, lines: Sequence[tuple[int, Line]]) -> list[Event]:
    found = [Event(one.time / 1e6, "signal", f"{one.name}: {one.why or one.title}") for one in incident.signals]
    found += [
        Event(one.when, one.what.removeprefix("respond."), _said(one), at)
        for at, one in lines
        if one.what != evidence.SIGNAL
    ]
    return sorted(found, key=lambda one: (one.when, one.line))


def _said(one: Line) -> str:
    """A line in a sentence."""
    about, cut = one.detail, cut_of(one)
    who = "" if one.actor == evidence.GUARD else f" by {one.actor}"
    named = f"{cut.verb} {cut.subject} at {cut.place}" if cut else one.subject
    match one.what:
        case evidence.PLAN:
            return f"{len(_list(about, 'cuts'))} cuts, as hard as {about.get('grade', '?')}"
        case evidence.DECISION:
            return f"{about.get('verdict', '?')}: {named} ({about.get('why', '')})"
        case evidence.COMMAND:
            return (
                f"{about.get('target', '?')} at {one.subject} is to hold {str(about.get('document') or 'nothing')[:12]}"
            )
        case evidence.READ_BACK:
            found = "holds it" if about.get("holds") else "holds something else"
            return f"{about.get('target', '?')} at {one.subject} {found}"
        case evidence.VERIFY:
            return f"{named} {'stands' if about.get('holds') else 'does not stand'}"
        case evidence.PAGE:
            taken = "was taken" if about.get("taken") else f"to {about.get('to', '?')}: {about.get('answer', '?')}"
            return f"page {taken}{who}"
    return named + who


def _ended(lines: Sequence[tuple[int, Line]]) -> tuple[Ended, ...]:
    found: dict[Cut, Ended] = {}
    for _, one in lines:
        cut = cut_of(one)
        if cut is None or one.what not in (evidence.DECISION, evidence.VERIFY, evidence.UNDO, evidence.LAPSED):
            continue
        was = found.get(cut, Ended(cut, 0.0, NOT_DONE))
        if one.what == evidence.VERIFY and one.detail.get("holds"):
            was = msgspec.structs.replace(was, stood=was.stood or one.when, state=STANDS, ended=0.0)
        elif one.what in (evidence.UNDO, evidence.LAPSED) and was.stood:
            state = UNDONE if one.what == evidence.UNDO else LAPSED
            stays = str(one.detail.get("stays", ""))
            was = msgspec.structs.replace(was, state=state, ended=one.when, stays=stays)
        found[cut] = was
    return tuple(found.values())


def _earliest(signals: Sequence[Signal], stood: float) -> Earliest | None:
    """The first signal that says what an attacker holds, or is of a kind that can be contained."""
    able = [one for one in signals if one.urgent or one.holds]
    if not able:
        return None
    one = min(able, key=lambda each: (each.time, each.name))
    sources = {source.partition("/")[0] for source in one.sources}
    seconds = stood - one.time / 1e6 if stood else None
    return Earliest(one.name, one.title, one.time / 1e6, len(sources) > 1, seconds)


def _disturbed(plans: Sequence[Mapping[str, Any]], cuts: Sequence[Ended]) -> Iterator[str]:
    """Jobs that the last plan disturbs, if anything of it was done."""
    if plans and any(one.stood for one in cuts):
        yield from dict.fromkeys(_texts(plans[-1], "jobs"))


def _list(detail: Mapping[str, Any], name: str) -> list[Any]:
    found = detail.get(name)
    return list(found) if isinstance(found, list | tuple) else []


def _texts(detail: Mapping[str, Any], name: str) -> list[str]:
    return [one for one in _list(detail, name) if isinstance(one, str)]


def _plain(text: str) -> str:
    """Text that an attacker may have chosen, so that Markdown shows it as it is."""
    return "".join(f"\\{one}" if one in _MARKS else one if one.isprintable() else " " for one in text)


_MARKS = frozenset("\\`*_[]<>#|~!&")


def _time(when: float) -> str:
    try:
        return datetime.fromtimestamp(when, UTC).isoformat(" ", "milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return f"second {when:g}"
