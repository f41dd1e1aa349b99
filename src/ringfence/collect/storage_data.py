"""Folder listings → data: which folders are models, checkpoints and datasets, and who may touch them.

        entries ─▶ files with a known ending ─▶ their folder (slices folded up) ─▶ one entity each

Whoever may read any one file of an entity may read it: a single readable shard is a leak. A right
counts only if every listed folder above lets that account pass.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePosixPath

import msgspec

from ringfence.collect.base import CapturedFile, Found, asked, stamped
from ringfence.collect.places import Places, short
from ringfence.errors import InputError, Problem
from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.estate.kinds import EVERYONE
from ringfence.wire.artefact import kinds
from ringfence.wire.storage.folders import Entry, parse

_READ, _WRITE, _PASS = 4, 2, 1
_STICKY = 0o1000
_IMAGES = (".sqsh", ".squashfs", ".sif")


class Group(msgspec.Struct):
    """The files of one entity while they are gathered."""

    kind: str
    formats: set[str]
    size: int
    files: int
    readers: set[str]
    writers: set[str]
    owner: str
    mode: int


def folders(files: Iterable[CapturedFile], places: Places) -> Iterator[Found]:
    """Facts of every listing."""
    for file in files:
        try:
            entries = parse(file.data)
        except InputError as error:
            yield Problem.of(file.path, error)
            continue
        host = places.scope.host_of(file.path)
        yield stamped(asked(host, "folders", answered=True), file)
        yield from (stamped(fact, file) for fact in of_listing(host, entries, places))


def of_listing(host: str, entries: Iterable[Entry], places: Places) -> Iterator[Fact]:
    """Facts of one listing made on `host`."""
    by_folder, above = _sorted(entries)
    groups: dict[str, Group] = {}
    for folder, inside in by_folder.items():
        guesses = [guess for each in inside if (guess := kinds.of_name(each.name))]
        if not guesses:
            continue
        top, kind = root_of(folder, [guess.kind for guess in guesses])
        group = groups.get(top)
        if group is None:
            about = above.get(top) or inside[0]
            group = groups[top] = Group(kind, set(), 0, 0, set(), set(), about.owner, about.mode)
        _add(group, folder, inside, above, {guess.format for guess in guesses})
    for top, group in groups.items():
        yield from _said(host, top, group, places)
    yield from _images(host, by_folder, above, places)
    yield from _homes(host, above, places)
    yield from _tops(host, above, places)


def _sorted(entries: Iterable[Entry]) -> tuple[dict[str, list[Entry]], dict[str, Entry]]:
    """Files by their folder, and the folders by path. Links and devices do not count."""
    by_folder: dict[str, list[Entry]] = defaultdict(list)
    above: dict[str, Entry] = {}
    for entry in entries:
        if entry.kind == "f":
            by_folder[entry.folder].append(entry)
        elif entry.kind == "d":
            above[entry.path] = entry
    return by_folder, above


def root_of(folder: str, guessed: list[str]) -> tuple[str, str]:
    """(folder that is the entity, kind): slices such as `train` or `part=7` belong to the folder above.

    >>> root_of("/data/web/train", ["dataset"])
    ('/data/web', 'dataset')
    """
    path = PurePosixPath(folder)
    while kinds.is_shard(path.name) and not kinds.is_checkpoint(path.name) and len(path.parts) > 3:
        path = path.parent
    names = path.parts[1:]
    for depth, name in enumerate(names):
        # a trainer's state holds folders of its own: all of it is one checkpoint
        if kinds.is_checkpoint(name) and name.rstrip("s").lower() not in ("checkpoint", "ckpt"):
            return "/" + "/".join(names[: depth + 1]), kinds.CHECKPOINT
    if kinds.CHECKPOINT in guessed or any(kinds.is_checkpoint(name) for name in names):
        return str(path), kinds.CHECKPOINT
    return str(path), kinds.MODEL if kinds.MODEL in guessed else kinds.DATASET


def _add(group: Group, folder: str, inside: list[Entry], above: Mapping[str, Entry], formats: set[str]) -> None:
    """Count the files of one folder into the entity."""
    group.formats |= formats
    group.files += len(inside)
    group.size += sum(entry.size for entry in inside)
    chain = _chain(folder, above)
    seen: set[tuple[int, str, str]] = set()
    for entry in inside:
        key = (entry.mode, entry.owner, entry.group)
        if key not in seen:  # shards share one mode, owner and group: look at each combination once
            seen.add(key)
            group.readers |= _who(entry, _READ, chain)
            group.writers |= _who(entry, _WRITE, chain)
    holder = above.get(folder)
    if holder is not None and not holder.mode & _STICKY:
        # who may change the folder may put another file in place of one that is there
        group.writers |= _who(holder, _WRITE | _PASS, chain[:-1])


def _chain(folder: str, above: Mapping[str, Entry]) -> list[Entry]:
    """The listed folders from the top down to `folder`, itself included."""
    path, found = PurePosixPath(folder), []
    for each in (path, *path.parents):
        entry = above.get(str(each))
        if entry is not None:
            found.append(entry)
    return found[::-1]


def _who(entry: Entry, right: int, chain: Iterable[Entry]) -> set[str]:
    """The accounts that hold `right` on the entry and may pass every folder above it."""
    found = set()
    if _has(entry.mode, right) and all(_has(each.mode, _PASS) for each in chain):
        found.add(EVERYONE)
    if _has(entry.mode >> 3, right) and all(
        _has(each.mode, _PASS) or (each.group == entry.group and _has(each.mode >> 3, _PASS)) for each in chain
    ):
        found.add(ids.group(entry.group))
    # an owner may change the mode first, so owning is having; folders above still bar the way
    if entry.owner not in ("root", "0") and all(_owner_passes(entry, each) for each in chain):
        found.add(ids.identity(entry.owner))
    return found


def _owner_passes(entry: Entry, folder: Entry) -> bool:
    """Whether the entry's owner gets through a folder: as its owner, in its group, or as anyone."""
    if folder.owner == entry.owner:
        return True
    return _has(folder.mode, _PASS) or (folder.group == entry.group and _has(folder.mode >> 3, _PASS))


