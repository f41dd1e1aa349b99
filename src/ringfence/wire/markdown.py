"""An assessment as Markdown: for a ticket, a wiki, a pull request. What comes from a capture cannot become markup."""

import re
from collections.abc import Iterable

from ringfence.wire.assessed import FAILED, PASSED, Assessed, Open, Rule, Seen, utc

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@$^=])")
_ORDER = ("critical", "high", "medium", "low", "info")


def page(assessed: Assessed) -> bytes:
    """The page, UTF-8."""
    rules = {rule.id: rule for rule in assessed.rules}
    failed = [one for one in assessed.seen if one.verdict == FAILED and one.accepted is None]
    accepted = [one for one in assessed.seen if one.accepted is not None]
    unknown = [one for one in assessed.seen if one.verdict not in (FAILED, PASSED)]
    passed = sum(one.count for one in assessed.seen if one.verdict == PASSED)
    lines = [f"# Audit, as of {utc(assessed.as_of)}\n" if assessed.as_of else "# Audit, no date\n"]
    lines += [f"**{said}**\n" for said in assessed.caveats]
    counts = ", ".join(f"{sum(o.count for o in failed if o.severity == name):,} {name}" for name in _ORDER)
    taken = [one for one in assessed.seen if one.assumed]
    apart = f", {sum(one.assumed for one in taken):,} of them assumed from a sample of their class" if taken else ""
    lines.append(f"{counts}; {sum(o.count for o in unknown):,} unknown; {passed:,} passed{apart}.\n")
    lines += _section("On a way to a jewel", [one for one in failed if one.on_way], rules)
    lines += _section("The rest", [one for one in failed if not one.on_way], rules)
    lines += _accepted(accepted, rules)
    lines += _windows(assessed.windows, rules)
    lines += _unknown(unknown, rules)
    lines += _assumed(taken, rules)
    return "\n".join(lines).encode()


def plain(text: str) -> str:
    r"""`text` as text in Markdown and in a cell of a table: nothing of it is markup, a link or a mention.

    >>> plain("a|b<script>")
    'a\\\\|b\\\\<script\\\\>'
    """
    return _MARKUP.sub(r"\\\1", " ".join(text.split())).replace("://", ":\N{ZERO WIDTH SPACE}//")


def _names(seen: Seen) -> str:
    more = f" and {seen.count - len(seen.subjects):,} more" if seen.count > len(seen.subjects) else ""
    return plain(", ".join(seen.subjects)) + more


def _section(title: str, found: Iterable[Seen], rules: dict[str, Rule]) -> list[str]:
    found = list(found)
    if not found:
        return []
    lines = [f"## {title}\n", "| severity | check | what | of | why | remedy |", "|---|---|---|---|---|---|"]
    for one in found:
        rule = rules[one.rule]
        cells = (one.severity, rule.id, plain(one.reason), _names(one), plain(one.why), plain(rule.remedy))
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _accepted(found: Iterable[Seen], rules: dict[str, Rule]) -> list[str]:
    found = list(found)
    if not found:
        return []
    lines = ["## Accepted\n", "| severity | check | of | by | until | because |", "|---|---|---|---|---|---|"]
    for one in found:
        assert one.accepted is not None
        by = one.accepted
        cells = (one.severity, rules[one.rule].id, _names(one), plain(by.owner), utc(by.expires), plain(by.reason))
        lines.append(f"| {' | '.join(cells)} |")
    return [*lines, ""]


def _windows(windows: Iterable[Open], rules: dict[str, Rule]) -> list[str]:
    windows = list(windows)
    if not windows:
        return []
    lines = ["## Vulnerability windows\n", "| check | open | begins | ends | when |", "|---|---|---|---|---|"]
    for one in windows:
        check, when = f"{one.rule} {plain(rules[one.rule].title)}", plain("; ".join(one.times))
        lines.append(f"| {check} | {one.count:,} | {plain(one.begins)} | {plain(one.ends)} | {when} |")
    return [*lines, ""]


def _unknown(found: Iterable[Seen], rules: dict[str, Rule]) -> list[str]:
    found = list(found)
    if not found:
        return []
    lines = ["## Unknown\n", "| check | what is missing | of |", "|---|---|---|"]
    lines += [f"| {one.rule} {plain(rules[one.rule].title)} | {plain(one.reason)} | {_names(one)} |" for one in found]
    return [*lines, ""]


def _assumed(found: Iterable[Seen], rules: dict[str, Rule]) -> list[str]:
    found = list(found)
    if not found:
        return []
    lines = ["## Passed by assumption\n", "Nobody captured these: what is known of them is a sample's.\n"]
    lines += ["| check | assumed | passed |", "|---|---|---|"]
    lines += [f"| {one.rule} {plain(rules[one.rule].title)} | {one.assumed:,} | {one.count:,} |" for one in found]
    return [*lines, ""]
