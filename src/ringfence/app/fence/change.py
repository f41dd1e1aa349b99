"""Apply, complete: a design put in force by the enforcers of a site.

in force (old) ─▶ stages(old, new) ─▶ compiled, proven ─▶ steps ─▶ run ─▶ new stands
                                                              └ receipt ─▶ undo ─▶ old stands
"""

import secrets
from collections.abc import Iterator, Mapping
from functools import cached_property
from time import time
from typing import Any

import msgspec

from ringfence.app.fence import run
from ringfence.app.fence.clusters import informed
from ringfence.app.fence.design import Design
from ringfence.app.fence.drivers import covering
from ringfence.app.fence.ledger import Change, InForce, Ledger, digest_of
from ringfence.app.fence.run import Found, Outcome
from ringfence.app.fence.standing import compiled_stages, counts, prove_stages
from ringfence.app.fence.steps import Enforcers, Step, Unreached, steps_of
from ringfence.app.fence.theirs import Theirs
from ringfence.errors import EnforceError, UsageError
from ringfence.estate.estate import Estate
from ringfence.segment.churn import stages
from ringfence.segment.model import Compiled, Difference, Policy
from ringfence.segment.seen import Seen
from ringfence.store.state import receipts


class Applying:
    """One apply: what it would do, then doing it. `receipt` is the id under which it can be undone.

    `known`: what others had beside the fence; what they added since goes. `shadow`: nftables only, and nothing is
    denied. Raises `UsageError` where that would open a fence that stands.
    """

    def __init__(
        self, design: Design, ledger: Ledger, enforcers: Enforcers, *,
        receipt: str = "", shadow: bool = False, known: Theirs | None = None,
    ) -> None:  # fmt: skip
        design, self._standing = informed(design, enforcers), ledger.in_force()
        if shadow and self._standing and self._standing.fences:
            raise UsageError("a fence stands, and shadow mode would open it", "`ringfence fence undo` it first")
        self._design = design.with_policy(design.policy, ("nftables",)) if shadow else design
        left_out = [] if shadow else _left_out(self._design, self._standing)
        if left_out:
            what = f"{', '.join(left_out)} is in force and would be left at the policy of before"
            raise UsageError(what, "name it with --target too, or undo first")
        self._ledger, self._enforcers, self._shadow, self._known = ledger, enforcers, shadow, known
        self.receipt = receipt or secrets.token_hex(8)

    @cached_property
    def _stages(self) -> list[Policy]:
        """What only counted held nobody back, so nothing has to end before the new policy begins."""
        old = self._ledger.policy(self._standing.policy) if self._standing and self._standing.fences else None
        return list(stages(old, self._design.policy))

    @cached_property
    def _made(self) -> tuple[list[dict[str, Compiled]], Theirs]:
        return compiled_stages(self._design, self._stages, self._enforcers, shadow=self._shadow, known=self._known)

    @property
    def _compiled(self) -> list[dict[str, Compiled]]:
        return self._made[0]

    @cached_property
    def _planned(self) -> tuple[list[Step], list[Unreached]]:
        return steps_of(self._compiled, self._enforcers)

    @property
    def stands(self) -> bool:
        """Whether this very policy is in force already, as far as anybody has written down."""
        now = self._standing
        return bool(now and (now.policy, now.shadow) == (digest_of(self._design.policy), self._shadow))

    @property
    def steps(self) -> list[Step]:
        """What would be done, in order."""
        return self._planned[0]

    @property
    def unreached(self) -> list[Unreached]:
        """Artefacts that no enforcer of the site takes."""
        return self._planned[1]

    def shown(self) -> dict[str, Any]:
        """`ringfence fence apply --json` without `--apply`."""
        return {
            "receipt": self.receipt,
            "shadow": self._shadow,
            "stages": len(self._stages),
            "steps": [
                {"stage": one.stage, "target": one.target, "where": one.where, "artefact": one.artefact.name}
                for one in self.steps
            ],
            "unreached": [msgspec.to_builtins(one) for one in self.unreached],
            "left_to_others": [msgspec.to_builtins(one) for one in self._made[1].open],
            "cannot_be_undone": ["connections and sessions that are ended stay ended"],
        }

    def apply(self) -> Iterator[Outcome]:
        """Do it. Raises `EnforceError`, also where a proof does not hold; `UsageError` where nothing can be done."""
        prove_stages(self._design, self._stages, self._compiled, self._shadow)
        if not self.steps:
            raise UsageError("no enforcer of the site file takes any of it; nothing was changed", "see fence.toml")
        self._ledger.ready()
        before, silent = run.kept_before(self.steps, self._enforcers)
        if silent:
            yield from silent
            told = tuple(map(str, silent))
            remedy = "mend them, or take them out of the estate"
            raise EnforceError(f"{len(silent)} places do not answer; nothing was changed", remedy, told)
        new = self._ledger.keep(self._design.policy)
        targets = tuple(self._design.targets)
        self._ledger.intend(self.receipt, Change(self._standing, new, self._shadow, targets, self._made[1]))
        receipts.begin(self._ledger.database, self.receipt, bytes.fromhex(new), before, time())
        self._ledger.write_down("fence.apply.begun", f"policy:{new[:16]}", self.receipt, places=len(before))
        yield from self._carry_out(new)

    def complete(self) -> Iterator[Outcome]:
        """Do again what an apply that was cut off had begun; what it kept before is not overwritten."""
        self._ledger.write_down("fence.apply.resumed", "", self.receipt)
        yield from self._carry_out(self._ledger.keep(self._design.policy))

    def _carry_out(self, new: str) -> Iterator[Outcome]:
        covering(self._enforcers, jobs_on(self._design.estate))
        yield from run.carry_out(self.receipt, self.steps, self._enforcers, self._ledger, self._check)
        self._ledger.stands(InForce(self.receipt, new, self._shadow, tuple(self._design.targets), self._made[1]))
        run.settle(self._ledger, self.receipt, "applied")
        self._ledger.write_down("fence.apply.done", f"policy:{new[:16]}", self.receipt, steps=len(self.steps))

    def _check(self, stage: int, found: Found) -> list[Difference]:
        wrong = differences(self._design, self._stages[stage], self._compiled[stage], found)
        return [gap for gap in wrong if counts(gap, self._shadow)]


