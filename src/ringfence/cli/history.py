"""`ringfence history`: ask the events of the past."""

import time
from typing import Annotated

from cyclopts import Parameter, validators

from ringfence.cli import output
from ringfence.cli.estate import AsJson
from ringfence.cli.extra import needs_watch
from ringfence.cli.watch import HOME, Home


def history(
    sql: str = "",
    /,
    *,
    host: str = "",
    since: str = "",
    until: str = "",
    most: Annotated[int, Parameter(name=["-n", "--most"], validator=validators.Number(gte=1))] = 1000,
    seconds: Annotated[float, Parameter(validator=validators.Number(gt=0))] = 60.0,
    home: Home = HOME,
    json: AsJson = False,
) -> int:
    """Show events that `ringfence watch` has kept, or answer SQL about them.

    Example: `ringfence history --host gpu0001 --since 2h`

    Example: `ringfence history 'SELECT "process.name", count(*) FROM events GROUP BY ALL' --since 1d`

    Parameters
    ----------
    sql
        One SELECT over the table `events`, in DuckDB's SQL; `DESCRIBE events` lists the columns.
    host
        Only this host's events (its bare name).
    since
        Only later ones: `2h`, `30m`, `7d` ago, or a time such as 2026-03-01T07:00:00 (UTC).
    until
        Only earlier ones.
    most
        At most so many events, where no SQL is given.
    seconds
        An answer that takes longer is given up.
    """
    with needs_watch():
        from ringfence.app.watch.past import past
    names, rows = past(home, sql, host, since, until, time.time(), most, seconds)
    if json:
        output.json_lines(dict(zip(names, row, strict=True)) for row in rows)
    else:
        output.table(names, (["" if cell is None else cell for cell in row] for row in rows))
    return 0
