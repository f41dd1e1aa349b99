"""A changed byte is found and located; a writer that is cut off leaves the old log or the new one; one writes."""

import re
import shutil
import subprocess
import sys

import pytest

from ringfence.errors import StateError
from ringfence.store.journal import Journal, Signer, check, layout, merkle, read

ORIGIN = "example.org/ringfence"
SIGNER = Signer.from_seed(ORIGIN, bytes(32))
KEYS = [SIGNER.verifier]
ENTRIES = [f"line {at}".encode() for at in range(300)]


def log(folder, *batches):
    with Journal.open(folder, ORIGIN, SIGNER) as journal:
        for batch in batches:
            journal.append(batch)
    return folder


def files(folder):
    """What a log serves: path → bytes."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".")
    }


def located(folder, path, at):
    """Flip one byte of one file; what `check` then says."""
    file = folder / path
    whole = file.read_bytes()
    file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    found = check(folder, KEYS)
    file.write_bytes(whole)
    return found


def entry_at(bundle, byte, first):
    """The number of the entry in whose length or content a byte lies."""
    start = 0
    for index, entry in enumerate(layout.unpack(bundle), first):
        start += 2 + len(entry)
        if byte < start:
            return index
    raise AssertionError(byte)


def test_every_changed_byte_of_a_small_log_is_found_and_located(tmp_path):
    """Entries, lengths, tiles, older partial tiles, the head: exactly the file, and the number of the entry."""
    folder = log(tmp_path / "log", ENTRIES[:3], ENTRIES[3:5])
    assert check(folder, KEYS) == []
    for path, data in files(folder).items():
        for at in range(len(data)):
            (problem,) = located(folder, path, at)
            assert problem.file == path
            if path == "tile/entries/000.p/5":
                assert f"entry {entry_at(data, at, 0)} " in problem.what
            if path == "tile/0/000.p/5":
                assert f"hash {at // 32} " in problem.what


def test_changed_bytes_of_a_log_with_two_levels_are_located(tmp_path):
    """Full and partial tiles and bundles at both levels, every 61st byte."""
    folder = log(tmp_path / "log", ENTRIES)
    for path, data in files(folder).items():
        for at in {0, *range(1, len(data), 61), len(data) - 1}:
            (problem,) = located(folder, path, at)
            assert problem.file == path
            if path.startswith("tile/entries/"):
                first = 0 if path == "tile/entries/000" else 256
                assert f"entry {entry_at(data, at, first)} " in problem.what


def test_missing_shortened_and_lengthened_files_are_located(tmp_path):
    """Each file of the log in turn."""
    folder = log(tmp_path / "log", ENTRIES)
    for path, data in files(folder).items():
        for changed in (None, b"", data[:-1], data + b"\0"):
            (folder / path).unlink()
            if changed is not None:
                (folder / path).write_bytes(changed)
            assert {one.file for one in check(folder, KEYS)} == {path}, changed
            (folder / path).write_bytes(data)
    assert check(folder, KEYS) == []


def test_an_entry_rewritten_with_all_hashes_below_the_root_is_found(tmp_path):
    """Whoever has no key cannot hide: entry and leaf tile agree, the tile above or the root does not."""
    folder = log(tmp_path / "log", ENTRIES)
    for index, path in ((7, "tile/0/000"), (299, "tile")):
        copy = tmp_path / f"copy{index}"
        shutil.copytree(folder, copy)
        bundle, width = index // 256, layout.width_of(0, index // 256, 300)
        entries = list(layout.unpack((copy / layout.path(layout.ENTRIES, bundle, width)).read_bytes()))
        entries[index % 256] = b"nothing happened"
        (copy / layout.path(layout.ENTRIES, bundle, width)).write_bytes(layout.pack(entries))
        (copy / layout.path(0, bundle, width)).write_bytes(b"".join(map(merkle.leaf, entries)))
        assert [one.file for one in check(copy, KEYS)] == [path]


def test_damage_is_told_on_reading_too(tmp_path):
    """A changed entry, a missing tile, a head of another key."""
    folder = log(tmp_path / "log", ENTRIES)
    tree = read(folder, KEYS)
    bundle = folder / "tile/entries/000"
    bundle.write_bytes(bundle.read_bytes().replace(b"line 7\0", b"line 8\0"))
    with pytest.raises(StateError, match="entry 7 "):
        list(tree.entries(0, 10))
    assert tree.entry(280) == ENTRIES[280]
    (folder / "tile/0/001.p/44").unlink()
    for ask in (lambda: tree.entry(280), lambda: read(folder, KEYS), lambda: Journal.open(folder, ORIGIN, SIGNER)):
        with pytest.raises(StateError, match="missing"):
            ask()
    with pytest.raises(StateError, match="no key that is trusted"):
        read(folder, [Signer.generate(ORIGIN).verifier])


def test_a_log_that_lost_its_head_is_not_begun_again(tmp_path):
    """Its entries are still there; nothing of them is removed."""
    folder = log(tmp_path / "log", ENTRIES)
    (folder / "checkpoint").unlink()
    before = files(folder)
    with pytest.raises(StateError):
        Journal.open(folder, ORIGIN, SIGNER)
    assert files(folder) == before


KILLED = '''
import os, shutil, signal, sys
from pathlib import Path
from ringfence.store.journal import Journal, Signer

signer = Signer.from_seed("example.org/ringfence", bytes(32))
CALLS = {"open", "write", "fsync", "replace", "unlink", "mkdir", "rmdir", "rmtree"}

def killed_before(count):
    left = count
    def profile(frame, event, called):
        nonlocal left
        if event == "c_call" and called.__name__ in CALLS:
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)
    return profile

def every_death(base, act):
    """Copies of the folder, each left by a process that died one call later; the last one was let finish."""
    while True:
        copy = Path(f"{base}-{len(list(base.parent.glob(base.name + '-*')))}")
        shutil.copytree(base, copy)
        child = os.fork()
        if not child:
            sys.setprofile(killed_before(len(list(base.parent.glob(base.name + '-*'))) - 1))
            act(copy)
            sys.setprofile(None)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        assert status == 0 or os.WTERMSIG(status) == signal.SIGKILL, status
        yield copy
        if status == 0:
            return

def appended(folder):
    with Journal.open(folder, "example.org/ringfence", signer) as journal:
        journal.append([f"line {at}".encode() for at in range(size, size + batch)])

def opened(folder):
    Journal.open(folder, "example.org/ringfence", signer).close()

base, size, batch, again = Path(sys.argv[1]), *map(int, sys.argv[2:])
for at, copy in enumerate(list(every_death(base, appended))):
    if again and at % again == 0:
        list(every_death(copy, opened))
'''


@pytest.mark.parametrize(("size", "batch", "again"), [(0, 1, 0), (4, 2, 4), (250, 10, 9), (510, 520, 0)])
def test_a_writer_killed_before_any_system_call_leaves_the_old_log_or_the_new(tmp_path, size, batch, again):
    """SIGKILL before the nth call, for every n; the log opens, is whole, and another writer goes on from it.

    Where `again` is set, an opening that clears up after such a death is killed at each of its calls as well.
    """
    base = log(tmp_path / "log", ENTRIES[:3] if size > 3 else [], [f"line {at}".encode() for at in range(3, size)])
    old = read(base, KEYS)
    subprocess.run([sys.executable, "-c", KILLED, base, str(size), str(batch), str(again)], check=True)
    left = [folder for folder in tmp_path.iterdir() if folder != base]
    assert len(left) > 30
    last = max((folder for folder in left if folder.name.count("-") == 1), key=lambda one: int(one.name[4:]))
    before, after = set(files(base)), set(files(last))
    seen = set()
    for folder in left:
        assert check(folder, KEYS) == []
        with Journal.open(folder, ORIGIN, SIGNER) as journal:
            seen.add(journal.size)
            assert list(journal.entries()) == [f"line {at}".encode() for at in range(journal.size)]
            proof = journal.consistency(size)
            assert merkle.verify_consistency(size, journal.size, old.checkpoint.root, journal.root(), proof)
            there = set(files(folder))
            assert there == before if journal.size == size else after <= there <= before | after
            journal.append([b"another"])
            journal.append([b"and more"] * 3)
        assert check(folder, KEYS) == []
    assert seen == {size, size + batch}


HELD = """
import sys
from pathlib import Path
from ringfence.store.journal import Journal, Signer
signer = Signer.from_seed("example.org/ringfence", bytes(32))
journal = Journal.open(Path(sys.argv[1]), "example.org/ringfence", signer)
print("held", flush=True)
sys.stdin.read()
"""


def test_only_one_process_writes(tmp_path):
    """A second writer is told so at once; it may read; once the first is gone it writes."""
    folder = log(tmp_path / "log", [b"a"])
    with subprocess.Popen(
        [sys.executable, "-c", HELD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StateError, match="another process writes"):
            Journal.open(folder, ORIGIN, SIGNER)
        assert read(folder, KEYS).size == 1
        other.kill()
    assert read(log(folder, [b"b"]), KEYS).size == 2
    with Journal.open(folder, ORIGIN, SIGNER), pytest.raises(StateError, match="another process"):
        Journal.open(folder, ORIGIN, SIGNER)


FULL = """
import sys, resource
from pathlib import Path
from ringfence.errors import StateError
from ringfence.store.journal import Journal, Signer
journal = Journal.open(Path(sys.argv[1]), "example.org/ringfence", Signer.from_seed("example.org/ringfence", bytes(32)))
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    journal.append([b"x" * 9000])
except StateError as error:
    print(error)
