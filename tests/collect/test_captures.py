"""A capture tree comes from an attacker: it can be wrong, and it can never make Ringfence do anything."""

import os
from pathlib import Path

from ringfence.app.survey import summary, survey_tree
from ringfence.collect.base import Scope
from ringfence.errors import Problem

GOOD = '{"subject": "host:gpu0001", "predicate": "in_rack", "object": "R01"}\n'
SCOPE = Scope(cluster="c", salt=b"s")


def problems(tree: Path) -> dict[str, Problem]:
    return {problem.file: problem for problem in survey_tree(tree, SCOPE).problems}


def test_one_bad_line_does_not_cost_the_others(tmp_path):
    """The error names file and line; the facts around it count."""
    (tmp_path / "a.ndjson").write_text(
        GOOD + '{"subject": 3, "predicate": "in_rack", "object": ""}\n' + GOOD.replace("1", "2")
    )
    survey = survey_tree(tmp_path, SCOPE)
    assert {fact.subject for fact in survey.estate.facts("in_rack")} == {"host:gpu0001", "host:gpu0002"}
    assert [(problem.file, problem.line) for problem in survey.problems] == [("a.ndjson", 2)]


def test_what_could_not_be_read_is_a_hole_in_the_saved_estate(tmp_path):
    """`show` still lists it after the messages are gone."""
    (tmp_path / "a.ndjson").write_text(GOOD)
    (tmp_path / "noise.bin").write_bytes(bytes(range(256)) * 10)
    survey = survey_tree(tmp_path, SCOPE)
    assert any(hole["aspect"] == "noise.bin" for hole in summary(survey.estate)["holes"])


def test_links_are_named_and_never_followed(tmp_path):
    """A link out of the folder, to a file or to a folder, is left out."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret.ndjson").write_text(GOOD)
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file.ndjson").symlink_to(outside / "secret.ndjson")
    (tree / "folder").symlink_to(outside)
    (tree / "loop").symlink_to(tree)
    survey = survey_tree(tree, SCOPE)
    assert not list(survey.estate.facts("in_rack"))
    assert {problem.file for problem in survey.problems} == {"file.ndjson", "folder", "loop"}


def test_a_pipe_or_socket_in_the_tree_hangs_nothing(tmp_path):
    """Opening a pipe without a writer would block for ever."""
    os.mkfifo(tmp_path / "pipe")
    assert problems(tmp_path)["pipe"].what == "not a plain file"


def test_an_oversized_file_is_refused_unread(tmp_path):
    """A sparse file of 300 MiB costs no memory."""
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(300 << 20)
    assert "larger than" in problems(tmp_path)["huge.json"].what


def test_escape_sequences_in_names_reach_no_terminal(tmp_path):
    """File names and values are cleaned before they become ids or messages."""
    (tmp_path / "a\x1b[31mred.bin").write_bytes(b"\x00\x01")
    (tmp_path / "b.ndjson").write_text('{"subject": "host:a\\u001b[2J", "predicate": "in_rack", "object": "R"}\n')
    survey = survey_tree(tmp_path, SCOPE)
    assert "\x1b" not in "".join(str(problem) for problem in survey.problems)
    assert "\x1b" not in "".join(survey.estate.terms.values)


def test_deep_json_cyclic_yaml_and_xml_entities_are_problems(tmp_path):
    """Each is refused by the reader that meets it, and the others go on."""
    (tmp_path / "deep.json").write_text('{"nodes": ' + "[" * 100_000 + "]" * 100_000 + "}")
    (tmp_path / "loop.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: &a {name: x, labels: *a}\n")
    (tmp_path / "bomb.xml").write_text(
        '<?xml version="1.0"?><!DOCTYPE nvidia_smi_log [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
        "<nvidia_smi_log><driver_version>&b;</driver_version></nvidia_smi_log>"
    )
    (tmp_path / "good.ndjson").write_text(GOOD)
    survey = survey_tree(tmp_path, SCOPE)
    assert {problem.file for problem in survey.problems} == {"deep.json", "loop.yaml", "bomb.xml"}
    assert len(list(survey.estate.facts("in_rack"))) == 1


def test_nothing_is_written_below_or_beside_the_capture(tmp_path):
    """Reading leaves the tree as it was."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a.ndjson").write_text(GOOD)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    survey_tree(tree, SCOPE)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
