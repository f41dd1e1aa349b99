"""An assessment goes out as SARIF, OCSF, OSCAL and Markdown, each as its specification asks.

The schemas here are written for what we write, from what the specifications say of it (SARIF 2.1.0; OCSF 1.6, class
2003; OSCAL 1.1, assessment results), and are closed: a property that is not in them fails. `test_published.py` holds
the same against what the makers publish.
"""

import json
import re

import jsonschema
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.wire import markdown, oscal, sarif
from ringfence.wire.assessed import FAILED, PASSED, UNKNOWN, Assessed, Borne, Rule, Seen
from ringfence.wire.ocsf import compliance

TEXT = {"type": "string", "minLength": 1}
UUID = {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"}


def closed(required, **properties):
    """An object of exactly these properties, those of `required` among them."""
    assert set(required) <= set(properties)
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def many(items, least=1):
    return {"type": "array", "items": items, "minItems": least}


MESSAGE = closed(["text"], text=TEXT)
BAG = {"type": "object"}
SARIF_RULE = closed(
    ["id", "shortDescription"],
    id=TEXT,
    name=TEXT,
    shortDescription=MESSAGE,
    fullDescription=MESSAGE,
    help=MESSAGE,
    properties=BAG,
)
URI = {"type": "string", "pattern": r"^[A-Za-z0-9_.~%-][A-Za-z0-9_.~/%-]*$"}
LOCATION = closed(
    ["physicalLocation"],
    logicalLocations=many(closed([], fullyQualifiedName=TEXT, kind=TEXT), 0),
    physicalLocation=closed(
        ["artifactLocation", "region"],
        artifactLocation=closed(["uri"], uri=URI),
        region=closed(["startLine"], startLine={"const": 1}),
    ),
)
SARIF_RESULT = closed(
    ["message", "ruleId", "ruleIndex", "kind", "level"],
    ruleId=TEXT,
    ruleIndex={"type": "integer", "minimum": 0},
    kind={"enum": ["fail", "pass", "open"]},
    level={"enum": ["none", "note", "warning", "error"]},
    message=MESSAGE,
    locations=many(LOCATION),
    occurrenceCount={"type": "integer", "minimum": 1},
    rank={"type": "number", "minimum": 0, "maximum": 100},
    partialFingerprints={"type": "object", "additionalProperties": TEXT},
    suppressions=many(closed(["kind"], kind={"enum": ["external"]}, status={"enum": ["accepted"]}, justification=TEXT)),
    properties=BAG,
)
SARIF = closed(
    ["version", "runs"],
    **{
        "$schema": {"const": sarif.SCHEMA},
        "version": {"const": "2.1.0"},
        "runs": many(
            closed(
                ["tool", "results"],
                tool=closed(
                    ["driver"],
                    driver=closed(["name"], name=TEXT, semanticVersion=TEXT, rules=many(SARIF_RULE)),
                ),
                automationDetails=closed([], id=TEXT, guid=UUID),
                artifacts=many(closed(["location"], location=closed(["uri"], uri=URI), description=MESSAGE)),
                invocations=many(
                    closed(
                        ["executionSuccessful"],
                        executionSuccessful={"type": "boolean"},
                        endTimeUtc=TIME,
                        toolExecutionNotifications=many(
                            closed(["level", "message"], level={"enum": ["note", "error"]}, message=MESSAGE)
                        ),
                    )
                ),
                results=many(SARIF_RESULT, 0),
            )
        ),
    },
)

OCSF = closed(
    [
        "activity_id",
        "category_uid",
        "class_uid",
        "compliance",
        "finding_info",
        "metadata",
        "severity_id",
        "time",
        "type_uid",
    ],
    activity_id={"const": 1},
    activity_name={"const": "Create"},
    category_uid={"const": 2},
    category_name={"const": "Findings"},
    class_uid={"const": 2003},
    class_name={"const": "Compliance Finding"},
    type_uid={"const": 200301},
    type_name=TEXT,
    time={"type": "integer", "minimum": 0},
    count={"type": "integer", "minimum": 1},
    severity_id={"enum": [1, 2, 3, 4, 5]},
    severity=TEXT,
    status_id={"enum": [1, 3]},
    status={"enum": ["New", "Suppressed"]},
    message={"type": "string"},
    comment=TEXT,
    finding_info=closed(
        ["uid"],
        uid=UUID,
        title=TEXT,
        desc=TEXT,
        last_seen_time={"type": "integer"},
        analytic=closed(["type_id"], uid=TEXT, name=TEXT, type_id={"const": 1}, type={"const": "Rule"}),
    ),
    compliance=closed(
        ["standards"],
        control=TEXT,
        standards=many(TEXT),
        requirements=many(TEXT),
        status_id={"enum": [1, 2, 3]},
        status={"enum": ["Pass", "Warning", "Fail"]},
        status_detail={"type": "string"},
    ),
    remediation=closed(["desc"], desc=TEXT),
    resources=many(closed([], uid=TEXT, type=TEXT), 0),
    metadata=closed(
        ["product", "version"],
        version=TEXT,
        uid=TEXT,
        product=closed(["vendor_name"], name=TEXT, vendor_name=TEXT, version=TEXT),
    ),
    unmapped=BAG,
)

TOKEN = {"type": "string", "pattern": r"^[A-Za-z_][A-Za-z0-9_.\-]*$"}
PROPS = many(closed(["name", "value"], name=TOKEN, ns=TEXT, value={"type": "string", "pattern": r"^\S(.*\S)?$"}))
CONTROLS = closed(
    [],
    description=TEXT,
    **{
        "include-all": closed([]),
        "include-controls": many(closed(["control-id"], **{"control-id": TOKEN})),
    },
)
OBSERVATION = closed(
    ["uuid", "description", "methods", "collected"],
    uuid=UUID,
    title=TEXT,
    description=TEXT,
    props=PROPS,
    methods=many({"enum": ["EXAMINE", "INTERVIEW", "TEST"]}),
    types=many(TOKEN),
    subjects=many(
        closed(["subject-uuid", "type"], title=TEXT, type={"const": "inventory-item"}, **{"subject-uuid": UUID})
    ),
    collected=TIME,
    **{"relevant-evidence": many(closed(["description"], description=TEXT))},
)
RELATED = many(closed(["observation-uuid"], **{"observation-uuid": UUID}))
RISK = closed(
    ["uuid", "title", "description", "statement", "status"],
    uuid=UUID,
    title=TEXT,
    description=TEXT,
    statement=TEXT,
    props=PROPS,
    status={"enum": ["open", "deviation-approved"]},
    deadline=TIME,
    remediations=many(
        closed(
            ["uuid", "lifecycle", "title", "description"],
            uuid=UUID,
            lifecycle={"enum": ["recommendation", "planned", "completed"]},
            title=TEXT,
            description=TEXT,
        )
    ),
    **{"related-observations": RELATED},
)
TARGET = closed(
    ["type", "target-id", "status"],
    type={"enum": ["statement-id", "objective-id"]},
    title=TEXT,
    status=closed(
        ["state"], state={"enum": ["satisfied", "not-satisfied"]}, reason={"enum": ["pass", "fail", "other"]}
    ),
    **{"target-id": TOKEN},
)
FINDING = closed(
    ["uuid", "title", "description", "target"],
    uuid=UUID,
    title=TEXT,
    description=TEXT,
    target=TARGET,
    **{
        "related-observations": RELATED,
        "related-risks": many(closed(["risk-uuid"], **{"risk-uuid": UUID})),
    },
)
RESULT = closed(
    ["uuid", "title", "description", "start", "reviewed-controls"],
    uuid=UUID,
    title=TEXT,
    description=TEXT,
    start=TIME,
    end=TIME,
    remarks=TEXT,
    observations=many(OBSERVATION),
    risks=many(RISK),
    findings=many(FINDING),
    **{
        "local-definitions": closed(
            [], **{"inventory-items": many(closed(["uuid", "description"], uuid=UUID, description=TEXT))}
        ),
        "reviewed-controls": closed(["control-selections"], **{"control-selections": many(CONTROLS)}),
    },
)
OSCAL = closed(
    ["assessment-results"],
    **{
        "assessment-results": closed(
            ["uuid", "metadata", "import-ap", "results"],
            uuid=UUID,
            metadata=closed(
                ["title", "last-modified", "version", "oscal-version"],
                title=TEXT,
                version=TEXT,
                **{"last-modified": TIME, "oscal-version": {"const": "1.1.2"}},
            ),
            results=many(RESULT),
            **{
                "import-ap": closed(["href"], href=TEXT, remarks=TEXT),
                "back-matter": closed([], resources=many(closed(["uuid"], uuid=UUID, title=TEXT, description=TEXT))),
            },
        )
    },
)

RULES = (
    Rule("RF-S01", "auth", "Senders are proven", "Else anyone speaks.", "Set AuthType.", 10, ("scheduler",), ("IA-9",)),
    Rule(
        "RF-D01",
        "exports",
        "Exports are narrow",
        "Else anyone mounts.",
        "Name clients.",
        7,
        ("storage",),
        d3fend=("D3-RFAM",),
        cis=("Linux 5.2.18", "Linux 6.2.8"),
    ),
)
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip)
NAMES = st.lists(WORDS.map("host:{}".format), max_size=3, unique=True).map(tuple)
FAILURES = st.builds(
    Seen,
    st.sampled_from([rule.id for rule in RULES]),
    st.just(FAILED),
    st.integers(1, 10_000),
    NAMES,
    WORDS,
    st.sampled_from(["critical", "high", "medium", "low", "info"]),
    WORDS,
    st.just("host:a#root"),
    st.booleans(),
    st.lists(WORDS, max_size=2).map(tuple),
    st.none() | st.builds(Borne, WORDS, WORDS, st.floats(0, 4e9)),
    WORDS,
)
OTHERS = st.builds(
    Seen,
    st.sampled_from([rule.id for rule in RULES]),
    st.sampled_from([PASSED, UNKNOWN]),
    st.integers(1, 10_000),
    NAMES,
    WORDS,
    key=WORDS,
)
SEEN = st.lists(FAILURES | OTHERS, max_size=6, unique_by=lambda one: one.id).map(tuple)
ASSESSED = st.builds(Assessed, st.just("0.1.0"), st.integers(0, 4_000_000_000).map(float), st.just(RULES), SEEN)


