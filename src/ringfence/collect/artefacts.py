"""Artefacts → facts: formats told by bytes, what a pickle would import, what images and models are made of.

An artefact of a capture lies at `artefacts/<host>/<its path on that host>`; copied anywhere else,
its folder in the capture names it.
"""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from ringfence.collect.base import CapturedFile, Found, stamped
from ringfence.collect.places import Places
from ringfence.collect.storage_data import root_of
from ringfence.errors import InputError, Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.wire.artefact import archive, bom, gguf, kinds, pickle, safetensors

_PICKLE_ENDINGS = (".pkl", ".pickle", ".pt", ".pth", ".ckpt", ".joblib", ".distcp")

_MOST_HEADS = 16 << 20
"""How many bytes of an archive's members are tried as pickles of protocol 0 or 1, which nothing marks."""


def detail(path: str, head: bytes) -> str:
    """Which artefact it is: by its first bytes, by its ending only for pickles of protocol 0 and 1."""
    if safetensors.looks_like(head):
        return "safetensors"
    if gguf.looks_like(head):
        return "gguf"
    if archive.looks_like(head):
        return "archive"
    if pickle.looks_like(head):
        return "pickle"
    if bom.looks_like(head):
        return "bom"
    if path.lower().endswith(_PICKLE_ENDINGS) or (path.lower().endswith(".bin") and pickle.is_old(head)):
        return "pickle"
    return ""


def facts(form: str, files: Iterable[CapturedFile], places: Places) -> Iterator[Found]:
    """Facts of every artefact of one form."""
    for file in files:
        try:
            found = list(_READERS[form](file, places))
        except InputError as error:
            yield Problem.of(file.path, error)
        else:
            for each in found:
                yield stamped(each, file) if isinstance(each, Fact) else each


def entity_of(file: CapturedFile, places: Places) -> str:
    """The model, checkpoint or dataset that a captured artefact is a file of."""
    parts = PurePosixPath(file.path).parts
    guess = kinds.of_name(file.name)
    guessed = [guess.kind] if guess else [kinds.MODEL]
    if "artefacts" in parts[:-2]:
        at = parts.index("artefacts")
        host, path = places.scope.host(parts[at + 1]), "/" + "/".join(parts[at + 2 :])
        folder = path.rpartition("/")[0] or "/"
        place = places.of(host, folder)
        known = places.find(place)
        if known:
            return known
        top, kind = root_of(folder, guessed)
        return places.entity(kind, places.of(host, top))
    folder = "/".join(parts[:-1]) or file.name
    return ids.of(kinds.MODEL if kinds.MODEL in guessed or file.name.endswith(".zip") else guessed[0], folder)


def _safetensors(file: CapturedFile, places: Places) -> Iterator[Found]:
    header = safetensors.parse(file.data)
    entity = entity_of(file, places)
    yield Fact(entity, "has_format", "safetensors", {"tensors": len(header.tensors), "bytes": header.bytes})


def _gguf(file: CapturedFile, places: Places) -> Iterator[Found]:
    header = gguf.parse(file.data)
    entity = entity_of(file, places)
    yield Fact(entity, "has_format", "gguf", {"tensors": header.tensors})
    for key in ("general.name", "general.architecture", "general.license"):
        if key in header.texts:
            yield Fact(entity, "labelled", f"{key}={ids.clean(header.texts[key])}")


def _pickle(file: CapturedFile, places: Places) -> Iterator[Found]:
    yield from _scanned(pickle.scan(file.data), entity_of(file, places), file.path)


