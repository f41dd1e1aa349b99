"""Saved estates: what goes in comes out; what is damaged is refused; nobody else can read them."""

import stat

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import EstateError, UsageError
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.store import saved
from ringfence.store.pseudonyms import pseudonymous

FACTS = [
    Fact("host:gpu0001", "in_rack", "R01", {"unit": 12}, "racks.csv", 1_700_000_000.0),
    Fact("host:gpu0001", "has_gpu", "gpu:GPU-1", {"index": 0, "model": "H100"}, "smi.xml", 5.0),
    Fact("model:llm-secret-project", "stored_on", "storage:nfs01:/models", {"path": "/models/x"}, "folders.txt"),
    Fact("host:gpu0001", "asked", "sshd", {"answered": False, "reason": "not captured"}, "assumed"),
]


def said(estate):
    return sorted(estate.facts(), key=repr)


def test_a_saved_estate_comes_back_whole(tmp_path):
    """Facts, attributes, sources, times and the salt survive."""
    saved.save(estate_of(FACTS, b"salt"), tmp_path / "a.estate")
    back = saved.load(tmp_path / "a.estate")
    assert said(back) == sorted(FACTS, key=repr)
    assert back.salt == b"salt"


def test_only_the_owner_can_read_it(tmp_path):
    """A saved estate is a thief's best map."""
    path = tmp_path / "a.estate"
    saved.save(estate_of(FACTS), path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in tmp_path.iterdir()] == ["a.estate"]


def test_a_newer_schema_is_refused_with_a_remedy(tmp_path):
    """An estate of a later version says so instead of being misread."""
    table = saved._to_arrow(estate_of(FACTS)).replace_schema_metadata({b"ringfence.schema": b"99"})
    with pa.OSFile(str(tmp_path / "a.estate"), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(EstateError, match="schema version 99") as refused:
        saved.load(tmp_path / "a.estate")
    assert refused.value.remedy == "upgrade ringfence"


def test_a_folder_that_is_not_there_is_named(tmp_path):
    """And nothing else is said, above all no trace of the program."""
    with pytest.raises(UsageError, match="nowhere"):
        saved.write_private(tmp_path / "nowhere" / "cluster.estate", b"")


def test_no_file_takes_the_place_of_a_folder_or_a_device(tmp_path):
    """For root, `/dev/null` would be a file from then on."""
    (tmp_path / "null").symlink_to("/dev/null")
    for path, what in ((tmp_path, "a folder"), (tmp_path / "null", "a device")):
        with pytest.raises(UsageError, match=f"is {what}, whose place no file takes"):
            saved.write_private(path, b"")
    assert [one.name for one in tmp_path.iterdir()] == ["null"]
    assert (tmp_path / "null").is_symlink()


def test_a_missing_file_says_how_to_make_one(tmp_path):
    """The remedy names the command."""
    with pytest.raises(EstateError) as refused:
        saved.load(tmp_path / "none.estate")
    assert "ringfence collect" in refused.value.remedy


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_damaged_file_is_refused_and_nothing_else(data):
    """Cut, flipped or spliced bytes give an EstateError, or an estate that can be walked."""
    whole = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(whole)))
    try:
        estate = saved.from_bytes(bytes(whole[:cut] if data.draw(st.booleans()) else whole))
        for fact in estate.facts():
            assert isinstance(fact.subject, str)
    except EstateError:
        pass


def _whole() -> bytes:
    from io import BytesIO

    buffer = BytesIO()
    table = saved._to_arrow(estate_of(FACTS, b"salt"))
    with pa.ipc.new_file(buffer, table.schema) as writer:
        writer.write_table(table)
    return buffer.getvalue()


WHOLE = _whole()


def test_an_encrypted_estate_opens_with_its_identity_only(tmp_path):
    """age recipients: the file shows nothing, another identity does not open it."""
    pyrage = pytest.importorskip("pyrage", reason="missing-part: the seal extra")
    mine, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    path = tmp_path / "a.estate"
    saved.save(estate_of(FACTS), path, [str(mine.to_public())])
    assert b"gpu0001" not in path.read_bytes()
    for name, identity in (("mine", mine), ("other", other)):
        (tmp_path / name).write_text(f"{identity}\n")
    assert said(saved.load(path, tmp_path / "mine")) == sorted(FACTS, key=repr)
    for wrong in (tmp_path / "other", None):
        with pytest.raises(EstateError):
            saved.load(path, wrong)


def test_pseudonyms_hide_every_name_and_keep_every_relation(tmp_path):
    """No name of the original is in the copy; counts and joins are the same."""
    estate = estate_of(FACTS)
    copy = pseudonymous(estate)
    saved.save(copy, tmp_path / "b.estate")
    text = repr(list(copy.facts()))
    for name in ("gpu0001", "GPU-1", "llm-secret-project", "nfs01", "smi.xml", "R01", "/models"):
        assert name not in text
    assert {name: table.count for name, table in copy.tables.items()} == {
        name: table.count for name, table in estate.tables.items()
    }
    host = next(copy.facts("has_gpu")).subject
    assert next(copy.facts("in_rack")).subject == host