@given(ASSESSED)
@settings(max_examples=80, deadline=None)
def test_a_sarif_log_is_what_the_specification_asks_for(assessed):
    """A result that is no failure has the level `none`; every index leads to its rule."""
    made = json.loads(sarif.log(assessed))
    jsonschema.validate(made, SARIF)
    (run,) = made["runs"]
    assert len(run["results"]) == len(assessed.seen)
    for one in run["results"]:
        assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"]
        assert (one["kind"] == "fail") == (one["level"] != "none") == ("rank" in one)


@pytest.mark.parametrize(
    ("files", "uri"),
    [
        ((), sarif.ESTATE),
        (("hosts/gpu0001/sshd-T",), "hosts/gpu0001/sshd-T"),
        (("/etc/../hosts/a b",), "etc/hosts/a%20b"),
        (("../..", "https://evil/x"), "https%3A/evil/x"),
    ],
)
def test_every_result_lies_in_a_file_below_the_capture(files, uri):
    """In the estate where no file says it; GitHub refuses a log in which one result lies nowhere."""
    seen = Seen("RF-S01", FAILED, 1, ("host:a",), "said", "high", files=files)
    (one,) = json.loads(sarif.log(Assessed("0.1.0", 0.0, RULES, (seen,))))["runs"][0]["results"]
    assert one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri
    assert one["locations"][0]["logicalLocations"][0]["fullyQualifiedName"] == "host:a"


