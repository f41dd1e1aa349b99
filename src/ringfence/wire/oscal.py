"""An assessment as OSCAL assessment results, in JSON. Source: NIST, OSCAL 1.1, "Assessment Results Model".

Every verdict is an observation. A failure or a pass is also a finding, whose target is `not-satisfied` or `satisfied`;
what could not be decided stays an observation only, for a finding has no third state. A failure is a risk, too: open,
or a deviation that somebody approved.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from ringfence.wire.assessed import FAILED, PASSED, UNKNOWN, Assessed, Rule, Seen, utc, uuid_of

VERSION = "1.1.2"
NAMESPACE = "https://ringfence.invalid/ns/oscal"
_CONTROL = re.compile(r"([A-Z]{2})-(\d{1,2})(?:\((\d{1,2})\))?")


def assessment_results(assessed: Assessed) -> bytes:
    """The file, UTF-8 JSON."""
    when, plan = utc(assessed.when), uuid_of("plan", assessed.version)
    whole = {
        "assessment-results": {
            "uuid": assessed.id,
            "metadata": {
                "title": "Ringfence audit",
                "last-modified": when,
                "version": assessed.id,
                "oscal-version": VERSION,
            },
            "import-ap": {"href": f"#{plan}", "remarks": "No plan was written by people: the checks are the plan."},
            "results": [_result(assessed, when)],
            "back-matter": {
                "resources": [
                    {
                        "uuid": plan,
                        "title": f"The checks of Ringfence {assessed.version}",
                        "description": "docs/checks.md: what each check is about, what fails, what a pass rests on.",
                    }
                ]
            },
        }
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n"


def _result(assessed: Assessed, when: str) -> dict[str, Any]:
    rules = {rule.id: rule for rule in assessed.rules}
    subjects = dict.fromkeys(subject for one in assessed.seen for subject in one.subjects)
    told: dict[str, Any] = {
        "uuid": uuid_of("result", assessed.id),
        "title": "Ringfence audit",
        "description": "What the facts of one estate say of each check. An unknown is never a pass.",
        "start": when,
        "end": when,
        "reviewed-controls": {"control-selections": [_selection(assessed.rules)]},
    }
    if assessed.caveats:
        ran = () if assessed.as_of else ("The times are those of the run.",)
        told["remarks"] = " ".join((*assessed.caveats, *ran))
    if subjects:
        told["local-definitions"] = {"inventory-items": [_item(subject) for subject in subjects]}
    told |= _lists(assessed.seen, rules, when)
    return told


def _lists(every: Iterable[Seen], rules: dict[str, Rule], when: str) -> dict[str, Any]:
    """Observations, risks and findings; OSCAL has no empty lists."""
    lists: dict[str, list[dict[str, Any]]] = {"observations": [], "risks": [], "findings": []}
    for one in every:
        lists["observations"].append(_observation(rules[one.rule], one, when))
        if one.verdict == FAILED:
            lists["risks"].append(_risk(rules[one.rule], one))
        if one.verdict != UNKNOWN:
            lists["findings"].append(_finding(rules[one.rule], one))
    return {name: rows for name, rows in lists.items() if rows}


def control(name: str) -> str:
    """A control's id as OSCAL's catalogues write it; "" for what is none.

    >>> control("AC-2(1)")
    'ac-2.1'
    """
    match = _CONTROL.fullmatch(name)
    if match is None:
        return ""
    return f"{match[1].lower()}-{match[2]}" + (f".{match[3]}" if match[3] else "")


def _selection(rules: Iterable[Rule]) -> dict[str, Any]:
    controls = sorted({control(name) for rule in rules for name in rule.nist} - {""})
    if not controls:
        return {"description": "Ringfence's own checks", "include-all": {}}
    return {
        "description": "Controls of NIST SP 800-53 Rev. 5 that the checks give evidence for",
        "include-controls": [{"control-id": one} for one in controls],
    }


def _item(subject: str) -> dict[str, Any]:
    return {"uuid": uuid_of("item", subject), "description": subject}


def _props(**named: str) -> list[dict[str, str]]:
    """Properties; OSCAL's strings neither begin nor end with a space, and are not empty."""
    said = {name.replace("_", "-"): " ".join(value.split()) for name, value in named.items()}
    return [{"name": name, "ns": NAMESPACE, "value": value} for name, value in said.items() if value]


def _observation(rule: Rule, seen: Seen, when: str) -> dict[str, Any]:
    told: dict[str, Any] = {
        "uuid": uuid_of("observation", seen.id),
        "title": f"{rule.id}: {rule.title}",
        "description": seen.reason,
        "props": _props(
            check=rule.id,
            verdict=seen.verdict,
            count=str(seen.count),
            severity=seen.severity,
            position=seen.position,
            assumed=str(seen.assumed) if seen.assumed else "",
            **{kind: ", ".join(ids) for kind, ids in rule.outside.items()},
        ),
        "methods": ["EXAMINE"],
        "types": ["finding"],
        "collected": when,
    }
    if seen.subjects:
        told["subjects"] = [
            {"subject-uuid": uuid_of("item", one), "type": "inventory-item", "title": one} for one in seen.subjects
        ]
    if seen.footnote:
        told["remarks"] = seen.footnote
    if seen.files:
        told["relevant-evidence"] = [{"description": f"captured file {one}"} for one in seen.files]
    return told


def _risk(rule: Rule, seen: Seen) -> dict[str, Any]:
    told: dict[str, Any] = {
        "uuid": uuid_of("risk", seen.id),
        "title": rule.title,
        "description": seen.why or seen.reason,
        "statement": rule.why,
        "props": _props(severity=seen.severity, on_way="yes" if seen.on_way else "no"),
        "status": "deviation-approved" if seen.accepted else "open",
        "remediations": [
            {
                "uuid": uuid_of("remedy", seen.id),
                "lifecycle": "recommendation",
                "title": f"Remedy of {rule.id}",
                "description": rule.remedy,
            }
        ],
        "related-observations": [{"observation-uuid": uuid_of("observation", seen.id)}],
    }
    if seen.accepted:
        told["props"] += _props(accepted_by=seen.accepted.owner, accepted_because=seen.accepted.reason)
        told["deadline"] = utc(seen.accepted.expires)
    return told


def _finding(rule: Rule, seen: Seen) -> dict[str, Any]:
    satisfied = seen.verdict == PASSED
    told: dict[str, Any] = {
        "uuid": uuid_of("finding", seen.id),
        "title": f"{rule.id}: {rule.title}",
        "description": seen.reason,
        "target": {
            "type": "objective-id",
            "target-id": rule.id.lower(),
            "title": rule.title,
            "status": {
                "state": "satisfied" if satisfied else "not-satisfied",
                "reason": "pass" if satisfied else "fail",
            },
        },
        "related-observations": [{"observation-uuid": uuid_of("observation", seen.id)}],
    }
    if not satisfied:
        told["related-risks"] = [{"risk-uuid": uuid_of("risk", seen.id)}]
    return told
