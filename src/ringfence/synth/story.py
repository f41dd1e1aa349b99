"""The founding story on a generated cluster of 2,000 nodes, and the misconfigurations planted for it.

A researcher's workstation is taken. One NVL72 rack serves three tenants: research (t01, six
trays), training (t02, four) and a foundation model (t03, eight). Research and training keep their
homes on one export, where a colleague's private key lies readable. All jobs of the rack hold one
IMEX channel, open to everyone on its trays. Every port is a full member of the default partition,
over which a tracking server hands its models to whoever asks. Folders of checkpoints can be read
by a whole group.

Nothing of the outcome is written here: what falls, and how fast, is what the moves derive from the
facts. `PLANTED` holds each misconfiguration with its repair, a change of the few facts that say it.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

import msgspec

from ringfence.estate import ids
from ringfence.estate.facts import Fact
from ringfence.synth import say
from ringfence.synth.draw import NAME, Wishes, draw
from ringfence.synth.facts import facts
from ringfence.synth.plan import DEFAULT_KEY, Cluster
from ringfence.synth.rates import SAFE

NODES = 2000
RESEARCHER = "res-017"
WORKSTATION = f"workstation:{RESEARCHER}-ws"
START = f"{WORKSTATION}#user"
COLLEAGUE = "res-026"
RACK, DOMAIN = "NVL01", "nvl01"
HOMES = "nfs-home01:/export/home"
TRACKING = "tracking02"
RESEARCH, TRAINING, FOUNDATION = "t01", "t02", "t03"

RATES = msgspec.structs.replace(
    SAFE,
    sec_sys=0.5,
    no_root_squash=0.1,
    home_shared=0.4,
    key_without_passphrase=0.4,
    agent_forwarded=0.05,
    coordinator_spare=0.2,
    shared_partition=0.5,
    imex_shared=0.2,
    domain_split=0.2,
    bmc_default_password=0.02,
    checkpoint_group_readable=0.3,
    checkpoint_pickle=0.4,
    dataset_writable=0.1,
    pod_privileged=0.02,
)
"""The rest of the cluster is run with care: tenants have sins of their own, none that opens the whole cluster."""

_WISHES = Wishes(
    racks={0: ((RESEARCH, 6), (TRAINING, 4), (FOUNDATION, 8))},
    trays_only=frozenset({RESEARCH, TRAINING}),
    homes={RESEARCH: HOMES, TRAINING: HOMES},
    staff={RESEARCH: 24},
    flaws={
        "key_without_passphrase": frozenset({RESEARCHER}),
        "home_key_readable": frozenset({COLLEAGUE}),
        "imex_shared": frozenset({DOMAIN}),
        "default_pkey_full": frozenset({NAME}),
        "tracking_open": frozenset({TRACKING}),
        "checkpoint_group_readable": frozenset({f"{RESEARCH}-p{number}" for number in (1, 2, 3)}),
    },
    sound={
        "home_shared": frozenset({"nfs-home01"}),
        "shared_partition": frozenset({RESEARCH, TRAINING}),
        "coordinator_spare": frozenset({RESEARCH, TRAINING}),
        "checkpoint_pickle": frozenset({f"t{at:02d}-p{number}" for at in (1, 2, 3, 4) for number in (1, 2, 3)}),
    },
)

Facts = Iterable[Fact]


def plan(seed: int = 0) -> Cluster:
    """The plan of the story's cluster."""
    return draw(NODES, seed, RATES, wishes=_WISHES)


def story(seed: int = 0) -> Iterator[Fact]:
    """Its facts."""
    yield from facts(plan(seed))


class Planted(msgspec.Struct, frozen=True):
    """One misconfiguration of the story. `repair` yields the facts as they are once it is mended."""

    name: str
    what: str
    repair: Callable[[Facts], Iterator[Fact]]


def without(match: Callable[[Fact], bool], found: Facts) -> Iterator[Fact]:
    """The facts but those that match."""
    return (fact for fact in found if not match(fact))


def changed(match: Callable[[Fact], bool], change: Callable[[Fact], Fact], found: Facts) -> Iterator[Fact]:
    """The facts, those that match changed."""
    return (change(fact) if match(fact) else fact for fact in found)


def _in_rack(fact: Fact) -> bool:
    return fact.subject.startswith(f"host:{DOMAIN}-")


def _key_of(fact: Fact, where: str, account: str) -> bool:
    named = account in str(fact.attributes.get("path", "")) or account in fact.subject
    return fact.predicate == "stores_credential" and fact.subject.startswith(where) and named


def _kept_from_others(fact: Fact) -> Fact:
    return msgspec.structs.replace(fact, attributes={**fact.attributes, "readable_by": "root", "mode": "0600"})


def _own_channels(found: Facts) -> Iterator[Fact]:
    """Every tray gets a channel of its own, which only its job may open."""
    for fact in found:
        if _in_rack(fact) and fact.predicate == "device_open" and fact.object == "imex":
            continue
        if _in_rack(fact) and fact.predicate == "uses_imex":
            top = fact.object.rpartition("/")[0]
            channel = f"{top}/{int(fact.subject.rpartition('-t')[2])}"
            fact = msgspec.structs.replace(fact, object=channel)
            nvlink = f"nvlink:{top.partition(':')[2]}"
            yield msgspec.structs.replace(fact, subject=channel, predicate="imex_of", object=nvlink)
        yield fact


def _limited(found: Facts) -> Iterator[Fact]:
    """Limited members of the default partition, but for file servers and subnet managers."""
    key, default, found = ids.pkey(NAME, DEFAULT_KEY), say.network("ipoib"), list(found)
    central = ("host:nfs-", "host:sm")
    full = {fact.object for fact in found if fact.predicate == "has_port" and fact.subject.startswith(central)}
    limited = {"membership": "limited"}
    for fact in found:
        if fact.predicate == "in_pkey" and fact.object == key and fact.subject not in full:
            fact = msgspec.structs.replace(fact, attributes=limited)
        elif (fact.predicate, fact.object) == ("attached_to", default) and not fact.subject.startswith(central):
            fact = msgspec.structs.replace(fact, attributes={**fact.attributes, **limited})
        yield fact


def _group_reads(fact: Fact) -> bool:
    mine = fact.predicate == "readable_by" and fact.subject.startswith(f"checkpoint:{RESEARCH}-")
    return mine and fact.object.startswith("identity:group/")


def _hands_out(fact: Fact) -> bool:
    return fact.predicate == "authenticates" and fact.subject == f"service:{TRACKING}/mlflow:5000"


PLANTED: tuple[Planted, ...] = (
    Planted(
        "plain-key",
        "the researcher's SSH key has no passphrase",
        partial(without, lambda fact: _key_of(fact, WORKSTATION, RESEARCHER)),
    ),
    Planted(
        "readable-key",
        "a colleague's private key lies readable in the shared home",
        partial(changed, lambda fact: _key_of(fact, "host:", COLLEAGUE), _kept_from_others),
    ),
    Planted(
        "one-imex-channel",
        "all jobs of the rack hold the same IMEX channel, open to everyone on its trays",
        _own_channels,
    ),
    Planted(
        "default-key",
        "every port is a full member of the default partition",
        _limited,
    ),
    Planted(
        "open-tracking-server",
        "a tracking server on the default partition hands out models without a password",
        partial(changed, _hands_out, lambda fact: msgspec.structs.replace(fact, object="password")),
    ),
    Planted(
        "group-readable-checkpoints",
        "folders of checkpoints can be read by the whole group",
        partial(without, _group_reads),
    ),
)
"""Each in turn can be repaired, and the numbers follow."""
