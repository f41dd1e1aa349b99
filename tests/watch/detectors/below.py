"""What the tests of machines and fabric share: a host's controller, and work that was announced."""

from ringfence.wire.ocsf import classes
from ringfence.wire.ocsf.event import Event, Value
from tests.watch.events import event

LONG = "x" * 5000


def told(at: float, activity: int, host: str = "gpu0001", **fields: Value) -> Event:
    """Something that a host's controller says, passed on by the management host."""
    named = {
        name if "__" in name or name == "message" else f"hardware__{name}": value for name, value in fields.items()
    }
    said = {"hardware__controller": f"bmc:{host}"} | named
    return event(classes.HARDWARE, activity, at, host, source="host:mgmt01/bmc", **said)


def reserved(at: float, *hosts: str, name: str = "maint-ticket-7") -> Event:
    """Hosts are reserved for maintenance."""
    said = {"job__reservation": name, "job__hosts": ",".join(hosts), "actor__user__name": "ops"}
    return event(classes.JOB, 7, at, "slurm1", source="host:slurm1/slurm", **said)


def released(at: float, name: str = "maint-ticket-7") -> Event:
    """The reservation ends."""
    return event(classes.JOB, 3, at, "slurm1", source="host:slurm1/slurm", job__reservation=name)


def logged_in(at: float, who: str, host: str) -> Event:
    """Somebody logs in."""
    said: dict[str, Value] = {"user__name": who, "status_id": 1, "service__name": "sshd"}
    return event(classes.AUTHENTICATION, 1, at, host, source=f"host:{host}/auth", **said)


def operates(who: str = "ops", hours: int = 9) -> list[Event]:
    """An account that logs in to many hosts, hour after hour before: an administrator's."""
    return [logged_in(3600 * (turn - hours) - 60, who, f"node{turn:02d}") for turn in range(hours)]