def _has(bits: int, right: int) -> bool:
    return bits & right == right


def _said(host: str, top: str, group: Group, places: Places) -> Iterator[Fact]:
    place = places.of(host, top)
    entity = places.entity(group.kind, place)
    places.remember(place, entity)
    for storage in place.on:
        attributes = {"path": ids.clean(place.path), "mode": f"{group.mode:04o}", "owner": ids.clean(group.owner)}
        yield Fact(entity, "stored_on", storage, attributes)
    yield from places.local(host, place)
    yield asked(entity, "folders", answered=True, complete=True)
    for form in sorted(group.formats):
        yield Fact(entity, "has_format", form)
    yield Fact(entity, "size_bytes", str(group.size), {"files": group.files})
    for account in sorted(group.readers | group.writers):
        if account != ids.group("root"):
            if account in group.readers:
                yield Fact(entity, "readable_by", account)
            if account in group.writers:
                yield Fact(entity, "writable_by", account)


def _images(
    host: str, by_folder: Mapping[str, list[Entry]], above: Mapping[str, Entry], places: Places
) -> Iterator[Fact]:
    """Squashed images that jobs start from, called by the path that a job would name."""
    for folder, inside in by_folder.items():
        for entry in inside:
            if not entry.name.endswith(_IMAGES):
                continue
            image, place, chain = ids.of("image", short(entry.path)), places.of(host, entry.path), _chain(folder, above)
            told = {"path": ids.clean(place.path), "mode": f"{entry.mode:04o}", "owner": ids.clean(entry.owner)}
            yield from (Fact(image, "stored_on", storage, told) for storage in place.on)
            yield from places.local(host, place)
            yield asked(image, "folders", answered=True, complete=True)
            writers = _who(entry, _WRITE, chain)
            if chain and not chain[-1].mode & _STICKY:
                writers |= _who(chain[-1], _WRITE | _PASS, chain[:-1])
            yield from (Fact(image, "writable_by", account) for account in sorted(writers - {ids.group("root")}))


def _homes(host: str, above: Mapping[str, Entry], places: Places) -> Iterator[Fact]:
    """Folders somewhere below `home` that belong to the account they are named after."""
    for path, entry in above.items():
        parts = path.split("/")[1:]
        if parts[-1] == entry.owner != "root" and not {"home", "homes", "users"}.isdisjoint(parts[:-1]):
            place = places.of(host, path)
            yield from (Fact(storage, "stores_home", ids.identity(entry.owner)) for storage in place.on)
            yield from places.local(host, place)


def _tops(host: str, above: Mapping[str, Entry], places: Places) -> Iterator[Fact]:
    """Who may put another folder in place of one that lies at the top of an export."""
    for path, entry in above.items():
        place = places.of(host, path)
        if entry.mode & _STICKY or not any(storage.endswith(f":{place.path}") for storage in place.on):
            continue
        for account in sorted(_who(entry, _WRITE | _PASS, ())):
            if account != ids.group("root"):
                yield from (Fact(storage, "writable_by", account) for storage in place.on[:1])
