"""The eleven deliberately weak manifests and the control: the whole set of moves of each, no more, no less."""

import tomllib
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.kubehound.weak import derived, repaired
from tests.shared_data import shared

TABLE = tomllib.loads((Path(__file__).parent / "expected.toml").read_text("utf-8"))
WEAK = sorted(name for name, row in TABLE.items() if "named" in row)


def documents(name):
    return list(yaml.safe_load_all((shared("kubehound") / f"{name}.yaml").read_text("utf-8")))


def rows(name, *fates):
    every = TABLE[name]["moves"]
    return Counter((move, start, to, bool(mark)) for move, start, to, fate, _, *mark in every if fate in fates)


def test_the_table_covers_every_manifest():
    """Twelve files, twelve tables, a reason on every line."""
    assert {path.stem for path in shared("kubehound").glob("*.yaml")} == set(TABLE)
    every = [row for table in TABLE.values() for row in table["moves"]]
    assert all(len(row[4]) > 10 for row in every)
    assert all(row[5:] in ([], ["unknown"]) for row in every)
    assert len(WEAK) == 11


@pytest.mark.parametrize("name", sorted(TABLE))
def test_the_manifest_gives_exactly_its_moves(name):
    """Nothing that the table lacks, and everything that it has."""
    assert derived(documents(name)) == rows(name, "falls", "stays")


@pytest.mark.parametrize("name", WEAK)
def test_the_repaired_twin_loses_exactly_what_the_table_says(name):
    """The named move is gone, what falls with it is gone, and the rest still stands."""
    left = derived(repaired(documents(name), TABLE[name]["changes"]))
    assert left == rows(name, "stays")
    named = TABLE[name]["named"]
    fallen = {row for row in rows(name, "falls") if row[0] == named}
    assert fallen
    assert not fallen & set(left)


def test_the_control_yields_no_escape():
    """A pod with nothing wrong leads to its own token, and to no host."""
    moves = derived(documents("CONTROL_POD"))
    outward = [
        row for row in moves if not row[1].startswith("host:") and row[2].startswith(("host:", "cluster:", "role:"))
    ]
    assert not outward


def test_clusterrolebindings_without_the_right_to_bind_clusterroles_give_nothing():
    """A ClusterRoleBinding cannot refer to a Role, so bind on roles does not help its author."""
    moves = derived(documents("ROLE_BIND_CRB_CR"))
    assert not [row for row in moves if row[0] == "RF-M020" and "fail" in row[1]]
    assert {start for move, start, _, _ in moves if move == "RF-M020"} == {
        f"role:lab/*/ClusterRole/rolebind-{name}#use" for name in ("crb-cr-crb-cr", "crb-cr-rb-cr", "crb-cr-rb-r")
    }


def test_reading_logs_or_writing_their_folder_alone_reads_no_file():
    """The link in /var/log needs both: take either away and nothing of the move is left."""
    both = documents("CE_VAR_LOG_SYMLINK")
    no_permission = repaired(both, [{"do": "remove", "document": 1, "path": "rules.0"}])
    no_mount = repaired(both, [{"do": "remove", "document": 3, "path": "spec.containers.0.volumeMounts"}])
    for documents_ in (no_permission, no_mount):
        assert not [row for row in derived(documents_) if row[0] == "RF-M006"]
