"""`ringfence advisories` from the command line: what it prints, saves and exits with."""

import json
import os
from pathlib import Path

import pytest

from ringfence.app.estates import open_estate, save_estate
from ringfence.cli import run
from ringfence.cli.advisories_text import blocks, lines
from ringfence.estate.estate import Estate, estate_of
from ringfence.estate.facts import Fact

BULLETIN = {
    "document": {
        "csaf_version": "2.0",
        "title": "Made for a test",
        "tracking": {"id": "9001", "initial_release_date": "2099-01-01T00:00:00Z"},
    },
    "product_tree": {
        "branches": [
            {
                "category": "architecture",
                "name": "Linux",
                "branches": [
                    {
                        "category": "product_version",
                        "name": "NVIDIA Container Toolkit",
                        "product": {"product_id": "a", "name": "All versions up to and including 1.2.3"},
                    },
                    {
                        "category": "product_version",
                        "name": "NVIDIA Container Toolkit",
                        "product": {"product_id": "f", "name": "1.2.4"},
                    },
                ],
            }
        ]
    },
    "vulnerabilities": [{"cve": "CVE-2099-0001", "product_status": {"known_affected": ["a"], "fixed": ["f"]}}],
}
KEV = {"catalogVersion": "1", "vulnerabilities": [{"cveID": "CVE-2099-0001", "dateAdded": "2099-02-01"}]}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of one bulletin, the exploited list, and an estate of one host with toolkit 1.2.3."""
    (tmp_path / "csaf").mkdir()
    (tmp_path / "csaf" / "9001.json").write_text(json.dumps(BULLETIN))
    (tmp_path / "kev.json").write_text(json.dumps(KEV))
    save_estate(estate("1.2.3"), tmp_path / "cluster.estate")
    return tmp_path


def estate(version: str) -> Estate:
    about = {"version": version}
    return estate_of([Fact("host:n1", "runs_software", "package:deb/nvidia-container-toolkit", about, "n1/dpkg", 1e9)])


def asked(site: Path, *more: str) -> int:
    return run(["advisories", "--csaf", str(site / "csaf"), "--estate", str(site / "cluster.estate"), *more])


def test_a_row_says_what_is_affected_why_and_by_which_fact(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(site, "--kev", str(site / "kev.json")) == 3
    shown = capsys.readouterr().out
    for part in (
        "affected",
        "1.2.3",
        "host:n1",
        "CVE-2099-0001",
        "9001",
        "up to and including",
        "n1/dpkg",
        "2001-09-09",
    ):
        assert part in shown


def test_one_advisory_is_counted_as_one(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked(site)
    assert "1 advisory read\n" in capsys.readouterr().out


def test_a_version_that_steers_the_terminal_reaches_it_as_text(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Facts of one's own may hold anything; the table is cleaned where it is printed."""
    save_estate(estate("1.2.3\x1b[2J\x1b]0;owned\x07\r\nfixed"), site / "cluster.estate")
    asked(site, "--all")
    shown = capsys.readouterr().out
    assert "[2J" in shown
    assert not {"\x1b", "\x07", "\r"} & {*shown}
    assert not any(line.startswith("fixed") for line in shown.splitlines())


