"""What every Slurm reader returns, whichever form and version the answer had."""

import re

import msgspec

RUNNING = frozenset({"RUNNING", "COMPLETING", "SUSPENDED", "CONFIGURING", "STOPPED", "SIGNALING", "STAGE_OUT"})
"""States in which a job holds its nodes."""

WAITING = frozenset({"PENDING", "REQUEUED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"})


class Node(msgspec.Struct, frozen=True):
    """A node. `gres` as Slurm writes it (`gpu:h100:8(S:0-1)`); `states` in capitals."""

    name: str
    hostname: str = ""
    gres: str = ""
    features: tuple[str, ...] = ()
    partitions: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    version: str = ""


class Job(msgspec.Struct, frozen=True):
    """A job. `nodes` is a hostlist; `gres` holds one text per node of it, in its order."""

    number: str
    user: str = ""
    account: str = ""
    partition: str = ""
    states: tuple[str, ...] = ()
    nodes: str = ""
    gres: tuple[str, ...] = ()
    cluster: str = ""
    image: str = ""
    depends: tuple[str, ...] = ()
    uses_imex: bool = False

    @property
    def runs(self) -> bool:
        return bool(RUNNING.intersection(self.states))

    @property
    def waits(self) -> bool:
        return not self.runs and bool(WAITING.intersection(self.states))


class Partition(msgspec.Struct, frozen=True):
    """A partition. Empty `accounts` and `groups` admit all; `exclusive`: no jobs of two users may meet on a node.

    `oversubscribe` is "" where the source does not tell it.
    """

    name: str
    nodes: str = ""
    accounts: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    oversubscribe: str = "NO"
    exclusive: bool = False
    settings: tuple[tuple[str, str], ...] = ()


class Reservation(msgspec.Struct, frozen=True, order=True):
    """Nodes kept for the jobs of some accounts or users: on them no job of others starts while it is active."""

    name: str
    nodes: str = ""
    accounts: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    active: bool = True


class Usage(msgspec.Struct, frozen=True):
    """Accelerator hours that a user of an account had on a cluster, between two dates as written."""

    cluster: str
    account: str
    user: str
    gpu_hours: float
    since: str = ""
    until: str = ""


class Association(msgspec.Struct, frozen=True):
    """That `user` may charge `account` (on `partition` only, if named); no user: the account itself."""

    cluster: str
    account: str
    user: str = ""
    partition: str = ""
    parent: str = ""


class Person(msgspec.Struct, frozen=True):
    """A user of the accounting database. `level`: none, operator, administrator."""

    name: str
    level: str = "none"
    coordinates: tuple[str, ...] = ()


_GPUS = re.compile(r"(?:^|,)(?:gres/)?gpu(?::[^:,()=]{1,64})?[:=]([0-9]{1,6})(?=[(,]|$)")
_INDEX = re.compile(r"(?:^|,)gpu[^(),]{0,80}\(IDX:([0-9,\-]{1,2000})\)")


def gpus(gres: str) -> int:
    """How many GPUs `gpu:h100:4(S:0-1),gpu:a100:2,nic:8` names."""
    return sum(int(count) for count in _GPUS.findall(gres))


def gpu_indices(gres: str) -> list[int]:
    """The device numbers of `gpu:h100:4(IDX:0-2,5)`: at most 1,024, none where Slurm gave none."""
    found: list[int] = []
    for ranges in _INDEX.findall(gres):
        for part in ranges.split(","):
            first, dash, last = part.partition("-")
            if first.isdigit() and (last.isdigit() or not dash) and len(part) < 12:
                found.extend(range(int(first), min(int(last or first), int(first) + 1023) + 1))
    return found[:1024]


_SLICE = re.compile(r"(?:^|,)gpu:[^(),:]{0,40}\dg\.\d{1,3}gb[^(),]{0,40}\(IDX:[0-9,\-]{1,2000}\)")


def gpu_names(gres: str) -> list[str]:
    """The devices of a job on a node: `0`, or `mig/0` where the type is a MIG profile (`gpu:1g.5gb:1(IDX:0)`)."""
    slices = {at for part in _SLICE.findall(gres) for at in gpu_indices(part.lstrip(","))}
    return [f"mig/{at}" if at in slices else str(at) for at in gpu_indices(gres)]


def words(text: str) -> tuple[str, ...]:
    """The parts of a list with commas, without Slurm's ways to say "nothing"."""
    parts = (part.strip() for part in text.split(","))
    return tuple(part for part in parts if part and part not in ("(null)", "ALL", "N/A", "None"))


_IMAGE = re.compile(r"--container-image[= ]([^\s'\"]{1,500})")


def image_of(container: str, *told: str) -> str:
    """The image of `--container` (an OCI bundle), or of pyxis' `--container-image` in a command line."""
    if container and container != "(null)":
        return container
    for text in told:
        match = _IMAGE.search(text)
        if match:
            return match[1].replace("#", "/")
    return ""


def jobs_before(dependency: str) -> tuple[str, ...]:
    """The job numbers of `afterok:12(unfulfilled),afterany:13:14+5`."""
    found = []
    for clause in re.split(r"[,?]", dependency[:100_000]):
        kind, _, numbers = clause.partition(":")
        if kind.startswith("after"):
            for number in numbers.split(":"):
                digits = re.match(r"[0-9]{1,12}", number)
                if digits:
                    found.append(digits[0])
    return tuple(found)
