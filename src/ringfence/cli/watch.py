"""`ringfence watch`: telemetry and logs in, incidents out."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, validators

from ringfence.app.estates import open_estate
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity
from ringfence.cli.extra import needs_watch
from ringfence.errors import Problem, RingfenceError, UsageError

PARTIAL = 3
HOME = Path("ringfence-watch")

Home = Annotated[
    Path,
    Parameter(name=["--home"], env_var="RINGFENCE_WATCH", help="Folder of incidents and state (./ringfence-watch)."),
]
_Many = Parameter(negative="", consume_multiple=True)


def watch(
    *files: Path,
    listen: Annotated[bool, Parameter(name=["--listen"], negative="")] = False,
    on: Annotated[list[str] | None, _Many] = None,
    follow: Annotated[bool, Parameter(name=["--follow"], negative="")] = False,
    server: Path | None = None,
    address: str = "127.0.0.1:8444",
    nats: Annotated[list[str] | None, _Many] = None,
    nats_storage: Annotated[int, Parameter(validator=validators.Number(gte=0))] = 0,
    role: str = "all",
    rules: Annotated[list[Path] | None, _Many] = None,
    processes: int = 0,
    mapping: Annotated[list[Path] | None, _Many] = None,
    cluster: str = "",
    home: Home = HOME,
    estate: EstateFile = DEFAULT,
    identity: Identity = None,
    json: AsJson = False,
) -> int:
    """Turn logs and telemetry of a GPU cluster into incidents that say what is at stake.

    Files and folders of logs are recognised by content (docs/logs.md) and read to their end; with --listen or --follow
    it goes on until it is ended. Reads only. With an estate, incidents say which models are in reach.
    Exit status 3 if something could not be read.

    Example: `ringfence watch /var/log/audit/audit.log slurmctld.log`

    Parameters
    ----------
    files
        Logs, or folders of them.
    listen
        Open ports on loopback: syslog 5514, NDJSON 5515, HTTP 4318 (OTLP, Falco).
    on
        Instead of these: syslog-udp:5514, syslog-tcp:10.0.0.1:5514, ndjson:7000, ndjson-unix:/run/x.sock, http:4318.
    follow
        Go on reading the files as they grow.
    server
        The folder that `ringfence enrol init` made: agents and relays are heard, by their certificates.
    address
        Where agents are heard.
    nats
        URLs of NATS servers: this process is one of any number that share the work.
    nats_storage
        MiB that the streams take of each NATS server, where they are not there yet (17,408).
    role
        What this process does of it: all, intake, worker or joint.
    rules
        Sigma rules, files or folders, beside our own.
    processes
        Further processes that share the work on this machine (with --listen, --server, --follow).
    mapping
        TOML files that say where the columns stand in NDJSON of other tools (docs/logs.md).
    cluster
        The Slurm cluster that logs are of which name none.
    """
    with needs_watch():
        from ringfence.app.files import address as parsed
        from ringfence.app.watch.live import Live, listening, run
        from ringfence.app.watch.made import Made
        from ringfence.app.watch.read import forms_of
        from ringfence.app.watch.run import watch_files
    lasting = bool(listen or on or follow or server or nats)
    _sensible(lasting, files, follow, nats, role, processes)
    doors = tuple(listening(on or ())) if listen or on else ()
    problems: list[Problem] = []
    known = open_estate(estate, identity) if estate != DEFAULT or estate.exists() else None
    if known is None:
        output.err.print("no estate: incidents cannot say what is in reach (--estate FILE)", markup=False)
    made = Made(known, rules or (), problems)
    output.err.print(f"{made.count} rules", markup=False)
    forms = forms_of(mapping or (), cluster)
    if not lasting:
        with output.progress() as step:
            found = watch_files(made.single(), files, problems, lambda one: None if json else _line(one), forms, step)
        try:
            _store(home, found)
        except RingfenceError:
            _files_told(found, json, kept=False)
            raise
        return _files_told(found, json)
    live = Live(
        home,
        doors,
        files,
        (server, parsed(address)) if server else None,
        tuple(nats or ()),
        role,
        forms,
        processes,
        nats_storage,
    )
    output.problems(problems)
    run(live, made, lambda said: output.err.print(said, markup=False), _line_json if json else _line)
    return 0


def _sensible(
    lasting: bool, files: tuple[Path, ...], follow: bool, nats: list[str] | None, role: str, processes: int
) -> None:
    """Raises `UsageError` for what cannot be meant, before rules and estate are read."""
    if not files and not lasting:
        raise UsageError("nothing to watch", "name log files, or --listen, --server, --nats")
    if follow and not files:
        raise UsageError("--follow follows files, and none is named", "ringfence watch --follow FILE…")
    if files and lasting and not follow:
        raise UsageError("files are read to their end", "--follow goes on reading them beside what is listened to")
    if role != "all" and not nats:
        raise UsageError(f"the role {role} is one of a cluster's processes", "--nats URL names its servers")
    if processes < 0 or (processes and (nats or not lasting)):
        raise UsageError("--processes is for watching without NATS", "with --nats, start more processes instead")


def incidents(
    id: str = "",
    /,
    *,
    every: Annotated[bool, Parameter(name=["--all"], negative="")] = False,
    threats: Annotated[bool, Parameter(negative="")] = False,
    ocsf: Annotated[bool, Parameter(negative="")] = False,
    verdict: str = "",
    why: str = "",
    home: Home = HOME,
    json: AsJson = False,
) -> int:
    """Show what was found: the open incidents, one of them whole, or how each threat stands.

    Example: `ringfence incidents RF-3f2a --verdict benign --why "a drill"`

    Parameters
    ----------
    id
        An incident, by its id or the beginning of it.
    every
        Closed and dismissed ones too.
    threats
        Each threat by id: quiet, signals, under way, or unknown.
    ocsf
        Print OCSF incident findings, one JSON object a line.
    verdict
        Say what the incident was: confirmed, benign or unknown. A watch that runs learns of it.
    why
        A sentence that is kept with the verdict.
    """
    with needs_watch():
        from ringfence.app.watch import incidents as kept
        from ringfence.app.watch.shown import finding, shown
    if threats:
        return _threats(kept.status(home), json)
    if verdict:
        if not id:
            raise UsageError("a verdict is about an incident", "name it: ringfence incidents ID --verdict benign")
        kept.judge(home, id, verdict, why)
    if not id:
        found = kept.listed(home, every)
        if ocsf:
            for one in found:
                output.json_line(finding(one))
        elif json:
            output.json([shown(one) for one in found])
        else:
            rows = [(one.id, one.severity, _utc(one.updated), one.title, ", ".join(one.entities[:3])) for one in found]
            output.table(("incident", "severity", "last", "what", "whom"), rows)
        return 0
    one, said = kept.one(home, id)
    if ocsf:
        output.json_line(finding(one))
    elif json:
        output.json(shown(one) | {"verdicts": said})
    else:
        _whole(one, said)
    return 0


def _store(home: Path, found: Any) -> None:
    from ringfence.app.watch import incidents as kept

    kept.keep(home, found.incidents, found.threats)


def _files_told(found: Any, json: bool, kept: bool = True) -> int:
    from ringfence.app.watch.shown import shown

    if json:
        output.json(
            {
                "events": found.events,
                "lost": found.lost,
                "incidents": [shown(one) for one in found.incidents],
                "threats": found.threats,
                "held_back": found.held,
                "learning": found.learning,
                "problems": found.problems,
            }
        )
    else:
        held = f", {sum(found.held.values()):,} signals held back as habits" if found.held else ""
        shows = "; `ringfence incidents` shows them" if kept else ""
        output.out.print(
            f"{found.events:,} events, {len(found.incidents)} incidents{held}{shows}",
            markup=False,
        )
        if found.learning:
            said = f"{len(found.learning)} detectors judge by habit and need ten hours of events to know it: "
            output.err.print(said + "they told only what needs none", markup=False)
        output.problems(found.problems)
    return PARTIAL if found.problems else 0


def _threats(status: dict[str, Any], json: bool) -> int:
    found = status.get("threats", {})
    if json:
        output.json(found)
    else:
        from ringfence.app.watch.run import threat_title

        output.table(("threat", "state", ""), [(id_, state, threat_title(id_)) for id_, state in found.items()])
        output.out.print("quiet says that nothing was noticed, not that nothing happens", markup=False)
        if status.get("unknown"):
            output.out.print(f"unknown: {status['unknown']}", markup=False)
    return 0


def _line(one: Any) -> None:
    """An incident that is new or changed, in a line."""
    what = "new" if one.version == 1 else one.state if one.state != "open" else f"version {one.version}"
    whom = ", ".join(one.entities[:4])
    output.out.print(f"{_utc(one.updated)}  {one.id}  {one.severity:3}  {one.title}: {whom}  ({what})", markup=False)


def _line_json(one: Any) -> None:
    from ringfence.app.watch.shown import shown

    output.json_line(shown(one))


def _whole(one: Any, said: list[dict[str, Any]]) -> None:
    say = output.out.print
    say(f"{one.id}  {one.title}  (severity {one.severity}, confidence {one.confidence:g}, {one.state})", markup=False)
    say(
        f"  {_utc(one.opened)} to {_utc(one.updated)}; sources {', '.join(one.sources) or 'none enrolled'}",
        markup=False,
    )
    say(f"  whom: {', '.join(one.entities)}", markup=False)
    for name, why in one.why.items():
        say(f"  {name}: {why}", markup=False)
    if one.chain:
        say(f"  taken: {' → '.join(one.chain)}", markup=False)
    if one.stake.jewels:
        say(f"  in reach: {', '.join(one.stake.jewels)}", markup=False)
    rows = [(_utc(each.time), each.name, each.count, each.why) for each in one.signals]
    output.table(("when", "signal", "times", "why"), rows)
    for each in said:
        say(f"  {each['who']} said {each['verdict']}: {each['why']}", markup=False)


def _utc(when: int) -> str:
    return datetime.fromtimestamp(when / 1e6, UTC).isoformat(" ", "seconds").removesuffix("+00:00")
