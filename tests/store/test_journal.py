"""The journal's trees, tiles, proofs and checkpoints are those of RFC 6962 and the C2SP formats."""

import random
import stat
from itertools import pairwise

import pytest

from ringfence.errors import InputError, StateError, UsageError
from ringfence.store.journal import (
    Journal,
    Signer,
    Verifier,
    check,
    layout,
    merkle,
    notes,
    read,
    verify_checkpoint,
    verify_consistency,
    verify_inclusion,
)
from ringfence.store.journal.lines import Line, decode, encode
from tests.store import naive_log

ORIGIN = "example.org/ringfence"
SIGNER = Signer.from_seed(ORIGIN, bytes(range(32)))
KEYS = [SIGNER.verifier]

PUBLISHED = [bytes.fromhex(one) for one in (
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
)]  # fmt: skip
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
"""The trees that Certificate Transparency's implementations test with (leaves and roots of sizes 0 to 8)."""

SUM_DB = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
SUM_DB_HEAD = """go.sum database tree
63096908
8lHrQPRYe4KT4WQ9/Qk8/taKnD6IRHbFgfN7vQE2Y54=

— sum.golang.org Az3gri/oVBN1jAhNZ/iS+W31psFAWRT20/GyrhpU6taFwulQGetBkH5S7wpGXdS935jiIGiUUAXBVHzT/P6fYhqAmAk=
"""
"""The key and one signed head of Go's checksum database: another log, written by other code."""


def written(folder, *batches):
    """A journal of these batches, closed again."""
    with Journal.open(folder, ORIGIN, SIGNER) as journal:
        for batch in batches:
            journal.append(batch)
    return read(folder, KEYS, ORIGIN)


def made(count, seed=0):
    chance = random.Random(seed)
    return [chance.randbytes(chance.choice((0, 1, 7, 40))) for _ in range(count)]


def test_the_published_trees_have_their_published_roots(tmp_path):
    """Sizes 0 to 8, one entry at a time, each root signed on the way."""
    with Journal.open(tmp_path / "log", ORIGIN, SIGNER) as journal:
        seen = [journal.root()]
        for entry in PUBLISHED:
            journal.append([entry])
            seen.append(verify_checkpoint(journal.checkpoint.note, KEYS).root)
        assert [journal.root(size) for size in range(9)] == seen
    assert [one.hex() for one in seen] == ROOTS


def test_the_paths_and_widths_are_those_of_the_specification():
    """Its own examples: index 1234067, and a tree of 70,000 entries."""
    assert layout.path(0, 1234067) == "tile/0/x001/x234/067"
    assert layout.path(layout.ENTRIES, 0, 5) == "tile/entries/000.p/5"
    assert [layout.path(2, index) for index in (999, 1000)] == ["tile/2/999", "tile/2/x001/000"]
    assert [layout.width_of(0, index, 70_000) for index in (272, 273, 274)] == [256, 112, 0]
    assert [layout.width_of(1, index, 70_000) for index in (0, 1)] == [256, 17]
    assert layout.width_of(2, 0, 70_000) == 1
    assert [layout.levels(size) for size in (0, 1, 255, 256, 65_535, 65_536, 70_000)] == [0, 1, 1, 2, 2, 3, 3]


def test_files_are_those_that_a_naive_log_would_serve(tmp_path):
    """At random sizes, in random batches: every tile and bundle byte for byte, and the root."""
    chance = random.Random(3)
    for size in [0, 1, 2, 255, 256, 257, 511, 512, 513, *chance.sample(range(3, 600), 6)]:
        entries = made(size, size)
        cuts = [0, *sorted(chance.choices(range(size + 1), k=3)), size]
        folder = tmp_path / str(size)
        tree = written(folder, *(entries[a:b] for a, b in pairwise(cuts)))
        for path, data in naive_log.resources(entries).items():
            assert (folder / path).read_bytes() == data, f"{size}: {path}"
        assert tree.root() == naive_log.mth(entries)
        assert list(tree.entries()) == entries
        assert check(folder, KEYS) == []


