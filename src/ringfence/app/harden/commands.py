"""What the commands of `ringfence harden` do, and the shapes that they answer in."""

import shlex
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ringfence.app.estates import open_estate, save_estate
from ringfence.app.harden import asked
from ringfence.app.harden.facts import told as told_facts
from ringfence.app.harden.host import Foreign, Host, Outcome, chosen, folder_of, plan_of, refused, said
from ringfence.app.harden.ledger import Ledger
from ringfence.app.harden.waves import Settings, Waves, hosts_of, processes
from ringfence.assess.harden.changes import place, told
from ringfence.assess.harden.measure import Measure, Verdict
from ringfence.assess.harden.plan import Plan
from ringfence.assess.harden.waves import BAD, Rules, Step, waves
from ringfence.assess.harden.words import desired
from ringfence.enforce.host import back
from ringfence.errors import Problem, UsageError
from ringfence.estate.ids import clean
from ringfence.store.state.receipts import Receipt

OPEN = (Verdict.DIFFERS, Verdict.BY_HAND, Verdict.UNKNOWN)
"""Verdicts that leave something to do or to know."""
_LEAST = 8
"""Digits of a plan's digest that name it."""


def check(root: Path, names: Sequence[str]) -> tuple[list[dict[str, Any]], bool]:
    """(findings, whether nothing is left to do)."""
    plan = plan_of(root, chosen(names))
    return shown(plan), not any(one.verdict in OPEN for one in plan.findings)


def told_to(
    out: Path, saved: Path, identity: Path | None, root: Path, names: Sequence[str], host: str
) -> list[Problem]:
    """Save an estate with what is so on this host, for the audit; what could not be told. Raises `UsageError`."""
    estate, problems = told_facts(open_estate(saved, identity), root, chosen(names), host)
    save_estate(estate, out)
    return problems


def shown(plan: Plan) -> list[dict[str, Any]]:
    """Findings as they are printed."""
    titles = {one.id: one.title for one in chosen(())}
    return [
        {
            "id": one.measure, "name": one.name, "title": titles[one.measure], "verdict": str(one.verdict),
            "reasons": list(one.reasons), "changes": [told(change) for change in one.changes],
        }
        for one in plan.findings
    ]  # fmt: skip


def explain(names: Sequence[str]) -> list[dict[str, Any]]:
    """What measures want, why, and what they break."""
    return [_explained(one) for one in chosen(names)]


def _explained(measure: Measure) -> dict[str, Any]:
    return {
        "id": measure.id, "name": measure.name, "title": measure.title, "why": measure.why,
        "breaks": measure.breaks, "applies": [need.says for need in measure.needs],
        "way_in": [need.says for need in measure.way], "wants": [desired(want) for want in measure.wants],
        "after": measure.after, "never": measure.never, "source": measure.source,
    }  # fmt: skip


