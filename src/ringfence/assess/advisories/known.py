"""Flaws that no advisory given by the user names, with the versions that end them. Facts only; each says its source.

`fixes`: the first fixed version of each release series that got one. `branched`: whether a series must get its own
fix, as Slurm's do. Without `fixes` there is none.
"""

import msgspec

from ringfence.assess.advisories.products import BMC, MLFLOW, RAY, SLURM


class Known(msgspec.Struct, frozen=True):
    """One flaw. `since`: series before it never had it. `decided`: whether a version alone can tell."""

    cve: str
    product: str
    fixes: tuple[str, ...]
    source: str
    branched: bool = False
    since: str = ""
    missing: str = ""


_SCHEDMD = "SchedMD's Slurm CHANGELOG, per release series"
_ANNOUNCED = "SchedMD's announcement of Slurm 21.08.8 and 20.11.9; the CVE record"
_RELEASED = "SchedMD's release notes of Slurm 25.05.9, 25.11.8 and 26.05.4; Google's bulletin GCP-2026-062"
_2022 = ("20.11.9", "21.08.8")
_2023 = ("22.05.11", "23.02.7", "23.11.1")
_2026 = ("25.05.9", "25.11.8", "26.05.4")


def _slurm(cve: str, fixes: tuple[str, ...], since: str = "", missing: str = "", source: str = _SCHEDMD) -> Known:
    return Known(cve, SLURM, fixes, source, branched=True, since=since, missing=missing)


KNOWN: tuple[Known, ...] = (
    _slurm("CVE-2022-29500", _2022, source=_ANNOUNCED),
    _slurm("CVE-2022-29501", _2022, source=_ANNOUNCED),
    # the record says 20.11 and 21.08; two distributions saw no need to mend 20.11
    _slurm("CVE-2022-29502", _2022, since="20.11", source=_ANNOUNCED),
    _slurm("CVE-2023-41914", ("22.05.10", "23.02.6")),
    _slurm("CVE-2023-49933", _2023),
    _slurm("CVE-2023-49934", ("23.11.1",), since="23.11"),
    _slurm("CVE-2023-49935", ("23.02.7", "23.11.1"), since="23.02"),
    _slurm("CVE-2023-49936", _2023),
    _slurm("CVE-2023-49937", _2023),
    _slurm("CVE-2023-49938", ("22.05.11", "23.02.7")),
    _slurm("CVE-2024-42511", ("23.02.8", "23.11.9", "24.05.2"), missing="whether switch/hpe_slingshot or IMEX is used"),
    _slurm("CVE-2024-48936", ("24.05.4",), since="24.05", missing="whether stepmgr is enabled"),
    _slurm("CVE-2025-43904", ("23.11.11", "24.05.8", "24.11.5")),
    *(_slurm(f"CVE-2026-{number}", _2026, source=_RELEASED) for number in (65107, 65108, 65109, 65138, 65139)),
    *(_slurm(f"CVE-2026-{number}", _2026, source=_RELEASED) for number in (65140, 65165, 65168)),
    Known("CVE-2023-48022", RAY, (), "MITRE ATLAS AML.CS0023; disputed by its maker, no fix: authenticate or segment"),
    Known("CVE-2023-6977", MLFLOW, ("2.9.2",), "the CVE record: MLflow before 2.9.2"),
    Known(
        "CVE-2024-54085",
        BMC,
        (),
        "CISA's catalogue of exploited vulnerabilities",
        missing="whether the maker's firmware carries AMI's fix",
    ),
)