def test_proofs_are_those_of_the_definition_and_hold(tmp_path):
    """Inclusion and consistency at random pairs of sizes, compared with the recursive definition."""
    entries = made(600)
    tree = written(tmp_path / "log", entries)
    roots = {}
    chance = random.Random(5)
    sizes = [1, 2, 3, 255, 256, 257, 512, 600, *chance.sample(range(600), 12)]
    for size in sizes:
        roots[size] = tree.root(size)
        assert roots[size] == naive_log.mth(entries[:size])
        for index in {0, size - 1, size // 2, chance.randrange(size)}:
            proof = tree.inclusion(index, size)
            assert proof == naive_log.path(index, entries[:size])
            assert verify_inclusion(index, size, merkle.leaf(entries[index]), proof, roots[size])
            assert not verify_inclusion(index, size, merkle.leaf(b"other"), proof, roots[size])
            assert not verify_inclusion(index, size, merkle.leaf(entries[index]), [*proof, bytes(32)], roots[size])
    for old, new in [(a, b) for a in sizes for b in sizes if a <= b]:
        proof = tree.consistency(old, new)
        assert proof == naive_log.proof(old, entries[:new])
        assert verify_consistency(old, new, roots[old], roots[new], proof)
        if old < new:
            assert not verify_consistency(old, new, bytes(32), roots[new], proof)
            assert not verify_consistency(old, new, roots[old], bytes(32), proof)


def test_every_proof_of_a_small_tree_holds_for_its_own_place_only(tmp_path):
    """All indices, sizes and pairs up to 20: no proof serves another place."""
    entries = made(20)
    tree = written(tmp_path / "log", entries)
    leaves = [merkle.leaf(bytes([at]) + entry) for at, entry in enumerate(entries)]
    for size in range(1, 21):
        for index in range(size):
            proof = tree.inclusion(index, size)
            holds = [
                at
                for at in range(size)
                if verify_inclusion(at, size, merkle.leaf(entries[index]), proof, tree.root(size))
            ]
            assert index in holds
            assert all(entries[at] == entries[index] for at in holds)
            assert not any(verify_inclusion(index, size, one, proof, tree.root(size)) for one in leaves)
    assert verify_consistency(0, 5, merkle.EMPTY, tree.root(5), [])
    assert not verify_consistency(0, 5, tree.root(1), tree.root(5), [])
    assert not verify_consistency(6, 5, tree.root(6), tree.root(5), [])


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537])
def test_the_third_level_begins_at_65536(tmp_path, size):
    """Around 256 squared: the tiles there are, the root, and proofs across the boundary."""
    entries = [at.to_bytes(3, "big") for at in range(size)]
    tree = written(tmp_path / "log", entries[:65_500], entries[65_500:])
    assert tree.root() == naive_log.mth(entries)
    assert (tmp_path / "log/tile/2/000.p/1").exists() == (size >= 65_536)
    assert (tmp_path / "log/tile/1/000").exists() == (size >= 65_536)
    for index in (0, 65_499, size - 1):
        assert verify_inclusion(index, size, merkle.leaf(entries[index]), tree.inclusion(index), tree.root())
    for old in (1, 256, 65_500, size - 1):
        assert verify_consistency(old, size, tree.root(old), tree.root(), tree.consistency(old))


@pytest.mark.long
def test_every_size_to_600_matches_the_naive_log(tmp_path):
    """One entry at a time; all resources of every size that a checkpoint was signed for."""
    entries = made(600)
    with Journal.open(tmp_path / "log", ORIGIN, SIGNER) as journal:
        for size in range(1, 601):
            journal.append([entries[size - 1]])
            for path, data in naive_log.resources(entries[:size]).items():
                assert (tmp_path / "log" / path).read_bytes() == data
            assert journal.root() == naive_log.mth(entries[:size])
            for old in range(0, size, 7):
                assert journal.consistency(old) == naive_log.proof(old, entries[:size])


