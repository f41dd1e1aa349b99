"""Every command does what it says, with stable exit statuses and the documented JSON."""

import json
import stat
import subprocess
import sys

import pytest

from ringfence.cli import run

GOOD = '{"subject": "host:gpu0001", "predicate": "in_rack", "object": "R01"}\n'


@pytest.fixture(scope="module")
def estate(tmp_path_factory):
    """A small generated estate."""
    path = tmp_path_factory.mktemp("estate") / "made.estate"
    assert run(["generate", "--nodes", "32", "--seed", "5", "-o", str(path)]) == 0
    return str(path)


def answer(capsys, *arguments):
    """The JSON that a command prints."""
    capsys.readouterr()
    assert run([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_overview_says_what_each_command_is_for(capsys):
    """`ringfence --help` shows the first line of every command."""
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert "Rank the cuts" in shown
    assert "Read captures" in shown


def test_show_counts_entities_facts_sources_and_holes(estate, capsys):
    """The documented shape."""
    shown = answer(capsys, "show", estate)
    assert set(shown) == {"entities", "facts", "sources", "holes"}
    assert shown["entities"]["host"] > 32
    assert all(isinstance(count, int) for count in shown["facts"].values())


def test_show_lists_the_ids_of_a_kind(estate, capsys):
    """So that one knows what to ask about."""
    assert "host:gpu0001" in answer(capsys, "show", estate, "--list", "host")


def test_a_position_that_no_move_touches_is_said_and_not_taken_for_safe(estate, capsys):
    """A capability that the entity does not have leads nowhere: a slip of the pen, most likely."""
    assert run(["reach", "host:gpu0001#connect", "--estate", estate]) == 0
    assert "is the capability right" in capsys.readouterr().err


def test_moves_name_positions_and_facts(estate, capsys):
    """Every move says from where, to where and because of what."""
    moves = answer(capsys, "moves", "--estate", estate)
    assert moves
    for move in moves[:50]:
        assert set(move) == {"id", "aka", "from", "to", "because", "unknown"}
        assert all("#" in position for position in [*move["from"], move["to"]])
        assert {"subject", "predicate", "object", "source", "observed_at"} <= set(move["because"][0])


def test_reach_paths_and_choke_agree(estate, capsys):
    """The cheapest path to a position costs what reach says, and each step is possible in its turn."""
    moves = answer(capsys, "moves", "--estate", estate)
    foot = next(move["from"][0] for move in moves if move["from"][0].startswith("workstation:"))
    found = answer(capsys, "reach", foot, "--estate", estate)
    assert found["from"] == [foot]
    assert found["count"] == len(found["reached"]) > 0
    last = max(found["reached"], key=lambda row: row["hops"])
    target = f"{last['entity']}#{last['capability']}"
    paths = answer(capsys, "paths", foot, target, "-k", "4", "--estate", estate)
    assert paths[0]["cost"] <= last["minutes"][1] + 1e-3
    for path in paths:
        held = {foot}
        for step in path["steps"]:
            assert set(step["from"]) <= held
            held.add(step["to"])
        assert target in held
    for cut in answer(capsys, "choke", foot, "--estate", estate):
        assert set(cut) == {"entity", "kind", "jewels_saved", "positions_saved", "jobs_disturbed", "exact"}


def test_what_if_takes_moves_and_entities_away(estate, capsys):
    """--without and --cut never add anything."""
    moves = answer(capsys, "moves", "--estate", estate)
    foot = next(move["from"][0] for move in moves if move["from"][0].startswith("workstation:"))
    before = answer(capsys, "reach", foot, "--estate", estate)
    used = next(move["id"] for move in moves if move["from"] == [foot])
    without = answer(capsys, "reach", foot, "--estate", estate, "--without", used)
    assert without["count"] < before["count"]
    gone = before["reached"][0]["entity"]
    cut = answer(capsys, "reach", foot, "--estate", estate, "--cut", gone)
    assert gone not in {row["entity"] for row in cut["reached"]}


def test_wrong_usage_is_2_and_what_cannot_be_done_is_1(estate, tmp_path, capsys):
    """With a remedy on standard error and nothing on standard output."""
    assert run(["reach", "host:nowhere", "--estate", estate]) == 2
    assert run(["reach", "gpu0001", "--estate", estate]) == 2
    assert run(["reach", "workstation:x", "--estate", estate, "--without", "RF-M999"]) == 2
    assert run(["show", str(tmp_path / "none.estate")]) == 1
    assert run(["collect"]) == 2
    assert run(["show", estate, "--list", "nonsense"]) == 2
    assert run(["paths", "host:gpu0001", "host:gpu0002", "-k", "0", "--estate", estate]) == 2
    assert run(["nonsense"]) == 2
    said = capsys.readouterr()
    assert "ringfence show" in said.err


def test_collect_is_partial_when_a_file_could_not_be_read(tmp_path, capsys):
    """Exit status 3, the file named, the estate written for its owner only."""
    tree = tmp_path / "capture"
    tree.mkdir()
    (tree / "a.ndjson").write_text(GOOD)
    out = tmp_path / "c.estate"
    assert run(["collect", "--from", str(tree), "-o", str(out)]) == 0
    (tree / "noise").write_bytes(b"\x00\x01\x02")
    assert run(["collect", "--from", str(tree), "-o", str(out)]) == 3
    assert "noise" in capsys.readouterr().err
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_diff_names_what_changed_and_swapped_parts(tmp_path, capsys):
    """A part in the slot of another is a fact."""
    for name, serial in (("a", "1"), ("b", "2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.ndjson").write_text(
            json.dumps(
                {
                    "subject": "host:n1",
                    "predicate": "has_component",
                    "object": f"component:{serial}",
                    "attributes": {"slot": "GPU 3"},
                }
            )
        )
        run(["collect", "--from", str(tmp_path / name), "-o", str(tmp_path / f"{name}.estate")])
    found = answer(capsys, "diff", str(tmp_path / "a.estate"), str(tmp_path / "b.estate"))
    assert [fact["object"] for fact in found["swapped"]] == ["component:2"]
    assert found["swapped"][0]["attributes"] == {"slot": "GPU 3", "was": "component:1"}


def test_marking_merging_and_exporting(estate, tmp_path, capsys):
    """Marked jewels are asked about alone; estates join; names can be hidden."""
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "x.ndjson").write_text(GOOD)
    small = str(tmp_path / "small.estate")
    run(["collect", "--from", str(tmp_path / "t"), "-o", small])
    assert run(["mark", "host:gpu0001", "--estate", small]) == 0
    assert answer(capsys, "show", small)["facts"]["jewel"] == 1
    both = str(tmp_path / "both.estate")
    assert run(["merge", small, estate, "-o", both]) == 0
    assert answer(capsys, "show", both)["facts"]["jewel"] >= 1
    hidden = tmp_path / "hidden.estate"
    assert run(["export", "--pseudonyms", "--estate", small, "-o", str(hidden)]) == 0
    assert b"gpu0001" not in hidden.read_bytes()


def test_generate_is_the_same_for_the_same_seed(tmp_path):
    """Captures byte for byte."""
    for name in ("a", "b"):
        assert run(["generate", "--nodes", "16", "--seed", "9", "--captures", str(tmp_path / name)]) == 0
    files = [sorted(path.relative_to(tmp_path / name) for path in (tmp_path / name).rglob("*")) for name in ("a", "b")]
    assert files[0] == files[1]
    for path in files[0]:
        if (tmp_path / "a" / path).is_file():
            assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
    assert run(["generate", "--nodes", "16", "--captures", str(tmp_path / "a")]) == 2
    assert run(["generate", "--nodes", "3", "-o", str(tmp_path / "x")]) == 2


HIDDEN = "import sys; sys.modules['cryptography'] = None; from ringfence.cli import run; sys.exit(run(sys.argv[1:]))"


def test_a_command_whose_extra_is_missing_names_the_extra(tmp_path):
    """The base install looks; what changes things says what it needs. The package is hidden, not uninstalled."""

    def without(*command):
        argv = [sys.executable, "-c", HIDDEN, *command]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    for command in ((), ("learn",), ("apply",)):
        assert without("fence", *command, "--help").returncode == 0
    done = without("enrol", "init", str(tmp_path / "server"))
    assert done.returncode == 1
    assert "pip install 'ringfence[fence]'" in done.stderr


@pytest.mark.parametrize(
    "asked",
    [
        "history -n -1",
        "history -n 0",
        "history --seconds 0",
        "generate --per-class -1 --captures c",
        "generate --hours -1 --telemetry t",
        "lab attack --trials 0",
        "harden waves h --most 0",
        "harden waves h --tolerated -1",
        "harden waves h --slower -1",
        "harden waves h --patience 0",
        "harden apply --wait -1",
        "watch --nats-storage -1",
        "who-could read model:m --on 2026-01-01 --history . -n -1",
    ],
)
def test_a_number_that_makes_no_sense_is_wrong_usage(asked: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Refused by its name before anything is done, not read as none or as all but one."""
    assert run(asked.split()) == 2
    assert "Must be" in capsys.readouterr().err
