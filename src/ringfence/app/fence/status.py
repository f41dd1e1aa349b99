"""What stands, what was cut off, what really is there, and what rules counted. Changes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ringfence.app.fence import run
from ringfence.app.fence.change import differences, interrupted
from ringfence.app.fence.clusters import informed
from ringfence.app.fence.design import Design
from ringfence.app.fence.ledger import InForce, Ledger
from ringfence.app.fence.run import Found, Outcome
from ringfence.app.fence.standing import compiled_stages
from ringfence.app.fence.steps import Enforcers, Step, Unreached, steps_of
from ringfence.app.fence.theirs import Theirs
from ringfence.errors import RingfenceError, StateError, UsageError
from ringfence.segment.model import Compiled, Difference
from ringfence.store.state import receipts
from ringfence.wire.nft import text

FILES = frozenset({"exports", "sshd"})
"""Targets whose read-back is the very text that was written."""


def standing(design: Design, ledger: Ledger) -> tuple[Design, Theirs]:
    """The design of the policy in force, whatever would be derived now, and what others had beside it.

    Raises `UsageError` where none is in force.
    """
    found = ledger.in_force()
    if found is None or found.shadow:
        raise UsageError("no fence is in force, so nothing can drift", "`ringfence fence apply --apply`")
    return design.with_policy(ledger.policy(found.policy), found.targets), found.theirs


def drift(
    design: Design, theirs: Theirs, enforcers: Enforcers
) -> tuple[list[Difference], list[Outcome], list[Unreached]]:
    """(how what is there differs from a design, places that do not answer, places that nobody here can read)."""
    design = informed(design, enforcers)
    (compiled,), _ = compiled_stages(design, [design.policy], enforcers, known=theirs)
    steps, unread = steps_of([compiled], enforcers)
    found, silent = run.seen(steps, enforcers)
    proven = differences(design, design.policy, compiled, found)
    return [*proven, *_rewritten(steps, found, compiled)], silent, unread


def _rewritten(steps: Sequence[Step], found: Found, compiled: Mapping[str, Compiled]) -> Iterator[Difference]:
    """Files that are ours alone and say something else: whom nobody knows of may be let in, and no proof sees it."""
    wanted = {(step.target, step.where): step.artefact.text for step in steps if step.target in FILES}
    for target in FILES & found.keys():
        for one in found[target]:
            for where in one.loaded_by:
                if one.text != wanted[target, where]:
                    why = "our file there is not the one that was written"
                    yield Difference("leak", compiled[target].plane, "*", where, "any", 1, why)


def status(ledger: Ledger) -> dict[str, Any]:
    """`ringfence fence status --json`."""
    stands, doubt = _stands(ledger)
    return {
        "in_force": {name: getattr(stands, name) for name in ("receipt", "policy", "shadow")} if stands else None,
        "doubt": doubt,
        "interrupted": [_told(one) for one in interrupted(ledger)],
        "receipts": [_told(one) for one in receipts.listed(ledger.database)],
    }


def _stands(ledger: Ledger) -> tuple[InForce | None, str]:
    """(what stands, why that is in doubt)."""
    try:
        stands = ledger.in_force()
    except StateError as error:
        return None, f"{error.what}; {error.remedy}"
    gone = "in-force.json is gone; the receipts say what stands, and the next apply writes it again"
    return stands, gone if ledger.unconfirmed else ""


def counters(enforcers: Enforcers) -> Iterator[dict[str, Any]]:
    """Per host what its rules denied, or in shadow mode would have denied: packets since they were loaded."""
    for (target, where), one in sorted(enforcers.items()):
        if target == "nftables":
            try:
                ours = one.read()
                table = text.read(ours.encode()).ours if ours else None
            except RingfenceError as error:
                yield {"where": where, "error": error.what}
            else:
                yield {"where": where, "denied": dict(table.counters) if table else {}}


def _told(one: receipts.Receipt) -> dict[str, Any]:
    places = {target.target: target.status for target in one.targets}
    return {"receipt": one.id, "status": one.status, "begun_at": one.begun_at, "places": places}