def test_a_flaw_without_a_fix_says_so(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ray = Fact("host:n1", "runs_software", "package:pypi/ray", {"version": "2.9.0"}, "n1/pip", 1e9)
    save_estate(estate_of([ray]), site / "cluster.estate")
    asked(site)
    shown = capsys.readouterr().out
    assert "MITRE ATLAS" in shown
    assert "; no fixed version is known\n" in shown
    assert "fixed in ;" not in shown


def test_a_score_that_is_none_is_told_with_its_line_and_value(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (site / "epss.csv").write_text("cve,epss,percentile\nCVE-2099-0001,0.1,0.2\nCVE-2099-0002,elephant,0.2\n")
    assert asked(site, "--epss", str(site / "epss.csv")) == 1
    assert 'epss.csv:3: not a probability: "elephant"' in capsys.readouterr().err


def test_products_that_are_not_judged_are_told_by_name_and_number(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without what steers a terminal."""
    other = json.loads(
        json.dumps(BULLETIN).replace("NVIDIA Container Toolkit", "Weather \\u001b[2JStation").replace("9001", "9002")
    )
    (site / "csaf" / "9002.json").write_text(json.dumps(other))
    asked(site)
    shown = capsys.readouterr().out
    assert "1 row is about 1 product that is not judged: Weather \N{REPLACEMENT CHARACTER}[2JStation (1)" in shown
    asked(site, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["foreign"], told["not_judged"]) == (
        1,
        [{"product": "Weather \N{REPLACEMENT CHARACTER}[2JStation", "rows": 1}],
    )


def test_a_range_that_is_not_understood_is_told(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    odd = json.dumps(BULLETIN).replace("All versions up to and including 1.2.3", "those that smell of 1.2.3")
    (site / "csaf" / "9001.json").write_text(odd)
    asked(site)
    assert "1 row has a range that was not understood" in capsys.readouterr().out


def test_json_has_the_documented_shape(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(site, "--kev", str(site / "kev.json"), "--json") == 3
    told = json.loads(capsys.readouterr().out)
    assert told["advisories"] == 1
    (row,) = told["rows"]
    assert (row["verdict"], row["fixed"], row["kev"]) == ("affected", "1.2.4", ["CVE-2099-0001"])
    assert row["fact"]["subject"] == "host:n1"


@pytest.fixture
def cluster(site: Path) -> Path:
    """The site with a second bulletin of the same fix, a likelier flaw of Ray's and an exploited one of MegaRAC's."""
    more = json.dumps(BULLETIN).replace("9001", "9003").replace("CVE-2099-0001", "CVE-2099-12345678")
    (site / "csaf" / "9003.json").write_text(more)
    (site / "kev.json").write_text(json.dumps({"vulnerabilities": [{"cveID": "CVE-2024-54085"}]}))
    (site / "epss.csv").write_text("cve,epss,percentile\nCVE-2023-48022,0.5,0.9\nCVE-2099-12345678,0.1,0.2\n")
    node = "host:gpu0001.a-rather-long-name.cluster.example"
    save_estate(
        estate_of(
            [
                *estate("1.2.3").facts(),
                Fact(node, "runs_software", "package:pypi/ray", {"version": "2.9.0"}, "n1/pip", 1e9),
                Fact("bmc:n1", "runs_firmware", "firmware:megarac/13", {"version": "13.2", "name": "bmc"}, "rf", 1e9),
            ]
        ),
        site / "cluster.estate",
    )
    return site


def test_what_is_exploited_stands_on_top_then_what_is_likelier_to_be(
    cluster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever the verdict: the exploited flaw here is an unknown one."""
    given = ("--kev", str(cluster / "kev.json"), "--epss", str(cluster / "epss.csv"))
    asked(cluster, *given, "--json")
    told = json.loads(capsys.readouterr().out)["rows"]
    assert [row["cves"] for row in told] == [
        ["CVE-2024-54085"],
        ["CVE-2023-48022"],
        ["CVE-2099-12345678"],
        ["CVE-2099-0001"],
    ]
    asked(cluster, *given)
    heads = [line for line in capsys.readouterr().out.splitlines() if " on " in line and line[0] != " "]
    assert [head.partition(":")[0] for head in heads] == [
        "unknown (exploited)",
        "affected (EPSS 0.500)",
        "affected (EPSS 0.100)",
    ]


def test_flaws_of_one_installation_and_one_fix_stand_in_one_line(
    cluster: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked(cluster)
    shown = capsys.readouterr().out
    assert "  CVE-2099-0001, CVE-2099-12345678 (bulletin 9001, bulletin 9003): fixed in 1.2.4" in shown
    assert shown.count("container-toolkit 1.2.3") == 1


@pytest.mark.parametrize("width", [40, 80, 120, 160])
def test_no_line_is_wider_than_the_terminal_and_no_id_is_broken(
    cluster: Path, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    asked(cluster, "--json")
    rows = json.loads(capsys.readouterr().out)["rows"]
    for block in blocks(rows):
        text = list(lines(block, width))
        assert max(map(len, text)) <= width
        words = {word.strip(",:;()") for line in text for word in line.split()}
        assert words >= {cve for row in block for cve in row["cves"]}
        assert len(text) <= (10 if width < 80 else 5)


def test_a_pipe_gets_no_line_wider_than_160_columns(cluster: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked(cluster, "--all")
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 160


def test_the_estate_is_saved_with_the_verdicts(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked(site, "-o", str(site / "after.estate"))
    saved = open_estate(site / "after.estate")
    (flaw,) = saved.facts("vulnerable_to")
    assert flaw.attributes["verdict"] == "affected"
    assert [fact.object for fact in saved.facts("asked")] == ["advisories/container-toolkit"]


def test_what_is_fixed_exits_with_0_and_is_shown_when_asked_for(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_estate(estate("1.2.4"), site / "cluster.estate")
    assert asked(site) == 0
    assert "CVE-2099-0001" not in capsys.readouterr().out
    assert asked(site, "--all") == 0
    assert "fixed" in capsys.readouterr().out


def test_a_broken_file_is_told_and_does_not_stop_the_others(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (site / "csaf" / "broken.json").write_text('{"document": {"csaf_version": "2.0"')
    save_estate(estate("1.2.4"), site / "cluster.estate")
    assert asked(site) == 3
    assert "broken.json" in capsys.readouterr().err


def test_an_audit_names_a_bulletin_that_it_could_not_read_and_is_no_pass(site: Path, capsys) -> None:
    """What it would have said is not known; the others are used."""
    command = ["audit", "--estate", str(site / "cluster.estate"), "--csaf", str(site / "csaf"), "--json"]
    before = run(command)
    assert json.loads(capsys.readouterr().out)["problems"] == []
    (site / "csaf" / "broken.json").write_text('{"document": {"csaf_version": "2.0"')
    assert (before, run(command)) == (0, 3)
    (problem,) = json.loads(capsys.readouterr().out)["problems"]
    assert "broken.json" in problem


UNREADABLE = {
    "UTF-16 or UTF-32, not UTF-8": json.dumps(BULLETIN).encode("utf-16"),
    "empty": b"",
    "not JSON: Input data was truncated": json.dumps(BULLETIN).encode()[:20],
    "not JSON: nested too deeply": b"[" * 200_000,
    "not text: byte 0 is not UTF-8": b"\x89PNG\r\n\x1a\n\x00\xff",
}


@pytest.mark.parametrize("reason", UNREADABLE)
def test_what_is_no_readable_json_is_told_with_its_reason(
    site: Path, capsys: pytest.CaptureFixture[str], reason: str
) -> None:
    """Among good files, and where there is no other."""
    (site / "csaf" / "bad.json").write_bytes(UNREADABLE[reason])
    assert asked(site, "--json") == 3
    told = json.loads(capsys.readouterr().out)
    (problem,) = told["problems"]
    assert problem.startswith("bad.json")
    assert reason in problem
    assert told["rows"][0]["verdict"] == "affected"
    (site / "csaf" / "9001.json").unlink()
    assert asked(site) == 2
    said = capsys.readouterr().err
    assert "holds no advisory; bad.json" in said
    assert reason in said


def test_a_mark_before_utf_8_does_not_hide_a_document(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (site / "csaf" / "9001.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(BULLETIN).encode())
    assert asked(site, "--json") == 3
    told = json.loads(capsys.readouterr().out)
    assert (told["advisories"], told["problems"]) == (1, [])


def test_json_files_that_are_something_else_are_counted(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A catalogue is no broken advisory; a folder that is given twice is counted once."""
    (site / "csaf" / "kev.json").write_text(json.dumps(KEV))
    (site / "csaf" / "index.json").write_text("[]")
    asked(site, "--cve", str(site / "csaf"), "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["advisories"], told["other_files"], told["problems"]) == (1, 2, [])
    asked(site)
    assert "2 JSON files are no advisory" in capsys.readouterr().out


def test_a_document_is_found_however_late_it_says_what_it_is(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has no order: the products may stand first."""
    late = {"padding": "x" * (2 << 20)} | BULLETIN
    (site / "csaf" / "9001.json").write_text(json.dumps(late))
    asked(site, "--json")
    assert json.loads(capsys.readouterr().out)["advisories"] == 1


def test_what_is_no_plain_file_is_told_and_does_not_stop_the_others(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A link into nothing, a folder with a document's name, a pipe that nobody writes into."""
    (site / "csaf" / "link.json").symlink_to(site / "nowhere.json")
    (site / "csaf" / "q.json").mkdir()
    os.mkfifo(site / "csaf" / "pipe.json")
    assert asked(site, "--json") == 3
    told = json.loads(capsys.readouterr().out)
    assert [problem.partition(":")[0] for problem in told["problems"]] == ["link.json", "pipe.json", "q.json"]
    assert told["rows"][0]["verdict"] == "affected"


def test_without_advisories_it_says_what_to_give(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["advisories", "--estate", str(site / "cluster.estate")]) == 2
    assert "--csaf" in capsys.readouterr().err
    assert (
        run(["advisories", "--csaf", str(site), "--kev", "absent.json", "--estate", str(site / "cluster.estate")]) == 2
    )
    assert "absent.json" in capsys.readouterr().err
