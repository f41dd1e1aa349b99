"""A gang as telemetry shows it: ranks alike but for noise, from a seed."""

from collections.abc import Callable, Iterator
from random import Random

from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event
from tests.watch.events import event, interval

Change = Callable[[float, dict[str, float]], None]
"""(seconds, a rank's values) → changed in place."""


def ranks(count: int) -> list[str]:
    """Their hosts."""
    return [f"gpu{at:04d}" for at in range(1, count + 1)]


def works(
    hours: float, count: int = 8, odd: str = "", change: Change | None = None, seed: int = 1, start: float = 0
) -> Iterator[Event]:
    """Intervals of a training run; one rank's values are changed."""
    draw = Random(seed)  # seeded: the same again in every run
    for at in range(int(start), int(start + hours * 3600), 30):
        saving = at % 900 < 60
        for host in ranks(count):
            shown = _shown(draw, saving)
            if host == odd and change:
                change(at, shown)
            yield interval(at, host, job__uid="1", **shown)


def _shown(draw: Random, saving: bool) -> dict[str, float]:
    level = 0.1 if saving else 1.0
    return {
        "gpu_utilization": 97 * (0.25 if saving else 1) + draw.gauss(0, 0.3),
        "gpu_power": 600 * (0.4 if saving else 1) * (1 + draw.gauss(0, 0.004)),
        "gpu_clock": 1950.0 + draw.gauss(0, 3),
        "gpu_memory_used": 7e10,
        "nvlink": 1e11 * level * (1 + draw.gauss(0, 0.01)),
        "ib_xmit": 8e10 * level * (1 + draw.gauss(0, 0.01)),
        "ib_rcv": 8e10 * level * (1 + draw.gauss(0, 0.01)),
        "net_out": 4e4 * draw.lognormvariate(0, 0.4),
        "net_in": 1e6 * draw.lognormvariate(0, 0.4),
        "read": 1.6e7 * draw.lognormvariate(0, 0.8),
        "written": 3e8 if saving else 0.0,
        "flows": sum(draw.random() < 0.1 for _ in range(5)),
        "peers": 2,
        "processes": sum(draw.random() < 0.02 for _ in range(5)),
        "files": sum(draw.random() < 0.04 for _ in range(5)),
    }


def speaks(at: float, host: str, target: str, port: int = 443) -> Event:
    """A flow of an interval."""
    said = {"dst_endpoint__ip": target, "dst_endpoint__port": port, "traffic__bytes_out": 1000}
    return event(classes.FLOW_INTERVAL, 1, at, host, interval=30.0, **said)