class Applying:
    """One apply: what it would do, then doing it; one that was cut off is completed first."""

    def __init__(
        self,
        root: Path,
        names: Sequence[str],
        state: Path | None,
        receipt: str = "",
        wait: float = 0.0,
        as_shown: str = "",
    ) -> None:
        if as_shown and not (len(as_shown) >= _LEAST and set(as_shown) <= set("0123456789abcdef")):
            raise UsageError(f"{as_shown[:40]!r} names no plan", "take what `ringfence harden apply` shows")
        if receipt and not (len(receipt) <= 40 and receipt.isascii() and receipt.isalnum()):
            raise UsageError(f"{receipt[:40]!r} is no id of a receipt", "letters and figures, 40 at most")
        self._root, self._measures, self.state = root, chosen(names), folder_of(root, state)
        self._receipt, self._wait, self._as_shown = receipt, wait, as_shown

    def plan(self) -> tuple[list[dict[str, Any]], str]:
        """(findings with their changes, the plan's name: its digest); nothing is changed."""
        plan = plan_of(self._root, self._measures)
        return shown(plan), plan.digest.hex()

    def refused(self) -> tuple[list[dict[str, Any]], list[str]]:
        """(what would be refused and why, names of measures that could be applied without those); changes nothing.

        Nothing of a plan is done where a part of it would be refused. Raises `UsageError` where another was named.
        """
        plan = plan_of(self._root, self._measures)
        self._the_same(plan)
        found = refused(self._root, plan)
        at = {one.place for one in found}
        named = [(one.name, {place(change) for change in one.changes}) for one in plan.findings if one.changes]
        shown = [
            {"measures": [name for name, places in named if one.place in places], **msgspec.structs.asdict(one)}
            for one in found
        ]
        ledger = Ledger(self.state)
        half = Host(self._root, ledger).half_undone() if ledger.exists else None
        if half:
            shown.append({"measures": [], "place": "", "why": half.what, "remedy": half.remedy})
        return shown, [name for name, places in named if found and not half and not places & at]

    def apply(self) -> Iterator[Outcome]:
        """Raises `EnforceError`, `StateError`, `UsageError`."""
        ledger = Ledger(self.state).make()
        with ledger.alone(self._wait):
            host = Host(self._root, ledger)
            yield from host.complete()
            plan = plan_of(self._root, self._measures)
            self._the_same(plan)
            yield from host.apply(plan, self._receipt)

    def _the_same(self, plan: Plan) -> None:
        """Raises `UsageError` where this is not the plan that was named."""
        if not plan.digest.hex().startswith(self._as_shown):
            what = f"the host is no longer as it was when the plan {self._as_shown} was shown; nothing was changed"
            raise UsageError(what, f"look at the new one, {plan.digest.hex()[:16]}: `ringfence harden apply`")


class Undoing:
    """Taking the last apply back. Raises `UsageError` where there is none, or for an id that is none here.

    Of one that was taken back already nothing is left to do; with `if_there` nor is there of one that is not known.
    """

    def __init__(
        self,
        root: Path,
        state: Path | None,
        receipt: str,
        foreign: Foreign = Foreign.ASK,
        wait: float = 0.0,
        if_there: bool = False,
    ) -> None:
        self._foreign, self._wait = foreign, wait
        ledger = Ledger(folder_of(root, state))
        self._named, self._status = receipt, "not in force"
        self._receipt: Receipt | None = None
        self._host: Host | None = None
        if receipt and not ledger.exists:
            if not if_there:
                raise _unknown(receipt, [])
            return
        self._host = Host(root, ledger.there())
        if not receipt or self._host.in_force(receipt):
            self._receipt = self._host.to_undo(receipt)
            return
        self._status = self._host.known(receipt) or self._status
        if self._status != "undone" and not if_there:
            raise _unknown(receipt, self._host.open())

    def shown(self) -> dict[str, Any]:
        """What would be put back."""
        if self._host is None or self._receipt is None:
            return {"receipt": self._named, "status": self._status, "places": [], "back": [], "theirs": []}
        back = [msgspec.structs.asdict(one) for one in self._host.back(self._receipt)]
        places = [one.target for one in self._receipt.targets if one.status not in ("planned", "undone")]
        found = [msgspec.structs.asdict(one) for one in self._host.theirs(self._receipt)]
        theirs = [{key: value for key, value in one.items() if key != "content"} for one in found]
        status = self._receipt.status
        return {"receipt": self._receipt.id, "status": status, "places": places, "back": back, "theirs": theirs}

    @property
    def nothing(self) -> str:
        """Why nothing is left to do; "" where something is."""
        if self._receipt is not None:
            return ""
        how = "was taken back before" if self._status == "undone" else "is not in force here"
        return f"{clean(self._named)} {how}; nothing was changed"

    def told_back(self) -> list[str]:
        """What would be put back, in lines."""
        if self._host is None or self._receipt is None:
            return []
        return [line for one in self._host.back(self._receipt) for line in back.told(one)]

    def told(self) -> list[str]:
        """What somebody else changed since, in lines."""
        if self._host is None or self._receipt is None:
            return []
        return [line for one in self._host.theirs(self._receipt) for line in said(one)]

    def undo(self) -> Iterator[Outcome]:
        """Raises `EnforceError`, `StateError`."""
        if self._host is None:
            return
        with self._host.ledger.alone(self._wait):
            # looked at again: an apply that was waited for may have begun this very receipt
            wanted = self._named or (self._receipt.id if self._receipt else "")
            if self._host.in_force(wanted):
                yield from self._host.undo(self._host.to_undo(wanted), self._foreign)

    @property
    def status(self) -> str:
        """How the receipt stands now."""
        if self._host is None or self._receipt is None:
            return self._status
        return self._host.known(self._receipt.id)


