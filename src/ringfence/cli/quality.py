"""`ringfence quality`: score the watch on labelled logs."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ringfence.app.estates import open_estate
from ringfence.cli import output
from ringfence.cli.estate import AsJson, Identity
from ringfence.cli.extra import needs_watch
from ringfence.errors import Problem

PARTIAL = 3


def quality(
    *,
    events: Path,
    truth: Path,
    rules: Annotated[list[Path] | None, Parameter(negative=())] = None,
    estate: Annotated[Path | None, Parameter(help="A saved estate; without one, nothing is known of the site.")] = None,
    identity: Identity = None,
    json: AsJson = False,
) -> int:
    """Play labelled logs through the watch and score its incidents against what is true.

    Example: `ringfence quality --events logs/ --truth truth.jsonl`

    An attack counts as found if an incident names one of its entities between its start and ten minutes after its
    end. Incidents that match no attack are false; their rate is given with its upper bound.

    Parameters
    ----------
    events
        A folder of logs, one or more for each source; their forms are recognised by content.
    truth
        JSON lines: `{"id","kind","start","end","entities":["host:…","job:…","identity:…"],"loudness"}`, times in
        ISO 8601, UTC. An empty file says that nothing happened: every incident is false.
    rules
        Further Sigma rules beside our own.
    """
    with needs_watch():
        from ringfence.app.watch import quality as scoring
        from ringfence.app.watch.made import Made
        from ringfence.app.watch.truth import read_truth
    known = read_truth(truth)
    problems: list[Problem] = []
    single = Made(open_estate(estate, identity) if estate else None, rules or (), problems).single()
    scored = scoring.score_files(single, events, known)
    problems += scored.problems
    output.problems(problems)
    if json:
        output.json(scored.quality)
    else:
        names = ("kind", "loudness", "found", "recall", "median", "p90")
        output.table(names, scoring.rows(scored.quality))
        for line in scoring.summary(scored.quality):
            output.out.print(line)
    return PARTIAL if problems else 0
