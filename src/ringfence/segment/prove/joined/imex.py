"""With a channel per gang a host holds the channel of its own gang and no other."""

from ringfence.estate.facts import Fact
from ringfence.segment.prove.joined.view import View, said


def changes(view: View) -> tuple[list[Fact], list[Fact]]:
    """(facts taken away, facts added), for hosts whose channels are handed out by the fence."""
    hosts = view.enforced("imex")
    domain = {fact.subject: fact.object for fact in view.estate.facts("nvlink_member")}
    gpus: dict[str, str] = {}
    for fact in view.about("has_gpu", hosts):
        gpus.setdefault(fact.subject, domain.get(fact.object, ""))
    jobs: dict[str, set[str]] = {}
    for fact in view.estate.facts("runs_on"):
        if fact.object in hosts:
            jobs.setdefault(fact.subject, set()).add(fact.object)
    held = [
        fact
        for fact in view.estate.facts("uses_imex")
        if fact.subject in hosts or (fact.subject in jobs and jobs[fact.subject] <= hosts)
    ]
    added: list[Fact] = []
    for allow in view.allows:
        for host in {*view.ends(allow.source), *view.ends(allow.target)}:
            channel = f"imex:fence/{allow.source}>{allow.target}"
            added.append(said(host, "uses_imex", channel))
            if gpus.get(host):
                added.append(said(channel, "imex_of", gpus[host]))
    return held, added
