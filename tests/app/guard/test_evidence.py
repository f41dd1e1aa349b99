"""Lines reach the fence's journal in order and once; what is exported verifies, by two verifiers that share no code."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import msgspec
import pytest

from ringfence.app.fence.journal import audit
from ringfence.app.fence.ledger import ORIGIN, Ledger
from ringfence.app.guard.evidence import Book
from ringfence.app.guard.evidence_export import export, verify
from ringfence.errors import StateError, UsageError
from ringfence.respond import evidence
from ringfence.respond.evidence_file import check
from ringfence.store.journal import Journal, Line, lines, read
from ringfence.transport.witness import FileWitness
from tests.respond import evidence_story, naive_evidence

INCIDENT = "RF-0123456789ab"
BODY = msgspec.json.encode(evidence_story.incident())


@pytest.fixture
def state(tmp_path):
    """A fence's folder with the story of two incidents, a fence's own line between them."""
    folder = tmp_path / "state"
    ledger = Ledger(folder).make()
    _ = ledger.database
    Book(ledger).write(evidence_story.story())
    ledger.write_down("fence.apply", "fence", "")
    Book(ledger).write(evidence_story.story("RF-ffffffffffff", 30))
    return folder


def key_of(state):
    return Ledger(state).signer.verifier


def kept(state):
    ledger = Ledger(state)
    return [lines.decode(one) for one in read(state / "journal", [ledger.signer.verifier], ORIGIN).entries()]


def exported(state, out, incident=INCIDENT, witnesses=()):
    return export(state, out, incident, BODY if incident else b"", witnesses)


# the book


def test_lines_stand_in_the_journal_in_order_and_the_fences_audit_takes_them(state):
    """One journal for both; it is sound."""
    story = evidence_story.story()
    assert kept(state)[: len(story)] == story
    assert audit(Ledger(state), 5).problems == ()


def test_a_line_that_is_written_again_stands_once(state):
    """In the same process, after a start, and within one batch."""
    before = len(kept(state))
    book = Book(Ledger(state))
    book.write(evidence_story.story())
    book.write([*evidence_story.story(seconds=0)[:3], *evidence_story.story()[:3]])
    assert len(kept(state)) == before
    book.write([evidence.stopped("identity:alice", 5.0)] * 3)
    assert len(kept(state)) == before + 1


def write_until_killed(folder, told):
    """One line a batch; after each, its number is told, so that the parent knows what was promised."""
    book = Book(Ledger(folder))
    for number in range(10_000):
        book.write([evidence.line("respond.stop", "x", float(number), (str(number),), {})])
        told.send(number)


@pytest.mark.parametrize("after", [1, 7, 23])
def test_a_writer_that_is_killed_and_starts_again_neither_loses_nor_doubles_a_line(tmp_path, after):
    """SIGKILL while it writes; the retry writes all of it once more."""
    state = tmp_path / "state"
    _ = Ledger(state).make().database
    ours, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=write_until_killed, args=(state, theirs))
    child.start()
    promised = [ours.recv() for _ in range(after)][-1]
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    Book(Ledger(state)).write(
        [evidence.line("respond.stop", "x", float(number), (str(number),), {}) for number in range(promised + 20)]
    )
    numbers = [one.when for one in kept(state)]
    assert numbers[: promised + 1] == list(range(promised + 1))
    assert sorted(numbers) == sorted(set(numbers))
    assert set(numbers) >= set(range(promised + 20))


def test_the_fence_and_the_guard_write_at_the_same_time(state):
    """Each waits for the other's batch; no line is lost on either side."""
    code = "import sys; from pathlib import Path; from ringfence.app.fence.ledger import Ledger\n"
    code += "ledger = Ledger(Path(sys.argv[1]))\nfor n in range(40): ledger.write_down('fence.apply', str(n), '')"
    before = len(kept(state))
    with subprocess.Popen([sys.executable, "-c", code, str(state)]) as other:
        book = Book(Ledger(state))
        for number in range(60):
            book.write([evidence.stopped("identity:alice", float(number))])
    assert other.returncode == 0
    found = kept(state)[before:]
    assert [one.when for one in found if one.what == "respond.stop"] == list(range(60))
    assert [one.subject for one in found if one.what == "fence.apply"] == [str(at) for at in range(40)]


def test_on_a_full_disk_lines_wait_are_told_of_and_go_in_later_in_order(tmp_path):
    """A real file system without room, and then with room."""
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("missing-part: root, to mount a small file system")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True)
    if mounted.returncode:
        pytest.skip("missing-part: mount of a tmpfs")
    try:
        ledger = Ledger(disk / "state").make()
        book = Book(ledger)
        first = evidence_story.story()
        book.write(first)
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"):
            filler.write_bytes(bytes(1 << 20))
        second, third = evidence_story.story("RF-aaaaaaaaaaaa", 9), evidence_story.story("RF-bbbbbbbbbbbb", 19)
        for one in (second, third):
            with pytest.raises(StateError, match=r"lines of evidence wait in memory"):
                book.write(one)
        assert book.waiting == len(second) + len(third)
        filler.unlink()
        book.flush()
        assert (book.waiting, book.lost) == (0, 0)
        assert kept(disk / "state") == first + second + third
    finally:
        subprocess.run(["umount", disk], check=True)


