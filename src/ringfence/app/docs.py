"""The reference pages, written from the tables that the program itself uses.

`python -m ringfence.app.docs docs` writes them; a test holds the files equal to what it would write.
"""

import sys
from pathlib import Path

from ringfence.analyse.moves import MOVES
from ringfence.analyse.rule import At, Atom, Is, Like, Move, Prefix, Rule, Slot
from ringfence.app.assess.checks_docs import checks_page
from ringfence.app.assess.threats_docs import threats_page
from ringfence.app.harden.docs import hardening_page
from ringfence.app.watch.detectors_docs import detectors_page
from ringfence.app.watch.rules_docs import rules_page
from ringfence.estate.kinds import CAPABILITIES, KINDS, PREDICATES

_MADE = "<!-- Written by `make docs` from the tables in the source. Do not edit. -->\n"
FACT = '{"subject": "host:gpu0001", "predicate": "in_rack", "object": "R07", "attributes": {}}'
"""A line of facts as `collect.ndjson` reads them."""


def pages() -> dict[str, str]:
    """File name → content."""
    return {
        "moves.md": moves_page(),
        "estate.md": estate_page(),
        "detectors.md": detectors_page(),
        "rules.md": rules_page(),
        "hardening.md": hardening_page(),
        "threats.md": threats_page(),
        "checks.md": _MADE + checks_page(),
    }


def moves_page() -> str:
    """Every move: what it needs, what it gives, how long it takes, how to end it."""
    parts = [
        _MADE,
        "# Moves\n\nWhat an attacker can do. A move leads from one or several positions (all needed) to "
        "a position; it exists where the facts named hold. `entity#capability` is explained in "
        "[estate.md](estate.md).\n\n"
        "Technique ids are those of MITRE ATLAS 5.6.0 (`ATLAS.yaml`) and of MITRE ATT&CK as SigmaHQ's rules tag "
        "them.\n",
    ]
    parts += [_move(move) for move in MOVES]
    return "\n".join(parts)


def _move(move: Move) -> str:
    lines = [f"### {move.id} `{move.name}`: {move.title}\n", f"Gives **{move.gives}**. {move.why}\n"]
    lines += [f"- {_rule(rule)}" for rule in move.rules]
    lines.append(f"- **Time**: {move.minutes.low:g} to {move.minutes.high:g} minutes ({move.minutes.source}).")
    lines.append(f"- **How to end it**: {move.end}")
    for title, ids in (("Also known as", move.aka), ("ATT&CK", move.attack), ("ATLAS", move.atlas)):
        if ids:
            lines.append(f"- **{title}**: {', '.join(ids)}")
    return "\n".join(lines) + "\n"


def _rule(rule: Rule) -> str:
    start = " and ".join(f"`{_at(at)}`" for at in rule.start)
    facts = "; ".join(_atom(atom) for atom in rule.facts)
    apart = "".join(f"; {pair.one} is not {pair.other}" for pair in rule.unless)
    kinds = "".join(f"; {name} is a {' or '.join(kinds)}" for name, kinds in rule.kinds.items())
    return f"From {start} to `{_at(rule.to)}`, where {facts}{apart}{kinds}."


def _at(at: At) -> str:
    return f"{_slot(at.entity)}#{at.capability}"


def _atom(atom: Atom) -> str:
    where = "".join(f", {name} = {_match(value)}" for name, value in (atom.where or {}).items())
    hole = " (or that is not known)" if atom.hole else ""
    return f"{_slot(atom.subject)} *{atom.predicate}* {_slot(atom.object)}{where}{hole}"


def _match(value: object) -> str:
    return " or ".join(str(one) for one in value) if isinstance(value, tuple) else str(value)


def _slot(slot: Slot) -> str:
    if isinstance(slot, Is):
        return slot.term
    if isinstance(slot, Like):
        return f"`{slot.pattern}`"
    return f"{slot.text}…" if isinstance(slot, Prefix) else slot


def estate_page() -> str:
    """The vocabulary: kinds, capabilities, predicates."""
    lines = [
        _MADE,
        "# The estate\n",
        "## Facts as NDJSON\n",
        "A file of a capture may hold facts as they are, one JSON object a line. `attributes` may be left out, so may "
        "`source` and `observed_at` (seconds since the epoch): the file's name and time then:\n",
        f"```json\n{FACT}\n```\n",
        "## Kinds of entity\n",
        "| kind | default capability | meaning |",
        "|---|---|---|",
    ]
    lines += [f"| `{kind.name}` | `{kind.default}` | {kind.meaning} |" for kind in KINDS.values()]
    lines += ["\n## Capabilities\n", "What an attacker can hold: a position is written `entity#capability`.\n"]
    lines += ["| capability | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in CAPABILITIES.items()]
    lines += ["\n## Predicates\n", "| predicate | subject | object | meaning |", "|---|---|---|---|"]
    lines += [
        f"| `{row.name}` | {', '.join(row.subject)} | {', '.join(row.object)} | {row.meaning} |"
        for row in PREDICATES.values()
    ]
    return "\n".join(lines) + "\n"


def write(folder: Path) -> None:
    """Write every page below `folder`."""
    folder.mkdir(exist_ok=True)
    for name, content in pages().items():
        (folder / name).write_text(content, "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "docs"))
