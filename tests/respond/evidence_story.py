"""An incident, its plan and the lines that containing it leaves: made by hand, the same every time."""

from ringfence.respond import evidence
from ringfence.respond.values import DO, Cut, Decision, Plan, Planned
from ringfence.respond.verbs import Grade
from ringfence.watch.values import Incident, Signal, Stake

SECOND = 1_000_000
START = 1_790_000_000


def signal(name="RF.D01", at=0, **more):
    about = {
        "kind": "detector",
        "title": "weights leave",
        "key": "host:gpu03",
        "time": (START + at) * SECOND,
        "entities": ("host:gpu03", "job:slurm/lab/41", "identity:mallory"),
        "sources": ("agent/gpu03",),
        "why": "gpu03 sends 118 MB/s to 192.88.99.10",
        "holds": ("host:gpu03#user",),
        "evidence": (("agent/gpu03", 7),),
        "threats": ("RF.T03",),
    }
    return Signal(name, **(about | more))


def incident(id="RF-0123456789ab", signals=(), **more):
    signals = signals or (signal(), signal("RF.D02", 2, sources=("agent/store",), title="weights are read whole"))
    about = {
        "title": "weights leave through a job",
        "state": "open",
        "version": 3,
        "opened": START * SECOND,
        "updated": (START + 2) * SECOND,
        "severity": 90,
        "confidence": 0.9,
        "entities": ("host:gpu03", "job:slurm/lab/41", "identity:mallory", "model:lab/weights"),
        "chain": ("identity:mallory#use", "host:gpu03#user", "model:lab/weights#read"),
        "stake": Stake(("model:lab/weights",), 2, (1.0, 5.0), True),
        "sources": ("agent", "store"),
        "threats": ("RF.T03",),
        "atlas": ("AML.T0025",),
        "attack": ("T1048",),
    }
    return Incident(id=id, signals=signals, **(about | more))


CUTS = (
    Planned(Cut("block", "host:gpu03", "192.88.99.10"), "ends the way out", (), ("host:gpu03",)),
    Planned(Cut("end-flows", "host:gpu03", ""), "what is open stays open else", (), ("host:gpu03",), False),
    Planned(Cut("cancel", "cluster:lab", "41"), "the job is the attacker's", ("job:slurm/lab/41",), (), False),
)


def plan(id="RF-0123456789ab", cuts=CUTS, version=3, **more):
    about = {"held": ("host:gpu03#user",), "jobs": ("job:slurm/lab/41",)}
    return Plan(id, version, Grade.BLOCK, cuts, **(about | more))


def story(id="RF-0123456789ab", seconds=0):
    """All that one containment writes down, in order."""
    now, about, made = START + 3 + seconds, incident(id), plan(id)
    number = int(id[-2:], 16)
    document = '{"type":"contain","blocked":[{"what":"192.88.99.10","until":1790000300}]}'
    found = [evidence.used(about, one, now) for one in about.signals]
    found.append(evidence.planned(made, now))
    found += [evidence.decided(made, Decision(one.cut, DO, "grade", "below the limit"), now) for one in made.cuts]
    found.append(evidence.commanded("contain", "host:gpu03", document, now + 0.1, [id], number))
    found.append(evidence.read_back("contain", "host:gpu03", document, document, now + 0.2, [id], number))
    found += [evidence.verified(id, one.cut, True, now + 0.3) for one in made.cuts]
    found.append(evidence.paged(id, "p1", "pager.example", 0, now + 0.4, "200"))
    found += [evidence.undone(id, one.cut, now + 600, "identity:alice") for one in reversed(made.cuts)]
    return found
