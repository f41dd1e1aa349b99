"""`guard.toml`, as people write it."""

import msgspec
import pytest

from ringfence.app.guard import settings
from ringfence.errors import InputError
from ringfence.respond.limits import SETTINGS, Limits
from ringfence.respond.verbs import Grade


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
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path, text, line, says):
    """Or with what is wrong where the line cannot be told."""
    with pytest.raises(InputError, match=says) as raised:
        settings.read(written(tmp_path, text))
    assert raised.value.line == line
    assert "docs/design/respond.md" in raised.value.remedy


def test_every_setting_has_a_meaning_and_every_meaning_a_setting():
    """The table is what the page is written from."""
    assert set(SETTINGS) == set(Limits.__struct_fields__)
    assert all(text.endswith(".") for text in SETTINGS.values())
    assert msgspec.convert(msgspec.to_builtins(Limits()), Limits) == Limits()
