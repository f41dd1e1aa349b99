"""`ringfence respond show`, `status` and `ack`: what a person who was just woken reads and presses."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from ringfence.app.estates import open_estate
from ringfence.cli import output
from ringfence.cli.estate import DEFAULT, AsJson, EstateFile, Identity
from ringfence.cli.extra import needs_fence, needs_watch
from ringfence.cli.fence.change import SITE, STATE, Site, StateFolder
from ringfence.cli.watch import HOME, Home
from ringfence.errors import RingfenceError

if TYPE_CHECKING:
    from ringfence.app.guard.screen import Screen
    from ringfence.app.guard.screen_parts import Part, Row
    from ringfence.app.guard.standing import Standing

PERSON = 3
_COLOURS = {"bad": "bold red", "waits": "bold yellow", "good": "bold green", "over": "dim", "": ""}
_BANNER = {
    "bad": "bold white on red",
    "waits": "bold black on yellow",
    "good": "bold black on green",
    "over": "reverse",
}
_WIDTH = 80


def show(
    incident: str, /, *, out: Annotated[Path | None, Parameter(name=["--out", "-o"])] = None,
    state: StateFolder = STATE, home: Home = HOME, site: Site = SITE, estate: EstateFile = DEFAULT,
    identity: Identity = None, json: AsJson = False,
) -> int:  # fmt: skip
    """Show an incident on one screen: what happened, what is cut, what waits, who is disturbed, what to press.

    Changes nothing and needs no estate; with one it names the users of disturbed jobs.
    Exit status 3 if something waits for a person or is not cut, a jewel is taken or stays in reach, or no guard that
    acts runs.

    Example: `ringfence respond show RF-3f2a -o RF-3f2a.html`

    Parameters
    ----------
    incident
        Its id, or enough of it.
    out
        Write it as one page instead, a new file (0600) without scripts, to send or to print.
    """
    with needs_watch(), needs_fence():
        from ringfence.app.files import new
        from ringfence.app.guard.commands import Site as Where
        from ringfence.app.guard.screen import BAD, WAITS, screen
        from ringfence.app.guard.screen_page import page
    found = screen(Where(state, home, site), incident, _known(estate, identity))
    if out:
        new(out, page(found))
        output.err.print(f"{out} is written; it names hosts and accounts: mind who reads it", markup=False)
    elif json:
        output.json(found)
    else:
        _screen(found)
    return PERSON if found.mood in (BAD, WAITS) else 0


def status(*, state: StateFolder = STATE, home: Home = HOME, site: Site = SITE, json: AsJson = False) -> int:
    """Say how the guard stands: whether it runs and acts, what is open, what waits, and what needs a person.

    Exit status 3 if something needs a person.

    Example: `ringfence respond status || echo "somebody is needed"`
    """
    with needs_watch(), needs_fence():
        from ringfence.app.guard.commands import Site as Where
        from ringfence.app.guard.standing import standing
    found = standing(Where(state, home, site))
    if json:
        output.json(found)
    else:
        _standing(found)
    return PERSON if found.needs else 0


def ack(incident: str, /, *, state: StateFolder = STATE, json: AsJson = False) -> int:
    """Take the pages of an incident: nobody else is woken for it, until it gets graver.

    Example: `ringfence respond ack RF-3f2a`

    Parameters
    ----------
    incident
        Its id, or enough of it, as the page says it; `journal` for one about the journal.
    """
    with needs_watch(), needs_fence():
        from ringfence.app.guard.taking import acknowledged, before
    taken, who = acknowledged(state, incident)
    if json:
        output.json({"by": who, "pages": [{"id": one.id, "incident": one.incident} for one in taken]})
    elif taken:
        output.out.print(f"{taken[0].incident}: taken by {who}; nobody else is woken for it", markup=False)
    else:
        output.out.print(before(state, incident), markup=False)
    return 0


def _known(estate: Path, identity: Path | None) -> Any:
    """The estate, if it is there and can be read: the screen is shown without it too."""
    try:
        return open_estate(estate, identity) if estate.exists() else None
    except RingfenceError as error:
        output.complain(error)
        return None


def _screen(found: "Screen") -> None:
    from ringfence.app.guard.screen_parts import parts, setup

    out = _console()
    out.print(_wide(f"{found.incident}  severity {found.severity} of 100  {found.state}", "dim"))
    out.print(Text(found.title, "bold"))
    out.print(Padding(Text(f" {found.says} ", _BANNER[found.mood]), (1, 0)))
    for one in parts(found):
        _part(out, one)
    out.print(
        Text("WHAT TO PRESS", "bold").append("  the first line once in this shell, then what you need", "not bold dim")
    )
    lines = [(setup(found), ""), *((press.command, f"  # {press.what}") for press in found.press)]
    for command, what in lines:
        output.out.print(Text(f"  {command}").append(what, "dim"), soft_wrap=True)


def _part(out: Console, part: "Part") -> None:
    head = Text(part.title.upper(), "bold")
    if part.aside:
        head.append(f"  {part.aside}", "not bold dim")
    out.print(head)
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(width=1)
    grid.add_column(no_wrap=True, min_width=8)
    grid.add_column(overflow="fold")
    for row in part.rows:
        grid.add_row("", Text(row.mark, _COLOURS[row.mood]), _cell(row))
    if part.rows:
        out.print(grid)


def _cell(row: "Row") -> Text:
    cell = Text(row.text, "" if row.mark else _COLOURS[row.mood])
    return cell.append("\n" + "; ".join(row.more), "dim") if row.more else cell


def _standing(found: "Standing") -> None:
    say = output.out.print
    say(f"guard: {found.guard}", markup=False)
    say(f"stopped: {found.stopped or 'no'}", markup=False)
    counts = ", ".join(f"{count} {state}" for state, count in found.counts.items())
    say(f"cuts: {counts or 'none'}", markup=False)
    for name, said in found.witnesses.items():
        say(f"witness {name}: {said}", markup=False)
    if found.needs:
        say(Text("somebody is needed:", "bold red"))
        for one in found.needs:
            say(f"  {one}", markup=False)
    else:
        say("nothing needs a person", markup=False)


def _console() -> Console:
    """As wide as the terminal, but no wider than one reads at a glance; 80 columns where it is none."""
    plain = output.out
    wide = min(plain.width, 100) if plain.is_terminal else _WIDTH
    return Console(file=plain.file, highlight=False, width=wide)


def _wide(text: str, style: str) -> Text:
    return Text(text, style, overflow="fold")