def _left_out(design: Design, standing: InForce | None) -> list[str]:
    """Targets in force that a design could compile for and does not."""
    before = set(standing.targets) if standing and standing.fences else set()
    return sorted(before & design.available - set(design.targets))


def differences(design: Design, policy: Policy, compiled: Mapping[str, Compiled], found: Found) -> list[Difference]:
    """How what was read back differs from a policy. Places that were not read count as they were compiled."""
    wrong: list[Difference] = []
    for target, artefacts in found.items():
        read = {where for artefact in artefacts for where in artefact.loaded_by}
        rest = [
            msgspec.structs.replace(one, loaded_by=tuple(where for where in one.loaded_by if where not in read))
            for one in compiled[target].artefacts
        ]
        everywhere = [*artefacts, *(one for one in rest if one.loaded_by)]
        wrong += design.proof_of(policy, target, everywhere, compiled[target].residuals).differences
    return wrong


def jobs_on(estate: Estate) -> dict[str, tuple[str, ...]]:
    """Host → the numbers of the jobs that run there, sorted."""
    found: dict[str, set[str]] = {}
    for job, hosts in Seen(estate).of("runs_on").items():
        number = job.rpartition("/")[2]
        for host in hosts if job.startswith("job:slurm/") and number.isdigit() else ():
            found.setdefault(host, set()).add(number)
    return {host: tuple(sorted(numbers)) for host, numbers in found.items()}


def interrupted(ledger: Ledger) -> list[receipts.Receipt]:
    """Applies and undos that somebody was cut off in."""
    return receipts.listed(ledger.database, ("begun", "undoing"))


def resumed(design: Design, ledger: Ledger, enforcers: Enforcers) -> Iterator[Outcome]:
    """Complete the applies that were cut off. Raises `UsageError` where an undo was: that is undone first."""
    for one in interrupted(ledger):
        if one.status == "undoing":
            raise UsageError(f"an undo of {one.id} was cut off", "`ringfence fence undo --apply` completes it")
        change = ledger.change(one)
        wanted = design.with_policy(ledger.policy(change.new), change.targets)
        yield from Applying(wanted, ledger, enforcers, receipt=one.id, shadow=change.shadow).complete()
