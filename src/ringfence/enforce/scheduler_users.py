"""Accounts that may submit no job: both submit limits of every association of theirs are 0.

MaxSubmitJobs alone does not do: a QOS with MaxSubmitJobsPerUser takes its place (measured on 22.05), while
GrpSubmitJobs of the association still counts. Limits are read without those that a parent lends (`WOPLimits`): an
unset one that was written down as its parent's would not be unset after the undo. sacctmgr tells what is written in
accounting, `scontrol show assoc_mgr` what slurmctld goes by; only both together are a limit.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from ringfence.enforce.kept import Kept
from ringfence.errors import EnforceError

_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]{0,63}\$?")
_CONFIG = re.compile(r"^(ClusterName|AccountingStorageEnforce)\s*= *(.*?) *$", re.MULTILINE)
_KNOWN = re.compile(
    r"^ClusterName=(\S+) Account=\S* UserName=([^\s(]+)\(\d+\) .*?"
    r"\bGrpSubmitJobs=(\d+|N)\(\d+\) .*?\bMaxSubmitJobs=(\d*)",
    re.MULTILINE,
)
_ENFORCED = frozenset({"limits", "safe", "all"})


class Limit(msgspec.Struct, frozen=True, order=True):
    """The submit limits of one association, as sacctmgr prints them: "" is unset. `partition` "" is all of them."""

    account: str
    partition: str = ""
    most: str = ""
    group: str = ""

    @property
    def is_shut(self) -> bool:
        """Whether nothing can be submitted by it."""
        return self.most == self.group == "0"


class Before(msgspec.Struct, frozen=True):
    """Who was asked for, and the limits of before by account."""

    asked: tuple[str, ...] = ()
    limits: Mapping[str, tuple[Limit, ...]] = {}


class Users:
    """The accounts of one cluster. `ask` runs one of Slurm's commands; `path` is the file of what was before."""

    def __init__(self, ask: Callable[..., str], path: Path) -> None:
        self._ask, self._kept = ask, Kept(path, Before)

    def read(self) -> tuple[str, ...]:
        """Those asked for that slurmctld lets submit nothing now."""
        asked = self._kept.load().asked
        if not asked:
            return ()
        cluster, enforced = self._config()
        return self._shut(cluster, asked) if enforced else ()

    def apply(self, users: tuple[str, ...]) -> None:
        """These submit nothing, and whoever was asked for before them has the limits of before again."""
        kept = self._kept.load()
        if not users and not kept.limits:
            return self._kept.save(Before())
        refused = sorted(one for one in users if not _NAME.fullmatch(one))
        wanted = tuple(sorted(set(users) - set(refused)))
        cluster, enforced = self._config()
        if wanted and not enforced:
            remedy = "AccountingStorageEnforce has to name `limits`"
            raise EnforceError("Slurm is not set to enforce limits of accounts", remedy)
        now = self._now(cluster, {*wanted, *kept.limits})
        fresh = {user: noted(now.get(user, ()), kept.limits.get(user, ())) for user in wanted}
        self._kept.save(Before(wanted, {**kept.limits, **fresh}))
        shut = [user for user in wanted if not all(one.is_shut for one in now.get(user, ()))]
        if shut:
            self._set(cluster, f"name={','.join(shut)}", most="0", group="0")
        for user in sorted(kept.limits.keys() - set(wanted)):
            self._give_back(cluster, user, now.get(user, ()), kept.limits[user])
        self._check(cluster, {user: kept.limits[user] for user in kept.limits.keys() - set(wanted)})
        self._kept.save(Before(wanted, fresh))
        missing = sorted(set(wanted) - set(self._shut(cluster, wanted)))
        if refused or missing:
            said = [f"no name of an account: {', '.join(one[:40] for one in refused)}"] if refused else []
            said += [f"slurmctld does not go by the new limits of {', '.join(missing)}"] if missing else []
            raise EnforceError(
                "; ".join(said)[:500], "look at `scontrol show assoc_mgr flags=assoc`" if missing else ""
            )
        return None

    def _give_back(self, cluster: str, user: str, now: Iterable[Limit], before: Iterable[Limit]) -> None:
        """Limits that are still ours go back to what they were; one that somebody set since is theirs."""
        old = {(one.account, one.partition): one for one in before}
        for one in now:
            was = old.get((one.account, one.partition))
            if was is None:
                continue
            most = was.most if one.most == "0" != was.most else None
            group = was.group if one.group == "0" != was.group else None
            if most is not None or group is not None:
                where = (f"name={user}", f"account={one.account}", f"partition={one.partition}")
                self._set(cluster, *where, most=most, group=group)

    def _check(self, cluster: str, before: Mapping[str, tuple[Limit, ...]]) -> None:
        """That accounting has the limits of before."""
        now = self._now(cluster, before) if before else {}
        left = [user for user, limits in now.items() if noted(limits, before[user]) != limits]
        if left:
            raise EnforceError(f"limits are not as they were: {', '.join(sorted(left))}"[:500], "apply again")

    def _set(self, cluster: str, *where: str, most: str | None, group: str | None) -> None:
        both = (("MaxSubmitJobs", most), ("GrpSubmitJobs", group))
        values = [f"{name}={value or '-1'}" for name, value in both if value is not None]
        self._ask("sacctmgr", "-i", "modify", "user", "where", f"cluster={cluster}", *where, "set", *values)

    def _config(self) -> tuple[str, bool]:
        """The cluster's own name, and whether it enforces limits."""
        found = dict(_CONFIG.findall(self._ask("scontrol", "show", "config")))
        if not found.get("ClusterName"):
            raise EnforceError("slurmctld does not tell the name of its cluster")
        return found["ClusterName"], bool(_ENFORCED & set(found.get("AccountingStorageEnforce", "").split(",")))

    def _now(self, cluster: str, users: Iterable[str]) -> dict[str, tuple[Limit, ...]]:
        shown = self._ask(
            *(
                "sacctmgr",
                "-n",
                "-P",
                "show",
                "assoc",
                "where",
                f"cluster={cluster}",
                f"user={','.join(sorted(users))}",
            ),
            *("WOPLimits", "format=user,account,partition,maxsubmitjobs,grpsubmitjobs"),
        )
        found: dict[str, list[Limit]] = {}
        for line in shown.splitlines():
            user, *rest = line.split("|")
            if len(rest) != 4 or not all(one.isdigit() or not one for one in rest[2:]):
                raise EnforceError(f"sacctmgr tells limits in a form that is not known: {line[:100]!r}")
            found.setdefault(user, []).append(Limit(*rest))
        return {user: tuple(sorted(limits)) for user, limits in found.items()}

    def _shut(self, cluster: str, users: tuple[str, ...]) -> tuple[str, ...]:
        """Those whose every association is shut in accounting and in slurmctld; one without any submits nothing."""
        if not users:
            return ()
        written = self._now(cluster, users)
        told = self._ask("scontrol", "-o", "show", "assoc_mgr", f"users={','.join(users)}", "flags=assoc")
        gone_by: dict[str, list[bool]] = {}
        for of, user, group, most in _KNOWN.findall(told):
            if of == cluster:
                gone_by.setdefault(user, []).append(group == most == "0")
        return tuple(
            user
            for user in users
            if all(one.is_shut for one in written.get(user, ()))
            and all(gone_by.get(user, ()))
            and len(gone_by.get(user, ())) == len(written.get(user, ()))
        )


def noted(now: Iterable[Limit], before: Iterable[Limit]) -> tuple[Limit, ...]:
    """What to go back to: a limit that is not 0 is somebody's, whenever it was set; one that is 0 is ours if noted."""
    old = {(one.account, one.partition): one for one in before}
    found = []
    for one in now:
        was = old.get((one.account, one.partition), one)
        found.append(
            Limit(
                one.account,
                one.partition,
                was.most if one.most == "0" else one.most,
                was.group if one.group == "0" else one.group,
            )
        )
    return tuple(found)
