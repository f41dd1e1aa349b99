"""`ringfence fence follow`: the process that keeps the fence true as jobs come and go."""

from pathlib import Path

from ringfence.cli.extra import needs_fence


def follow(server: Path, /, *, estate: Path, settings: Path) -> int:
    """Follow a Slurm cluster's jobs until ended: each job's compartment is in force before it starts.

    Runs beside `ringfence fence serve`, through which its orders go. Until a node's enforcer is enrolled, nothing
    changes there.

    Example: `ringfence fence follow /etc/ringfence/server --estate now.estate --settings /etc/ringfence/follow.toml`

    Parameters
    ----------
    server
        The order server's folder.
    estate
        The saved estate; its jobs are replaced by those that Slurm has now.
    settings
        A TOML file; docs/design/churn.md lists the settings.
    """
    with needs_fence():
        from ringfence.app.follow.run import start
        from ringfence.app.follow.settings import read

        start(server, estate, read(settings))
    return 0
