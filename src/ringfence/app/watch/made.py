"""The stages, made of what the user has: rules, and an estate or none."""

import gc
from collections.abc import Sequence
from pathlib import Path

from ringfence.app.watch.rules_cache import ruleset
from ringfence.app.watch.site import EstateSite
from ringfence.app.watch.stages import Stages
from ringfence.errors import Problem, UsageError
from ringfence.estate.estate import Estate
from ringfence.watch.detectors import DETECTORS
from ringfence.watch.engine import JointStage, NodeStage
from ringfence.watch.rule_signals import Rules
from ringfence.watch.single import Single
from ringfence.watch.site import Nowhere, Site


class Made:
    """How the stages are made: our own rules and those named, all detectors, the estate as their witness.

    `only`: ids of the detectors that are not silent (`RF.D04`); then none of our own rules speaks. Raises `UsageError`
    for an id that is none. `count` is how many rules and correlations; `joint` the joint stage that was made last.
    """

    def __init__(
        self, estate: Estate | None, rules: Sequence[Path], problems: list[Problem], only: Sequence[str] = ()
    ) -> None:
        unknown = sorted({*only} - {one.about.id for one in DETECTORS})
        if unknown:
            raise UsageError(f"no detector is called {unknown[0]!r}", "docs/detectors.md lists them")
        self._detectors = tuple(one for one in DETECTORS if not only or one.about.id in only)
        loaded, found = ruleset(rules, own=not only)
        self._rules = Rules(loaded)
        problems += [*found, *self._rules.problems]
        site = EstateSite(estate) if estate else None
        if site:
            site.prepare()
        self._site: Site = site or Nowhere()
        self._roster = site.roster() if site else None
        self.joint: JointStage | None = None
        self.count = len(loaded.rules) + len(loaded.correlations)
        gc.collect()
        gc.freeze()  # rules and estate stay: walking them again takes a third of a second in which nothing is noticed

    def single(self) -> Single:
        """Both in one process."""
        return Single(self._detectors, self._site, self._rules, self._roster)

    def stages(self) -> Stages:
        """For an engine that keeps their states."""
        return Stages(self._node, self._joint)

    def _node(self) -> NodeStage:
        stage = NodeStage(self._detectors, self._site, self._rules)
        if self._roster:
            stage.start(self._roster)
        return stage

    def _joint(self) -> JointStage:
        self.joint = JointStage(self._detectors, self._site, self._rules)
        if self._roster:
            self.joint.start(self._roster)
        return self.joint
