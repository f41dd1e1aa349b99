"""What the commands of evidence ask, end to end: a witness, an export, a check, an account."""

import json

import pytest

from ringfence.app.fence.ledger import Ledger
from ringfence.app.guard import evidence_commands as commands
from ringfence.app.guard.evidence import Book
from ringfence.app.watch.incidents import keep
from ringfence.errors import UsageError
from ringfence.respond import pattern
from tests.respond import evidence_story


@pytest.fixture
def places(tmp_path):
    """(the guard's folder with a story in its journal, the watch's with the incident)."""
    ledger = Ledger(tmp_path / "state").make()
    _ = ledger.database
    Book(ledger).write(evidence_story.story())
    keep(tmp_path / "home", [evidence_story.incident()], {})
    return ledger.folder, tmp_path / "home"


def test_an_incident_is_exported_through_a_witness_and_verified(tmp_path, places):
    """The witness is given the journal's key, the guard the witness's; ids may be short."""
    state, home = places
    key = commands.log_key(state)
    heads = tmp_path / "heads"
    with commands.witness("127.0.0.1:0", tmp_path / "keeper", [key]) as (url, own):
        told = commands.exported(state, home, tmp_path / "e.json", "RF-0123", [f"{url} {own}", f"file:{heads}"])
    assert [one.said for one in told.witnesses] == ["kept", "kept"]
    (tmp_path / "key").write_text(f"{key}\n")
    found = commands.verified(tmp_path / "e.json", [str(tmp_path / "key")], [heads], state / "journal")
    assert (found.problems, found.trusted, found.compared) == ((), True, 1)
    assert list(found.cosigned) == ["ringfence/witness"]
    assert json.loads(json.loads((tmp_path / "e.json").read_text())["body"])["title"] == "weights leave through a job"


def test_an_account_is_three_files_that_were_not_there(tmp_path, places):
    """For people, for programs, for other sites."""
    found, paths = commands.postmortem(*places, "RF-0123456789ab", folder=tmp_path)
    assert [one.name for one in paths] == [f"RF-0123456789ab.{end}" for end in ("md", "json", "pattern.json")]
    assert all(one.stat().st_mode & 0o777 == 0o600 for one in paths)
    assert pattern.read(paths[2].read_bytes()) == found.pattern
    with pytest.raises(UsageError, match="File exists"):
        commands.postmortem(*places, "RF-0123456789ab", folder=tmp_path)


@pytest.mark.parametrize("key", ["nonsense", "a+b+c", "", "/", "name+00000000+" + "A" * 44])
def test_a_key_that_is_none_is_said_to_be_none(key):
    """Text or a file."""
    with pytest.raises(UsageError):
        commands.keys_of([key])


def test_a_witness_without_a_log_is_not_begun(tmp_path):
    """It would refuse all."""
    with pytest.raises(UsageError, match="whose keys"), commands.witness("127.0.0.1:0", tmp_path / "keeper", []):
        pass
