"""Names that carry bytes: a host asks for many different long labels below one domain."""

from collections.abc import Iterator

import msgspec
import numpy as np

from ringfence.watch.batch import Batch
from ringfence.watch.detector import NODE, About, View
from ringfence.watch.learned import DAY, HOUR, Among, Spread
from ringfence.watch.rows import foothold, noticed, shown, who
from ringfence.watch.values import Signal
from ringfence.wire.ocsf import classes

about = About(
    id="RF.D06",
    name="dns_tunnel",
    title="Bytes leave in names asked for",
    meaning="A host asks for dozens of different long names below one domain within an hour, which other hosts do not.",
    stage=NODE,
    sees=(classes.DNS,),
    threats=("RF.T04", "RF.T16"),
    atlas=("AML.T0025",),
    attack=("T1048", "T1071.004", "T1572"),
    false="Block lists and file reputation services that are asked by name; content networks with hashed names.",
    severity=65,
    urgent=True,
)

LONG = 20
"""Characters below the domain from which a name may carry bytes."""
MANY = 24
SHARED = 5


class State(msgspec.Struct):
    """Different long names by host and domain, and which hosts ask below a domain on how many days."""

    asked: Among = msgspec.field(default_factory=lambda: Among(span=HOUR, items=64))
    domains: Spread = msgspec.field(default_factory=lambda: Spread(owners=SHARED))


def step(state: State, batch: Batch, view: View) -> Iterator[Signal]:
    """Every different name of the batch, once a host."""
    rows = batch.rows(classes.DNS)
    names = batch.codes("query.hostname")
    long = np.array([len(one) > LONG + 4 for one in names.values] + [False])
    for row in rows[long[names.codes[rows]]].tolist():
        name = names.of(row).lower().rstrip(".")
        parts = name.split(".")
        domain, below = ".".join(parts[-2:]), "".join(parts[:-2])
        if len(below) < LONG or domain.endswith((".arpa", ".local")) or not _carries(parts[:-2]):
            continue
        host = batch.text("device.hostname", row)
        when = int(batch.times[row])
        shared = state.domains.add(f"{domain}|{when // DAY}", host, when) >= SHARED
        many = state.asked.add(f"{host}|{domain}", below[:80], when)
        if many < MANY or shared:
            continue
        one = who(batch, row)
        why = (
            f"{one.process or 'a process'} asked for {many} different long names below {shown(domain)} within an hour, "
        )
        why += f"as {shown(name, 60)}"
        confidence = 0.8 if many >= 2 * MANY else 0.65
        yield noticed(about, one, f"{host}|{domain}", why, confidence=confidence, holds=foothold(one))


def tick(state: State, now: int, view: View) -> Iterator[Signal]:
    """Nothing happens by waiting."""
    yield from ()


def _carries(labels: list[str]) -> bool:
    """Whether a label looks like an encoding: long, of many different characters, without words set apart."""
    longest = max(labels, key=len)
    return len(longest) >= 16 and len(set(longest)) >= 8 and longest.count("-") <= 2
