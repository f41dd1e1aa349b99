"""The founding story on a generated cluster of 2,000 nodes, and the misconfigurations planted for it.

A researcher's workstation is taken. One NVL72 rack serves three tenants: research (t01, six
trays), training (t02, four) and a foundation model (t03, eight). Research and training share one
home export whose server believes account numbers. All of the rack's jobs hold one IMEX channel,
the default partition key makes every port a full member, the container toolkit of the rack is
old, and a folder of checkpoints is readable by its group.

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
from ringfence.synth.facts_fabric import DEFAULT_KEY
from ringfence.synth.plan import Cluster
from ringfence.synth.rates import Rates

NODES = 2000
RESEARCHER = "res-017"
WORKSTATION = f"workstation:{RESEARCHER}-ws"
START = f"{WORKSTATION}#user"
RACK, DOMAIN = "NVL01", "nvl01"
HOMES = "nfs-home01:/export/home"
RESEARCH, TRAINING, FOUNDATION = "t01", "t02", "t03"

RATES = Rates(
    default_pkey_full=0.0,
    sm_key_default=0.0,
    constrain_devices_off=0.0,
    pam_adopt_missing=0.0,
    munge_key_readable=0.0,
    hook_on_writable_path=0.0,
    bmc_network_reachable=0.0,
    registry_open=0.0,
    compute_reaches_outside=0.0,
    hostbased_trust=0.0,
    umad_open=0.0,
    sudo_nopasswd=0.0,
    runtime_group=0.0,
    ray_open=0.0,
    jupyter_open=0.0,
    mlflow_open=0.0,
)
"""The rest of the cluster is run with care: tenants' own sins stay, those that open the whole cluster do not."""

_WISHES = Wishes(
    racks={0: ((RESEARCH, 6), (TRAINING, 4), (FOUNDATION, 8))},
    trays_only=frozenset({RESEARCH, TRAINING}),
    homes={RESEARCH: HOMES, TRAINING: HOMES},
    staff={RESEARCH: 24},
    flaws={
        "key_without_passphrase": frozenset({RESEARCHER}),
        "toolkit_old": frozenset({RACK}),
        "sec_sys": frozenset({HOMES}),
        "imex_shared": frozenset({DOMAIN}),
        "default_pkey_full": frozenset({NAME}),
        "checkpoint_group_readable": frozenset({f"{RESEARCH}-p1"}),
    },
    sound={
        "home_shared": frozenset({"nfs-home01"}),
        "shared_partition": frozenset({RESEARCH, TRAINING}),
        "coordinator_spare": frozenset({RESEARCH, TRAINING}),
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


def _old_toolkit(fact: Fact) -> bool:
    return fact.predicate == "vulnerable_to" and _in_rack(fact)


def _plain_key(fact: Fact) -> bool:
    return fact.predicate == "stores_credential" and fact.subject == WORKSTATION


def _believes_numbers(fact: Fact) -> bool:
    return (fact.subject, fact.predicate, fact.object) == (say.storage(HOMES), "setting", "sec=sys")


def _everyone_full(fact: Fact) -> bool:
    return fact.predicate == "in_pkey" and fact.object == ids.pkey(NAME, DEFAULT_KEY) and "/fabric" not in fact.subject


def _group_reads(fact: Fact) -> bool:
    return (
        fact.predicate == "readable_by"
        and fact.subject.startswith(f"checkpoint:{RESEARCH}-p1")
        and fact.object.startswith("identity:group/")
    )


def _own_channels(found: Facts) -> Iterator[Fact]:
    """Every host gets a channel of its own, which only its job may open."""
    for fact in found:
        if _in_rack(fact) and fact.predicate == "device_open" and fact.object == "imex":
            continue
        if _in_rack(fact) and fact.predicate == "uses_imex":
            number = int(fact.subject.rpartition("-t")[2])
            fact = msgspec.structs.replace(fact, object=f"{fact.object.rpartition('/')[0]}/{number}")
            yield msgspec.structs.replace(
                fact,
                subject=fact.object,
                predicate="imex_of",
                object=f"nvlink:{fact.object.partition(':')[2]}".rpartition("/")[0],
            )
        yield fact


PLANTED: tuple[Planted, ...] = (
    Planted(
        "plain-key",
        "the researcher's SSH key has no passphrase",
        partial(without, _plain_key),
    ),
    Planted(
        "old-toolkit",
        "the rack's container toolkit lets a container become root on its tray",
        partial(without, _old_toolkit),
    ),
    Planted(
        "shared-home",
        "the home export of two tenants believes the account numbers that clients send",
        partial(changed, _believes_numbers, lambda fact: msgspec.structs.replace(fact, object="sec=krb5p")),
    ),
    Planted(
        "one-imex-channel",
        "all jobs of the rack hold the same IMEX channel, open to everyone on its trays",
        _own_channels,
    ),
    Planted(
        "default-key",
        "every port is a full member of the default partition",
        partial(
            changed, _everyone_full, lambda fact: msgspec.structs.replace(fact, attributes={"membership": "limited"})
        ),
    ),
    Planted(
        "group-readable-checkpoint",
        "a folder of checkpoints can be read by the whole group",
        partial(without, _group_reads),
    ),
)
"""Each in turn can be repaired, and the numbers follow."""