def _unknown(receipt: str, known: Sequence[str]) -> UsageError:
    """An id that nobody gave here: a slip of the pen must not pass for an undo."""
    there = f"open, the last first: {', '.join(known)}" if known else "none is open"
    what = f"{clean(receipt)[:40]!r} is no receipt of this host; {there}"
    return UsageError(what, "`ringfence harden undo` without an id takes the last one; --state names another folder")


def foreign(keep: bool, overwrite: bool) -> Foreign:
    """What an undo makes of others' changes, as the command line says it."""
    return Foreign.KEEP if keep else Foreign.OVERWRITE if overwrite else Foreign.ASK


class Wanted(msgspec.Struct, frozen=True):
    """A run of waves, as the command line says it."""

    hosts: Path
    run: Path
    reach: str
    only: tuple[str, ...] = ()
    health: str = ""
    step_time: str = ""
    slower: float = 0.05
    canaries: tuple[str, ...] = ()
    most: int = 64
    tolerated: int = 0
    put_back: bool = True
    program: str = "ringfence"
    patience: float = 600.0


def waves_planned(wanted: Wanted) -> dict[str, Any]:
    """Which hosts in which wave, and what comes next."""
    run = _waves(wanted)
    return {"waves": waves(run.hosts, _rules(wanted)), "next": run.following()}


def waves_run(wanted: Wanted) -> Iterator[Step]:
    """Step by step."""
    yield from _waves(wanted).run()


def waves_ended(wanted: Wanted) -> dict[str, Any]:
    """How a run stands: hosts by stand, its receipt, by what hosts were judged, and those that are not well."""
    run = _waves(wanted)
    stands = Counter(str(one.stand) for one in run.hosts.values())
    bad = [
        {"host": name, "stand": str(one.stand), "why": one.why} for name, one in run.hosts.items() if one.stand in BAD
    ]
    return {"receipt": run.receipt, "stands": dict(stands), "asked": waves_asked(wanted), "bad": bad}


def waves_asked(wanted: Wanted) -> list[str]:
    """The options that say whether a host is well; none: every host that took the change is called healthy."""
    return [name for name, text in (("health", wanted.health), ("step_time", wanted.step_time)) if text.strip()]


def _rules(wanted: Wanted) -> Rules:
    return Rules(wanted.canaries, most=wanted.most, tolerated=wanted.tolerated, put_back=wanted.put_back)


def _waves(wanted: Wanted) -> Waves:
    chosen(wanted.only)
    try:
        names = hosts_of(wanted.hosts.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{wanted.hosts} cannot be read: {error}", "a file of names, one a line") from None
    reach, program = _words("--reach", wanted.reach), _words("--program", wanted.program)
    if not any(asked.HOST in word for word in reach):
        raise UsageError("--reach names no {host}", "say how a command is run on a host: ssh root@{host}")
    if not 1 <= wanted.patience <= 86_400:
        raise UsageError(f"--patience {wanted.patience:g}", "between a second and a day")
    health, step_time = wanted.health.strip(), wanted.step_time.strip()
    settings = Settings(reach, wanted.only, health, step_time, wanted.slower, program, wanted.patience)
    return Waves(names, _rules(wanted), settings, wanted.run.absolute(), processes)


def _words(option: str, text: str) -> tuple[str, ...]:
    """Raises `UsageError`."""
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise UsageError(f"{option} cannot be read: {str(error).lower()}", "close the quotation") from None
    if not words:
        raise UsageError(f"{option} is empty", "name a command")
    return words
