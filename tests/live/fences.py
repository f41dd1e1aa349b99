"""A small estate whose hosts are network namespaces, fenced through the command line."""

import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from ringfence.cli import run
from ringfence.estate.estate import estate_of
from ringfence.estate.facts import Fact
from ringfence.store.saved import save
from tests.live.netns import Namespace, v4, v6

Jobs = Mapping[int, tuple[str, Iterable[int]]]
"""Number → (tenant, hosts)."""


def facts(jobs: Jobs, hosts: int) -> list[Fact]:
    """Hosts on one network that obey Ringfence, and jobs on them."""
    rows = []
    for at in range(hosts):
        rows.append(Fact(f"host:h{at}", "enforced_by", "service:h0/ringfence:8443"))
        rows.append(Fact(f"host:h{at}", "attached_to", "network:10.9.0.0/24", {"address": v4(at)}))
        rows.append(Fact(f"host:h{at}", "attached_to", "network:fd09::/64", {"address": v6(at)}))
    for number, (tenant, on) in jobs.items():
        job = f"job:slurm/alpha/{number}"
        rows += [Fact(job, "in_cluster", "cluster:alpha"), Fact(job, "in_tenant", f"tenant:{tenant}")]
        rows += [Fact(job, "runs_on", f"host:h{at}") for at in on]
    return rows


class Fenced:
    """A folder with an estate, a site file and the fence's state; its commands are those of the command line."""

    def __init__(self, folder: Path, namespaces: Mapping[int, str]) -> None:
        self.folder, self.namespaces = folder, dict(namespaces)
        self.estate, self.site, self.state = folder / "cluster.estate", folder / "fence.toml", folder / "state"
        self.site.write_text(
            "".join(
                f'[[enforcer]]\ntarget = "nftables"\nwhere = "host:h{at}"\nnetns = "{path}"\n'
                for at, path in namespaces.items()
            )
        )

    def jobs(self, jobs: Jobs) -> "Fenced":
        """From now on the estate has these jobs."""
        save(estate_of(facts(jobs, len(self.namespaces))), self.estate)
        return self

    def __call__(self, command: str, *more: str) -> int:
        """Run `ringfence fence …`; its exit status."""
        files = {"--estate": self.estate, "--site": self.site, "--state": self.state}
        wanted = {"status": ("--state",), "learn": ("--estate", "--site")}.get(command, tuple(files))
        only = ("--target", "nftables") if command == "apply" and "--shadow" not in more else ()
        given = [word for name in wanted for word in (name, str(files[name]))]
        return run(["fence", command, *more, *given, *only])

    def rulesets(self) -> list[str]:
        """`nft -s list ruleset` of every host: all but what counters counted."""
        return [
            subprocess.run(
                ["nsenter", f"--net={path}", "nft", "-s", "list", "ruleset"], capture_output=True, text=True, check=True
            ).stdout
            for path in self.namespaces.values()
        ]


def fenced(folder: Path, hosts: Iterable[Namespace]) -> Fenced:
    """A fence over these namespaces."""
    return Fenced(folder, {at: host.path for at, host in enumerate(hosts)})
