"""Which events travel at once and by themselves: those upon which something can be contained.

A table of classes; the rest of an event is asked only where the table says so. An urgent event is sent as it comes,
on a lane of its own that no backlog delays; others wait a moment for company.
"""

from collections.abc import Callable, Mapping
from ipaddress import ip_address

from ringfence.wire.ocsf.classes import (
    ACCOUNT_CHANGE,
    AUTHENTICATION,
    FABRIC,
    FENCE,
    FILE,
    GPU,
    HARDWARE,
    JOB,
    KERNEL_EXTENSION,
    MODULE,
    NETWORK,
    NVLINK,
    RDMA,
    USER_ACCESS,
)
from ringfence.wire.ocsf.event import Event, Value

_OPEN = 1
LOUD = 4 << 20
"""Bytes that a connection sent since it was last told, from which that cannot wait."""


def _always(activity: int, fields: Mapping[str, Value]) -> bool:
    return True


def _of_data(activity: int, fields: Mapping[str, Value]) -> bool:
    return "file.data" in fields


def is_outside(address: str) -> bool:
    """Whether it is an address of the internet."""
    try:
        return ip_address(address).is_global
    except ValueError:
        return False


def _to_outside(activity: int, fields: Mapping[str, Value]) -> bool:
    """A connection towards the internet begins, or has sent much; its lesser byte counts can wait."""
    if fields.get("connection_info.direction") == "inbound":
        return False
    sent = fields.get("traffic.bytes_out", 0)
    loud = isinstance(sent, int) and sent >= LOUD
    return (activity == _OPEN or loud) and is_outside(str(fields.get("dst_endpoint.ip", "")))


def _not_sample(activity: int, fields: Mapping[str, Value]) -> bool:
    return activity > 1


def _process_or_setting(activity: int, fields: Mapping[str, Value]) -> bool:
    return activity in (2, 5, 6)


URGENT: Mapping[int, Callable[[int, Mapping[str, Value]], bool]] = {
    AUTHENTICATION: _always,
    ACCOUNT_CHANGE: _always,
    USER_ACCESS: _always,
    FILE: _of_data,
    MODULE: _always,
    KERNEL_EXTENSION: _always,
    NETWORK: _to_outside,
    GPU: _process_or_setting,
    NVLINK: _not_sample,
    RDMA: lambda activity, fields: activity == _OPEN,
    FABRIC: _not_sample,
    FENCE: _not_sample,
    HARDWARE: _not_sample,
    JOB: _always,
}
"""By class: whether an activity with these columns is urgent."""


def urgent(event: Event) -> bool:
    """Whether an event is to travel at once."""
    test = URGENT.get(event.class_uid)
    return test is not None and test(event.activity_id, event.fields)
