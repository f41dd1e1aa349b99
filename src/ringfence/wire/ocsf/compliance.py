"""An assessment as OCSF compliance findings (class 2003), one JSON object a line.

Source: ocsf/ocsf-schema, `events/findings/compliance_finding.json` and `objects/compliance.json`. There `Warning` is
the status of a check that "did not yield a result due to missing information": our unknown.

Two states are told apart there. `compliance.status` is what the check says: Pass, Warning, Fail. `status` of the event
(`events/findings/finding.json`) is how far people are with it: New ("yet to be reviewed"), Suppressed, Resolved
("reviewed, remediated"). An audit knows that somebody accepted a risk, and of nobody who repaired anything: a pass is
New, as every answer of a check is, with nothing to remedy; it is never Resolved.
"""

from collections.abc import Iterator
from typing import Any

import msgspec

from ringfence.wire.assessed import FAILED, PASSED, Assessed, Rule, Seen

SCHEMA = "1.6.0"
UID = 2003
_CREATE = 1
_SEVERITY = {
    "critical": (5, "Critical"),
    "high": (4, "High"),
    "medium": (3, "Medium"),
    "low": (2, "Low"),
    "info": (1, "Informational"),
}
_NEW, _SUPPRESSED = (1, "New"), (3, "Suppressed")


def lines(assessed: Assessed) -> Iterator[bytes]:
    """The findings, each with its line end."""
    rules = {rule.id: rule for rule in assessed.rules}
    for one in assessed.seen:
        yield msgspec.json.encode(_finding(assessed, rules[one.rule], one)) + b"\n"


def _finding(assessed: Assessed, rule: Rule, seen: Seen) -> dict[str, Any]:
    severity, caption = _SEVERITY.get(seen.severity, (1, "Informational"))
    status, status_caption = _SUPPRESSED if seen.accepted else _NEW
    when = int(assessed.when * 1000)
    told: dict[str, Any] = {
        "activity_id": _CREATE,
        "activity_name": "Create",
        "category_uid": 2,
        "category_name": "Findings",
        "class_uid": UID,
        "class_name": "Compliance Finding",
        "type_uid": UID * 100 + _CREATE,
        "type_name": "Compliance Finding: Create",
        "time": when,
        "count": max(1, seen.count),
        "severity_id": severity,
        "severity": caption,
        "status_id": status,
        "status": status_caption,
        "message": seen.reason,
        "finding_info": {
            "uid": seen.id,
            "title": rule.title,
            "desc": seen.why or rule.why,
            "last_seen_time": when,
            "analytic": {"uid": rule.id, "name": rule.name, "type_id": 1, "type": "Rule"},
        },
        "compliance": _compliance(rule, seen),
        "resources": [{"uid": subject, "type": subject.partition(":")[0]} for subject in seen.subjects],
        "metadata": {
            "version": SCHEMA,
            "uid": f"{assessed.id}/{seen.id}",
            "product": {"name": "Ringfence", "vendor_name": "Ringfence", "version": assessed.version},
        },
        "unmapped": {
            "position": seen.position,
            "on_way": seen.on_way,
            "assumed": seen.assumed,
            "files": list(seen.files),
            **rule.outside,
        },
    }
    if seen.verdict != PASSED:
        told["remediation"] = {"desc": rule.remedy}
    if seen.accepted:
        told["comment"] = f"accepted by {seen.accepted.owner}: {seen.accepted.reason}"
    return told


def _compliance(rule: Rule, seen: Seen) -> dict[str, Any]:
    status, caption = (
        (3, "Fail") if seen.verdict == FAILED else (1, "Pass") if seen.verdict == PASSED else (2, "Warning")
    )
    told: dict[str, Any] = {
        "control": rule.id,
        "standards": ["NIST SP 800-53 Rev. 5"] if rule.nist else ["Ringfence"],
        "status_id": status,
        "status": caption,
        "status_detail": "; ".join(filter(None, (seen.reason, seen.footnote))),
    }
    return told | ({"requirements": list(rule.nist)} if rule.nist else {})
