"""Logins that succeeded, as their origin, account and host; and which accounts are those of services."""

import re
from collections.abc import Iterator

import msgspec

from ringfence.watch.batch import Batch
from ringfence.watch.learned import Spread
from ringfence.watch.rows import Who
from ringfence.watch.site import Site
from ringfence.wire.ocsf import classes

_FAILURE = 2
HUB = 16
"""Hosts reached without a job there that make a hub."""
SERVICE = re.compile(r"^(svc|service|srv|sa|robot|bot|ci|deploy|backup|runner)[-_.]|[-_](svc|service|bot|robot|sa)$")
_SYSTEM = (
    "slurm munge nobody daemon bin www-data nginx postgres mysql redis nfsnobody sssd chrony ntp prometheus "
    "grafana kube etcd containerd docker git jenkins backup"
)
SYSTEM = frozenset(_SYSTEM.split())
"""Accounts of the system that no person logs in with."""


class Login(msgspec.Struct, frozen=True):
    """One login: who, from which host (bare name) or address, to which; `who` is the row that tells it."""

    user: str
    origin: str
    host: str
    time: int
    inside: bool
    method: str
    service: str
    who: Who


class Hubs(msgspec.Struct):
    """Hosts from which hosts are administered: accounts go from there to many hosts on which they have no job."""

    reached: Spread = msgspec.field(default_factory=lambda: Spread(owners=HUB, most=20_000))

    def take(self, one: Login, works: bool) -> None:
        """Learn of a login; `works` where the account has a job on the host that it reached."""
        if not works and one.inside:
            self.reached.add(one.origin, one.host, one.time)

    def knows(self, origin: str) -> bool:
        """Whether an origin is one."""
        return self.reached.count(origin) >= HUB


def logins(batch: Batch, site: Site) -> Iterator[Login]:
    """Logons that did not fail and that say where from."""
    rows = batch.rows(classes.AUTHENTICATION, classes.SSH)
    activity, status = batch.numbers("activity_id"), batch.numbers("status_id")
    for row in rows[(activity[rows] == 1) & (status[rows] != _FAILURE)].tolist():
        user = batch.text("user.name", row) or batch.text("actor.user.name", row)
        address = batch.text("src_endpoint.ip", row)
        origin = site.host_at(address) or batch.text("src_endpoint.hostname", row) or address
        host = batch.text("device.hostname", row)
        if not user or not origin or origin == host or address.startswith("127.") or address == "::1":
            continue
        when = int(batch.times[row])
        one = Who(
            host,
            batch.text("job.uid", row),
            user,
            batch.text("service.name", row),
            when,
            batch.text("source", row),
            int(batch.numbers("seq")[row]),
        )
        inside = bool(site.host_at(address)) or (not address and bool(origin))
        method, service = batch.text("auth_protocol", row), batch.text("service.name", row)
        yield Login(user, origin, host, when, inside, method, service, one)


def is_service(user: str) -> bool:
    """Whether an account is a service's, by its name."""
    return user in SYSTEM or SERVICE.search(user) is not None
