"""The node stage: what it makes of a batch as a whole."""

import msgspec

from ringfence.watch.batch import of_events
from ringfence.watch.engine import NodeStage
from ringfence.watch.site import Nowhere
from ringfence.wire.ocsf import classes
from tests.watch.events import event, time

SILENCE = 4


def test_what_is_noticed_of_a_silent_host_is_no_sign_that_it_speaks():
    """Its silence is passed on; no interval of its own comes with it."""
    stage = NodeStage((), Nowhere())
    spoken = [
        msgspec.structs.replace(event(classes.PROCESS, 1, at, host, source=f"host:{host}/agent"), seq=turn + 1)
        for turn, at in enumerate(range(0, 600, 20))
        for host in ("gpu0001", "gpu0002")
        if host == "gpu0002" or at < 120
    ]
    yielded = [each for one in spoken for each in (stage.step(of_events([one])), stage.tick(one.time))]
    yielded.append(stage.tick(time(900)))
    batches = [one for each in yielded for one in each.condensed]
    silent = [one for one in batches if SILENCE in one.numbers("activity_id")[one.rows(classes.TELEMETRY)].tolist()]
    heard = {
        one.text("device.hostname", row): int(one.times[row])
        for one in batches
        for row in one.rows(classes.HOST_INTERVAL).tolist()
    }
    assert silent
    assert heard["gpu0001"] < time(150) < heard["gpu0002"]
