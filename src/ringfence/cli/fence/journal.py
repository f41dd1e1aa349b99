"""`ringfence fence journal`: what was done, and whether anybody has changed what was written down."""

from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter, validators

from ringfence.cli import output
from ringfence.cli.estate import AsJson
from ringfence.cli.extra import needs_fence
from ringfence.cli.fence.change import FAILED, STATE, StateFolder

Last = Annotated[int, Parameter(name=["--last"], validator=validators.Number(gte=0), help="How many lines to show.")]


def journal(*, state: StateFolder = STATE, last: Last = 20, json: AsJson = False) -> int:
    """Audit the fence's journal, byte by byte, and show its last lines.

    Exit status 1 if anything is not what was signed, or a receipt stands nowhere in it.
    Example: `ringfence fence journal --last 5`
    """
    with needs_fence():
        from ringfence.app.fence.journal import audit
        from ringfence.app.fence.ledger import Ledger
    found = audit(Ledger(state).there(), last)
    if json:
        output.json({"lines": found.size, "last": found.lines, "problems": found.problems})
    else:
        output.table(("line", "when", "by", "what", "receipt", ""), [_row(one) for one in found.lines])
        for one in found.problems:
            output.err.print(f"problem: {one}", markup=False)
        sound = "not what was signed" if found.problems else "every byte is what was signed"
        output.out.print(f"{found.size} lines; {sound}", markup=False)
    return FAILED if found.problems else 0


def _row(one: dict[str, Any]) -> tuple[Any, ...]:
    when = datetime.fromtimestamp(one["when"], UTC).isoformat(" ", "seconds")
    detail = ", ".join(f"{name} {value}" for name, value in one["detail"].items())
    return one["number"], when, one["actor"], one["what"], one["receipt"], detail
