"""The reference page of the threats, written from what each says about itself."""

from ringfence.app.assess.threats import seen_by
from ringfence.assess.incident import Incident
from ringfence.assess.incidents import INCIDENTS
from ringfence.assess.rand import MEASURES, SOURCE
from ringfence.assess.threat import Stride, Threat, Way
from ringfence.assess.threats import THREATS
from ringfence.estate.threats import THREATS as TITLES

_HEAD = """# Threats

What can be done to AI workloads, and how `ringfence threats` judges it on one estate. A threat comes in several ways.
A way is **open** where facts show it, or where an attacker comes to a position by the moves of [moves.md](moves.md).
It is **shut** where it is not open and a control holds, with every fact that the control rests on, coverage among
them. A thing is mitigated where every way is shut, and **unknown** wherever a fact is missing: what nobody asked about
is never mitigated.

Phases of a run: ingest, pre-train, checkpoint, evaluate, export. STRIDE: S spoofing, T tampering, R repudiation, I
information disclosure, D denial of service, E elevation of privilege. Technique and mitigation ids are those of MITRE
ATLAS 5.6.0 (`ATLAS.yaml`), of MITRE ATT&CK as SigmaHQ's rules tag them, and of MITRE D3FEND 1.6.0 for controls. ATLAS
names no scheduler, checkpoint, NVLink or training cluster, so the ids of the threats are our own.
"""
_PAST = """## Past incidents

`ringfence threats --past` asks of each: would it work here? The order of the steps is that of the case study in ATLAS
5.6.0, the words are ours. Patterns that `ringfence postmortem` writes are asked the same with `--patterns FOLDER`.
"""
_RAND = f"""## Levels of RAND

`ringfence threats --rand` says of each model "not above SLn, because …" where a fact stands against it, apart from that
"not shown above SLn" where a fact is missing, and never that it meets a level.
Source: {SOURCE}. Hours to exfiltrate are the weights' size over what their holders send outside.

What facts cannot decide, a named role may attest: a file, signed with Ed25519.

```json
{{"format": "ringfence-attestation/1", "measure": "RF.W08", "model": "*", "role": "security", "statement": "…",
 "until": "2030-01-31"}}
```

`openssl pkeyutl -sign -rawin -inkey security.key -in a.json -out a.json.sig` signs it;
`ringfence threats --rand --attest a.json --role security=security.pem` counts it, until its last day.
One that does not count (another key, its day over, a model that is not here) is named with the reason, and the exit
status is 3.
"""
_ENDS = "What ends it:"
_STRIDE = {kind: kind.name.lower() for kind in Stride}


def threats_page() -> str:
    """Every threat: its ways, what opens and what shuts each, when it is exposed, who sees it."""
    return "\n".join([_HEAD, *(_section(one) for one in THREATS), _past(), _levels()])


def _past() -> str:
    said = (
        f"- **{one.id}** `{one.name}`, {len(one.steps)} steps: {one.title}. {_ENDS} {one.ends}" for one in INCIDENTS
    )
    return "\n".join([_PAST, *said]) + "\n"


def _many(one: Incident) -> str:
    return f"{len(one.steps)} steps"


def _levels() -> str:
    lines = [_RAND, "| measure | level | what | decided by |", "|---|---|---|---|"]
    for one in MEASURES:
        by = f"a signed word of {one.role}" if one.role else "facts"
        lines.append(f"| {one.id} | SL{one.level} | {one.title} | {by} |")
    return "\n".join(lines) + "\n"


def _section(threat: Threat) -> str:
    title = TITLES[threat.id]
    lines = [f"### {threat.id} `{threat.name}`: {title[0].upper()}{title[1:]}\n", f"{threat.why}\n"]
    lines += [_way(way) for way in threat.ways]
    lines.append(f"- **Phases**: {', '.join(threat.phases)}.")
    lines.append(f"- **STRIDE**: {', '.join(_STRIDE[kind] for kind in threat.stride)}.")
    lines.append(f"- **What ends it**: {threat.remedy}")
    seen = ", ".join(f"[{one['id']}](detectors.md) {one['name']}" for one in seen_by(threat.id))
    lines.append(f"- **Seen by**: {seen or 'no detector of ours'}.")
    for name, ids in (("ATLAS", threat.atlas), ("ATT&CK", threat.attack)):
        if ids:
            lines.append(f"- **{name}**: {', '.join(ids)}")
    return "\n".join(lines) + "\n"


def _way(way: Way) -> str:
    opened = [when.says for when in way.opens] + [f"somebody comes to `{one}`" for one in way.reach]
    shut = []
    for control in way.shut:
        ids = f" ({', '.join((*control.atlas, *control.d3fend))})" if control.atlas or control.d3fend else ""
        rests = "; ".join(when.says for when in control.rests)
        shut.append(f"{control.title}{ids}: {rests}")
    about = f" ({' or '.join(way.about)})" if way.about else ""
    return f"- *{way.title}*{about}. **Open**: {'; or '.join(dict.fromkeys(opened))}. **Shut**: {'; or '.join(shut)}."
