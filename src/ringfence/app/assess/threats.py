"""`ringfence threats`: how every threat stands on one estate, in the documented shapes.

Estate ─▶ reach from the default footholds ─▶ exposure ─▶ findings, flows, phases, trees
watch's folder ─▶ which detectors see it, and its live state
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ringfence.analyse import positions
from ringfence.analyse.reach import Reached, reach_from, unknown_reached
from ringfence.app.questions import MOVE, Questions
from ringfence.assess.exposure import Exposure, Held, exposure, finding, findings
from ringfence.assess.runs import runs, windows
from ringfence.assess.stride import flows, harms
from ringfence.assess.threat import Finding, State
from ringfence.assess.threats import THREAT
from ringfence.assess.tree import Hop, Node, tree
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate
from ringfence.estate.threats import THREATS as TITLES

_WAYS = 3
"""Paths to one position that a tree is drawn from."""


class Threats:
    """One estate, and what its threats come to.

    `footholds`: what attackers hold; the usual ones where empty. `asked`: the estate's questions, where they are
    at hand.
    """

    def __init__(
        self,
        estate: Estate,
        footholds: Sequence[str] = (),
        watch: Path | None = None,
        asked: Questions | None = None,
    ) -> None:
        self.estate = estate
        self.asked = asked or Questions(estate)
        self.footholds = tuple(footholds) or tuple(self.asked.default_footholds())
        self.watch = watch

    @cached_property
    def reached(self) -> Reached:
        """What the footholds, held together, reach."""
        return reach_from(self.asked.graph, self.asked.footholds(self.footholds))

    @cached_property
    def held(self) -> Held:
        """The same as positions, the footholds themselves left out."""
        graph, feet = self.asked.graph, self.asked.footholds(self.footholds)
        known = np.setdiff1d(self.reached.order, self.reached.footholds)
        maybe = np.array([at for at, _ in unknown_reached(graph, feet)], np.int64)
        return Held(np.sort(graph.positions[known]), np.sort(graph.positions[maybe]))

    @cached_property
    def exposed(self) -> list[Exposure]:
        """Every threat over all its subjects."""
        return exposure(self.estate, self.held)

    @property
    def open(self) -> bool:
        """Whether any threat is open."""
        return any(one.worst is State.OPEN for one in self.exposed)

    @property
    def nothing(self) -> str:
        """Why nothing could be judged: nothing that any threat is about is known; "" where something is."""
        if any(len(one.subjects) for one in self.exposed):
            return ""
        if len(self.estate):
            return "the estate holds nothing that these threats are about: `ringfence show` says what was collected"
        return "the estate holds no fact: `ringfence collect --from DIR -o FILE` makes one that does"

    @cached_property
    def _runs(self) -> list[Any]:
        return runs(self.estate)

    def all(self, most: int = 20) -> dict[str, Any]:
        """`ringfence threats --json`: `most` findings of each threat, the worst first."""
        live = self.live()
        return {
            "from": list(self.footholds),
            "threats": [self._threat(one, most, live) for one in self.exposed],
            "live": live,
        }

    def one(self, wanted: str) -> Exposure:
        """A threat by its id or name. Raises `UsageError`."""
        for one in self.exposed:
            if wanted in (one.threat.id, one.threat.name):
                return one
        raise UsageError(f"no threat is called {wanted!r}", "docs/threats.md lists them")

    def of(self, wanted: str, subject: str = "", most: int = 20) -> dict[str, Any]:
        """The same for one threat, and for one thing where it is named."""
        one, live = self.one(wanted), self.live()
        found = self._threat(one, 0 if subject else most, live)
        if subject:
            chosen = self._of(one, subject)
            if chosen is None:
                raise UsageError(f"{one.threat.id} is not about {subject}", "leave --of out to see what it is about")
            found |= {"findings": [self.shown(chosen)], "state": chosen.state.value}
        return {"from": list(self.footholds), "threats": [found], "live": live}

    def _threat(self, one: Exposure, most: int, live: Mapping[str, str]) -> dict[str, Any]:
        threat = one.threat
        return {
            "id": threat.id,
            "name": threat.name,
            "title": TITLES[threat.id],
            "state": one.said,
            "counts": {state.value: count for state, count in one.counts().items()},
            "phases": list(threat.phases),
            "stride": [kind.value for kind in threat.stride],
            "atlas": list(threat.atlas),
            "attack": list(threat.attack),
            "detectors": seen_by(threat.id),
            "live": live.get(threat.id, ""),
            "remedy": threat.remedy,
            "findings": [self.shown(each) for each in findings(self.estate, one, self.held, most=most)],
        }

    def shown(self, found: Finding) -> dict[str, Any]:
        """One finding, with the quickest path to the first position that opens it."""
        threat = THREAT[found.threat]
        opened = [place for way in found.ways for place in way.positions][:1]
        exposed_in = windows(self._runs, found.subject, threat.phases) if found.state is State.OPEN else []
        return {
            "subject": found.subject,
            "state": found.state.value,
            "reason": found.reason,
            "ways": [
                {
                    "title": way.title,
                    "state": way.state.value,
                    "reason": way.says,
                    "control": way.control,
                    "missing": way.missing,
                    "positions": list(way.positions),
                    "facts": [fact.as_json() for fact in way.facts],
                }
                for way in found.ways
            ],
            "path": next((path for place in opened for path in self.paths(place, 1)), None),
            "exposed": [msgspec.to_builtins(one) for one in exposed_in],
        }

    def paths(self, position: str, k: int) -> list[dict[str, Any]]:
        """The cheapest ways to a position, as `ringfence paths` has them."""
        at = self.asked.graph.index(positions.parse(self.estate, position))
        return self.asked.paths_in(self.reached, at, k) if at >= 0 else []

    def flows(self, most: int) -> list[dict[str, Any]]:
        """STRIDE per data flow, the first `most`."""
        chosen = [flow for flow, _ in zip(flows(self.estate), range(most), strict=False)]
        return [
            {
                "kind": flow.kind,
                "from": flow.source,
                "to": flow.target,
                "fact": flow.fact.as_json(),
                "harms": {one.kind.value: {"state": one.state.value, "threats": list(one.threats)} for one in found},
            }
            for flow, found in harms(self.estate, self.exposed, chosen)
        ]

    def trees(self, wanted: Sequence[str], subject: str = "", most: int = 6) -> list[Node]:
        """An attack tree for each threat wanted (all that are open where none is named), of its worst subject."""
        chosen = [self.one(name) for name in wanted] or [one for one in self.exposed if one.worst is State.OPEN]
        made = []
        for one in chosen[: most if not wanted else len(chosen)]:
            found = self._of(one, subject)
            if found is not None:
                places = [place for way in found.ways for place in way.positions]
                ways = {place: [hops(path) for path in self.paths(place, _WAYS)] for place in places}
                made.append(tree(TITLES[one.threat.id], found, ways))
        return made

    def _of(self, one: Exposure, subject: str) -> Finding | None:
        if not subject:
            return next(findings(self.estate, one, self.held, most=1), None)
        at = np.flatnonzero(one.subjects == self.estate.terms.find(subject))
        return finding(self.estate, one, self.held, int(at[0])) if len(at) else None

    def live(self) -> dict[str, str]:
        """Each threat's state as the watch last told; empty where nothing was watched."""
        if self.watch is None:
            return {}
        from ringfence.app.watch.incidents import status

        try:
            return dict(status(self.watch).get("threats", {}))
        except UsageError:
            return {}


