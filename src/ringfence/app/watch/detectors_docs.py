"""The reference page of the detectors, written from what each says about itself."""

from ringfence.estate.threats import THREATS
from ringfence.watch.detector import About, Detector
from ringfence.watch.detectors import DETECTORS
from ringfence.wire.ocsf.classes import CLASSES

_HEAD = """# Detectors

What `ringfence watch` notices by itself, beside Sigma rules. Each has a threat that it sees, and says what honest work
looks the same. A `node` detector sees every event of one host; a `joint` one sees the whole cluster, condensed to
intervals of 30 seconds. Severity is from 0 to 100, before the estate is asked what is at stake.

Technique ids are those of MITRE ATLAS 5.6.0 (`ATLAS.yaml`) and of MITRE ATT&CK Enterprise 17.
"""


def detectors_page() -> str:
    """Every detector: what it sees, where it is wrong, which threats it belongs to."""
    return "\n".join([_HEAD, *(_section(one) for one in DETECTORS)])


def _section(detector: Detector) -> str:
    about = detector.about
    lines = [f"### {about.id} `{about.name}`: {about.title}\n", f"{about.meaning}\n"]
    lines.append(f"- **Sees**: {', '.join(CLASSES[uid].name for uid in about.sees)}; {_stage(about)}.")
    lines.append(f"- **Threats**: {'; '.join(f'{one} ({THREATS[one]})' for one in about.threats)}.")
    lines.append(f"- **Severity**: {about.severity}{', sent without waiting for a batch' if about.urgent else ''}.")
    if about.false:
        lines.append(f"- **Where it is wrong**: {about.false}")
    for title, ids in (("ATT&CK", about.attack), ("ATLAS", about.atlas)):
        if ids:
            lines.append(f"- **{title}**: {', '.join(ids)}")
    return "\n".join(lines) + "\n"


def _stage(about: About) -> str:
    return f"{about.stage} stage" + (f", within {about.seconds:g} s" if about.seconds else "")
