"""What `ringfence audit` shows a person: nothing judged is never good news, the gravest are seen, and it fits."""

import json
import re
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.app.assess.hints import hint, reasons
from ringfence.app.words import many
from ringfence.assess.check import Mismatch
from ringfence.assess.checks import CHECKS
from ringfence.assess.spans import SIDES
from ringfence.cli import run
from ringfence.cli.audit_told import EACH, SHOWN, shown
from ringfence.cli.columns import PIPE, widths
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.store.saved import save
from tests.shared_data import shared

SAMPLES = Path(__file__).parents[1] / "checks"
ASPECT = "advisories/gpu-driver"


def kept(tmp_path, facts):
    """A saved estate of these facts."""
    path = tmp_path / "some.estate"
    save(estate_of(facts), path)
    return str(path)


def sample(name, observed_at=0.0):
    """The facts of a check's failing sample, seen at a time."""
    lines = (SAMPLES / name / "failed.ndjson").read_bytes().splitlines()
    facts = [msgspec.json.decode(line, type=Fact) for line in lines if line]
    return [msgspec.structs.replace(fact, observed_at=observed_at) for fact in facts]


def passed(name):
    """The lines of a check's passing sample."""
    return [line for line in (SAMPLES / name / "passed.ndjson").read_bytes().splitlines() if line]


