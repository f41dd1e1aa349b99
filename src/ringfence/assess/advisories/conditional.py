"""Flaws that a configuration decides, beside the version.

What the bulletins write in brackets or in prose is read as one of a few conditions, and each asks the estate for one
fact. A condition that is not known, or a fact that is missing, makes the verdict unknown and is named.
"""

import msgspec

from ringfence.assess.advisories.products import OPERATOR, TOOLKIT
from ringfence.assess.advisories.tokens import Version, tokens
from ringfence.wire.host.toolkit import ESCAPES

CDI = "cdi"
"""The key of an installation's facts under which the mode of the toolkit stands: "on", "off", or missing."""

STRATEGY = "device-list-strategy"

RUNTIME = "low-level-runtime"
"""The key under which the runtime stands that starts containers: "crun", "runc", or missing."""

CDI_FACT = "whether devices are given to containers by CDI (toolkit.mode)"

NOT_UNDER_CDI = ("CVE-2024-0133", *(flaw.cve for flaw in ESCAPES if not flaw.under_cdi))
"""Bulletins 5582 and 5616 say in prose that these do not concern CDI."""

NOT_WITH_CRUN = ("CVE-2025-23266",)
"""Bulletin 5659 says in prose that it does not concern systems where crun is the low-level runtime."""

ODD_SETTINGS = ("CVE-2024-0136", "CVE-2024-0137")
"""Bulletin 5599: only where the toolkit is configured in a way that is not the default."""


class Met(msgspec.Struct, frozen=True):
    """Whether a condition is met; None: not known, for want of the fact named in `missing`."""

    is_met: bool | None
    missing: str = ""
    because: str = ""


_MET = Met(is_met=True)


def met(product: str, cve: str, condition: str, version: Version, facts: tuple[tuple[str, str], ...]) -> Met:
    """Whether an installation in an affected version meets what the advisory adds. Linear in the condition."""
    known = dict(facts)
    if cve in NOT_WITH_CRUN and known.get(RUNTIME) == "crun":
        return Met(is_met=False, because="the low-level runtime is crun")
    if condition:
        return _bracket(condition, version, known)
    if product in (TOOLKIT, OPERATOR) and cve in NOT_UNDER_CDI:
        return _unless_cdi(known)
    if product in (TOOLKIT, OPERATOR) and cve in ODD_SETTINGS:
        return Met(is_met=None, missing="which options of the toolkit were changed")
    return _MET


def _unless_cdi(known: dict[str, str]) -> Met:
    mode = known.get(CDI, "")
    if mode == "on":
        return Met(is_met=False, because="devices are given by CDI")
    return _MET if mode == "off" else Met(is_met=True, because="so is the default configuration, and no CDI is known")


def _bracket(condition: str, version: Version, known: dict[str, str]) -> Met:
    words = set(condition.split())
    if {"cdi", "mode", "only"} <= words:
        before = [token.low for token in tokens(condition) if token.low]
        if len(before) != 1:
            return Met(is_met=None, missing=f"what the condition means: {condition}")
        return _MET if version >= before[0] else _only_cdi(known)
    if "cdi" in words and "enabled" in words:
        return _only_cdi(known)
    if "device-list-strategy" in words:
        strategy = known.get(STRATEGY, "")
        if not strategy:
            return Met(is_met=None, missing="the device plugin's device-list-strategy")
        return Met(is_met="cdi" in strategy, because=f"device-list-strategy is {strategy}")
    return Met(is_met=None, missing=f"what the condition means: {condition}")


def _only_cdi(known: dict[str, str]) -> Met:
    mode = known.get(CDI, "")
    if mode not in ("on", "off"):
        return Met(is_met=None, missing=CDI_FACT)
    return Met(is_met=mode == "on", because=f"CDI is {mode}")


GIVES = {(TOOLKIT, flaw.cve): "container-escape" for flaw in ESCAPES}
"""What exploiting a flaw is shown to yield, by published work: a move may rest on it. For others no bulletin says."""
