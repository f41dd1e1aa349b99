"""The reference page of the checks, written from what each says about itself."""

import json
from collections.abc import Iterable

from ringfence.analyse.rule import Atom, Is, Like, Prefix, Slot
from ringfence.assess.accepted import EXPIRED
from ringfence.assess.check import CLASSIC, IT, Check, When
from ringfence.assess.checks import CHECKS
from ringfence.assess.outside import CIS, D3FEND
from ringfence.assess.severity import TABLE, WEIGHTS
from ringfence.assess.sources import SOURCES
from ringfence.estate.facts import Fact

_HEAD = """# Checks

What `ringfence audit` judges, over the facts of one estate. A check **fails** where one of the conditions under "Fails"
is met. It **passes** where none is and everything under "A pass rests on" was seen, with nothing in doubt. Everything
else is **unknown**: what nobody asked about never passes. *Answered* and *complete* are the words of the source itself
about what it was asked ([estate.md](estate.md), `asked`). Where a pass rests on something "for every way in which" the
thing leads to others, there must be one, and all of them count: a cluster of 64 nodes does not pass by the word of one.

## Severity

A failure is as bad as the place in which it puts an attacker. What it opens is named with each check; from there the
moves of [moves.md](moves.md) are followed. The first line that holds gives the severity:

| severity | where |
|---|---|
"""
_WEIGHED = """
Where a failure opens nothing that a move touches, nothing is in reach from there, or no jewel is known, the check's
weight decides, and never gives critical: """


def checks_page() -> str:
    """Every check: why, what fails, what a pass rests on, what it opens, the remedy, and outside ids."""
    table = "\n".join(f"| {rung.severity} | {rung.says} |" for rung in TABLE)
    weights = ", ".join(f"{severity} from {least}" for least, severity in WEIGHTS)
    sources = "\n".join(f"- **{kind}**: {one.name}, {one.version} ({one.where})." for kind, one in SOURCES.items())
    parts = [f"{_HEAD}{table}\n{_WEIGHED}{weights}.\n", f"## Outside ids\n\nEach was found there:\n\n{sources}\n"]
    return "\n".join([*parts, "## The checks\n", *(_section(check) for check in CHECKS), _expired()])


def _section(check: Check) -> str:
    aware = "classic" if check.layer in CLASSIC else "compute-aware"
    family = f"{check.layer} ({aware})" + (f", {check.mismatch}" if check.mismatch else "")
    lines = [f"### {check.id} `{check.name}`: {check.title}\n", f"{check.why}\n", f"- **Layer**: {family}."]
    lines += [f"- **Of**: {_when(when)}." for when in check.each]
    lines += [f"- **Fails** where {_when(when)}." for when in check.fails]
    lines += [f"- **A pass rests on**: {_when(when)}." for when in check.rests]
    lines += [f"- **In doubt** where {_when(when)}." for when in check.doubts]
    opens = dict.fromkeys([*check.opens, *(one for when in check.fails for one in when.opens or ())])
    if opens:
        lines.append(f"- **Opens**: {', '.join(f'`{_position(one)}`' for one in opens)}.")
    lines.append(f"- **Weight**: {check.weight} of 10.")
    if check.window != ("", ""):
        lines.append(f"- **Vulnerability window**: from {check.window[0]} to {check.window[1]}.")
    lines.append(f"- **Remedy**: {check.remedy}")
    if check.by_hand:
        stated = "; ".join(f"`{_line(fact)}`" for fact in check.by_hand)
        lines.append(f"- **By hand**, in a file of [facts](estate.md#facts-as-ndjson) below the capture: {stated}")
    lines += _refs(check)
    return "\n".join(lines) + "\n"


def _line(fact: Fact) -> str:
    """A fact as a person writes it."""
    told = {"subject": fact.subject, "predicate": fact.predicate, "object": fact.object}
    more = {"attributes": dict(fact.attributes)} if fact.attributes else {}
    return json.dumps(told | more)


def _refs(check: Check) -> Iterable[str]:
    refs = check.refs
    named = (
        ("Threats", check.threats),
        ("NIST SP 800-53", refs.nist),
        ("ATLAS", refs.atlas),
        ("ATT&CK", refs.attack),
        ("D3FEND", tuple(f"{one} {D3FEND[one]}" for one in refs.d3fend)),
        ("CIS", tuple(f"{one} ({CIS[one]})" for one in refs.cis)),
        ("CVE", refs.cve),
    )
    yield from (f"- **{title}**: {', '.join(ids)}" for title, ids in named if ids)
    if check.source:
        yield f"- **Source**: {check.source}"


def _expired() -> str:
    return "\n".join(
        (
            f"### {EXPIRED.id} `{EXPIRED.name}`: {EXPIRED.title}\n",
            f"{EXPIRED.why}\n",
            "- **Of**: each `[[accept]]` of the file given with `--accept`; judged from that file, not from facts.",
            f"- **Weight**: {EXPIRED.weight} of 10.",
            f"- **Remedy**: {EXPIRED.remedy}\n",
        )
    )


def _position(one: str) -> str:
    name, _, capability = one.rpartition("#")
    return f"{name or 'it'}#{capability}"


def _when(when: When) -> str:
    if not when.facts:
        called = f" called `{when.named}`" if when.named else ""
        return f"every {' or '.join(when.kinds[IT])}{called} that a fact mentions"
    facts = "; ".join(_atom(atom) for atom in when.facts[when.every :])
    if when.some:
        facts += ", in one way at least"
    if when.every:
        led = "; ".join(_atom(atom) for atom in when.facts[: when.every])
        facts = f"for every way in which {led}: {facts}"
    apart = "".join(f"; {pair.one} is not {pair.other}" for pair in when.unless)
    kinds = "".join(f"; {name} is a {' or '.join(kinds)}" for name, kinds in when.kinds.items())
    said = f"{when.says}: " if when.says else ""
    return f"{said}{facts}{apart}{kinds}"


def _atom(atom: Atom) -> str:
    where = "".join(f", {name} = {_match(value)}" for name, value in (atom.where or {}).items())
    return f"{_slot(atom.subject)} *{atom.predicate}* {_slot(atom.object)}{where}"


def _match(value: object) -> str:
    if isinstance(value, Like):
        return f"`{value.pattern}`"
    if isinstance(value, tuple):
        return " or ".join(str(one) for one in value)
    return str(value)


def _slot(slot: Slot) -> str:
    if isinstance(slot, Is):
        return f"`{slot.term}`"
    if isinstance(slot, Like):
        return f"`{slot.pattern}`"
    return f"`{slot.text}…`" if isinstance(slot, Prefix) else slot
