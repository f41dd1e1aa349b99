"""Tensor headers, archives, pickles and bills of material: read, never loaded."""

import contextlib
import io
import json
import struct
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.errors import InputError
from ringfence.wire.artefact import archive, bom, gguf, kinds, pickle, safetensors
from tests.shared_data import shared

HERE = Path(__file__).parents[1] / "fixtures" / "artefact"


def tensors(header: object, body: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


GOOD = {
    "__metadata__": {"format": "pt"},
    "a": {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]},
    "b": {"dtype": "F32", "shape": [], "data_offsets": [12, 16]},
}


def test_a_safetensors_header_is_enough():
    """With its data or without; names, shapes and sizes come from the header."""
    for data in (tensors(GOOD), tensors(GOOD, bytes(16))):
        header = safetensors.parse(data)
        assert [each.name for each in header.tensors] == ["a", "b"]
        assert header.bytes == 16
    assert safetensors.parse(tensors(GOOD)).only_header


@pytest.mark.parametrize(
    ("name", "row", "says"),
    [
        ("a", {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 10]}, "another size"),
        ("b", {"dtype": "F32", "shape": [], "data_offsets": [8, 12]}, "overlaps"),
        ("b", {"dtype": "F32", "shape": [], "data_offsets": [13, 17]}, "gap"),
        ("b", {"dtype": "F32", "shape": [-1], "data_offsets": [12, 16]}, "lacks"),
        ("b", {"dtype": "F32", "shape": [1 << 70], "data_offsets": [12, 16]}, "lacks"),
        ("b", {"dtype": "F32", "shape": [1]}, "lacks"),
    ],
)
def test_offsets_that_lie_are_refused(name, row, says):
    """Overlaps, gaps, wrong sizes, numbers no file can have."""
    with pytest.raises(InputError, match=says):
        safetensors.parse(tensors({**GOOD, name: row}))


def test_a_safetensors_file_cut_short_is_refused():
    """Neither whole nor header only."""
    with pytest.raises(InputError, match="holds 7"):
        safetensors.parse(tensors(GOOD, bytes(7)))
    with pytest.raises(InputError, match="cut short"):
        safetensors.parse(tensors(GOOD)[:40])


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def test_gguf_metadata_is_read_past_arrays():
    """Texts behind a vocabulary are found; a capture that ends within says so."""
    words = struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b")
    data = b"GGUF" + struct.pack("<IQQ", 3, 1, 2)
    data += text("tokenizer.tokens") + words + text("general.name") + struct.pack("<I", 8) + text("llama")
    assert gguf.parse(data) == gguf.Header(3, 1, {"general.name": "llama"}, True)
    assert not gguf.parse(data[:-8]).whole


MALICIOUS = sorted(
    f"{name}"
    for name in (
        *("malicious0.pkl", "malicious11.pkl", "malicious13a.pkl", "malicious14.pkl", "malicious15b.pkl"),
        *("malicious17.pkl", "malicious19.pkl", "malicious1_v3.pkl", "malicious2_v0.pkl", "malicious2_v4.pkl"),
        *("malicious4.pickle", "malicious6.pkl", "malicious8.pkl", "pytorch_magic_bypass.pt", "broken_model.pkl"),
        "sys_module_override_sploit.pkl",
    )
)


@pytest.mark.parametrize("name", MALICIOUS)
def test_every_published_malicious_pickle_is_dangerous(name):
    """Among them one whose damage comes after the import, and one that computes what it imports."""
    assert pickle.scan((shared("pickle") / name).read_bytes()).verdict == "dangerous"


@pytest.mark.parametrize(
    "name", ["malicious1.zip", "malicious1_0x20.zip", "malicious1_central_directory.zip", "malicious1_wrong_ext.zip"]
)
def test_archives_that_hide_their_pickle_are_opened(name):
    """Odd flags, a directory that disagrees, an innocent ending: the member is scanned all the same."""
    data = (shared("pickle") / name).read_bytes()
    (member,) = archive.members(data)
    assert pickle.scan(archive.content(data, member)).verdict == "dangerous"


def test_benign_pickles_and_a_real_checkpoint_are_benign():
    """Precision: a scanner that always warns is switched off."""
    for name in ("benign0_v0.pkl", "benign0_v4.pkl"):
        assert pickle.scan((shared("pickle") / name).read_bytes()).verdict == "benign"
    data = (shared("pickle") / "new_pytorch_model.bin").read_bytes()
    (inner,) = [each for each in archive.members(data) if each.name.endswith("data.pkl")]
    scan = pickle.scan(archive.content(data, inner))
    assert scan.verdict == "benign"
    assert ("torch._utils", "_rebuild_tensor_v2") in {(each.module, each.name) for each in scan.imports}


