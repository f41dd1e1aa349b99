"""The command line: one file per command, each a thin layer over `ringfence.app`.

Exit status: 0 done, 1 could not be done (the message says why), 2 wrong usage, 3 done in part
(something could not be read; `ringfence show` lists the holes).
"""

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from ringfence import __version__
from ringfence.cli.output import complain
from ringfence.errors import MissingPart, RingfenceError, UsageError

DONE, FAILED, MISUSED, PARTIAL = 0, 1, 2, 3

app = App(
    name="ringfence",
    help="Map what reaches the models of a GPU cluster, and what falls when one thing falls.",
    version=__version__,
    result_action="return_value",
)
app.register_install_completion_command()

_COMMANDS = {
    "demo": "ringfence.cli.demo:demo",
    "collect": "ringfence.cli.collect:collect",
    "capture-script": "ringfence.cli.collect:capture_script",
    "show": "ringfence.cli.show:show",
    "diff": "ringfence.cli.show:diff",
    "map": "ringfence.cli.map:draw",
    "debt": "ringfence.cli.debt:debt",
    "moves": "ringfence.cli.ask:moves",
    "reach": "ringfence.cli.ask:reach",
    "paths": "ringfence.cli.ask:paths",
    "choke": "ringfence.cli.ask:choke",
    "audit": "ringfence.cli.audit:audit",
    "advisories": "ringfence.cli.advisories:advisories",
    "threats": "ringfence.cli.threats:threats",
    "who-could": "ringfence.cli.who_could:who_could",
    "portfolio": "ringfence.cli.portfolio:portfolio",
    "generate": "ringfence.cli.generate:generate",
    "fence": "ringfence.cli.fence:fence",
    "enrol": "ringfence.cli.enrol:enrol",
    "enforcer": "ringfence.cli.enforcer:enforcer",
    "agent": "ringfence.cli.agent:agent",
    "relay": "ringfence.cli.agent:relay",
    "sigma": "ringfence.cli.sigma:sigma",
    "quality": "ringfence.cli.quality:quality",
    "watch": "ringfence.cli.watch:watch",
    "incidents": "ringfence.cli.watch:incidents",
    "history": "ringfence.cli.history:history",
    "guard": "ringfence.cli.guard:guard",
    "respond": "ringfence.cli.respond:respond",
    "stop": "ringfence.cli.guard:stop",
    "resume": "ringfence.cli.guard:resume",
    "release": "ringfence.cli.guard:release",
    "evidence": "ringfence.cli.evidence:evidence",
    "postmortem": "ringfence.cli.postmortem:postmortem",
    "lab": "ringfence.cli.lab:lab",
    "harden": "ringfence.cli.harden:harden",
    "mark": "ringfence.cli.keep:mark",
    "merge": "ringfence.cli.keep:merge",
    "export": "ringfence.cli.keep:export",
}
_EXTRAS = {"cryptography": "fence", "nftables": "fence", "lightkube": "fence", "httpx": "fence", "pynvml": "live"}
_EXTRAS |= dict.fromkeys(("duckdb", "evtx", "nats", "re2", "sigma"), "watch")
"""Packages of an extra → the extra. Whoever lacks one is told which to install."""

_FAMILIES = frozenset(("evidence", "fence", "harden", "lab", "respond", "sigma"))
"""Commands that have commands."""

for _name, _target in _COMMANDS.items():
    app.command(_target, name=_name)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status."""
    try:
        return _run(arguments)
    except ImportError as error:
        lacking = getattr(error.__cause__ or error, "name", None) or ""
        extra = _EXTRAS.get(lacking.partition(".")[0])
        if extra is None:
            raise
        complain(MissingPart(f"this command needs {lacking}", f"pip install 'ringfence[{extra}]'"))
        return FAILED


def _run(arguments: Sequence[str]) -> int:
    if not arguments or arguments[0] in ("--help", "-h"):
        app.resolved_commands()  # the overview shows the first line of each, which loads them all
    elif arguments[0] in _FAMILIES and arguments[1:2] in ([], ["--help"], ["-h"]):
        app[arguments[0]].resolved_commands()
    try:
        status = app(list(arguments), exit_on_error=False, print_error=True)
    except CycloptsError:  # printed already
        return MISUSED
    except UsageError as error:
        complain(error)
        return MISUSED
    except RingfenceError as error:
        complain(error)
        return FAILED
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else FAILED
    except BrokenPipeError:
        return DONE
    return status if isinstance(status, int) else DONE


def main() -> None:
    """The entry point of the `ringfence` script."""
    sys.exit(run(sys.argv[1:]))
