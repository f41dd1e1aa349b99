"""An incident as JSON: in our own documented shape, and as an OCSF incident finding."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from ringfence import __version__
from ringfence.watch.values import Incident, Signal
from ringfence.wire.ocsf import classes

_STATUS = {"open": (1, "New"), "closed": (5, "Closed"), "dismissed": (4, "Suppressed")}
"""State → OCSF's `status_id` and its caption."""
_SEVERITY = ((90, 5, "Critical"), (70, 4, "High"), (45, 3, "Medium"), (20, 2, "Low"), (0, 1, "Informational"))
_SCHEMA = "1.6.0"


def shown(incident: Incident) -> dict[str, Any]:
    """`ringfence incidents --json`: the incident with its times in UTC and its signals, first seen first."""
    found: dict[str, Any] = msgspec.to_builtins(incident)
    found["opened"], found["updated"] = utc(incident.opened), utc(incident.updated)
    by_time = sorted(incident.signals, key=lambda one: (one.since or one.time, one.name))
    found["signals"] = [_signal(one) for one in by_time]
    return found


def finding(incident: Incident) -> dict[str, Any]:
    """The same as an OCSF incident finding (class 2005), one JSON object; times in milliseconds."""
    _, level, caption = next(one for one in _SEVERITY if incident.severity >= one[0])
    status, status_caption = _STATUS[incident.state]
    activity = 1 if incident.version == 1 else 3 if incident.state != "open" else 2
    return {
        "activity_id": activity,
        "activity_name": classes.CLASSES[classes.INCIDENT_FINDING].activities[activity].capitalize(),
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": classes.INCIDENT_FINDING,
        "class_name": "Incident Finding",
        "type_uid": classes.INCIDENT_FINDING * 100 + activity,
        "time": incident.updated // 1000,
        "start_time": incident.opened // 1000,
        "severity_id": level,
        "severity": caption,
        "status_id": status,
        "status": status_caption,
        "confidence_score": round(incident.confidence * 100),
        "desc": incident.why.get("signal", incident.title),
        "finding_info_list": [_info(incident, one) for one in incident.signals],
        "attacks": [{"technique": {"uid": uid}} for uid in (*incident.attack, *incident.atlas)],
        "metadata": {
            "version": _SCHEMA,
            "uid": f"{incident.id}/{incident.version}",
            "product": {"name": "Ringfence", "vendor_name": "Ringfence", "version": __version__},
        },
        "observables": [{"name": "entity", "type_id": 99, "type": "Other", "value": one} for one in incident.entities],
        "unmapped": {"stake": msgspec.to_builtins(incident.stake), "phase": incident.phase, "why": dict(incident.why)},
    }


def _info(incident: Incident, one: Signal) -> dict[str, Any]:
    return {
        "uid": f"{incident.id}/{one.name}/{one.key}",
        "title": one.title,
        "desc": one.why,
        "first_seen_time": (one.since or one.time) // 1000,
        "last_seen_time": one.time // 1000,
        "analytic": {"uid": one.name, "name": one.title, "type_id": 1 if one.kind == "rule" else 2},
    }


def _signal(one: Signal) -> Mapping[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(one)
    return found | {"time": utc(one.time), "since": utc(one.since or one.time)}


def utc(when: int) -> str:
    """Microseconds since the epoch as ISO 8601 in UTC."""
    return datetime.fromtimestamp(when / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")[:-4] + "Z"