def test_a_broken_pickle_is_a_verdict_with_its_place():
    """What it imports before the damage counts, and where it broke is told."""
    scan = pickle.scan((shared("pickle") / "broken_model.pkl").read_bytes())
    assert scan.broken.startswith("byte 84")
    assert [(each.module, each.name) for each in scan.dangerous] == [("builtins", "exec")]


def test_names_that_go_through_the_memo_are_followed():
    """STACK_GLOBAL takes its two strings from the memo, the second by a long index."""
    data = b"\x80\x04\x8c\x02os\x94\x8c\x06system\x940" + b"0h\x00j\x01\x00\x00\x00\x93."
    assert [(each.module, each.name) for each in pickle.scan(data).imports] == [("os", "system")]


def test_an_archive_bomb_unpacks_to_the_limit_and_no_further():
    """A thousandfold member costs what the limit says."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("data.pkl", bytes(30 << 20))
    data = held.getvalue()
    (member,) = archive.members(data)
    assert len(archive.content(data, member, 1 << 20)) == 1 << 20


def test_an_ml_bom_names_its_datasets():
    """By reference and in place; digests come along."""
    found = bom.parse((HERE / "mlbom.cdx.json").read_bytes())
    assert found.subject is not None
    assert (found.subject.kind, found.subject.uses) == ("model", ("web-2025", "feedback"))
    assert bom.bare(found.parts[1].purl) == "pkg:pypi/torch"


def test_spdx_3_names_the_model_and_what_it_was_trained_on():
    """The document's root is a bill whose root is the model."""
    data = (HERE / "model.spdx3.json").read_bytes()
    found = bom.parse(data)
    assert bom.looks_like(data)
    assert found.subject == bom.Part("model", "llama-3", "1.0", "", (("sha256", "ab12"),), ("web-crawl",))
    assert [(part.kind, part.name) for part in found.parts] == [("dataset", "web-crawl"), ("package", "torch")]


def test_spdx_tag_value_is_recognised_and_refused():
    """With the way out, instead of as an unknown file."""
    data = b"# made by hand\nSPDXVersion: SPDX-2.3\nDataLicense: CC0-1.0\n"
    assert bom.looks_like(data)
    with pytest.raises(InputError, match="not supported") as refused:
        bom.parse(data)
    assert "JSON" in refused.value.remedy


def test_spdx_says_what_it_describes():
    """The described container is the subject, the rest are its packages."""
    found = bom.parse((HERE / "image.spdx.json").read_bytes())
    assert found.subject is not None
    assert (found.subject.kind, found.subject.version) == ("image", "sha256:ab12")
    assert [bom.bare(part.purl) for part in found.parts] == ["pkg:deb/debian/openssl"]


def test_names_tell_weights_from_data():
    """Endings and folder names of the common libraries."""
    guess = kinds.of_name("pytorch_model-00001-of-00002.bin")
    assert guess == kinds.Guess("pickle", "model")
    assert kinds.of_name("shard-0.jsonl.zst") == kinds.Guess("jsonl", "dataset")
    assert kinds.of_name("README") is None
    assert kinds.is_checkpoint("global_step1000")
    assert kinds.is_shard("part=7")


def whole_archive() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as made:
        made.writestr("archive/data.pkl", b"\x80\x02}q\x00.")
    return held.getvalue()


def read_archive(data: bytes) -> None:
    for member in archive.members(data):
        archive.content(data, member)


SAMPLES = [
    (safetensors.parse, tensors(GOOD)),
    (gguf.parse, b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + text("general.name") + struct.pack("<I", 8) + text("x")),
    (pickle.scan, b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93\x8c\x02ls\x85R."),
    (read_archive, whole_archive()),
    (bom.parse, (HERE / "mlbom.cdx.json").read_bytes()),
    (bom.parse, (HERE / "image.spdx.json").read_bytes()),
    (bom.parse, (HERE / "model.spdx3.json").read_bytes()),
]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(SAMPLES), st.integers(0, 300), st.binary(max_size=24))
def test_damaged_artefacts_raise_only_input_errors(sample, at, junk):
    """Cut, overwritten and made-up bytes."""
    parse, good = sample
    for data in (good[:at], good[:at] + junk + good[at + len(junk) :], junk):
        with contextlib.suppress(InputError):
            parse(data)
