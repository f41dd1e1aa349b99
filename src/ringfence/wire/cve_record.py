"""CVE records (schema 5) as the CVE programme publishes them, as far as versions go."""

from collections.abc import Iterator

import msgspec

from ringfence.errors import InputError
from ringfence.wire import safe
from ringfence.wire.advisory import Advisory, Flaw, Named, cve, text

MOST_BYTES = 8 << 20
MOST_VERSIONS = 100_000
_REMEDY = "give CVE records of schema 5, each in a file of its own"


class _Version(msgspec.Struct, rename="camel"):
    version: str = ""
    status: str = ""
    less_than: str = ""
    less_than_or_equal: str = ""


class _Affected(msgspec.Struct):
    vendor: str = ""
    product: str = ""
    platforms: list[str] = []
    versions: list[_Version] = []


class _Container(msgspec.Struct):
    affected: list[_Affected] = []
    title: str = ""


class _Containers(msgspec.Struct):
    cna: _Container = msgspec.field(default_factory=_Container)


class _Metadata(msgspec.Struct, rename="camel"):
    cve_id: str
    date_published: str = ""


class _Record(msgspec.Struct, rename="camel"):
    cve_metadata: _Metadata
    containers: _Containers = msgspec.field(default_factory=_Containers)


def read(data: bytes) -> Advisory:
    """One record as an advisory of one flaw, under its own id. Raises `InputError` if it is none."""
    if len(data) > MOST_BYTES:
        raise InputError(f"larger than {MOST_BYTES >> 20} MiB", remedy=_REMEDY)
    record: _Record = safe.json(data, _Record)
    name = cve(record.cve_metadata.cve_id)
    if not name:
        raise InputError("no CVE id", remedy=_REMEDY)
    cna = record.containers.cna
    named = list(_named(cna.affected))
    affected = tuple(each for status, each in named if status == "affected")
    fixed = tuple(each for status, each in named if status == "unaffected")
    released = text(record.cve_metadata.date_published[:10])
    return Advisory(name, text(cna.title) or name, released, (Flaw(name, affected, fixed),))


def _named(affected: list[_Affected]) -> Iterator[tuple[str, Named]]:
    count = 0
    for one in affected:
        platform = ", ".join(one.platforms[:8])
        for version in one.versions:
            count += 1
            if count > MOST_VERSIONS:
                raise InputError(f"more than {MOST_VERSIONS:,} versions", remedy=_REMEDY)
            yield version.status, Named(text(platform), text(one.product), text(_range(version)))


def _range(version: _Version) -> str:
    """The schema's own bounds in the words that the publishers' prose uses."""
    start = version.version if version.version not in ("", "0", "*", "unspecified") else ""
    if version.less_than:
        return f"{start} prior to {version.less_than}" if start else f"prior to {version.less_than}"
    if version.less_than_or_equal:
        return (
            f"{start} to {version.less_than_or_equal}" if start else f"up to and including {version.less_than_or_equal}"
        )
    return version.version