try:
    journal.append([b"y"])
except StateError as error:
    print(error)
"""


def test_a_disk_that_takes_no_more_is_told_and_nothing_is_lost(tmp_path):
    """A limit on file size stands for the full disk: StateError, the journal closed, the log as before."""
    folder = log(tmp_path / "log", [b"a"])
    done = subprocess.run([sys.executable, "-c", FULL, folder], capture_output=True, text=True, check=True)
    assert "File too large" in done.stdout.splitlines()[0]
    assert "closed" in done.stdout.splitlines()[1]
    assert list(read(log(folder, [b"b"]), KEYS).entries()) == [b"a", b"b"]
    assert check(folder, KEYS) == []


def test_a_head_that_was_signed_is_never_taken_back(tmp_path):
    """What a writer signed before it died becomes the head on opening; one that is older or torn does not."""
    folder = log(tmp_path / "log", [b"a"])
    old = (folder / "checkpoint").read_bytes()
    new = (log(folder, [b"b"]) / "checkpoint").read_bytes()
    for head, coming in ((old, new), (new, old), (new, new[:-9])):
        (folder / "checkpoint").write_bytes(head)
        (folder / ".checkpoint.next").write_bytes(coming)
        with Journal.open(folder, ORIGIN, SIGNER) as journal:
            assert journal.size == 2
        assert (folder / "checkpoint").read_bytes() == new
        assert not (folder / ".checkpoint.next").exists()


APPENDING = """
import sys
from pathlib import Path
from ringfence.store.journal import Journal, Signer
signer = Signer.from_seed("example.org/ringfence", bytes(32))
with Journal.open(Path(sys.argv[1]), "example.org/ringfence", signer) as journal:
    print("appending", flush=True)
    journal.append([b"line"] * 300)
    print("appended", flush=True)
