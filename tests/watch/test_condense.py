"""What the joint stage sees: sums that agree with the events, rare classes whole, nothing dropped."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.watch import condense
from ringfence.watch.batch import Batch, of_events
from ringfence.watch.condense import INTERVAL, SECOND, Open
from ringfence.watch.roster import Roster, Running
from ringfence.watch.site import Nowhere
from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event

T0 = 1_800_000_000_000_000 // INTERVAL * INTERVAL


class Cluster(Nowhere):
    """Two hosts with addresses."""

    def host_at(self, address: str) -> str:
        return {"10.0.0.1": "a", "10.0.0.2": "b"}.get(address, "")


def flow(at: float, host: str, target: str, out: int, port: int = 443) -> Event:
    """A connection that closed."""
    fields = {"dst_endpoint.ip": target, "dst_endpoint.port": port, "traffic.bytes_out": out, "traffic.bytes_in": 1}
    return Event(classes.NETWORK, 2, T0 + int(at * SECOND), host, "", fields, f"host:{host}/sockets", 1)


def condensed(events: list[Event], roster: Roster | None = None, at_once: int = 1000) -> list[dict[str, object]]:
    """The rows that leave, after all intervals were closed."""
    state, roster, rows = Open(), roster or Roster(), []
    whole = of_events(events)
    for start in range(0, len(whole), at_once):
        part = Batch(whole.record.slice(start, at_once))
        rows += [row for one in condense.take(state, part, roster, Cluster()) for row in one.record.to_pylist()]
    closed = condense.close(state, T0 + 3600 * SECOND, roster, Cluster())
    return rows + [row for one in closed for row in one.record.to_pylist()]


def test_samples_become_one_row_a_host_and_interval():
    """Means over accelerators, and link bytes a second."""
    fields = {"gpu.utilization": 80.0, "gpu.power": 400.0, "gpu.nvlink_tx": 300, "interval": 10.0}
    events = [
        Event(classes.GPU, 1, T0 + at * SECOND, "a", "", fields | {"gpu.index": index}, "host:a/nvml", 1)
        for at in (0, 10, 20)
        for index in range(8)
    ]
    (row,) = condensed(events)
    assert row["host.gpu_utilization"] == 80.0
    assert row["host.nvlink"] == pytest.approx(300 * 8)
    assert row["host.events"] == 24
    assert row["source"] == "host:a/nvml"


def test_flows_are_added_up_by_peer_and_port():
    """Three connections to one peer are one row; what stays within the job is not sent outside."""
    roster = Roster()
    roster.start(Running("job:slurm/c/1", hosts=("a", "b"), started=1))
    events = [flow(1, "a", "10.0.0.2", 100), flow(2, "a", "10.0.0.2", 100), flow(3, "a", "8.8.8.8", 60)]
    rows = condensed(events, roster)
    flows = {row["dst_endpoint.ip"]: row for row in rows if row["class_uid"] == classes.FLOW_INTERVAL}
    assert flows["10.0.0.2"]["traffic.bytes_out"] == 200
    assert flows["10.0.0.2"]["traffic.connections"] == 2
    (host,) = [row for row in rows if row["class_uid"] == classes.HOST_INTERVAL]
    assert host["host.net_out"] == pytest.approx(2.0)
    assert host["host.peers"] == 2
    assert host["job.uid"] == "job:slurm/c/1"


def test_rare_classes_pass_as_they_are_and_samples_do_not():
    """A logon passes at once; a sample never does."""
    logon = Event(classes.AUTHENTICATION, 1, T0, "a", "", {"user.name": "eve"}, "host:a/logins", 7)
    sample = Event(classes.IB_PORT, 1, T0, "a", "", {"ib.xmit": 5}, "host:a/ib", 8)
    rows = condensed([logon, sample])
    assert [row["user.name"] for row in rows if row["class_uid"] == classes.AUTHENTICATION] == ["eve"]
    assert not [row for row in rows if row["class_uid"] == classes.IB_PORT]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 200), st.sampled_from("abc"), st.sampled_from(["1.1.1.1", "2.2.2.2"]), st.integers(0, 99)
        ),
        min_size=1,
        max_size=40,
    ),
    st.integers(1, 7),
)
def test_no_byte_is_lost_however_late_it_comes(drawn, at_once):
    """All bytes of all flows leave, in whatever order and pieces the events came."""
    events = [flow(at, host, target, out) for at, host, target, out in drawn]
    rows = condensed(events, at_once=at_once)
    sent = sum(row["traffic.bytes_out"] for row in rows if row["class_uid"] == classes.FLOW_INTERVAL)
    assert sent == sum(out for *_, out in drawn)
    counted = sum(row["host.events"] for row in rows if row["class_uid"] == classes.HOST_INTERVAL)
    assert counted == len(events)


def test_one_host_with_a_clock_in_the_future_closes_nobody_elses_interval():
    """The clock follows the median of a batch."""
    state, roster = Open(), Roster()
    events = [flow(1, host, "1.1.1.1", 1) for host in "abcd"] + [flow(86400, "e", "1.1.1.1", 1)]
    assert list(condense.take(state, of_events(events), roster, Cluster())) == []
    assert state.clock == T0 + SECOND


def test_the_receivers_clock_counts_where_there_is_one():
    """An agent that lies about the time is condensed when its events came."""
    record = of_events([flow(86400, "a", "1.1.1.1", 1)]).record
    at = record.schema.get_field_index("received")
    record = record.set_column(at, record.schema.field(at), pa.array([T0 + SECOND], pa.int64()))
    state = Open()
    list(condense.take(state, Batch(record), Roster(), Cluster()))
    assert state.clock == T0 + SECOND
