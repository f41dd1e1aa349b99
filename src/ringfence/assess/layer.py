"""A layer for the ATLAS Navigator: each technique coloured by how the threats that use it stand here.

The format is that of the layers that MITRE publishes for ATLAS (mitre-atlas/atlas-navigator-data): domain
`atlas-atlas`, layer format 4.3. A technique has the worst state of its threats; its comment names them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ringfence.assess.exposure import NOTHING, ORDER, Exposure
from ringfence.assess.techniques import VERSION
from ringfence.assess.threat import State
from ringfence.estate.threats import THREATS as TITLES

LAYER, NAVIGATOR, DOMAIN = "4.3", "4.6.4", "atlas-atlas"
_COLOUR = {State.OPEN: "#e06055", State.UNKNOWN: "#c9c9d1", State.MITIGATED: "#8ec843"}
_SCORE = {State.OPEN: 100, State.UNKNOWN: 50, State.MITIGATED: 0}


def layer(exposed: Sequence[Exposure], version: str = VERSION, live: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The layer, as JSON is made of it. `live`: what a watch says of each threat."""
    uses: dict[str, list[Exposure]] = {}
    for one in exposed:
        for technique in one.threat.atlas:
            uses.setdefault(technique, []).append(one)
    techniques = [_technique(name, uses[name], live or {}) for name in sorted(uses)]
    parents = {name.rpartition(".")[0] for name in uses if name.count(".") == 2} - set(uses)
    techniques += [{"techniqueID": name, "showSubtechniques": True} for name in sorted(parents)]
    counts = {said: sum(one.said == said for one in exposed) for said in (*(state.value for state in ORDER), NOTHING)}
    return {
        "versions": {"layer": LAYER, "navigator": NAVIGATOR},
        "domain": DOMAIN,
        "name": "Ringfence: threats to this estate",
        "description": ", ".join(f"{count} {said}" for said, count in counts.items()),
        "metadata": [{"name": "atlas_data_version", "value": version}],
        "techniques": techniques,
        "gradient": {"colors": [_COLOUR[state] for state in reversed(ORDER)], "minValue": 0, "maxValue": 100},
        "legendItems": [{"label": state.value, "color": _COLOUR[state]} for state in ORDER],
    }


def _technique(name: str, threats: Sequence[Exposure], live: Mapping[str, str]) -> dict[str, Any]:
    worst = min((one.worst for one in threats), key=ORDER.index)
    said = [f"{one.threat.id} {TITLES[one.threat.id]}: {one.said}" for one in threats]
    seen = [{"name": one.threat.id, "value": live[one.threat.id]} for one in threats if one.threat.id in live]
    made: dict[str, Any] = {
        "techniqueID": name,
        "score": _SCORE[worst],
        "color": _COLOUR[worst],
        "comment": "; ".join(said),
    }
    if name.count(".") == 1:
        made["showSubtechniques"] = True
    return made | ({"metadata": seen} if seen else {})
