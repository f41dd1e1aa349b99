"""What a detector may ask about the cluster, whatever knows it: the estate and its policy, or nothing at all.

Every answer has an "unknown", and unknown is never an answer of "allowed" nor of "forbidden".
"""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Protocol

import msgspec

from ringfence.watch.values import Stake


class Data(msgspec.Struct, frozen=True):
    """A dataset, model or checkpoint: bytes (0 unknown), the folder it lies in, who may read and who made it of what.

    `readers` are accounts and jobs that the estate lets read it; empty is unknown. `kind` as the entity's. `anybody`:
    whoever reaches where it lies reads it, whosever it is.
    """

    entity: str
    path: str
    size: int = 0
    readers: frozenset[str] = frozenset()
    tenant: str = ""
    anybody: bool = False


class Site(Protocol):
    """The cluster as the estate has it. Names of hosts are bare."""

    def host_at(self, address: str) -> str:
        """The bare name of the host with this address, "" where none is known."""

    def compartment(self, host: str) -> str:
        """The compartment that the host is in by the estate, "" where none is known."""

    def may(self, source: str, target: str, protocol: str, port: int) -> bool | None:
        """Whether the policy lets one address or host open a connection to another; None: nothing is known."""

    def data_at(self, path: str) -> Data | None:
        """The data whose folder or file this path is in."""

    def data(self) -> Mapping[str, Data]:
        """All of it, by entity id."""

    def jewel(self, quota: str) -> str:
        """The jewel whose egress budget a quota of the fence counts, by the quota's name; "" where none is known."""

    def tenant(self, entity: str) -> str:
        """The tenant of an account, job or host, "" where not known."""

    def is_inside(self, address: str) -> bool:
        """Whether an address belongs to the cluster's own networks; with no estate, private ranges."""

    def stake(self, positions: Iterable[str]) -> Stake:
        """What an attacker with these positions can reach, and how fast."""


class Nowhere:
    """No estate: every question is answered with what that honestly means."""

    def host_at(self, address: str) -> str:
        return ""

    def compartment(self, host: str) -> str:
        return ""

    def may(self, source: str, target: str, protocol: str, port: int) -> bool | None:
        return None

    def data_at(self, path: str) -> Data | None:
        return None

    def data(self) -> Mapping[str, Data]:
        return {}

    def jewel(self, quota: str) -> str:
        return ""

    def tenant(self, entity: str) -> str:
        return ""

    def is_inside(self, address: str) -> bool:
        return _private(address)

    def stake(self, positions: Iterable[str]) -> Stake:
        return Stake()


def _private(address: str) -> bool:
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return found.is_private or found.is_loopback or found.is_link_local
