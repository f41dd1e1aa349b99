"""Which events travel at once."""

import pytest

from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from ringfence.wire.ocsf.urgent import URGENT, urgent

OUT, IN = "93.184.216.34", "10.0.0.9"


@pytest.mark.parametrize(
    ("kind", "activity", "fields", "at_once"),
    [
        (classes.AUTHENTICATION, 1, {}, True),
        (classes.FILE, 14, {"file.data": "model:m"}, True),
        (classes.FILE, 14, {}, False),
        (classes.NETWORK, 1, {"dst_endpoint.ip": OUT}, True),
        (classes.NETWORK, 6, {"dst_endpoint.ip": OUT}, False),
        (classes.NETWORK, 1, {"dst_endpoint.ip": IN}, False),
        (classes.NETWORK, 1, {"dst_endpoint.ip": "no address"}, False),
        (classes.NETWORK, 1, {"dst_endpoint.ip": OUT, "connection_info.direction": "inbound"}, False),
        (classes.GPU, 1, {}, False),
        (classes.GPU, 2, {}, True),
        (classes.GPU, 5, {}, True),
        (classes.FABRIC, 2, {}, True),
        (classes.RDMA, 1, {}, True),
        (classes.RDMA, 3, {}, False),
        (classes.PROCESS, 1, {}, False),
        (classes.TELEMETRY, 9, {}, False),
    ],
)
def test_containable_kinds_do_and_the_rest_waits(kind, activity, fields, at_once):
    """By class, activity and what the table asks for."""
    assert urgent(Event(kind, activity, 1, "gpu0001", "", fields)) is at_once


def test_the_table_names_classes_that_there_are():
    """And none else."""
    assert set(URGENT) <= set(classes.CLASSES)
