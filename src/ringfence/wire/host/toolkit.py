"""Ways out of a container through the NVIDIA Container Toolkit, by its version and mode.

The one place that knows them where no bulletin is at hand. Where NVIDIA's own files are given, what they say of a
host takes the place of what is said here; a test holds both to the same words.
"""

from collections.abc import Iterator

import msgspec

from ringfence.wire.host import versions

ON, OFF, UNKNOWN = "on", "off", ""
"""Whether devices are given to containers by CDI."""


class Escape(msgspec.Struct, frozen=True):
    """One flaw: every version before `fixed`, less what the modes except.

    `under_cdi`: whether it is there where devices are given by CDI. `otherwise_since`: the first version that has it
    without CDI too.
    """

    cve: str
    fixed: str
    bulletin: str
    under_cdi: bool
    otherwise_since: str = "0"


ESCAPES: tuple[Escape, ...] = (
    Escape("CVE-2024-0132", "1.16.2", "5582", under_cdi=False),
    Escape("CVE-2025-23359", "1.17.4", "5616", under_cdi=False),
    Escape("CVE-2025-23266", "1.17.8", "5659", under_cdi=True, otherwise_since="1.17.5"),
)


def cdi(mode: str) -> str:
    """What `nvidia-container-runtime.mode` says: on, off, or unknown. `auto` decides on the host, when it runs."""
    return {"cdi": ON, "legacy": OFF, "csv": OFF}.get(mode.lower(), UNKNOWN)


def escapes(version: str, by_cdi: str) -> Iterator[Escape]:
    """The flaws that a version surely has; a release candidate, or text without a number, has none that is sure.

    The flaws that spare CDI are there in the default configuration, as the bulletins say, and so where no CDI is
    known; for the flaw that comes with CDI a mode that is not known is no evidence.

    >>> [flaw.cve for flaw in escapes("1.17.4-1", "on")]
    ['CVE-2025-23266']
    >>> list(escapes("1.17.4-1", "off"))
    []
    """
    numbers = versions.numbers(version)
    if not numbers or "~" in version or "rc" in version.lower():
        return
    for flaw in ESCAPES:
        if numbers < versions.numbers(flaw.fixed) and _there(flaw, numbers, by_cdi):
            yield flaw


def _there(flaw: Escape, numbers: tuple[int, ...], by_cdi: str) -> bool:
    if not flaw.under_cdi:
        return by_cdi != ON
    return by_cdi == ON or numbers >= versions.numbers(flaw.otherwise_since)
