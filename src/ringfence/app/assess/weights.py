"""`ringfence threats --rand`: how far each model is from the levels of RAND RR-A2849-1, and how fast it could leave."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from ringfence.analyse import positions
from ringfence.app.assess.attest import attestations
from ringfence.app.assess.threats import Threats
from ringfence.assess.exfiltrate import Uplinks
from ringfence.assess.rand import SOURCE, Stolen, Stood, ceilings
from ringfence.errors import UsageError
from ringfence.estate.estate import Estate
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import kind_of


def weights(
    estate: Estate, files: Sequence[Path], roles: Sequence[str], today: date, footholds: Sequence[str] = ()
) -> dict[str, Any]:
    """Every model: its ceiling, measure by measure, and hours to exfiltrate from each holder and over all."""
    models = frozenset(name for at in estate.entities if kind_of(name := estate.terms.values[at]) == "model")
    counted, refused = attestations(files, _keys(roles), today, models) if files else ([], [])
    uplinks = Uplinks(estate)
    told = []
    carried = stolen(Threats(estate, footholds))
    for one in ceilings(estate, counted, carried):
        found, sizes = uplinks.of(one.model), uplinks.sizes(one.model)
        slowest = sorted(found.hours.items(), key=lambda each: each[1]) if found else []
        told.append(
            {
                "model": one.model,
                "not_above": _named(one.level),
                "because": one.because,
                "not_shown_above": _named(one.shown_level),
                "missing": one.missing,
                "shown": [one.shown, one.of],
                "attested": [one.attested, one.to_attest],
                "measures": [_measure(each) for each in one.measures],
                "size_bytes": max((size for _, size in sizes), default=None),
                "hours": [{"holder": holder, "hours": round(hours, 6)} for holder, hours in slowest],
                "hours_together": round(found.together, 6) if found and found.together is not None else None,
                # attackers carry it off by moves, perhaps: such a way has no speed that is known
                "certain": bool(found and found.certain and one.model not in carried),
            }
        )
    return {
        "source": SOURCE,
        "models": told,
        "refused": [{"file": one.file, "why": one.why} for one in refused],
    }


def _named(level: int | None) -> str | None:
    return None if level is None else f"SL{level}"


def stolen(asked: Threats) -> dict[str, Stolen]:
    """Models that attackers come to carry off, with the facts of the quickest way to each."""
    said: dict[str, Stolen] = {}
    for surely, found in ((False, asked.held.maybe), (True, asked.held.known)):
        outside = found[found % positions.WIDTH == positions.CAPABILITY_CODE["stolen"]] // positions.WIDTH
        names = [asked.estate.terms.values[at] for at in outside.tolist()]
        said |= {
            name: Stolen(surely, _way(asked, name) if surely else ()) for name in names if kind_of(name) == "model"
        }
    return said


def _way(asked: Threats, model: str) -> tuple[Fact, ...]:
    """What the quickest way to a copy outside rests on, step by step."""
    at = asked.asked.graph.index(positions.parse(asked.estate, f"{model}#stolen"))
    because = asked.asked.edges.because[asked.reached.derivation(at)].ravel().tolist()
    return tuple(asked.estate.fact(row) for row in dict.fromkeys(because) if row >= 0)


def _measure(one: Stood) -> dict[str, Any]:
    return {
        "id": one.measure,
        "level": f"SL{one.level}",
        "title": one.title,
        "held": one.held.value,
        "why": one.why,
        "by": one.by,
        "facts": [fact.as_json() for fact in one.facts],
    }


def _keys(roles: Sequence[str]) -> Mapping[str, Path]:
    found = {}
    for one in roles:
        name, mark, path = one.partition("=")
        if not mark or not name or not path:
            raise UsageError(f"{one!r} names no role and its key", "--role security=security.pem")
        found[name] = Path(path)
    return found