def test_what_had_no_room_in_memory_either_is_counted(tmp_path):
    """Another process holds the journal; the loss becomes a line."""
    ledger = Ledger(tmp_path / "state").make()
    book = Book(ledger)
    many = [evidence.stopped("identity:alice", float(at)) for at in range(20_050)]
    broken = tmp_path / "state" / "journal"
    broken.write_text("no folder")
    with pytest.raises(StateError, match="50 are lost"):
        book.write(many)
    broken.unlink()
    book.flush()
    found = kept(tmp_path / "state")
    assert len(found) == 20_001
    assert (found[-1].what, found[-1].detail["lines"], book.lost) == ("respond.lost", 50, 0)


# the file


@pytest.mark.parametrize("incident", [INCIDENT, ""])
def test_a_file_of_evidence_verifies_by_both_verifiers(state, tmp_path, incident):
    """Ours and the one written from the standards find the same lines."""
    out = tmp_path / "evidence.json"
    told = exported(state, out, incident)
    assert out.stat().st_mode & 0o777 == 0o600
    found = verify(out, [key_of(state)])
    assert found.problems == ()
    assert found.trusted
    theirs = naive_evidence.verify(out.read_bytes(), str(key_of(state)))
    assert {at: one.what for at, one in found.lines} == {at: one["what"] for at, one in theirs.items()}
    assert len(theirs) == told.lines
    every = {at for at, one in enumerate(kept(state)) if not incident or incident in evidence.incident_of(one)}
    assert set(theirs) == every


def test_the_file_is_json_with_the_incident_and_the_names_of_keys(state, tmp_path):
    """Anybody can read it."""
    exported(state, tmp_path / "e.json")
    file = json.loads((tmp_path / "e.json").read_text())
    assert json.loads(file["body"])["id"] == file["incident"] == INCIDENT
    assert file["key"].startswith("ringfence/fence+")
    assert Ledger(state).signer.seed.hex() not in (tmp_path / "e.json").read_bytes().hex()


def at_each_byte(data, which, verdict):
    """Flip one bit of each of these bytes; (byte, what the verdict was)."""
    for at in which:
        yield at, verdict(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])


def changed_bytes_are_located(state, tmp_path, incident, which):
    out = tmp_path / f"{incident or 'all'}.json"
    exported(state, out, incident)
    data, keys = out.read_bytes(), [key_of(state)]
    assert check(data, keys).bad == ()
    starts = [0, *(at + 1 for at, one in enumerate(data) if one == 10)]
    for at, found in at_each_byte(data, which(len(data)), lambda changed: check(changed, keys)):
        assert found.bad, f"byte {at} was changed, and nobody saw it"
        line = sum(start <= at for start in starts)
        first = found.bad[0]
        near = {line, line + 1} if data[at] == 10 else {line}
        assert first.line in near, f"byte {at} stands in line {line}, and was found in {first}"
        assert starts[first.line - 1] <= first.byte <= len(data)
    for _, changed in at_each_byte(data, which(len(data))[:60], bytes):
        with pytest.raises((naive_evidence.Wrong, ValueError, KeyError, TypeError, IndexError, AttributeError)):
            naive_evidence.verify(changed, str(keys[0]))


@pytest.mark.parametrize("incident", [INCIDENT, ""])
def test_a_changed_byte_of_the_file_is_found_and_located(state, tmp_path, incident):
    """A seeded sample of bytes: found, and the line named is the one in which it stands."""
    changed_bytes_are_located(state, tmp_path, incident, lambda size: random.Random(5).sample(range(size), 400))


@pytest.mark.long
@pytest.mark.parametrize("incident", [INCIDENT, ""])
def test_every_changed_byte_of_the_file_is_found_and_located(state, tmp_path, incident):
    """All of them."""
    changed_bytes_are_located(state, tmp_path, incident, lambda size: list(range(size)))


def tiles_of(folder):
    return [one for one in sorted(folder.rglob("*")) if one.is_file() and not one.name.startswith(".")]


def changed_tiles_are_located(state, tmp_path, chance):
    out = tmp_path / "e.json"
    exported(state, out, "")
    draw = random.Random(7)
    for file in tiles_of(state / "journal"):
        data = file.read_bytes()
        for at in (one for one in range(len(data)) if draw.random() < chance):
            file.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
            found = verify(out, [key_of(state)], journal=state / "journal")
            assert found.problems, f"byte {at} of {file} was changed, and nobody saw it"
            assert file.relative_to(state / "journal").as_posix() in found.problems[0].file
        file.write_bytes(data)
    assert verify(out, [key_of(state)], journal=state / "journal").problems == ()