@given(ASSESSED)
@settings(max_examples=40, deadline=None)
def test_a_result_keeps_its_fingerprint_from_run_to_run(assessed):
    """Also where more things fail, their files differ, and the facts are newer; no two results share one."""
    later = msgspec.structs.replace(
        assessed,
        as_of=assessed.as_of + 86_400,
        seen=tuple(
            msgspec.structs.replace(one, count=one.count + 1, subjects=(), files=("x",)) for one in assessed.seen
        ),
    )
    prints = [
        [one["partialFingerprints"] for one in json.loads(sarif.log(each))["runs"][0]["results"]]
        for each in (assessed, later)
    ]
    assert prints[0] == prints[1]
    assert len({one["primaryLocationLineHash"] for one in prints[0]}) == len(assessed.seen)


@given(ASSESSED)
@settings(max_examples=80, deadline=None)
def test_compliance_findings_are_what_ocsf_asks_for(assessed):
    """One object a line; what could not be decided is a warning and not a pass."""
    lines = b"".join(compliance.lines(assessed)).splitlines()
    assert len(lines) == len(assessed.seen)
    for line, seen in zip(lines, assessed.seen, strict=True):
        made = json.loads(line)
        jsonschema.validate(made, OCSF)
        assert made["compliance"]["status"] == {FAILED: "Fail", PASSED: "Pass", UNKNOWN: "Warning"}[seen.verdict]
        assert (made["status"] == "Suppressed") == (seen.accepted is not None)
        assert ("remediation" in made) == (seen.verdict != PASSED)