def section(threats: Threats) -> dict[str, Any]:
    """What the report's page shows: each threat in a row, with its worst thing. `watched`: the watch told of today."""
    told = threats.all(most=1)
    kept = ("id", "name", "title", "state", "counts", "phases", "detectors", "live", "remedy")
    rows = []
    for one in told["threats"]:
        worst = one["findings"][:1]
        example = {name: worst[0][name] for name in ("subject", "reason")} if worst else None
        rows.append({name: one[name] for name in kept} | {"example": example})
    return {"from": told["from"], "threats": rows, "watched": bool(told["live"])}


def seen_by(threat: str) -> list[dict[str, str]]:
    """The detectors that see a threat; none where the part that watches is not installed."""
    try:
        from ringfence.watch.detectors import DETECTORS
    except ModuleNotFoundError:
        return []
    return [{"id": one.about.id, "name": one.about.name} for one in DETECTORS if threat in one.about.threats]


def hops(path: Mapping[str, Any]) -> list[Hop]:
    """A path of `ringfence paths` as steps of a tree."""
    return [
        Hop(
            step["move"],
            MOVE[step["move"]].title,
            tuple(step["from"]),
            step["to"],
            tuple(f"{one['subject']} {one['predicate']} {one['object']}" for one in step["because"]),
        )
        for step in path["steps"]
    ]