def test_a_changed_byte_of_the_journal_is_found_and_its_file_named(state, tmp_path):
    """A seeded sample of every tile, bundle and the head."""
    changed_tiles_are_located(state, tmp_path, 0.004)


@pytest.mark.long
def test_every_changed_byte_of_the_journal_is_found_and_its_file_named(state, tmp_path):
    """All of them."""
    changed_tiles_are_located(state, tmp_path, 1.0)


def test_a_line_that_was_taken_out_of_the_file_is_missed(state, tmp_path):
    """The export's own line says which lines there are."""
    for incident in (INCIDENT, ""):
        out = tmp_path / f"{incident or 'all'}.json"
        exported(state, out, incident)
        texts = out.read_bytes().split(b"\n")
        del texts[12]
        assert check(b"\n".join(texts), [key_of(state)]).bad
        with pytest.raises(naive_evidence.Wrong):
            naive_evidence.verify(b"\n".join(texts))


def test_another_key_than_the_trusted_one_is_told(state, tmp_path):
    """A file that was signed by somebody else, consistently, says so only to who knows the key."""
    other = tmp_path / "other"
    _ = Ledger(other).make().database
    Book(Ledger(other)).write(evidence_story.story())
    exported(other, tmp_path / "forged.json")
    assert not verify(tmp_path / "forged.json").problems
    assert not verify(tmp_path / "forged.json").trusted
    found = verify(tmp_path / "forged.json", [key_of(state)])
    assert "another key" in found.problems[0].what
    assert found.problems[0].line == 4


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"{}", b"[" * 100_000, b"\xff\xfe", b'{"format":"ringfence-evidence/1",\n']
)
def test_what_is_no_file_of_evidence_is_said_to_be_none(data):
    """No crash, a place."""
    assert check(data).bad[0].line >= 1


def test_what_cannot_be_exported_or_verified_is_said(state, tmp_path):
    """An incident without lines, a file that is there, nothing to check."""
    with pytest.raises(UsageError, match="no line of RF-nothing"):
        exported(state, tmp_path / "e.json", "RF-nothing")
    exported(state, tmp_path / "e.json")
    with pytest.raises(UsageError, match="is there already"):
        exported(state, tmp_path / "e.json")
    with pytest.raises(UsageError, match="nothing to verify"):
        verify(None)
    with pytest.raises(UsageError, match="No such file"):
        verify(tmp_path / "nothing.json")


# root rewrites the log


def rewritten(state):
    """All of the log again by its own key, without the second line: what root on the server can do."""
    ledger = Ledger(state)
    told = [lines.encode(one) for one in kept(state)]
    del told[1]
    shutil.rmtree(state / "journal")
    (state / "journal.key").exists()
    with Journal.open(state / "journal", ORIGIN, ledger.signer) as journal:
        journal.append([*told, lines.encode(Line(time.time(), "identity:uid/0", "respond.stop", "x"))])
    return state


@pytest.mark.parametrize("incident", [INCIDENT, ""])
def test_a_log_that_root_rewrote_verifies_alone_and_fails_by_the_witness(state, tmp_path, incident):
    """Signed anew, it is sound in itself; the head that the witness took says that it is another."""
    key, witness = key_of(state), tmp_path / "witness"
    exported(state, tmp_path / "true.json", incident, [FileWitness(witness, (key,))])
    honest = verify(tmp_path / "true.json", [key], [witness], state / "journal")
    assert (honest.problems, honest.compared) == ((), 1)
    rewritten(state)
    exported(state, tmp_path / "forged.json", incident)
    assert verify(tmp_path / "forged.json", [key], journal=state / "journal").problems == ()
    naive_evidence.verify((tmp_path / "forged.json").read_bytes(), str(key))
    found = verify(tmp_path / "forged.json", [key], [witness], state / "journal")
    assert "the log was rewritten" in found.problems[0].what
    assert "cannot be compared" not in found.problems[0].what
    assert verify(tmp_path / "forged.json", [key], [witness]).problems
    head = json.loads(witness.read_text().splitlines()[0])["head"]
    assert naive_evidence.verify_journal(state / "journal", str(key)) > 0
    with pytest.raises(naive_evidence.Wrong, match="does not continue"):
        naive_evidence.verify_journal(state / "journal", str(key), [head])


def test_a_log_that_was_put_back_is_told_by_the_witness(state, tmp_path):
    """An older copy of the folder, each byte as it was signed then."""
    key, witness, copy = key_of(state), tmp_path / "witness", tmp_path / "copy"
    shutil.copytree(state / "journal", copy)
    Book(Ledger(state)).write(evidence_story.story("RF-cccccccccccc", 99))
    exported(state, tmp_path / "e.json", "", [FileWitness(witness, (key,))])
    assert verify(None, [key], journal=copy).problems == ()
    assert "lines were taken away" in verify(None, [key], [witness], copy).problems[0].what
