"""An audit as files of other formats: SARIF, OCSF, OSCAL, Markdown.

Audit ─▶ Assessed (plain values, bounded) ─▶ wire's writers ─▶ files of their owner's only
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from ringfence import __version__
from ringfence.app.assess.audit import as_of
from ringfence.app.assess.audit_shown import times_of
from ringfence.assess.accepted import EXPIRED
from ringfence.assess.audit import Audit, Gap, Standing, Window
from ringfence.assess.check import Check
from ringfence.assess.finding import Group
from ringfence.errors import UsageError
from ringfence.estate import ids
from ringfence.estate.estate import Estate
from ringfence.store.saved import write_private
from ringfence.wire import markdown, oscal, sarif
from ringfence.wire.assessed import FAILED, PASSED, UNKNOWN, Assessed, Borne, Open, Rule, Seen
from ringfence.wire.ocsf import compliance

_FEW = 3

FORMATS: Mapping[str, Callable[[Assessed], bytes]] = {
    "sarif": sarif.log,
    "ocsf": lambda assessed: b"".join(compliance.lines(assessed)),
    "oscal": oscal.assessment_results,
    "markdown": markdown.page,
}
"""Name → writer."""


def write(audit: Audit, estate: Estate, wanted: Mapping[str, Path], now: float = 0.0) -> None:
    """Write the audit in each format wanted, readable by its owner only. `now`: seconds since the epoch."""
    for path in wanted.values():
        if not path.parent.is_dir():
            raise UsageError(f"{path.parent} is not a folder", "make it first, or name another")
    told = assessed(audit, estate, now) if wanted else None
    for name, path in wanted.items():
        assert told is not None
        write_private(path, FORMATS[name](told))


def assessed(audit: Audit, estate: Estate, now: float = 0.0) -> Assessed:
    """The audit as the plain values that the writers know. `now` stands in where no fact has a date."""
    rules = tuple(_rule(check) for check in (*(one.check for one in audit.standings), EXPIRED))
    newest, windows = as_of(estate), tuple(map(_open, audit.windows))
    return Assessed(__version__, newest, rules, tuple(_seen(audit)), windows, 0.0 if newest else now)


def _open(one: Window) -> Open:
    return Open(one.check.id, one.begins, one.ends, one.count, tuple(times_of(one)))


def _rule(check: Check) -> Rule:
    refs = check.refs
    tags = tuple(tag for tag in (str(check.layer), str(check.mismatch)) if tag)
    outside = (refs.nist, refs.atlas, refs.attack, refs.d3fend, refs.cis, refs.cve)
    return Rule(check.id, check.name, check.title, check.why, check.remedy, check.weight, tags, *outside, check.source)


def _seen(audit: Audit) -> Iterator[Seen]:
    yield from (_failed(one) for one in (*audit.groups, *audit.accepted))
    yield from (_unknown(one) for one in audit.gaps)
    yield from (_passed(one) for one in audit.standings if one.passed)


def _failed(group: Group) -> Seen:
    worst, by = group.findings[0], group.accepted
    files = dict.fromkeys(fact.source for one in group.findings for fact in one.result.facts if is_file(fact.source))
    return Seen(
        group.check.id,
        FAILED,
        len(group.subjects),
        _clean(one.result.subject for one in group.findings),
        ids.clean(worst.result.reason),
        str(group.severity),
        worst.why,
        ids.clean(worst.position),
        group.on_way,
        _clean(files)[:_FEW],
        None if by is None else Borne(by.owner, by.reason, by.expires),
        key=worst.result.subject if group.check is EXPIRED else f"{worst.why} {'' if by is None else by.place}",
    )


def is_file(source: str) -> bool:
    """Whether a fact's source is a file of a capture; the others are words: `assumed`, `derived`, `a role: it may`.

    >>> [is_file(one) for one in ("hosts/gpu0001/sockets", "munge.hash", "assumed", "kubernetes: nodeSelector")]
    [True, True, False, False]
    """
    return ": " not in source and ("/" in source or "." in source)


def _unknown(gap: Gap) -> Seen:
    return Seen(gap.check.id, UNKNOWN, len(gap.subjects), _clean(gap.subjects[:_FEW]), gap.says, key=gap.says)


def _passed(one: Standing) -> Seen:
    return Seen(one.check.id, PASSED, one.passed, _clean(one.examples), one.check.title, assumed=one.assumed)


def _clean(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(ids.clean(name) for name in names)
