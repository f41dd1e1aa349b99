"""The techniques and mitigations of MITRE ATLAS that we use, by id, and what a newer file of it says about them."""

from collections.abc import Iterator, Mapping

import msgspec

from ringfence.wire.atlas import Atlas

VERSION = "5.6.0"
"""Of ATLAS (`ATLAS.yaml`), in which every id here was found under this name."""

NAMES: Mapping[str, str] = {
    "AML.M0005": "Control Access to AI Models and Data at Rest",
    "AML.M0012": "Encrypt Sensitive Information",
    "AML.M0013": "Code Signing",
    "AML.M0014": "Verify AI Artifacts",
    "AML.M0019": "Control Access to AI Models and Data in Production",
    "AML.M0023": "AI Bill of Materials",
    "AML.M0024": "AI Telemetry Logging",
    "AML.M0025": "Maintain AI Dataset Provenance",
    "AML.T0004": "Search Application Repositories",
    "AML.T0006": "Active Scanning",
    "AML.T0007": "Discover AI Artifacts",
    "AML.T0010": "AI Supply Chain Compromise",
    "AML.T0010.000": "Hardware",
    "AML.T0010.002": "Data",
    "AML.T0010.003": "Model",
    "AML.T0010.004": "Container Registry",
    "AML.T0011.000": "Unsafe AI Artifacts",
    "AML.T0011.001": "Malicious Package",
    "AML.T0012": "Valid Accounts",
    "AML.T0015": "Evade AI Model",
    "AML.T0018": "Manipulate AI Model",
    "AML.T0018.000": "Poison AI Model",
    "AML.T0018.001": "Modify AI Model Architecture",
    "AML.T0018.002": "Embed Malware",
    "AML.T0020": "Poison Training Data",
    "AML.T0025": "Exfiltration via Cyber Means",
    "AML.T0029": "Denial of AI Service",
    "AML.T0031": "Erode AI Model Integrity",
    "AML.T0034": "Cost Harvesting",
    "AML.T0035": "AI Artifact Collection",
    "AML.T0037": "Data from Local System",
    "AML.T0041": "Physical Environment Access",
    "AML.T0044": "Full AI Model Access",
    "AML.T0048.000": "Financial Harm",
    "AML.T0048.004": "AI Intellectual Property Theft",
    "AML.T0049": "Exploit Public-Facing Application",
    "AML.T0055": "Unsecured Credentials",
    "AML.T0057": "LLM Data Leakage",
    "AML.T0058": "Publish Poisoned Models",
    "AML.T0059": "Erode Dataset Integrity",
    "AML.T0072": "Reverse Shell",
    "AML.T0076": "Corrupt AI Model",
    "AML.T0091.000": "Application Access Token",
    "AML.T0105": "Escape to Host",
}


class Moved(msgspec.Struct, frozen=True):
    """An id that is not what it was: `became` is another id of the same name, or another name; "" where it is gone."""

    id: str
    name: str
    what: str
    became: str = ""


def moved(atlas: Atlas, known: Mapping[str, str] = NAMES) -> Iterator[Moved]:
    """What of the ids that we use is gone, has another id, or means something else in this file."""
    there = {**atlas.techniques, **atlas.mitigations}
    by_name: dict[str, str] = {}
    for id_, name in there.items():
        by_name.setdefault(name, id_)
    for id_, name in known.items():
        if id_ not in there:
            became = by_name.get(name, "")
            yield Moved(id_, name, "moved" if became else "gone", became)
        elif there[id_] != name:
            elsewhere = by_name.get(name, "")
            yield Moved(id_, name, "moved" if elsewhere else "renamed", elsewhere or there[id_])


def unsteady(atlas: Atlas, studies: Mapping[str, tuple[str, ...]]) -> Iterator[Moved]:
    """Case studies of ours whose order of techniques is another one in this file, or which are not in it."""
    for id_, steps in studies.items():
        there = atlas.studies.get(id_)
        if there is None:
            yield Moved(id_, "", "gone")
        elif there != steps:
            yield Moved(id_, "", "changed", " ".join(there))
