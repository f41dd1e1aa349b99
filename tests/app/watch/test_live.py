"""How threats stand, as a process of the watch tells of them."""

import pytest

from ringfence.app.watch.live import Live, run, threats_told
from ringfence.errors import UsageError
from ringfence.estate.threats import THREATS
from ringfence.transport.nats.layout import Layout
from ringfence.watch.values import Incident

OPEN = Incident("RF-1", 1, "open", 1, 1, 50, 0.5, "x", (), (), threats=("RF.T02",))


def test_without_the_joint_stage_nothing_is_called_quiet():
    """An open incident tells of its threats; of all others nothing is known here, and why is said."""
    said = threats_told({}, [OPEN])
    assert said["threats"] == dict.fromkeys(THREATS, "unknown") | {"RF.T02": "under way"}
    assert "joint" in said["unknown"]


def test_the_joint_stage_here_says_how_threats_stand():
    """An incident that is open in the database counts all the same."""
    quiet = dict.fromkeys(THREATS, "quiet") | {"RF.T05": "signals"}
    said = threats_told(quiet, [OPEN])
    assert said["threats"] == quiet | {"RF.T02": "under way"}
    assert not said["unknown"]


def test_the_size_of_the_streams_is_for_nats_and_counts_all_of_them(tmp_path):
    """It is what they take of each server together; too little is refused."""
    total = sum(one.bytes for one in Layout.within(2000).streams)
    assert 1999 << 20 < total <= 2000 << 20
    with pytest.raises(UsageError, match="too little"):
        Layout.within(10)
    with pytest.raises(UsageError, match="over NATS"):
        run(Live(tmp_path, nats_storage=2000), None, print, print)