def test_appending_tells_where_and_partial_tiles_stay_until_they_are_full(tmp_path):
    """Indices, sizes, the head; the tiles of every size that was signed; nothing happens for no entries."""
    folder = tmp_path / "log"
    with Journal.open(folder, ORIGIN, SIGNER) as journal:
        first = journal.append([b"a", b"b"])
        assert (first.first, first.size) == (0, 2)
        assert journal.append([]).checkpoint == first.checkpoint
        assert journal.append([b"c"]).first == 2
        assert sorted(one.name for one in (folder / "tile/0/000.p").iterdir()) == ["2", "3"]
        assert verify_consistency(
            2, 3, verify_checkpoint(first.checkpoint, KEYS).root, journal.root(), journal.consistency(2)
        )
        journal.append([b"x"] * 300)
        assert not (folder / "tile/0/000.p").exists()
        assert not (folder / "tile/entries/000.p").exists()
        assert journal.entry(2) == b"c"
    assert {stat.S_IMODE(one.stat().st_mode) for one in folder.rglob("*") if one.is_file()} == {0o600}


def test_an_older_reader_still_reads_its_tree_after_partial_tiles_went(tmp_path):
    """A reader holds a checkpoint; the writer fills its tiles; what the reader sees does not change."""
    folder = tmp_path / "log"
    tree = written(folder, [b"a", b"b", b"c"])
    written(folder, [b"x"] * 600)
    assert list(tree.entries()) == [b"a", b"b", b"c"]
    assert tree.root() == tree.checkpoint.root


def test_what_cannot_be_is_refused_before_anything_is_written(tmp_path):
    """Entries too long, places beyond the end, an origin of two lines."""
    with Journal.open(tmp_path / "log", ORIGIN, SIGNER) as journal:
        journal.append([b"a"])
        before = sorted(tmp_path.rglob("*"))
        with pytest.raises(InputError, match="65536 bytes"):
            journal.append([b"fine", bytes(65_536)])
        assert sorted(tmp_path.rglob("*")) == before
        assert journal.append([bytes(65_535)]).size == 2
        for ask in (
            lambda: journal.entry(2),
            lambda: journal.inclusion(2),
            lambda: journal.consistency(3),
            lambda: journal.root(3),
            lambda: list(journal.entries(-1, 1)),
        ):
            with pytest.raises(UsageError):
                ask()
    with pytest.raises(InputError, match="one line"):
        Journal.open(tmp_path / "two", "a\nb", SIGNER)
    with pytest.raises(StateError, match="closed"):
        journal.append([b"late"])


def test_the_key_and_the_head_of_another_log_verify():
    """Go's checksum database: its published key, its key id, a head it signed."""
    key = Verifier.parse(SUM_DB)
    assert str(key) == SUM_DB
    head = verify_checkpoint(SUM_DB_HEAD, [key], "go.sum database tree")
    assert head.size == 63_096_908
    with pytest.raises(InputError, match="does not fit the text"):
        verify_checkpoint(SUM_DB_HEAD.replace("63096908", "63096909"), [key])
    with pytest.raises(InputError, match="no key that is trusted"):
        verify_checkpoint(SUM_DB_HEAD, KEYS)
    with pytest.raises(InputError, match="not of"):
        verify_checkpoint(SUM_DB_HEAD, [key], "another")


def test_cosignatures_of_witnesses_are_kept_and_ignored(tmp_path):
    """A head with a witness' line verifies by the log's key, and the journal goes on from it."""
    folder = tmp_path / "log"
    written(folder, [b"a"])
    blob = notes.b64encode(b"\x01\x02\x03\x04" + bytes(72)).decode()
    head = folder / "checkpoint"
    head.write_text(head.read_text() + f"— witness.example.org/w1 {blob}\n")
    found = read(folder, KEYS).checkpoint
    assert [one.name for one in notes.parse(found.note).signatures] == [ORIGIN, "witness.example.org/w1"]
    assert written(folder, [b"b"]).size == 2


