"""A training run as telemetry shows it: five minutes of loading, steps, a checkpoint each quarter of an hour."""

from collections.abc import Iterator, Mapping
from random import Random

from ringfence.wire.ocsf.event import Event
from tests.watch.events import interval

LOADS, EVERY, SAVES, EVALUATES = 600, 900, 60, 240


def run(uid: str, start: float, end: float, seed: int = 1, times: Mapping[str, float] | None = None) -> Iterator[Event]:
    """Intervals of its two hosts, with some of its values so many times as large."""
    draw, more = Random(seed), times or {}  # seeded: the same again in every run
    for at in range(int(start) // 30 * 30, int(end), 30):
        for host in (f"a{uid}", f"b{uid}"):
            shown = _shown(draw, at)
            yield interval(
                at, host, job__uid=uid, **{name: value * more.get(name, 1.0) for name, value in shown.items()}
            )


def _shown(draw: Random, at: int) -> dict[str, float]:
    turn, within = divmod(max(at - LOADS, 0), EVERY)
    noise = draw.lognormvariate(0, 0.3)
    shown = {"gpu_utilization": 96.0, "ib_xmit": 4e10, "ib_rcv": 4e10, "read": 2e7 * noise, "net_out": 1e5 * noise}
    if at < LOADS:
        shown |= {"gpu_utilization": 4.0, "ib_xmit": 1e6, "ib_rcv": 5e9, "read": 2e9 * noise}
    elif within >= EVERY - SAVES:
        shown |= {"gpu_utilization": 20.0, "ib_xmit": 4e9, "ib_rcv": 1e6, "written": 2e9 * noise}
    elif turn and turn % 4 == 0 and within < EVALUATES:
        shown |= {"gpu_utilization": 86.0, "ib_xmit": 2e9, "ib_rcv": 2e9}
    return shown
