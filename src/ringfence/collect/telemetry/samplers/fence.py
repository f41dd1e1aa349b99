"""What the fence itself refuses, from the counters and quotas of its own nftables table; nothing is changed.

    the kernel says that a quota is spent ─▶ looked at once ─▶ budget spent
    every second: a quota's bytes keep up with the rate before it while packets are denied ─▶ budget throttled
                  counters of denied packets grow ─▶ denied, with how many

A budget is held back twice, by a rate and by a quota (`segment.compile.budget`): after the first burst the rate lets
bytes leave so slowly that the quota may never be spent, so both are told. The kernel tells nothing of a rate; it is
counted here as the kernel counts it, from what passed.
"""

import hashlib
import math
import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ringfence.collect.telemetry.samplers import netlink
from ringfence.collect.telemetry.samplers.base import PUSH, About
from ringfence.collect.telemetry.samplers.machine import Machine
from ringfence.collect.telemetry.samplers.nf_tables import GROUP, Asking, Counter, Quota, Rate, pushed
from ringfence.errors import MissingPart
from ringfence.wire.ocsf.classes import FENCE
from ringfence.wire.ocsf.event import Event, Value

DENIED, SPENT, THROTTLED = 1, 2, 3
DENIED_EVERY, THROTTLED_EVERY, SPENT_EVERY = 10.0, 5.0, 60.0
"""Seconds between two events that say the same of one counter or quota."""
QUIET = 10.0
"""Seconds without a refusal after which a budget is no longer held back."""
SHORT = 128 << 10
"""Bytes left in a rate's bucket below which a packet (64 KiB and more, before it is cut up) may be refused."""
AT_ONCE = 512
GROUPS_KEPT = 10.0
"""Seconds for which the tree of control groups is not read again."""
_MOST_GROUPS, _DEEPEST = 4096, 4
_MOST = (1 << 63) - 1
_LONG = 3600.0
_OUT = "denied_out"
_BUDGET = re.compile(r"(?:job_([0-9a-f]{10})_)?spend_[0-9a-f]{10}\Z")


class _Seen:
    """A counter as it was at the last look and when it was told; `loud` if it ever was."""

    def __init__(self, one: Counter, now: float) -> None:
        self.last = self.told = one
        self.when, self.loud = now, False


class _Meter:
    """A quota and the rate before it. `left`: bytes in the rate's bucket, as they follow from what passed.

    `full`: it was spent at the last look. `since`: when its rate began to refuse, `refused`: packets denied from then.
    """

    def __init__(self, quota: Quota) -> None:
        self.limit, self.used, self.rate = -1, quota.used, Rate(0, 0)
        self.left, self.full, self.told = math.inf, False, -math.inf
        self.since, self.last, self.refused = math.inf, -math.inf, 0

    def passed(self, quota: Quota, seconds: float) -> None:
        """Count what passed; one that counts less was made anew. The bucket holds rate and burst together."""
        fresh = quota.used - self.used if quota.used >= self.used else quota.used
        self.left = min(self.left + self.rate.a_second * seconds, self.rate.burst + self.rate.a_second)
        self.left, self.used = max(self.left - fresh, 0), quota.used

    def held(self, refused: int, now: float) -> bool:
        """Whether its rate refuses just now; `refused` packets were denied since the last look."""
        if refused and self.rate.a_second and self.left < SHORT:
            self.since, self.last = min(self.since, now), now
            self.refused += refused
            return True
        if now - self.last > QUIET:
            self.since, self.refused = math.inf, 0
        return False


