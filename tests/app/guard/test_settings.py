"""`guard.toml`, as people write it."""

import os

import msgspec
import pytest

from ringfence.app.guard import settings
from ringfence.app.guard.room import Room
from ringfence.app.guard.standing import standing
from ringfence.errors import InputError
from ringfence.respond.limits import SETTINGS, Limits
from ringfence.respond.verbs import Grade
from tests.app.guard.parts import Site


def written(tmp_path, text: str):
    """A settings file."""
    path = tmp_path / "guard.toml"
    path.write_text(text)
    return path


def test_without_a_file_the_defaults_stand_and_they_only_list(tmp_path):
    """Safe by default."""
    limits = settings.of(tmp_path)
    assert limits == Limits()
    assert limits.shadow
    assert limits.grade == Grade.ISOLATE


def test_what_is_written_is_read(tmp_path):
    """In the folder, or where it is named."""
    text = 'up_to = "block"\nhosts_a_minute = 3\nhours = ["Mon-Fri 08:00-18:00 Europe/Zurich"]\nkeep = ["10.0.0.5"]\n'
    path = written(tmp_path, text)
    limits = settings.of(tmp_path)
    assert (limits.up_to, limits.hosts_a_minute, limits.keep) == ("block", 3, ("10.0.0.5",))
    assert settings.of(tmp_path / "elsewhere", path) == limits
    with pytest.raises(InputError):
        settings.of(tmp_path, tmp_path / "absent.toml")


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('up_to = "block"\n\nhost_a_minute = 3\n', 3, "host_a_minute"),
        ("shadow = true\nhosts_a_minute = -1\n", 2, "hosts_a_minute"),
        ("shadow = true\n# x\nup_to = 'everything'\n", 3, "up_to"),
        ("shadow = \n", 1, "line 1"),
        ("shadow = 'yes'\n", 1, "shadow"),
        ("lasts = 5\n", 1, "lasts"),
        ("hours = ['at night']\n", 0, "no window of hours"),
        ("hours = ['Mon 08:00-18:00 Mars/Olympus']\n", 0, "no time zone"),
        ("hours = []\n", 1, "hours"),
        ("keep = ['the server']\n", 0, "the server"),
        ("protected = ['login*']\n", 0, "names no kind"),
        ("never = ['hosts:login02']\n", 0, "did you mean host:login02"),
        ("protected = ['Tenant:board']\n", 0, "did you mean tenant:board"),
        ("never = ['q*:x']\n", 0, "no kind 'q\\*'"),
        ("never = [':x']\n", 0, "there is no kind ''"),
        ("keep = ['10.0.0.5', '0.0.0.0/0']\n", 0, "0.0.0.0/0 is wider than a /8"),
        ("keep = ['::/0']\n", 0, "wider than a /16"),
        ("keep = ['::ffff:0:0/96']\n", 0, "wider than a /8"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, text, line, says):
    """Or with what is wrong where the line cannot be told."""
    with pytest.raises(InputError, match=says) as raised:
        settings.read(written(tmp_path, text))
    assert raised.value.line == line
    assert "docs/design/respond.md" in raised.value.remedy


def test_a_glob_may_stand_for_kinds_and_what_is_kept_may_be_a_site(tmp_path):
    """As long as it matches one, and is not everything."""
    text = "never = ['*:sm*', 'h?st:a', 'ib*:x']\nkeep = ['10.0.0.0/8', 'fd00::/16', '::ffff:10.0.0.0/104']\n"
    assert len(settings.read(written(tmp_path, text)).keep) == 3


def test_every_setting_has_a_meaning_and_every_meaning_a_setting():
    """The table is what the page is written from."""
    assert set(SETTINGS) == set(Limits.__struct_fields__)
    assert all(text.endswith(".") for text in SETTINGS.values())
    assert msgspec.convert(msgspec.to_builtins(Limits()), Limits) == Limits()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "No such file"),
        (lambda path: path.write_bytes(b"x" * 32) and path.chmod(0o644), "can be read by others"),
        (lambda path: path.touch(0o600), "holds 0 bytes"),
        (lambda path: os.mkfifo(path, 0o600), "no regular file"),
    ],
)
def test_a_secret_that_cannot_sign_is_told_when_settings_are_read_and_in_the_status(tmp_path, make, says):
    """Before a guard has to begin with it."""
    site = Site(tmp_path)
    Room(site.folder).make()
    make(tmp_path / "key")
    site.settings(f'[pages]\nurls = ["https://pager.example/a"]\nsecret = "{tmp_path / "key"}"\n')
    with pytest.raises(InputError, match=f"secret: .*{says}"):
        _ = Room(site.folder).limits
    assert any(says in one for one in standing(site.where).needs)


@pytest.mark.parametrize(("make", "says"), [(os.mkfifo, "no regular file"), (os.mkdir, "Is a directory")])
def test_settings_that_are_no_file_are_refused_and_not_waited_for(tmp_path, make, says):
    make(tmp_path / "guard.toml")
    with pytest.raises(InputError, match=says):
        settings.of(tmp_path)


def test_settings_without_end_are_refused(tmp_path):
    with (tmp_path / "guard.toml").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InputError, match="more than 4 MiB"):
        settings.of(tmp_path)
