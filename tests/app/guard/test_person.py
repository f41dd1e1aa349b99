"""Who a person is: behind root and the folder's account sudo says it; nobody else may name another."""

import pytest

from ringfence.app.fence.ledger import ORIGIN
from ringfence.app.guard import commands
from ringfence.app.guard.person import person
from ringfence.app.guard.room import Room
from ringfence.store.journal import lines, read
from tests.app.guard.parts import Site


def test_two_who_become_root_by_sudo_are_two_people(tmp_path):
    found = {person(tmp_path, 0, {"SUDO_UID": uid}).entity for uid in ("1001", "1002")}
    assert found == {"identity:uid/1001", "identity:uid/1002"}
    assert person(tmp_path, 0, {}).entity == "identity:uid/0"


def test_so_are_two_who_become_the_account_that_keeps_the_folder_and_no_other_account_is_asked(tmp_path):
    tmp_path.chmod(0o700)
    keeper = tmp_path.stat().st_uid
    assert person(tmp_path, keeper, {"SUDO_UID": "1001"}).uid == 1001
    assert person(tmp_path, keeper + 1, {"SUDO_UID": "1001"}).uid == keeper + 1
    assert person(tmp_path / "absent", 1005, {"SUDO_UID": "1001"}).uid == 1005


@pytest.mark.parametrize("said", ["", "-1", "1e3", "٣", "4294967295", "9" * 30, " 7"])
def test_what_is_no_account_names_nobody(tmp_path, said):
    assert person(tmp_path, 0, {"SUDO_UID": said}).uid == 0


def test_a_person_is_called_by_the_host_s_name_of_the_account_or_by_its_number(tmp_path):
    assert person(tmp_path, 0, {}).name == "root"
    assert person(tmp_path, 0, {"SUDO_UID": "3999999999"}).name == "3999999999"


def test_the_journal_has_the_person(tmp_path):
    site = Site(tmp_path)
    commands.stopped(site.where, "a drill")
    commands.resumed(site.where, "over")
    trusted = [Room(site.folder).ledger.signer.verifier]
    actors = [lines.decode(one).actor for one in read(site.folder / "journal", trusted, ORIGIN).entries()]
    assert actors == [person(site.folder).entity] * 2