def _archive(file: CapturedFile, places: Places) -> Iterator[Found]:
    """Every member is looked at, whatever its name: loaders go by content too."""
    entity, left = entity_of(file, places), archive.MOST_TOTAL
    opcodes, heads = pickle.MOST_OPCODES, _MOST_HEADS
    for member in archive.members(file.data):
        try:
            content = archive.content(file.data, member, min(archive.MOST_MEMBER, left))
        except InputError as error:
            yield Problem.of(file.path, error)
            continue
        left -= len(content)
        if left <= 0 or heads <= 0 or opcodes <= 0:
            yield Problem(file.path, 0, "too much to unpack or to scan; the rest was not looked at", "do not load it")
            return
        marked = pickle.looks_like(content)
        if not marked:
            heads -= min(len(content), pickle.OLD_HEAD) if content[:1].isascii() else 0
        if marked or member.name.lower().endswith(_PICKLE_ENDINGS) or pickle.is_old(content):
            scan = pickle.scan(content, opcodes)
            opcodes -= scan.opcodes
            yield from _scanned(scan, entity, f"{file.path}!{ids.clean(member.name)}")


def _scanned(scan: pickle.Scan, entity: str, where: str) -> Iterator[Found]:
    if scan.pickles or scan.imports:
        yield Fact(entity, "has_format", "pickle")
    for each in scan.imports:
        name = ids.clean(f"{each.module}.{each.name}")
        if each.verdict == "dangerous":
            yield Fact(entity, "vulnerable_to", f"pickle:{name}", {"gives": "code", "file": ids.clean(where)})
        elif each.verdict == "unknown":
            yield Fact(entity, "setting", f"pickle_import={name}")
    if scan.broken:
        yield Fact(entity, "setting", "pickle=broken")
        yield Problem(
            where, 0, f"the pickle is broken at {scan.broken}", "do not load it; what it imports before counts"
        )
    if scan.cut:
        yield Problem(where, 0, "more opcodes than any trainer writes; the rest was not scanned", "do not load it")


def _bom(file: CapturedFile, places: Places) -> Iterator[Found]:
    document = bom.parse(file.data)
    subject = document.subject
    about = _described(subject) if subject else ""
    on_host = places.scope.host_of(file.path) if "hosts" in PurePosixPath(file.path).parts[:-1] else ""
    if not about and not on_host and not any(part.kind == "model" for part in document.parts):
        yield Problem(file.path, 0, "does not say which image or model it describes", document.naming)
    for part in (*document.parts, *([subject] if subject else [])):
        if part.kind == "package":
            if part is not subject:
                yield from _package(part, about, on_host)
        else:
            yield from _described_facts(part)


def _described(part: bom.Part) -> str:
    """The entity of a container, model or dataset component; empty for anything else."""
    if part.kind == "image":
        joint = "@" if part.version.startswith("sha256:") else ":"
        tagged = part.version and "@" not in part.name and ":" not in part.name.rpartition("/")[2]
        return "image:" + ids.clean(f"{part.name}{joint}{part.version}" if tagged else part.name)
    return ids.of(part.kind, part.name) if part.kind in ("model", "dataset") else ""


def _described_facts(part: bom.Part) -> Iterator[Fact]:
    entity = _described(part)
    for algorithm, digest in part.digests:
        yield Fact(entity, "has_hash", ids.clean(digest.lower()), {"algorithm": ids.clean(algorithm)})
    if part.kind == "model":
        for used in part.uses:
            yield Fact(entity, "trained_from", ids.of("dataset", used))


def _package(part: bom.Part, about: str, on_host: str) -> Iterator[Fact]:
    package = "package:" + ids.clean(bom.bare(part.purl) if part.purl else part.name)
    version = {"version": ids.clean(part.version)}
    if about.startswith(("image:", "model:")):
        yield Fact(about, "contains_package", package, version)
    elif on_host:
        yield Fact(on_host, "runs_software", package, version)
    for algorithm, digest in part.digests:
        yield Fact(package, "has_hash", ids.clean(digest.lower()), {"algorithm": ids.clean(algorithm)})


_READERS = {"safetensors": _safetensors, "gguf": _gguf, "archive": _archive, "pickle": _pickle, "bom": _bom}