def test_nothing_passed_reads_as_repaired():
    """`Resolved` is "reviewed, remediated": nobody said so of a control that holds."""
    line = next(compliance.lines(Assessed("0.1.0", 0.0, RULES, (Seen("RF-S01", PASSED, 2, ("host:a",), "Proven"),))))
    made = json.loads(line)
    assert (made["activity_name"], made["status"], made["compliance"]["status"]) == ("Create", "New", "Pass")
    assert "remediation" not in made


@given(ASSESSED)
@settings(max_examples=80, deadline=None)
def test_assessment_results_are_what_oscal_asks_for(assessed):
    """No unknown is a finding; every reference leads somewhere; each UUID stands for one thing."""
    whole = json.loads(oscal.assessment_results(assessed))
    jsonschema.validate(whole, OSCAL)
    (made,) = whole["assessment-results"]["results"]
    lists = {name: made.get(name, []) for name in ("observations", "risks", "findings")}
    assert len(lists["observations"]) == len(assessed.seen)
    assert len(lists["findings"]) == sum(one.verdict != UNKNOWN for one in assessed.seen)
    uuids = [one["uuid"] for rows in lists.values() for one in rows]
    items = [one["uuid"] for one in made.get("local-definitions", {}).get("inventory-items", [])]
    assert len({*uuids, *items}) == len(uuids) + len(items)
    known = {name: {one["uuid"] for one in rows} for name, rows in lists.items()}
    for finding in lists["findings"]:
        assert finding["related-observations"][0]["observation-uuid"] in known["observations"]
        assert all(one["risk-uuid"] in known["risks"] for one in finding.get("related-risks", []))
    for one in lists["observations"]:
        assert {subject["subject-uuid"] for subject in one.get("subjects", [])} <= set(items)


def test_outside_ids_of_a_rule_go_out_in_every_format():
    """In the place that each has for what it does not know itself."""
    told = Assessed("0.1.0", 0.0, RULES, (Seen("RF-D01", PASSED, 2, ("host:a",), "Narrow"),))
    (run,) = json.loads(sarif.log(told))["runs"]
    said = run["tool"]["driver"]["rules"][1]["properties"]
    assert (said["d3fend"], said["cis"]) == (["D3-RFAM"], ["Linux 5.2.18", "Linux 6.2.8"])
    assert "nist" not in said
    unmapped = json.loads(next(compliance.lines(told)))["unmapped"]
    assert (unmapped["d3fend"], unmapped["cis"]) == (["D3-RFAM"], ["Linux 5.2.18", "Linux 6.2.8"])
    (result,) = json.loads(oscal.assessment_results(told))["assessment-results"]["results"]
    props = {one["name"]: one["value"] for one in result["observations"][0]["props"]}
    assert (props["d3fend"], props["cis"]) == ("D3-RFAM", "Linux 5.2.18, Linux 6.2.8")