"""


def calls(trace):
    """The writes, flushes and renames of an `strace -y` between the two printed words: (call, path or paths)."""
    inside = trace.split('"appending"', 1)[1].split('"appended"', 1)[0]
    for line in inside.splitlines():
        if found := re.match(r"\d* *(write|fsync)\(\d+<([^>]*)>", line):
            yield found[1], found[2]
        elif found := re.match(
            r'\d* *rename\w*\((?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]*)", (?:AT_FDCWD(?:<[^>]*>)?, )?"([^"]*)"', line
        ):
            yield "rename", (found[1], found[2])


def test_everything_is_flushed_before_the_head_names_it(tmp_path):
    """As the kernel sees it: contents before their names, names before the head, the head before `append` returns."""
    if not shutil.which("strace"):
        pytest.skip("missing-part: strace")
    folder, trace = log(tmp_path / "log", [b"a"]), tmp_path / "trace"
    command = ["strace", "-y", "-s", "64", "-e", "trace=write,fsync,rename,renameat,renameat2", "-o", trace]
    subprocess.run([*command, sys.executable, "-c", APPENDING, folder], check=True, capture_output=True)
    seen = list(calls(trace.read_text()))
    head = next(
        at for at, (call, what) in enumerate(seen) if call == "rename" and what[1] == str(folder / "checkpoint")
    )
    names = set()
    for at, (call, what) in enumerate(seen):
        if call == "rename":
            written = max(n for n, one in enumerate(seen[:at]) if one == ("write", what[0]))
            assert ("fsync", what[0]) in seen[written:at], what
            parent = what[1].rpartition("/")[0]
            names.add(what[1])
            assert ("fsync", parent) in seen[at : head if at < head else len(seen)], what
    assert names >= {str(folder / name) for name in ("tile/entries/000", "tile/0/000", "tile/1/000.p/1", "checkpoint")}


def test_without_the_extra_the_remedy_names_it():
    """cryptography absent: MissingPart, and which extra brings it."""
    code = (
        "import sys; sys.modules['cryptography.hazmat.primitives.asymmetric'] = None\n"
        "from ringfence.store.journal import Signer\n"
        "try: Signer.generate('a')\nexcept Exception as error: print(type(error).__name__, error.remedy)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "MissingPart pip install 'ringfence[fence]'\n"