class Fence:
    """Packets that the fence denies, and budgets that it holds back."""

    about = About(
        "fence",
        "what the fence refuses: packets denied, egress budgets held back and spent",
        PUSH,
        "CAP_NET_ADMIN",
        "who sent what is refused and where to, but for a budget's job; what an incident's own cuts refuse",
    )
    every = 1.0
    slow = False

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._seen: dict[str, _Seen] = {}
        self._meters: dict[str, _Meter] = {}
        self._looked = -math.inf
        self._groups: dict[str, str] = {}
        self._walked = -math.inf

    def open(self) -> int:
        """Hear of quotas that are spent, and ask once."""
        self._socket, self._asking = netlink.listen(netlink.NETFILTER, GROUP, self.about.needs), Asking()
        try:
            self._asking.objects()
        except OSError as error:
            self.close()
            raise MissingPart(f"the kernel tells nothing of nftables: {error.strerror}", "load nf_tables") from None
        return self._socket.fileno()

    def look(self) -> Iterator[Event]:
        """What was refused since the last look: at once where the kernel says so, else after a second."""
        now = time.monotonic()
        if not self._told() and now - self._looked < self.every:
            return
        seconds, self._looked = min(now - self._looked, _LONG), now
        counters, quotas = self._asking.objects()
        counters = [one for one in counters if one.name.startswith("denied_")]
        refused = sum(self._grown(one) for one in counters if one.name == _OUT)
        yield from self._budgets([one for one in quotas if _BUDGET.match(one.name)], refused, seconds)
        for one in counters:
            yield from self._denied(one, now)

    def lost(self) -> int:
        """Nothing: what the kernel had no room to push is in its counters."""
        return 0

    def close(self) -> None:
        """Hear and ask no more."""
        self._socket.close()
        self._asking.close()

    def _told(self) -> bool:
        """Whether the kernel says that a quota is spent. Where it had more to say than fitted, it may have."""
        found = False
        for _ in range(AT_ONCE):
            try:
                told = netlink.receive(self._socket)
            except netlink.Overrun:
                found = True
                continue
            if told is None:
                break
            if told[1] == 0:
                found = any(pushed(*one) for one in netlink.messages(told[0])) or found
        return found

    def _grown(self, one: Counter) -> int:
        """Packets since the last look; none at the first."""
        seen = self._seen.get(one.name)
        return max(one.packets - seen.last.packets, 0) if seen else 0

    def _denied(self, one: Counter, now: float) -> Iterator[Event]:
        seen = self._seen.setdefault(one.name, _Seen(one, now))
        if one.packets < seen.last.packets:  # the table was made anew
            seen.told = Counter(one.name, 0, 0)
        seen.last = one
        packets = one.packets - seen.told.packets
        if packets and now - seen.when >= (DENIED_EVERY if seen.loud else 0.0):
            size, seconds = max(one.bytes - seen.told.bytes, 0), round(now - seen.when, 3)
            seen.told, seen.when, seen.loud = one, now, True
            yield self._event(DENIED, one.name, packets, {"fence.bytes": size, "interval": seconds})

    def _budgets(self, quotas: Sequence[Quota], refused: int, seconds: float) -> Iterator[Event]:
        """`refused` packets on their way out and `seconds` since the last look."""
        now, before = self._looked, self._meters
        self._meters = {one.name: before.get(one.name) or _Meter(one) for one in quotas}
        for one in quotas:
            meter = self._meters[one.name]
            if meter.limit != one.limit:  # shares are lent anew, and with them the rate
                meter.limit, meter.rate = one.limit, self._asking.rate(one.name) or Rate(0, 0)
            meter.passed(one, seconds)
            held = meter.held(refused, now)
            if one.spent and (not meter.full or (refused and now - meter.told >= SPENT_EVERY)):
                meter.told = now
                yield self._event(SPENT, one.name, refused, self._about(one))
            elif held and not one.spent and now - meter.told >= THROTTLED_EVERY:
                meter.told = now
                lasted: dict[str, Value] = {"interval": round(now - meter.since, 3)}
                yield self._event(THROTTLED, one.name, meter.refused, self._about(one) | lasted)
            meter.full = one.spent

    def _about(self, quota: Quota) -> dict[str, Value]:
        """How much of a budget is used, and the job that it is of."""
        match = _BUDGET.match(quota.name)
        group = self._group(match[1]) if match and match[1] else ""
        return {
            "fence.limit": min(quota.limit, _MOST),
            "fence.used": min(quota.used, _MOST),
            "process.cgroup": group,
            "job.uid": self._machine.job(group),
        }

    def _event(self, activity: int, rule: str, packets: int, more: Mapping[str, Value]) -> Event:
        said: dict[str, Value] = {"fence.rule": rule, "fence.packets": packets}
        return self._machine.event(FENCE, activity, said | dict(more))

    def _group(self, digest: str) -> str:
        """The control group that a name stands for, "" where it is gone."""
        if digest not in self._groups and time.monotonic() - self._walked > GROUPS_KEPT:
            self._walked = time.monotonic()
            self._groups = {digest_of(path): path for path in _groups(self._machine.proc)}
        return self._groups.get(digest, "")


def digest_of(path: str) -> str:
    """What stands for a control group's path in the names of the fence (`segment.compile.parts.named`)."""
    return hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:10]


def _groups(proc: Path) -> Iterator[str]:
    """Paths of control groups below the mount of version 2, the upper ones, at most so many."""
    try:
        mounts = [line.split() for line in (proc / "self" / "mounts").read_text("utf-8", "replace").splitlines()]
    except OSError:
        return
    top = next((row[1] for row in mounts if row[2:3] == ["cgroup2"]), "")
    left = _MOST_GROUPS
    for folder, inside, _ in os.walk(top) if top else ():
        path = os.path.relpath(folder, top)
        left -= 1
        if left < 0 or path.count("/") + 1 >= _DEEPEST:
            inside.clear()
        if path != ".":
            yield path