@given(ASSESSED)
@settings(max_examples=40, deadline=None)
def test_the_same_state_gives_the_same_bytes(assessed):
    """Nothing is drawn, and no clock is read."""
    for write in (sarif.log, oscal.assessment_results, markdown.page, lambda one: b"".join(compliance.lines(one))):
        assert write(assessed) == write(assessed)


UNKNOWNS = Seen("RF-S01", UNKNOWN, 2, ("host:a",), "AuthType is not told")
PASSES = Seen("RF-S01", PASSED, 1, ("host:a",), "Proven")


@pytest.mark.parametrize(
    ("seen", "said"),
    [((), "Nothing was there to judge."), ((UNKNOWNS,), "Nothing at all could be judged: 2 unknown.")],
)
def test_an_audit_of_nothing_reads_clean_in_no_format(seen, said):
    """Markdown before any count, SARIF as a run that failed, OSCAL in the remarks."""
    told = Assessed("0.1.0", 1.8e9, RULES, seen)
    assert markdown.page(told).decode().splitlines()[2] == f"**{said}**"
    (ran,) = json.loads(sarif.log(told))["runs"][0]["invocations"]
    assert ran["executionSuccessful"] is False
    assert ran["toolExecutionNotifications"] == [{"level": "error", "message": {"text": said}}]
    (result,) = json.loads(oscal.assessment_results(told))["assessment-results"]["results"]
    assert result["remarks"] == said


def test_an_audit_of_something_says_nothing_before_it():
    """Whatever is unknown beside it."""
    told = Assessed("0.1.0", 1.8e9, RULES, (UNKNOWNS, PASSES))
    assert "**" not in markdown.page(told).decode()
    assert json.loads(sarif.log(told))["runs"][0]["invocations"] == [
        {"executionSuccessful": True, "endTimeUtc": "2027-01-15T08:00:00Z"}
    ]
    assert "remarks" not in json.loads(oscal.assessment_results(told))["assessment-results"]["results"][0]


def test_without_a_date_no_file_says_1970():
    """The time of the run stands where a format must have one, and it is said."""
    told = Assessed("0.1.0", 0.0, RULES, (PASSES,), run_at=1.8e9)
    pages = [write(told) for write in (markdown.page, sarif.log, oscal.assessment_results)]
    assert not any(b"1970" in page for page in pages)
    assert all(b"No fact has a date." in page for page in pages)
    assert pages[0].startswith(b"# Audit, no date\n")
    assert b"2027-01-15T08:00:00Z" in pages[2]
    assert json.loads(next(compliance.lines(told)))["time"] == 1_800_000_000_000


HOSTILE = "host:x|[a](http://evil/)<script>@all`~~*_#1\nnext"


def test_a_hostile_name_is_no_markup_in_markdown():
    """No link, no mention, no HTML, and no cell or line of its own."""
    seen = Seen("RF-S01", FAILED, 2, (HOSTILE,), HOSTILE, "high", HOSTILE, accepted=None)
    page = markdown.page(Assessed("0.1.0", 0.0, RULES, (seen,))).decode()
    row = next(line for line in page.splitlines() if line.startswith("| high"))
    assert len(re.findall(r"(?<!\\)\|", row)) == 7
    assert not re.search(r"(?<!\\)[\[\]<>`*_~#@]", row)
    assert "://" not in page


@pytest.mark.parametrize(("name", "said"), [("AC-2(1)", "ac-2.1"), ("SC-7", "sc-7"), ("AC-2 (1)", ""), ("x", "")])
def test_controls_are_written_as_catalogues_do(name, said):
    assert oscal.control(name) == said
