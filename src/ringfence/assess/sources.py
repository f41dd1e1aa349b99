"""Where every outside id of a check was found: the file and its version. An id that stands in none is left out.

Tests hold the checks to this, and the tables to the files where those are at hand.
"""

from collections.abc import Collection, Iterator, Mapping

import msgspec

from ringfence.assess.check import Check
from ringfence.assess.outside import CIS, D3FEND


class Source(msgspec.Struct, frozen=True):
    """One outside list of ids: whose it is, which version, and in which file or page it was read."""

    name: str
    version: str
    where: str


SOURCES: Mapping[str, Source] = {
    "nist": Source(
        "NIST SP 800-53, Revision 5, HIGH baseline",
        "Final, OSCAL 1.0.0, 2021-06-08",
        "usnistgov/oscal-content, NIST_SP-800-53_rev5_HIGH-baseline_profile-min.json; IA-9, which is in no "
        "baseline, on its page of NIST SP 800-53 Revision 5 at csf.tools",
    ),
    "atlas": Source("MITRE ATLAS", "5.6.0", "mitre-atlas/atlas-data, dist/ATLAS.yaml"),
    "attack": Source("MITRE ATT&CK", "as tagged at 8eaafff", "SigmaHQ/sigma, tags of its rules"),
    "d3fend": Source("MITRE D3FEND", "1.6.0", "d3fend/d3fend, ontologies/d3fend/1.6.0/d3fend.csv"),
    "cis": Source(
        "CIS Kubernetes Benchmark 1.11.1 and CIS Distribution Independent Linux Benchmark 2.0.0",
        "as their checkers number them",
        "aquasecurity/kube-bench, cfg/cis-1.11/policies.yaml and node.yaml; dev-sec/cis-dil-benchmark, controls/5_2 "
        "and 6_2",
    ),
    "cve": Source(
        "CVE",
        "2025",
        "NVIDIA/product-security (CSAF), cisagov/kev-data, ATLAS.yaml; of Slurm, SchedMD's CHANGELOG; of "
        "LeftoverLocals, Trail of Bits",
    ),
}
"""Kind of id, as `Refs` names it → where it was found."""

NIST = frozenset(
    """
    AC-2 AC-3 AC-4 AC-5 AC-6 AC-7 AC-10 AC-12 AC-14 AC-17 AU-2 AU-3 AU-9 AU-10 AU-12 CA-7 CA-9 CM-2 CM-3 CM-5 CM-6 CM-7
    CM-8 CM-11 CP-9 CP-10 IA-2 IA-3 IA-4 IA-5 IA-7 IA-8 IA-9 IA-11 MA-3 MA-4 MP-4 MP-6 PE-3 PE-4 PE-6 RA-3 RA-5
    SA-9 SA-10 SA-22 SC-2 SC-3 SC-4 SC-5 SC-7 SC-8 SC-10 SC-12 SC-13 SC-23 SC-28 SC-39 SI-2 SI-3 SI-4 SI-7 SI-10 SR-2
    SR-3 SR-5 SR-9 SR-10 SR-11
    """.split()  # noqa: SIM905
)
"""Controls that a check may name: those of the file above that are about what facts can decide."""

READ: Mapping[str, Collection[str]] = {"nist": NIST, "d3fend": D3FEND, "cis": CIS}
"""Kind of id → all that were read in its file. The other kinds are compared with the files themselves."""

NOTED_CVES = frozenset(
    {
        "CVE-2022-29500",
        "CVE-2022-29501",
        "CVE-2022-29502",
        "CVE-2023-41914",
        "CVE-2023-4969",
        "CVE-2024-42511",
        "CVE-2024-48936",
        "CVE-2025-43904",
        "CVE-2026-65107",
        "CVE-2026-65140",
    }
)
"""CVEs that no list at hand names: of Slurm from SchedMD's CHANGELOG and notes of releases, of LeftoverLocals from
its finders."""


def unsourced(check: Check) -> Iterator[str]:
    """Outside ids of a check for which no source is named, as `kind id`."""
    for kind in check.refs.__struct_fields__:
        for name in getattr(check.refs, kind):
            if kind not in SOURCES or (kind in READ and name not in READ[kind]):
                yield f"{kind} {name}"
