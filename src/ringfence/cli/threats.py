"""`ringfence threats`: which attacks on AI workloads are open here, which are shut and by what, which are not known."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, validators

from ringfence.app import targets
from ringfence.app.estates import open_estate
from ringfence.cli import output, threats_told
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity
from ringfence.errors import UsageError

FOUND = threats_told.FOUND
_Watch = Annotated[
    Path | None, Parameter(name=["--home"], help="The watch's folder: adds what it sees of each threat now.")
]


def _switch(name: str) -> Any:
    return Parameter(name=[name], negative="")


def threats(
    threat: str = "",
    /,
    *,
    of: str = "",
    from_: Annotated[list[str] | None, _switch("--from")] = None,
    most: Annotated[int, Parameter(validator=validators.Number(gte=1))] = 20,
    stride: Annotated[bool, _switch("--stride")] = False,
    tree: Path | None = None,
    layer: Path | None = None,
    atlas: Path | None = None,
    past: Annotated[bool, _switch("--past")] = False,
    patterns: Path | None = None,
    rand: Annotated[bool, _switch("--rand")] = False,
    attest: Annotated[list[Path] | None, _switch("--attest")] = None,
    role: Annotated[list[str] | None, _switch("--role")] = None,
    html: Path | None = None,
    home: _Watch = None,
    estate: EstateFile = DEFAULT,
    identity: Identity = None,
    json: AsJson = False,
) -> int:
    """Say how each threat stands on this estate: open, mitigated by which control, or unknown for want of which fact.

    The exit status is 3, in whichever view, where any threat that was asked about is open, and where nothing at all
    could be judged, as nothing that any threat is about is known; with --past or --patterns where one would work
    here, with --rand where a fact stands against a level or an attestation does not count, with --atlas where an id
    moved.

    Example: `ringfence threats RF.T02 --tree theft.svg`

    Parameters
    ----------
    threat
        One threat, by id or name: everything about it.
    of
        Only this thing (dataset, model, host, …).
    from_
        What attackers hold, `entity[#capability]` (default: every workstation and the outside, else jobs and pods).
    most
        How many things of each threat, or flows, are listed.
    stride
        STRIDE per data flow instead: which kinds of harm are open on it, and by which threat.
    tree
        Draw attack trees to this SVG file: of the threat named, else of the first that are open.
    layer
        Write a layer for the ATLAS Navigator to this file.
    atlas
        A current ATLAS.yaml: which of the ids that we use moved or are gone.
    past
        Past incidents instead: would they work here, and how far?
    patterns
        A folder of post-mortems' patterns (`*.pattern.json`), or one: the same question.
    rand
        Each model against the levels of RAND RR-A2849-1: never above which, why, and hours to exfiltrate.
    attest
        A signed attestation (FILE, and FILE.sig beside it) of a measure that facts cannot decide.
    html
        Write the report of the estate, with the threats in it.
    role
        ROLE=KEY.pem: whose public key speaks for a role in attestations.
    """
    views = {
        "--atlas": atlas is not None,
        "--rand": rand or bool(attest),
        "--past": past or patterns is not None,
        "--layer": layer is not None,
        "--tree": tree is not None,
        "--stride": stride,
        "--html": html is not None,
    }
    _one_view(
        [name for name, wanted in views.items() if wanted],
        {"THREAT": bool(threat), "--of": bool(of), "--home": home is not None, "--from": bool(from_)},
    )
    written = {"--html": html, "--tree": tree, "--layer": layer}
    targets.pages(written, estate, patterns, atlas, identity, *(attest or ()))
    if role and not attest:
        raise UsageError("--role names whose keys count, and nothing is attested", "add --attest FILE")
    if atlas is not None:
        from ringfence.app.assess.atlas import compared

        return threats_told.ids(compared(atlas), json)
    opened = open_estate(estate, identity)
    if rand or attest:
        return _rand(opened, attest or [], role or [], from_ or [], json)
    from ringfence.app.assess.threats import Threats

    asked = Threats(opened, from_ or (), home)
    if past or patterns is not None:
        from ringfence.app.assess.past import past as played

        return threats_told.past(played(asked.asked, asked.footholds, patterns), json)
    if layer is not None:
        from ringfence.app.assess.atlas import write_layer

        threats_told.nothing(asked.nothing)
        return threats_told.layer(write_layer(asked, layer), layer, json) or _status(asked)
    if tree is not None:
        from ringfence.app.assess.drawn import drawn

        return threats_told.trees(drawn(asked.trees([threat] if threat else [], of), tree), tree, json)
    if html is not None:
        return _page(asked, html, json)
    if stride:
        return threats_told.flows(asked.flows(most), json, asked.nothing) or _status(asked)
    found = asked.of(threat, of, most) if threat else asked.all(most)
    if json:
        output.json(found)
    elif threat:
        threats_told.whole(found["threats"][0])
    else:
        threats_told.table(found)
    threats_told.nothing(asked.nothing)
    return FOUND if asked.nothing or any(one["state"] == "open" for one in found["threats"]) else 0


def _status(asked: Any) -> int:
    """Of a view of the whole estate."""
    return FOUND if asked.open or asked.nothing else 0


_TAKES = {
    "": {"THREAT", "--of", "--home", "--from"},
    "--atlas": set[str](),
    "--rand": {"--from"},
    "--past": {"--from"},
    "--layer": {"--home", "--from"},
    "--tree": {"THREAT", "--of", "--from"},
    "--stride": {"--from"},
    "--html": {"--home", "--from"},
}
"""What narrows each view; a view that would pass over what it was asked says so instead."""


def _one_view(views: list[str], narrowed: dict[str, bool]) -> None:
    """Refuse options of which one would silently do away with another. Raises `UsageError`."""
    if len(views) > 1:
        raise UsageError(f"{' and '.join(views)} do not go together", "ask for them one after the other")
    view = views[0] if views else ""
    beside = [name for name, given in narrowed.items() if given and name not in _TAKES[view]]
    if beside:
        raise UsageError(f"{view} does not go together with {', '.join(beside)}", "leave one of them out")
    if not view and narrowed["--of"] and not narrowed["THREAT"]:
        raise UsageError("--of names one thing, and no threat is named", "`ringfence threats RF.T02 --of THING`")


def _page(asked: Any, html: Path, json: bool) -> int:
    from ringfence.app.assess.threats import section
    from ringfence.app.report import write_report

    with output.progress() as step:
        write_report(asked.asked, html, asked.footholds, step, threats=section(asked))
    found = asked.all(1)
    if json:
        output.json(found)
    else:
        threats_told.table(found)
        output.err.print(f"{html} written; open it in a browser", markup=False)
    threats_told.nothing(asked.nothing)
    return _status(asked)


def _rand(opened: Any, attest: list[Path], role: list[str], from_: list[str], json: bool) -> int:
    from datetime import UTC, datetime

    from ringfence.app.assess.weights import weights

    return threats_told.levels(weights(opened, attest, role, datetime.now(UTC).date(), from_), json)