@pytest.mark.parametrize(
    ("facts", "says"),
    [([], "nothing was collected"), ([Fact("tenant:a", "labelled", "floor=1")], "nothing that these checks are about")],
)
def test_an_estate_with_nothing_to_judge_is_not_well(tmp_path, capsys, facts, says):
    """Status 3, and no word of failures."""
    path = kept(tmp_path, facts)
    assert run(["audit", "--estate", path]) == 3
    out = capsys.readouterr().out
    assert says in out
    assert "no failures" not in out
    assert run(["audit", "--estate", path, "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["facts"] == len(facts)


def test_unknown_alone_is_not_told_as_no_failures(tmp_path, capsys):
    """A cluster that was asked for its configuration and did not answer."""
    path = kept(tmp_path, [Fact("cluster:c", "asked", "slurm-conf", {"answered": False})])
    for options in ([], ["--fail-on", "high"], ["--fail-on", "info"]):
        assert run(["audit", "--estate", path, "--check", "scheduler_auth", *options]) == 3
        out = capsys.readouterr().out
        assert "nothing could be judged" in out
        assert "no failures" not in out
        assert "Exit status 3: nothing at all could be judged: 1 unknown" in out


def test_a_run_fails_on_what_is_unknown_where_that_is_asked_for(tmp_path, capsys):
    """One cluster passes, of the other nobody knows; without the option the answer says what was not judged."""
    good = [msgspec.json.decode(line, type=Fact) for line in passed("scheduler_auth")]
    path = kept(tmp_path, [*good, Fact("cluster:mute", "asked", "slurm-conf", {"answered": False})])
    arguments = ["audit", "--estate", path, "--check", "scheduler_auth"]
    assert run([*arguments, "--fail-on", "info"]) == 0
    assert "Exit status 0 does not count 1 unknown" in capsys.readouterr().out
    assert run([*arguments, "--fail-on", "info", "--fail-on", "unknown"]) == 3
    assert "1 could not be judged" in capsys.readouterr().out
    assert run([*arguments, "--fail-on", "unknown", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["fails"] == [
        "1 could not be judged, and `--fail-on unknown` was asked for"
    ]
    assert run(["audit", "--estate", kept(tmp_path, good), "--check", "scheduler_auth", "--fail-on", "unknown"]) == 0


def test_a_person_is_shown_the_first_rows_and_some_of_every_severity():
    """However many are critical."""
    found = [{"severity": "critical", "at": at} for at in range(SHOWN + 5)]
    found += [{"severity": "medium", "at": at} for at in range(EACH + 4)]
    told = shown(found)
    assert told[:SHOWN] == found[:SHOWN]
    assert [one["at"] for one in told if one["severity"] == "medium"] == list(range(EACH))


def test_tables_fit_a_pipe_and_names_stay_whole(tmp_path, capsys):
    """No line is wider than 160 columns."""
    path = tmp_path / "made.estate"
    assert run(["generate", "--nodes", "32", "--seed", "5", "-o", str(path)]) == 0
    capsys.readouterr()
    assert run(["audit", "--estate", str(path)]) == 0
    out = capsys.readouterr().out
    assert max(map(len, out.splitlines())) <= PIPE
    assert run(["audit", "--estate", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert all(one["examples"][0]["subject"] in out for one in told["findings"][:SHOWN])
    assert f"newest fact of {told['as_of']}" in out or told["as_of"].startswith("1970")
    assert " 1 jewels" not in out
    assert "0 steps" not in out.replace("10 steps", "")


@given(
    st.lists(st.lists(st.text("ab ", max_size=90), min_size=3, max_size=3), min_size=1, max_size=5),
    st.integers(20, 200),
)
def test_columns_never_ask_for_more_than_there_is(cells, room):
    """The gaps between them count."""
    assert sum(widths(cells, room)) + 2 <= room


@pytest.mark.parametrize(("count", "said"), [(0, "0 jewels"), (1, "1 jewel"), (486, "486 jewels")])
def test_one_is_singular(count, said):
    """And nothing else is."""
    assert many(count, "jewel") == said


def test_where_bulletins_were_given_their_own_reason_stands_instead_of_the_option():
    """Also where they met no installation at all."""
    asked = Fact("gpu:a", "asked", ASPECT, {"answered": False, "reason": "newer than all bulletins"})
    said = reasons(estate_of([asked, Fact("gpu:b", "asked", ASPECT, {"answered": True})]), ["gpu:a", "gpu:b"], [ASPECT])
    assert said == {ASPECT: ["newer than all bulletins"]}
    assert hint([ASPECT], said) == "newer than all bulletins"
    assert "--csaf" in hint([ASPECT])
    assert "which gpu-driver is installed is not known" in hint([ASPECT], {ASPECT: []})


def test_with_real_bulletins_no_gap_asks_for_them(tmp_path, capsys):
    """The option was given."""
    path = tmp_path / "made.estate"
    assert run(["generate", "--nodes", "32", "--seed", "5", "-o", str(path)]) == 0
    capsys.readouterr()
    assert run(["audit", "--estate", str(path), "--csaf", str(shared("csaf")), "--json"]) == 0
    gaps = json.loads(capsys.readouterr().out)["unknown"]
    about = [one for one in gaps if any(aspect.startswith("advisories/") for aspect in one["aspects"])]
    assert about
    assert not [one for one in about if "--csaf" in one["collect"]]


def test_a_window_says_when_it_begins_and_ends_and_when_it_was_seen_open(tmp_path, capsys):
    """In JSON and in words; of a fact without a time, that none is known."""
    facts = sample("gpu_scrub", 1_760_000_000.0)
    path = kept(tmp_path, [*facts[:-1], msgspec.structs.replace(facts[-1], observed_at=1_760_003_600.0)])
    assert run(["audit", "--estate", path, "--check", "gpu_scrub", "--json"]) == 0
    (window,) = json.loads(capsys.readouterr().out)["windows"]
    assert window["begins"]
    assert window["ends"]
    assert window["examples"]
    assert "2025-10-09T08:53:20Z" in (window["seen_at"], window["last_seen_at"])
    assert run(["audit", "--estate", path, "--check", "gpu_scrub"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "Vulnerability windows" in out
    assert "2025-10-09T08:53:20Z" in out
    assert run(["audit", "--estate", kept(tmp_path, sample("gpu_scrub")), "--check", "gpu_scrub"]) == 0
    assert "when a survey saw it open is not known" in " ".join(capsys.readouterr().out.split())


def test_a_window_that_nobody_could_judge_is_told_apart_from_a_shut_one(tmp_path, capsys):
    """The same facts without the one that shows it open: it may be."""
    facts = [fact for fact in sample("gpu_scrub") if not fact.object.startswith("Epilog=")]
    path = kept(tmp_path, facts)
    assert run(["audit", "--estate", path, "--check", "gpu_scrub", "--json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["windows"] == []
    (window,) = told["windows_unknown"]
    assert (window["check"], window["count"]) == ("RF-G06", 1)
    assert (window["begins"], window["ends"]) == ("a job's last kernel", "the next job's first kernel")
    assert run(["audit", "--estate", path, "--check", "gpu_scrub"]) == 3
    assert "1 window may be open, nobody could judge: RF-G06" in " ".join(capsys.readouterr().out.split())


def test_every_check_of_the_stateful_family_has_a_window():
    """State that outlives its use: since when, and until when."""
    family = [check for check in CHECKS if check.mismatch is Mismatch.STATE]
    assert len(family) >= 10
    assert [check.id for check in family if not all(check.window)] == []


def parts(*names, redfish=True):
    """A machine's parts as its controller lists them."""
    told = [Fact("host:a", "has_component", f"component:{name}", {"slot": "S1", "dma": True}) for name in names]
    return [*told, Fact("host:a", "asked", "redfish", {"answered": redfish})]


@pytest.mark.parametrize(
    ("before", "now", "says"),
    [
        (parts("old"), parts("old"), "passed"),
        (parts("old"), parts("new"), "failed"),
        (parts("old"), parts("old", "new"), "failed"),
        (parts("old", redfish=False), parts("old"), "unknown"),
        (parts(), parts("old"), "unknown"),
        (None, parts("old"), "unknown"),
    ],
)
def test_parts_are_held_against_an_earlier_survey(tmp_path, capsys, before, now, says):
    """A part that was not there fails; nobody knows where a controller did not answer both times."""
    arguments = ["audit", "--estate", kept(tmp_path, now), "--check", "parts_known", "--json"]
    if before is not None:
        save(estate_of(before), tmp_path / "before.estate")
        arguments += ["--before", str(tmp_path / "before.estate")]
    assert run(arguments) == (3 if says == "unknown" else 0)
    told = json.loads(capsys.readouterr().out)
    assert [one["verdict"] for one in told["checks"]] == [says]


def test_a_survey_of_later_is_not_an_earlier_one(tmp_path, capsys):
    """What was exchanged would be told the wrong way round; where no time is known, nobody can tell."""
    early = [msgspec.structs.replace(fact, observed_at=1_760_000_000.0) for fact in parts("old")]
    late = [msgspec.structs.replace(fact, observed_at=1_770_000_000.0) for fact in parts("new")]
    save(estate_of(early), tmp_path / "early.estate")
    save(estate_of(late), tmp_path / "late.estate")
    names = [str(tmp_path / "late.estate"), str(tmp_path / "early.estate")]
    assert run(["audit", "--check", "parts_known", "--estate", names[0], "--before", names[1]]) == 0
    capsys.readouterr()
    assert run(["audit", "--check", "parts_known", "--estate", names[1], "--before", names[0]]) == 2
    assert "the older one with --before" in capsys.readouterr().err


def machines(cluster, *hosts):
    """One cluster and its hosts."""
    return [Fact(f"host:{host}", "in_cluster", f"cluster:{cluster}") for host in hosts]


@pytest.mark.parametrize(
    ("before", "status"),
    [
        (machines("a", "n1", "n2"), 0),
        (machines("a", "n1", "new"), 0),
        (machines("b", "n1", "n2"), 2),
        (machines("a", "x1", "x2"), 2),
        ([], 0),
    ],
)
def test_a_survey_of_another_cluster_is_no_earlier_one(tmp_path, capsys, before, status):
    """Another cluster by its name, or by all of its hosts; machines that came and went do not make it one."""
    save(estate_of(before), tmp_path / "before.estate")
    now = kept(tmp_path, [*parts("old"), *machines("a", "n1", "n2")])
    given = ["audit", "--check", "parts_known", "--estate", now, "--before", str(tmp_path / "before.estate")]
    assert run(given) in ({2} if status else {0, 3})
    assert ("not of this cluster" in capsys.readouterr().err) == bool(status)


AT = "2026-10-01T00:00:00Z"
LATER = "2026-10-08T00:00:00Z"


def weights(**attributes):
    """A checkpoint that every account may change, with what its facts say of times."""
    facts = sample("checkpoint_writers")
    subject = next(fact.subject for fact in facts if fact.predicate == "writable_by")
    told = [
        msgspec.structs.replace(f, attributes={**f.attributes, **attributes}) for f in facts if f.subject == subject
    ]
    return subject, [*told, *(fact for fact in facts if fact.subject != subject)]


def times(tmp_path, capsys, facts, check="checkpoint_writers"):
    """(the window of the checkpoint, in JSON, the same on the screen, in Markdown and in the data of the report)."""
    path = kept(tmp_path, facts)
    files = {name: tmp_path / f"audit.{name}" for name in ("markdown", "html")}
    options = [word for name, file in files.items() for word in (f"--{name}", str(file))]
    assert run(["audit", "--estate", path, "--check", check, "--json", *options]) == 0
    (window,) = json.loads(capsys.readouterr().out)["windows"]
    assert run(["audit", "--estate", path, "--check", check]) == 0
    page = files["html"].read_text("utf-8").split('id="data">')[-1].split("</script>")[0]
    drawn = json.loads(page)["audit"]["windows"][0]["times"]
    return window, " ".join(capsys.readouterr().out.split()), files["markdown"].read_text("utf-8"), drawn


def test_a_window_has_a_start_and_an_end_where_facts_carry_times(tmp_path, capsys):
    """A file's time and the end of its keeping, on the screen, in JSON, Markdown and the report alike."""
    subject, facts = weights(mtime=1_790_812_800, expires=LATER)
    window, screen, page, drawn = times(tmp_path, capsys, facts)
    span = next(one for one in window["spans"] if one["subject"] == subject)
    assert (span["start"], span["end"]) == (AT, LATER)
    assert span["start_by"].startswith("mtime of ")
    said = f"start {AT} ({span['start_by']}), end {LATER} ({span['end_by']})"
    assert said in screen
    assert any(said in one for one in drawn)
    assert AT in page
    assert LATER in page


def test_without_a_file_s_time_the_work_that_writes_and_reads_tells(tmp_path, capsys):
    """From when the writer began, until the last reader ended; with a reader of unknown end, no end is known."""
    subject, facts = weights()
    work = [
        Fact("job:w", "writes", subject),
        Fact("job:w", "used_gpu_hours", "8", {"since": "2026-10-01T00:00:00", "until": "2026-10-02T00:00:00"}),
        Fact("job:r", "reads", subject),
        Fact("job:r", "labelled", "end=1791417600"),
    ]
    window, screen, _, _ = times(tmp_path, capsys, [*facts, *work])
    span = next(one for one in window["spans"] if one["subject"] == subject)
    assert (span["start"], span["start_by"]) == (AT, "job:w began")
    assert (span["end"], span["end_by"]) == (LATER, "job:r ended")
    assert "(job:r ended)" in screen
    window, screen, page, drawn = times(tmp_path, capsys, [*facts, *work, Fact("job:s", "reads", subject)])
    assert next(one for one in window["spans"] if one["subject"] == subject)["end"] is None
    assert "end not known: when the last job that reads it ends" in screen
    assert "end not known" in page
    assert any("end not known: when the last job" in one for one in drawn)


def test_where_no_fact_carries_a_time_what_would_tell_is_said(tmp_path, capsys):
    """Not the time of the survey."""
    facts = [msgspec.structs.replace(fact, observed_at=1_760_000_000.0) for fact in weights()[1]]
    window, screen, _, _ = times(tmp_path, capsys, facts)
    assert {one["start"] for one in window["spans"]} == {None}
    assert "start not known: `mtime` on a fact about it" in screen
    assert "a survey saw it open at 2025-10-09T08:53:20Z" in screen


def test_every_window_says_what_would_tell_its_start_and_its_end():
    """A check with a window has its line in the table, and no other has."""
    assert SIDES.keys() == {check.id for check in CHECKS if check.window != ("", "")}
    assert all(side.tells for sides in SIDES.values() for side in sides)


def at_width(columns, *arguments):
    """The lines that a terminal of so many columns is shown, without what steers it."""
    code = "import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)"
    command = ["sh", "-c", 'stty cols "$1"; shift; exec "$@"', "sh", str(columns), "ringfence"]
    program = [sys.executable, "-m", "ringfence"]
    done = subprocess.run(
        [sys.executable, "-c", code, *command[:-1], *program, *arguments], capture_output=True, check=False
    )
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.stdout.decode("utf-8"))
    return [line for line in text.replace("\r", "\n").splitlines() if not line.startswith(tuple("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"))]


@pytest.mark.parametrize("columns", [80, 120])
def test_a_finding_reads_at_the_width_of_a_terminal(tmp_path, columns):
    """Every line of the findings fits, and the remedy begins a line of its own."""
    path = kept(tmp_path, sample("scheduler_auth"))
    said = at_width(columns, "audit", "--estate", path, "--check", "scheduler_auth")
    assert max(map(len, said)) <= columns
    head = next(at for at, line in enumerate(said) if "RF-S01" in line)
    assert any(line.startswith("    Remedy: ") for line in said[head : head + 7])


def test_the_report_has_the_gaps_of_the_audit_and_says_what_to_collect(tmp_path, capsys):
    """As many as are unknown, the same as on the screen; and each finding has the words of the screen."""
    path, page = tmp_path / "made.estate", tmp_path / "report.html"
    assert run(["generate", "--nodes", "16", "--seed", "5", "-o", str(path)]) == 0
    capsys.readouterr()
    assert run(["audit", "--estate", str(path), "--html", str(page)]) == 0
    screen = " ".join(capsys.readouterr().out.split())
    drawn = json.loads(page.read_text("utf-8").split('id="data">')[-1].split("</script>")[0])["audit"]
    assert drawn["gaps"]
    assert sum(one["count"] for one in drawn["gaps"]) == drawn["counts"]["unknown"] > 0
    assert all(one["collect"] and one["wants"] and one["checks"] for one in drawn["gaps"])
    near = [one for one in drawn["findings"] if one["examples"][0]["jewel_hops"]]
    assert near
    for one in shown([one for one in drawn["findings"] if one["on_way"]]):
        assert one["way"] in screen
    for one in near:
        assert f"{one['examples'][0]['jewel_minutes']:g} minute" in one["way"]
