"""An assessment as a SARIF log. Source: OASIS, "Static Analysis Results Interchange Format Version 2.1.0" (2020).

A failure is a result of kind `fail`, what could not be decided one of kind `open` ("insufficient information", section
3.27.9), a pass one of kind `pass`. An accepted risk is a suppressed result, not a missing one.

GitHub's code scanning refuses a whole log for one result without a physical location, and asks for a line. Facts name
files of a capture and no lines, so it is the first; what no captured file says lies in the saved estate (`ESTATE`).
"""

from typing import Any
from urllib.parse import quote

import msgspec

from ringfence.wire.assessed import FAILED, PASSED, Assessed, Borne, Rule, Seen, utc

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ESTATE = "cluster.estate"
"""The artifact of results that no captured file stands behind: always this name, so that an alert stays the same one
however an estate is called."""
_LEVELS = {"critical": "error", "high": "error", "medium": "warning", "low": "note", "info": "note"}
_RANKS = {"critical": 95.0, "high": 75.0, "medium": 50.0, "low": 25.0, "info": 5.0}


def log(assessed: Assessed) -> bytes:
    """The file, UTF-8 JSON."""
    places = {rule.id: at for at, rule in enumerate(assessed.rules)}
    run: dict[str, Any] = {
        "tool": {
            "driver": {
                "name": "Ringfence",
                "semanticVersion": assessed.version,
                "rules": [_rule(rule) for rule in assessed.rules],
            }
        },
        "automationDetails": {"id": "ringfence/audit/", "guid": assessed.id},
        "invocations": [_invocation(assessed)],
        "artifacts": [
            {"location": {"uri": ESTATE}, "description": {"text": "The saved estate, with all facts of all captures."}}
        ],
        "results": [_result(one, places[one.rule]) for one in assessed.seen],
    }
    whole = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n"


def _invocation(assessed: Assessed) -> dict[str, Any]:
    """The run. Where nothing was judged it is no success: no results would read as "all is repaired"."""
    told: dict[str, Any] = {"executionSuccessful": not assessed.unjudged}
    if assessed.when:
        told["endTimeUtc"] = utc(assessed.when)
    if assessed.caveats:
        level = "error" if assessed.unjudged else "note"
        told["toolExecutionNotifications"] = [{"level": level, "message": {"text": said}} for said in assessed.caveats]
    return told


def _rule(rule: Rule) -> dict[str, Any]:
    named = {kind: list(ids) for kind, ids in rule.outside.items()}
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.remedy},
        "properties": {"tags": ["security", *rule.tags], "weight": rule.weight, **named},
    }


def _result(seen: Seen, place: int) -> dict[str, Any]:
    failed = seen.verdict == FAILED
    many = f" ({seen.count:,} in all)" if seen.count > len(seen.subjects) else ""
    why = "".join(f" {said}." for said in (seen.why, seen.footnote) if said)
    told: dict[str, Any] = {
        "ruleId": seen.rule,
        "ruleIndex": place,
        "kind": "fail" if failed else "pass" if seen.verdict == PASSED else "open",
        "level": _LEVELS[seen.severity] if failed else "none",
        "message": {"text": f"{', '.join(seen.subjects)}{many}: {seen.reason}.{why}"},
        "locations": [_location(seen)],
        "occurrenceCount": max(1, seen.count),
        "partialFingerprints": {"ringfence/v1": seen.id, "primaryLocationLineHash": seen.id},
        "properties": {
            "severity": seen.severity,
            "position": seen.position,
            "onWay": seen.on_way,
            "assumed": seen.assumed,
        },
    }
    if failed:
        told["rank"] = _RANKS[seen.severity]
    if seen.accepted is not None:
        told["suppressions"] = [_suppression(seen.accepted)]
    return told


def _location(seen: Seen) -> dict[str, Any]:
    """Where it is: the things themselves, and the file that says so."""
    uri = quote(next((one for one in map(_relative, seen.files) if one), ESTATE), safe="/")
    return {
        "physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}},
        "logicalLocations": [
            {"fullyQualifiedName": subject, "kind": subject.partition(":")[0] or "resource"}
            for subject in seen.subjects
        ],
    }


def _relative(file: str) -> str:
    """A file's path below the capture: no folder above it can be named, nor the root."""
    return "/".join(part for part in file.split("/") if part not in ("", ".", ".."))


def _suppression(borne: Borne) -> dict[str, Any]:
    text = f"{borne.owner}, until {utc(borne.expires)}: {borne.reason}"
    return {"kind": "external", "status": "accepted", "justification": text}
