"""What the commands of `ringfence harden` do, and the shapes that they answer in."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ringfence.app.harden.host import Host, Outcome, chosen, folder_of, plan_of
from ringfence.app.harden.ledger import Ledger
from ringfence.assess.harden.changes import told
from ringfence.assess.harden.measure import Measure, Verdict
from ringfence.assess.harden.plan import Plan
from ringfence.assess.harden.words import desired

OPEN = (Verdict.DIFFERS, Verdict.BY_HAND, Verdict.UNKNOWN)
"""Verdicts that leave something to do or to know."""


def check(root: Path, names: Sequence[str]) -> tuple[list[dict[str, Any]], bool]:
    """(findings, whether nothing is left to do)."""
    plan = plan_of(root, chosen(names))
    return shown(plan), not any(one.verdict in OPEN for one in plan.findings)


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

    def __init__(self, root: Path, names: Sequence[str], state: Path | None) -> None:
        self._root, self._measures, self.state = root, chosen(names), folder_of(root, state)

    def plan(self) -> list[dict[str, Any]]:
        """Findings with their changes; nothing is changed."""
        return shown(plan_of(self._root, self._measures))

    def apply(self) -> Iterator[Outcome]:
        """Raises `EnforceError`, `StateError`, `UsageError`."""
        ledger = Ledger(self.state).make()
        with ledger.alone():
            host = Host(self._root, ledger)
            yield from host.complete()
            yield from host.apply(plan_of(self._root, self._measures))


class Undoing:
    """Taking the last apply back. Raises `UsageError` where there is none."""

    def __init__(self, root: Path, state: Path | None, receipt: str) -> None:
        self._host = Host(root, Ledger(folder_of(root, state)).there())
        self._receipt = self._host.to_undo(receipt)

    def shown(self) -> dict[str, Any]:
        """What would be put back."""
        places = [one.target for one in self._receipt.targets if one.status not in ("planned", "undone")]
        return {"receipt": self._receipt.id, "status": self._receipt.status, "places": places}

    def undo(self) -> Iterator[Outcome]:
        """Raises `EnforceError`, `StateError`."""
        with self._host.ledger.alone():
            yield from self._host.undo(self._host.to_undo(self._receipt.id))