def test_a_new_key_continues_a_log_whose_old_key_is_trusted(tmp_path):
    """Key rotation; without the old key the log is refused, and nothing in it changes."""
    folder = tmp_path / "log"
    written(folder, [b"a"])
    new = Signer.generate(ORIGIN)
    with pytest.raises(StateError, match="no key that is trusted"):
        Journal.open(folder, ORIGIN, new)
    with Journal.open(folder, ORIGIN, new, KEYS) as journal:
        journal.append([b"b"])
    assert read(folder, [new.verifier]).size == 2
    with pytest.raises(StateError, match="not of"):
        Journal.open(folder, "example.org/other", new)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "\n\n— a AAAAAAA=\n",
        "a\n1\n\n— x AAAAAAA=",
        "a\n1\nAA==\n\n- x AAAAAAA=\n",
        "a\n1\nAA==\n\n— x y+z AAAAAAA=\n",
        "a\n1\nAA==\n\n— x AAAAA\n",
        "a\n1\nAA==\n\n— x AAAA\n",
        "a\r\n1\nAA==\n\n— x AAAAAAA=\n",
        "x" * (notes.LARGEST_NOTE + 1),
    ],
)
def test_a_note_that_is_malformed_is_refused(note):
    """Each with an InputError, before any signature is looked at."""
    with pytest.raises(InputError):
        verify_checkpoint(note, KEYS)


@pytest.mark.parametrize("text", ["a\n", "a\n01\nR\n", "a\n-1\nR\n", "a\n1\nAA==\n", "a\n1\nR\n\nb\n", "a\n1\nR=\n"])
def test_a_signed_text_that_is_no_checkpoint_is_refused(text):
    """Even with a good signature: leading zeroes, a short root, empty lines."""
    root = notes.b64encode(bytes(32)).decode()
    with pytest.raises(InputError):
        verify_checkpoint(SIGNER.sign(text.replace("R", root)), KEYS)


@pytest.mark.parametrize(
    "text", ["", "name", "n+00000000+AQ==", SUM_DB.replace("033", "133"), SUM_DB[:-2], "a b+1+AA=="]
)
def test_a_verifier_key_that_is_malformed_is_refused(text):
    """Wrong id, short key, no key."""
    with pytest.raises(InputError):
        Verifier.parse(text)


def test_a_signer_does_not_show_its_secret():
    """Neither by repr nor by str."""
    assert SIGNER.seed.hex() not in repr(SIGNER) + str(SIGNER) + str(vars(SIGNER))
    with pytest.raises(InputError, match="31 bytes"):
        Signer.from_seed("a", bytes(31))


def test_lines_have_one_spelling():
    """What is written is read back; another spelling of the same line is refused."""
    line = Line(12.5, "identity:alice", "fence.apply", "host:gpu0001", {"b": 1, "a": ["x"]}, "r-1")
    data = encode(line)
    assert data == (
        b'{"actor":"identity:alice","detail":{"a":["x"],"b":1},"receipt":"r-1",'
        b'"subject":"host:gpu0001","what":"fence.apply","when":12.5}'
    )
    assert decode(data) == line
    for wrong in (data.replace(b":1}", b": 1}"), data[:-1], b"[]", b"\xff", data.replace(b"what", b"who"), b"[" * 5000):
        with pytest.raises(InputError):
            decode(wrong)
    with pytest.raises(InputError, match="70080 bytes"):
        encode(Line(0.0, "a", "b", "c", {"d": "x" * 70_000}))
    with pytest.raises(InputError, match="cannot stand"):
        encode(Line(0.0, "a", "b", "c", {"d": object()}))
