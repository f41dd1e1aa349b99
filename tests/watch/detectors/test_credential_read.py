"""D15: a credential is read."""

import pytest

from ringfence.watch.detectors import credential_read
from ringfence.wire.ocsf import classes
from tests.watch.events import both_ways, event
from tests.watch.hostile import LATER, hostile


def opened(at: float, user: str, path: str, program: str = "cat", host: str = "login1"):
    """A file is opened."""
    said = {"file__path": path, "actor__user__name": user, "actor__process__name": program}
    return event(classes.FILE, 14, at, host, **said)


@pytest.mark.parametrize(
    "path", ["/home/t1/ben/.ssh/id_ed25519", "/home/ben/.aws/credentials", "/home/ben/.cache/hub/token", "/etc/shadow"]
)
def test_somebody_elses_secret_is_told_at_once(path: str):
    """By whatever program."""
    found = both_ways(credential_read, [opened(60, "eve", path, "python3")])
    assert [one.entities for one in found] == [("host:login1", "identity:eve")]


def test_many_are_surer():
    """The count is in the sentence."""
    found = both_ways(credential_read, [opened(60 + at, "eve", f"/home/u{at}/.netrc") for at in range(9)])
    assert found[-1].confidence > found[0].confidence
    assert "8 secrets more" in found[-1].why


def test_owners_programs_that_use_secrets_and_habits_are_silent():
    """ssh reads its user's key; a backup reads everybody's, on every host."""
    own = [opened(60, "ben", "/home/t1/ben/.ssh/id_ed25519", "ssh"), opened(61, "ben", "/home/ben/notes.txt")]
    backup = [opened(t + at, "backup", "/home/ben/.netrc", "restic", f"h{at}") for t in (0, LATER) for at in range(5)]
    assert both_ways(credential_read, own) == []
    assert [one for one in both_ways(credential_read, backup) if one.time > backup[5].time - 1] == []


def test_hostile_input_does_no_harm():
    """Odd names, numbers and times."""
    hostile(credential_read)
