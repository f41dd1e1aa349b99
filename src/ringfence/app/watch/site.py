"""What the estate tells the detectors: addresses, compartments, data, tenants, and what is at stake.

Estate ─▶ Design (policy, inventory) ─▶ who may reach whom
       ─▶ Questions (moves, reach)   ─▶ jewels in reach, hops and minutes
       ─▶ facts                      ─▶ whose data lies in which folder, who may read it
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import numpy as np

from ringfence.analyse import positions
from ringfence.analyse.reach import reach_from
from ringfence.app.fence.design import Design
from ringfence.app.questions import Questions
from ringfence.errors import RingfenceError
from ringfence.estate import ids
from ringfence.estate.estate import Estate
from ringfence.estate.kinds import EVERYONE, JEWELS
from ringfence.segment.compile.budget import quota_of
from ringfence.segment.learn import Judge
from ringfence.watch.roster import Roster, Running
from ringfence.watch.site import Data, Nowhere
from ringfence.watch.values import Stake
from ringfence.wire.flows import Flow

_KNOWN = 100_000
"""Answers that are kept: whoever makes up addresses or paths must not fill the memory."""
_SHOWN = 5


class EstateSite:
    """`watch.site.Site`, answered from one estate."""

    def __init__(self, estate: Estate, design: Design | None = None, questions: Questions | None = None) -> None:
        self._estate = estate
        self._design = design or Design(estate)
        self._questions = questions or Questions(estate)
        self._judged: dict[tuple[str, str, str, int], bool | None] = {}
        self._of_path: dict[str, Data | None] = {}
        self._stakes: dict[tuple[str, ...], Stake] = {}

    def prepare(self) -> None:
        """Work out now what is worked out once: the first incident does not wait for it, and processes share it."""
        _ = self._host_of, self._compartment_of, self._networks, self._tenants, self._folders, self._judge
        _ = self._jewel_of
        if len(self._jewels):
            reach_from(self._questions.graph, self._jewels[:1].tolist())

    def host_at(self, address: str) -> str:
        """The bare name of the host with this address or fabric port (`ibport:…`), "" where none is known."""
        return self._host_of.get(address, "")

    def compartment(self, host: str) -> str:
        """The gang, else the idle group or role, that the host is in by the policy."""
        return self._compartment_of.get(ids.host(host), "") if host else ""

    def may(self, source: str, target: str, protocol: str, port: int) -> bool | None:
        """Whether the policy lets one open a connection to the other; None where an end is not known."""
        key = (source, target, protocol, port)
        if key not in self._judged:
            if len(self._judged) >= _KNOWN:
                self._judged.clear()
            self._judged[key] = self._fresh(*key)
        return self._judged[key]

    def data_at(self, path: str) -> Data | None:
        """The data whose folder or file this path is in: the innermost."""
        if path not in self._of_path:
            if len(self._of_path) >= _KNOWN:
                self._of_path.clear()
            self._of_path[path] = next((self._folders[one] for one in _upwards(path) if one in self._folders), None)
        return self._of_path[path]

    def data(self) -> Mapping[str, Data]:
        """All data, by entity id."""
        return self._data

    def jewel(self, quota: str) -> str:
        """The jewel whose egress budget a quota of the fence counts; of a job's quota the end of the name says it."""
        return self._jewel_of.get(quota[max(quota.rfind("spend_"), 0) :], "")

    def tenant(self, entity: str) -> str:
        """The tenant of an account, job or host, "" where not known."""
        return self._tenants.get(entity, "")

    def is_inside(self, address: str) -> bool:
        """Whether an address belongs to a host or network of the estate; else, whether it is private."""
        if address in self._host_of:
            return True
        try:
            found = ip_address(address)
        except ValueError:
            return False
        return any(found in net for net in self._networks if net.version == found.version) or Nowhere().is_inside(
            address
        )

    def stake(self, held: Iterable[str]) -> Stake:
        """What an attacker with these positions can reach. Positions that the estate lacks are left out."""
        key = tuple(sorted(set(held)))
        if key not in self._stakes:
            if len(self._stakes) >= _KNOWN:
                self._stakes.clear()
            self._stakes[key] = self._reached(key)
        return self._stakes[key]

    def roster(self) -> Roster:
        """The jobs that run by the estate, so that watching begins with a first word about who runs what."""
        roster = Roster()
        hosts: dict[str, list[str]] = defaultdict(list)
        for fact in self._estate.facts("runs_on"):
            if fact.subject.startswith(("job:", "pod:")) and fact.object.startswith("host:"):
                hosts[fact.subject].append(fact.object.removeprefix("host:"))
        users = {fact.subject: fact.object.removeprefix("identity:") for fact in self._estate.facts("runs_as")}
        for job, names in hosts.items():
            tenant = self.tenant(job).removeprefix("tenant:")
            roster.start(Running(job, user=users.get(job, ""), account=tenant, hosts=tuple(sorted(names))))
        return roster

    def _fresh(self, source: str, target: str, protocol: str, port: int) -> bool | None:
        judged = self._judge.judge(Flow(self._end(source), self._end(target), protocol, port))
        if judged.verdict == "allowed":
            return True
        return None if judged.unknown else False

    def _end(self, text: str) -> str:
        """A bare host name is that host; anything else stays as it is."""
        return ids.host(text) if ids.host(text) in self._design.inventory.addresses else text

    def _reached(self, held: tuple[str, ...]) -> Stake:
        feet = []
        for one in held:
            try:
                feet += self._questions.footholds([one])
            except RingfenceError:  # a host or account that the estate has not seen yet
                continue
        if not feet:
            return Stake()
        reached = reach_from(self._questions.graph, feet)
        lost = self._jewels[reached.mask[self._jewels]]
        if not len(lost):
            return Stake(known=True)
        lost = lost[np.argsort(reached.minutes_high[lost], kind="stable")]
        names: dict[str, None] = {}
        for at in lost.tolist():
            names[positions.split(self._questions.text(at))[0]] = None
            if len(names) == _SHOWN:
                break
        first = int(lost[0])
        minutes = (float(reached.minutes_low[first]), float(reached.minutes_high[first]))
        return Stake(tuple(names), int(reached.hops[first]), minutes, True)

    @cached_property
    def _jewels(self) -> np.ndarray:
        """The positions that are jewels, in the order of their names."""
        return np.array(sorted(self._questions.jewel_positions.tolist(), key=self._questions.text), np.int64)

    @cached_property
    def _judge(self) -> Judge:
        return Judge(self._design.policy, self._design.inventory)

    @cached_property
    def _host_of(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for end, addresses in self._design.inventory.addresses.items():
            if end.startswith("host:"):
                found |= dict.fromkeys((one for one in addresses if "/" not in one), end.removeprefix("host:"))
        ports = (fact for fact in self._estate.facts("has_port") if fact.subject.startswith("host:"))
        return found | {fact.object: fact.subject.removeprefix("host:") for fact in ports}

    @cached_property
    def _compartment_of(self) -> dict[str, str]:
        order = {"gang": 2, "service": 1}
        groups = sorted(self._design.policy.groups.values(), key=lambda one: order.get(one.kind, 0))
        return {end: one.name for one in groups for end in one.on("ip") if end.startswith("host:")}

    @cached_property
    def _jewel_of(self) -> dict[str, str]:
        """Name of a quota → jewel. Those without a budget are among them: an override may give them one."""
        return {quota_of(one.jewel): one.jewel for one in self._design.policy.budgets}

    @cached_property
    def _networks(self) -> list[IPv4Network | IPv6Network]:
        """The estate's own networks; a fabric or a cloud's has no address of its own."""
        found = []
        for fact in self._estate.facts("attached_to"):
            with suppress(ValueError):
                found.append(ip_network(fact.object.removeprefix("network:")))
        return [net for net in dict.fromkeys(found) if net.prefixlen > 0]

    @cached_property
    def _tenants(self) -> dict[str, str]:
        return {fact.subject: fact.object for fact in self._estate.facts("in_tenant")}

    @cached_property
    def _data(self) -> dict[str, Data]:
        sizes = {fact.subject: int(fact.object) for fact in self._estate.facts("size_bytes") if fact.object.isdigit()}
        readers: dict[str, set[str]] = defaultdict(set)
        members = self._members()
        for fact in self._estate.facts("readable_by", "writable_by"):
            readers[fact.subject] |= {fact.object, *members.get(fact.object, ())}
        for fact in self._estate.facts("reads", "writes"):
            readers[fact.object].add(fact.subject)
        return {
            fact.subject: Data(
                fact.subject,
                str(fact.attributes.get("path", "")),
                sizes.get(fact.subject, 0),
                frozenset() if EVERYONE in readers[fact.subject] else frozenset(readers[fact.subject]),
                self.tenant(fact.subject),
                EVERYONE in readers[fact.subject],
            )
            for fact in self._estate.facts("stored_on")
            if fact.subject.partition(":")[0] in JEWELS
        }

    def _members(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = defaultdict(set)
        for fact in self._estate.facts("member_of"):
            found[fact.object].add(fact.subject)
        return found

    @cached_property
    def _folders(self) -> dict[str, Data]:
        """Every path under which a host sees some data: the server's own, and below each place it is mounted at."""
        mounted: dict[str, set[str]] = defaultdict(set)
        for fact in self._estate.facts("mounts"):
            if path := str(fact.attributes.get("path", "")):
                mounted[fact.object].add(path.rstrip("/"))
        found: dict[str, Data] = {}
        for fact in self._estate.facts("stored_on"):
            one = self._data.get(fact.subject)
            if one is None or not one.path.startswith("/"):
                continue
            found[one.path.rstrip("/")] = one
            export = fact.object.rpartition(":")[2].rstrip("/")
            if one.path.startswith(export):
                found |= {at + one.path[len(export) :].rstrip("/"): one for at in mounted[fact.object]}
        return found


def _upwards(path: str) -> Iterator[str]:
    while path and path != "/":
        yield path
        path = path.rpartition("/")[0]
