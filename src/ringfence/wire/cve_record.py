"""CVE records (schema 5) as the CVE programme publishes them, as far as versions go."""

from collections.abc import Iterator

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.advisory import Advisory, Flaw, Named, cve, text

MOST_BYTES = 8 << 20
MOST_VERSIONS = 100_000
_AFFECTED, _UNAFFECTED, _UNKNOWN = "affected", "unaffected", "unknown"
_ALL = "all versions"
_REMEDY = "give CVE records of schema 5, each in a file of its own"


class _Change(msgspec.Struct):
    at: str = ""
    status: str = ""


class _Version(msgspec.Struct, rename="camel"):
    version: str = ""
    status: str = ""
    less_than: str = ""
    less_than_or_equal: str = ""
    changes: list[_Change] = []


class _Affected(msgspec.Struct, rename="camel"):
    vendor: str = ""
    product: str = ""
    package_name: str = ""
    default_status: str = "unknown"
    platforms: list[str] = []
    versions: list[_Version] = []


class _Container(msgspec.Struct):
    affected: list[_Affected] = []
    title: str = ""


class _Containers(msgspec.Struct):
    cna: _Container = msgspec.field(default_factory=_Container)


class _Metadata(msgspec.Struct, rename="camel"):
    cve_id: str
    state: str = ""
    date_published: str = ""


class _Record(msgspec.Struct, rename="camel"):
    cve_metadata: _Metadata
    containers: _Containers = msgspec.field(default_factory=_Containers)


def read(data: bytes) -> Advisory:
    """One record as an advisory of one flaw, under its own id; of none if the record was rejected.

    Raises `InputError` if it is no record.
    """
    if len(data) > MOST_BYTES:
        raise InputError(f"larger than {MOST_BYTES >> 20} MiB", remedy=_REMEDY)
    record: _Record = safe.json(data, _Record)
    name = cve(record.cve_metadata.cve_id)
    if not name:
        raise InputError("no CVE id", remedy=_REMEDY)
    cna = record.containers.cna
    released = text(record.cve_metadata.date_published[:10])
    title = text(cna.title) or name
    if record.cve_metadata.state.upper() == "REJECTED":
        return Advisory(name, title, released, ())
    told: dict[str, list[Named]] = {_AFFECTED: [], _UNAFFECTED: [], _UNKNOWN: []}
    for status, named in _named(cna.affected):
        told[status if status in told else _UNKNOWN].append(named)
    return Advisory(name, title, released, (Flaw(name, *map(tuple, told.values())),))


def _named(affected: list[_Affected]) -> Iterator[tuple[str, Named]]:
    """(status, product in versions) of everything that a record states."""
    count = 0
    for one in affected:
        count += 1 + len(one.versions) + sum(len(version.changes) for version in one.versions)
        if count > MOST_VERSIONS:
            raise InputError(f"more than {MOST_VERSIONS:,} versions", remedy=_REMEDY)
        platform, product = text(", ".join(one.platforms[:8])), text(one.product or one.package_name)
        vendor = text(one.vendor)
        for status, versions in _statements(one):
            yield status, Named(platform, product, text(versions), vendor)


def _statements(one: _Affected) -> Iterator[tuple[str, str]]:
    """(status, versions) of those that are listed, then of all others, which have the default."""
    for version in one.versions:
        yield from _pieces(version)
    rest = one.default_status
    if rest == _AFFECTED or (rest != _UNAFFECTED and all(version.status != _AFFECTED for version in one.versions)):
        others = _others([version for version in one.versions if version.status != rest or version.changes])
        if others:
            yield rest, others


def _pieces(one: _Version) -> Iterator[tuple[str, str]]:
    """A range is cut where its status changes; the changes stand in the order of versions."""
    start, status = one.version, one.status
    for change in one.changes:
        yield status, _range(start, change.at)
        start, status = change.at, change.status
    is_open = bool(one.changes) and not one.less_than and not one.less_than_or_equal
    yield status, _range(start, "*" if is_open else one.less_than, one.less_than_or_equal)


def _others(listed: list[_Version]) -> str:
    """All versions but those; "" if there are none. Where words cannot tell them they are told as they are."""
    if not listed:
        return _ALL
    first = listed[0]
    if len(listed) == 1 and not first.changes:
        if "*" in (first.less_than, first.less_than_or_equal):
            start = _start(first.version)
            return f"prior to {start}" if start else ""
        if first.less_than and not _start(first.version) and "*" not in first.less_than:
            return f"{first.less_than} and later"
    return f"{_ALL} other than " + "; ".join(part for one in listed for _, part in _pieces(one))


def _start(version: str) -> str:
    return "" if version in ("", "0", "*", "unspecified") else version


def _range(version: str, less_than: str = "", last: str = "") -> str:
    """The schema's own bounds in the words that the publishers' prose uses. `1.2.*` as an end is its whole series."""
    start = _start(version)
    if "*" in (less_than, last):
        return f"{start} and later" if start else _ALL
    if less_than.endswith(".*"):
        less_than, last = "", less_than
    if less_than:
        return f"{start} prior to {less_than}" if start else f"prior to {less_than}"
    if last:
        end = last[:-1] + "x" if last.endswith(".*") else last
        return f"{start} to {end}" if start else f"up to and including {end}"
    return version if version == "0" or start else _ALL
